"""What an external agent says of itself, as events of ours: text, thinking, tool calls, its plan, what it has
used. All of it is a stranger's text: bounded, and never taken for what has happened."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from codemad_jupyter.protocol.agents import AgentMessage
from codemad_jupyter.protocol.events import (
    AgentSaid,
    Event,
    MessageDone,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolDone,
)
from codemad_jupyter.protocol.messages import Message, TextPart, ThinkingPart
from codemad_jupyter.protocol.permissions import Risk
from codemad_jupyter.tools.executor import bounded
from codemad_jupyter.tools.proposals import new_id

MOST_TEXT = 1_000_000
"""Characters of text and thinking that are told of one task."""
MOST_CALLS = 2_000
SHOWN = 8_000
"""Characters of one call's arguments or result."""
LINE = 200
RISKS: dict[str, Risk] = {
    "read": "read", "search": "read", "think": "read", "edit": "write", "delete": "write", "move": "write",
    "fetch": "network",
}  # fmt: skip
"""What a kind of call amounts to; all others execute."""
_DONE = {"completed": "ok", "failed": "error"}


@dataclass
class _Call:
    id: str
    kind: str
    title: str
    began: float
    told: str = ""
    said: bool = False


@dataclass
class Account:
    """What one agent tells while it does one task. ``emit`` says it as that agent."""

    name: str
    emit: Callable[[Event], object]
    redact: Callable[[str], str]
    steps: int = 0
    tokens: int = 0
    cost: float | None = None
    last: str = ""
    """The last text it has said."""
    _text: str = ""
    _thought: str = ""
    _message: str = ""
    _said: int = 0
    _plan: str = ""
    _messages: int = 0
    _spent: int = 0
    _calls: dict[str, _Call] = field(default_factory=dict)

    def take(self, update: Any) -> None:
        """Take in one update of the protocol; what is not known is left."""
        match getattr(update, "session_update", ""):
            case "agent_message_chunk":
                self._add(_text_of(update.content), thought=False)
            case "agent_thought_chunk":
                self._add(_text_of(update.content), thought=True)
            case "tool_call":
                self.called(update)
            case "tool_call_update":
                self._went_on(update)
            case "plan":
                self._planned(update.entries)
            case "usage_update":
                self.tokens = max(self.tokens, int(update.used or 0))
                amount = getattr(update.cost, "amount", None)
                dollars = getattr(update.cost, "currency", "") == "USD"
                self.cost = float(amount) if amount is not None and dollars else self.cost

    def turned(self, usage: Any) -> None:
        """A turn of its is over; ``usage`` is what it took, where the agent says so."""
        self._finish()
        self._spent += int(getattr(usage, "total_tokens", None) or 0)
        self.tokens = max(self.tokens, self._spent)

    def end(self) -> None:
        """Finish what is open: a message, and calls whose end was never told."""
        self._finish()
        for call in list(self._calls):
            self._done(call, "error", "Its end was not told.")

    def _add(self, text: str, *, thought: bool) -> None:
        text = text[: max(0, MOST_TEXT - self._said)]
        if not text:
            return
        self._said += len(text)
        self._message = self._message or new_id("message")
        shown = self.redact(text)
        if thought:
            self._thought += text
            self.emit(ThinkingDelta(message=self._message, text=shown))
        else:
            self._text += text
            self.emit(TextDelta(message=self._message, text=shown))

    def _finish(self) -> None:
        if not self._message:
            return
        parts: list[TextPart | ThinkingPart] = []
        if self._thought:
            parts.append(ThinkingPart(text=self._thought))
        if self._text:
            parts.append(TextPart(text=self._text))
            self.last = self._text
        message = Message(role="assistant", parts=tuple(parts))
        self.emit(MessageDone(id=self._message, message=message, model=f"acp/{self.name}", cost=None))
        self._message, self._text, self._thought = "", "", ""

    def called(self, update: Any) -> None:
        """It begins a call, or goes on with it; some agents tell of one only when they ask for leave."""
        if update.tool_call_id not in self._calls and self.steps < MOST_CALLS:
            self._finish()
            self.steps += 1
            call = _Call(new_id("call"), update.kind or "other", "", time.monotonic())
            self._calls[update.tool_call_id] = call
        self._went_on(update)

    def _went_on(self, update: Any) -> None:
        call = self._calls.get(update.tool_call_id)
        if call is None:
            return
        call.kind = call.kind if call.said else update.kind or call.kind
        call.title = _line(update.title) if update.title else call.title
        call.told = _result(update) or call.told
        status = _DONE.get(update.status or "")
        given = _arguments(update)
        if given or status is not None:
            self._say(call, given)
        if status is not None:
            self._done(update.tool_call_id, status, call.told)

    def _say(self, call: _Call, given: dict[str, Any]) -> None:
        """Tell of a call once: some agents say first that there is one, and what it is about later."""
        if call.said:
            return
        call.said, call.title = True, call.title or call.kind
        risk = RISKS.get(call.kind, "execute")
        given = {"title": call.title, **given}
        self.emit(ToolCalled(call=call.id, tool=call.kind, arguments=given, risk=risk))

    def _done(self, key: str, status: Any, content: str) -> None:
        call = self._calls.pop(key)
        self._say(call, {})
        told = bounded(self.redact(content), SHOWN)
        seconds = round(time.monotonic() - call.began, 3)
        summary = self.redact(call.title)
        self.emit(
            ToolDone(
                call=call.id, tool=call.kind, status=status, summary=summary, content=told, seconds=seconds
            )
        )

    def _planned(self, entries: Any) -> None:
        marks = {"completed": "x", "in_progress": "~"}
        lines = [f"[{marks.get(each.status, ' ')}] {_line(each.content)}" for each in entries[:50]]
        text = "\n".join(lines)
        if text and text != self._plan:
            self._plan = text
            self._messages += 1
            said = AgentMessage(
                number=self._messages, kind="progress", sender=self.name, text=self.redact(text)
            )
            self.emit(AgentSaid(message=said))


def _arguments(update: Any) -> dict[str, Any]:
    """What it was called with, as far as it can be shown, and the places it names."""
    found: dict[str, Any] = {}
    if update.raw_input not in (None, {}, ""):
        text = json.dumps(update.raw_input, ensure_ascii=False, default=str)
        small = isinstance(update.raw_input, dict) and len(text) <= SHOWN
        found = dict(update.raw_input) if small else {"input": bounded(text, SHOWN)}
    places = [each.path for each in update.locations or ()][:20]
    return {**found, "places": places} if places else found


def _result(update: Any) -> str:
    parts: list[str] = []
    for each in update.content or ():
        if each.type == "content":
            parts.append(_text_of(each.content))
        elif each.type == "diff":
            parts.append(f"changes {each.path}")
    if not parts and update.raw_output not in (None, {}, ""):
        raw = update.raw_output
        parts.append(raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, default=str))
    return bounded("\n".join(parts), SHOWN)


def _text_of(content: Any) -> str:
    text = getattr(content, "text", None)
    if isinstance(text, str):
        return text
    kind = getattr(content, "type", "")
    return f"[{kind}]" if kind in ("image", "audio", "resource", "resource_link") else ""


def _line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:LINE]
