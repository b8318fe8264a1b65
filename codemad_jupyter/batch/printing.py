"""Prints events for ``codemad ask``: text as it streams, or one JSON object a line."""

from __future__ import annotations

import sys

from codemad_jupyter.app.plain_text import PlainStream, plain_text
from codemad_jupyter.protocol.edits import CellTarget, Edit, unified
from codemad_jupyter.protocol.events import (
    EditProposed,
    EditSettled,
    Event,
    MessageDone,
    Notice,
    TextDelta,
    ToolDone,
)


def printable(text: str) -> str:
    """Text that the terminal's encoding can show."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class EventPrinter:
    """The answer goes to stdout; what is beside it goes to stderr unless all is JSON."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._streams: dict[str, PlainStream] = {}
        self._line_open = False

    def show(self, event: Event) -> None:
        """Print one event."""
        if self._json:
            self._out(f"{event.model_dump_json()}\n")
            return
        match event:
            case TextDelta():
                self._out(self._streams.setdefault(event.message, PlainStream()).add(event.text))
            case MessageDone():
                self._message(event)
            case EditProposed():
                self._out(plain_text(f"{_proposal(event.edit)}\n"))
            case ToolDone():
                self._aside(f"[{event.tool}] {event.summary}")
            case EditSettled():
                self._aside(f"{event.status}: {event.detail}" if event.detail else f"edit {event.status}")
            case Notice():
                self._aside(event.text)

    def _message(self, event: MessageDone) -> None:
        stream = self._streams.pop(event.id, None)
        self._out(plain_text(event.message.text) if stream is None else stream.finish())
        if event.message.text:
            self._end_line()

    def _out(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._line_open = not text.endswith("\n") if text else self._line_open

    def _aside(self, text: str) -> None:
        self._end_line()
        print(plain_text(text), file=sys.stderr, flush=True)

    def _end_line(self) -> None:
        if self._line_open:
            self._out("\n")


def _proposal(edit: Edit) -> str:
    """A proposal as a unified diff under its title."""
    target = edit.target
    where = ""
    if isinstance(target, CellTarget):
        where = f"{target.notebook}: {target.op} a {target.cell_type} cell"
    return "\n".join(filter(None, [f"\nProposed: {edit.title}", where, unified(edit) or edit.after]))
