"""Prints events for ``codemad ask``: text as it streams, or one JSON object a line."""

from __future__ import annotations

import sys

from codemad_jupyter.app.plain_text import PlainStream, plain_text
from codemad_jupyter.app.question_text import shown
from codemad_jupyter.protocol.agents import AgentStatus
from codemad_jupyter.protocol.edits import CellTarget, Edit, unified
from codemad_jupyter.protocol.events import (
    AgentChanged,
    EditProposed,
    EditSettled,
    Event,
    MessageDone,
    Notice,
    PlanChanged,
    QuestionAsked,
    RunStarted,
    TextDelta,
    ToolDone,
)
from codemad_jupyter.protocol.plans import plan_text, progress_line
from codemad_jupyter.protocol.supply import CHOSEN, DEFAULT


class EventPrinter:
    """The answer goes to stdout; what is beside it goes to stderr unless all is JSON."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._streams: dict[str, PlainStream] = {}
        self._said: dict[str, str] = {}
        self._line_open = False
        self._agents: dict[str, str] = {}

    def show(self, event: Event) -> None:
        """Print one event."""
        if self._json:
            self._out(f"{event.model_dump_json()}\n")
            return
        match event:
            case TextDelta():
                self._said[event.message] = self._said.get(event.message, "") + event.text
                self._out(self._streams.setdefault(event.message, PlainStream()).add(event.text))
            case MessageDone():
                self._message(event)
            case EditProposed():
                self._out(plain_text(f"{_proposal(event.edit)}\n"))
            case ToolDone():
                whose = "" if event.agent == "main" else f"{event.agent}: "
                self.say(f"{whose}[{event.tool}] {event.summary}")
            case AgentChanged():
                self._agent(event.status)
            case EditSettled():
                self.say(f"{event.status}: {event.detail}" if event.detail else f"edit {event.status}")
            case QuestionAsked():
                self.say(shown(event))
            case Notice():
                self.say(event.text)
            case RunStarted() if event.why not in (CHOSEN, DEFAULT, ""):
                self.say(f"{event.model}: {event.why}")
            case PlanChanged() if event.change in ("proposed", "approved"):
                self._end_line()
                self._out(plain_text(f"{plan_text(event.plan)}\n"))
            case PlanChanged():
                self.say(event.text or progress_line(event.plan))

    def _agent(self, status: AgentStatus) -> None:
        """One line for each state of an agent, not for what it uses."""
        if self._agents.get(status.name) != status.state:
            self._agents[status.name] = status.state
            first = status.text.strip().partition("\n")[0]
            self.say(f"{status.name}: {status.state}{f': {first}' if first else ''}")

    def _message(self, event: MessageDone) -> None:
        stream, said = self._streams.pop(event.id, None) or PlainStream(), self._said.pop(event.id, "")
        if event.message.text.startswith(said):  # what a line that broke has left out
            self._out(stream.add(event.message.text[len(said) :]))
        self._out(stream.finish())
        if event.message.text:
            self._end_line()

    def _out(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._line_open = not text.endswith("\n") if text else self._line_open

    def say(self, text: str) -> None:
        """Print what is beside the answer."""
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
