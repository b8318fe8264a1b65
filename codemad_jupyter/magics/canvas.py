"""Puts a transcript where the person looks: live displays in a notebook, printed lines in a terminal.

A notebook gets one display per segment, updated at most every 100 ms. A shell that captures
displays without updating them (an embedded one, with no kernel) gets each segment once, at the end.
"""

from __future__ import annotations

import sys
import time
import uuid
from typing import TYPE_CHECKING, Protocol

from codemad_jupyter.app.plain_text import plain_text
from codemad_jupyter.magics.render import bundle, change_plain, piece_plain
from codemad_jupyter.magics.transcript import Change, Prose, Segment, Transcript

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

PERIOD = 0.1
"""Seconds between two updates of one display."""


class Canvas(Protocol):
    """Where a run is drawn."""

    def touch(self, segment: Segment) -> None:
        """The segment changed."""
        ...

    def pump(self) -> None:
        """Draw what is due. Called often."""
        ...

    def finish(self) -> None:
        """Draw everything that is not drawn yet."""
        ...


class NotebookCanvas:
    """Displays that are updated in place."""

    def __init__(self, ip: InteractiveShell, *, ask: bool) -> None:
        self._ip = ip
        self._ask = ask
        self._displays: dict[int, str] = {}
        self._dirty: dict[int, Segment] = {}
        self._last = 0.0

    def touch(self, segment: Segment) -> None:
        self._dirty[id(segment)] = segment
        if id(segment) not in self._displays:
            self._draw(segment)

    def pump(self) -> None:
        if self._dirty and time.monotonic() - self._last >= PERIOD:
            self.finish()

    def finish(self) -> None:
        for segment in list(self._dirty.values()):
            self._draw(segment)

    def _draw(self, segment: Segment) -> None:
        known = self._displays.get(id(segment))
        display = self._displays.setdefault(id(segment), uuid.uuid4().hex)
        data = bundle(segment, ask=self._ask)
        transient = {"display_id": display}
        self._ip.display_pub.publish(data, transient=transient, update=known is not None)
        self._dirty.pop(id(segment), None)
        self._last = time.monotonic()


class OnceCanvas:
    """Displays published once, when the run is over."""

    def __init__(self, ip: InteractiveShell, *, ask: bool) -> None:
        self._ip = ip
        self._ask = ask
        self._waiting: dict[int, Segment] = {}

    def touch(self, segment: Segment) -> None:
        self._waiting[id(segment)] = segment

    def pump(self) -> None:
        """Nothing is drawn before the end."""

    def finish(self) -> None:
        for segment in self._waiting.values():
            self._ip.display_pub.publish(bundle(segment, ask=self._ask))
        self._waiting.clear()


class TerminalCanvas:
    """Text printed as it grows; a tool in one line when it is done; an edit before what follows it."""

    def __init__(self, transcript: Transcript, *, ask: bool) -> None:
        self._transcript = transcript
        self._ask = ask
        self._printed: dict[str, int] = {}
        self._changes: dict[int, str] = {}
        self._at_start = True

    def touch(self, segment: Segment) -> None:
        if not isinstance(segment, Prose):
            return
        for earlier in self._transcript.segments:
            if earlier is segment:
                break
            if isinstance(earlier, Change) and earlier.number not in self._changes:
                self._print_change(earlier)
        self._print_prose(segment, done=False)

    def pump(self) -> None:
        """Everything is printed as it comes."""

    def finish(self) -> None:
        for segment in self._transcript.segments:
            if isinstance(segment, Prose):
                self._print_prose(segment, done=True)
            elif segment.number not in self._changes:
                self._print_change(segment)
        self._line_end()

    def _print_prose(self, prose: Prose, *, done: bool) -> None:
        for key, piece in prose.pieces.items():
            text = piece_plain(piece)
            if piece.kind == "text":
                self._grow(key, text, done=done)
            elif piece.text != "…" and key not in self._printed:
                self._line_end()
                self._write(f"{text}\n")
                self._printed[key] = len(text)

    def _grow(self, key: str, text: str, *, done: bool) -> None:
        """Print what is new. An escape sequence may still be incomplete: its start is held back."""
        escape = text.rfind("\\x1b")
        held = text if done or escape < 0 else text[:escape]
        start = self._printed.get(key, 0)
        if start == 0:
            self._line_end()
        if len(held) > start:
            self._write(held[start:])
            self._printed[key] = len(held)

    def _print_change(self, change: Change) -> None:
        self._line_end()
        self._write(f"{change_plain(change, ask=self._ask)}\n")
        self._changes[change.number] = change.status

    def _line_end(self) -> None:
        if not self._at_start:
            self._write("\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._at_start = text.endswith("\n")


def canvas_for(ip: InteractiveShell, transcript: Transcript, *, ask: bool) -> Canvas:
    """The canvas that suits the shell."""
    if getattr(ip, "kernel", None) is not None:
        return NotebookCanvas(ip, ask=ask)
    if is_terminal(ip):
        return TerminalCanvas(transcript, ask=ask)
    return OnceCanvas(ip, ask=ask)


def is_terminal(ip: InteractiveShell) -> bool:
    """Whether the shell is terminal IPython (its displays are printed text)."""
    return any(base.__name__ == "TerminalInteractiveShell" for base in type(ip).__mro__)


def show_text(ip: InteractiveShell, text: str, *, markdown: str | None = None) -> None:
    """Show a short text: printed in a terminal, a display elsewhere."""
    clean = plain_text(text)
    if getattr(ip, "kernel", None) is None and is_terminal(ip):
        sys.stdout.write(f"{clean}\n")
    elif markdown is None:
        ip.display_pub.publish({"text/plain": clean})
    else:
        ip.display_pub.publish({"text/markdown": markdown, "text/plain": clean})
