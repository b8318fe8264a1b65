"""Sessions made of others: a fork of one, and one read from an export. What is copied is content: questions
that wait for an answer, plans and checkpoints stay where they were. Kept as a whole or not at all."""

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from codemad_jupyter.orchestrator.session import Session, title_of
from codemad_jupyter.protocol.events import Compacted, EditProposed, Event, MessageDone, Restored, RunFinished
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.sessions import MAIN, SessionInfo
from codemad_jupyter.store.branches import Whole
from codemad_jupyter.store.sessions import Entry

KEPT = frozenset(
    {"run_started", "intent_decided", "phase_changed", "context_built", "message_done", "tool_called"}
    | {"tool_done", "edit_proposed", "edit_tried", "edit_diagnosed", "edit_settled", "cell_executed"}
    | {"verified", "kernel_changed", "notice", "run_finished", "agent_changed", "agent_said"}
)
"""Events of runs that tell what happened and give nobody anything to answer."""
CUT = "The session was forked here."


def forked(
    session: Session, path: Sequence[Entry], events: Iterable[Event], *, title: str, cut: bool
) -> tuple[Whole, list[Event]]:
    """A new session with the conversation ``path`` of another, and the events that show it. ``cut``: it ends
    within a run."""
    id, now = uuid.uuid4().hex, time.time()
    names = {entry.id: uuid.uuid4().hex for entry in path}
    entries = tuple(
        entry.model_copy(
            update={"id": names[entry.id], "session": id, "parent": names.get(entry.parent or "")}
        )
        for entry in path
    )
    title = " ".join(title.split())[:200] or title_of(f"{session.state.title or 'Conversation'} (fork)")
    info = SessionInfo(
        id=id, title=title, model=session.state.model, created=now, updated=now, origin=session.id
    )
    told = [*_of_runs(session, path, events, cut=cut), *_summaries(events, names)]
    undone = tuple(
        run for run in dict.fromkeys(e.run for e in path) if run and session.state.runs[run].undone
    )
    if undone:
        told.append(Restored(kind="undo", checkpoint="", runs=undone))
    whole = Whole(info=info, head=entries[-1].id if entries else None, entries=entries)
    return whole, numbered(told, id)


def numbered(events: Iterable[Event], session: str) -> list[Event]:
    """The events as those of another session, from 1 on."""
    return [
        event.model_copy(update={"seq": seq, "session": session}) for seq, event in enumerate(events, start=1)
    ]


def _of_runs(session: Session, path: Sequence[Entry], events: Iterable[Event], *, cut: bool) -> list[Event]:
    runs = {entry.run for entry in path}
    last = path[-1].run if path else None
    ended = not cut and last in session.state.runs and session.state.runs[last].status is not None
    kept: list[Event] = []
    rest: list[Event] = []
    for event in events:
        if event.run in runs and event.type in KEPT:
            (rest if event.run == last and not ended else kept).append(event)
    if not ended and last is not None:
        begun = _until(rest, [entry.message for entry in path if entry.run == last])
        kept += [*begun, RunFinished(status="interrupted", text=CUT, cost=None, run=last, at=time.time())]
    return kept


def _until(events: Sequence[Event], messages: Sequence[Message]) -> list[Event]:
    """The events of a run up to its last message that is kept, and what became of the edits till then."""
    left = sum(message.role == "assistant" for message in messages)
    open_calls = bool(messages) and bool(messages[-1].tool_calls)
    kept: list[Event] = []
    for at, event in enumerate(events):
        said = isinstance(event, MessageDone) and event.agent == "main"
        if (said and left == 0) or event.type == "run_finished":
            break
        kept.append(event)
        left -= said
        if said and left == 0 and open_calls:
            at += 1
            break
    else:
        at = len(events)
    edits = {event.edit.id for event in kept if isinstance(event, EditProposed)}
    late = [e for e in events[at:] if getattr(e, "edit", None) in edits and e.type != "edit_proposed"]
    return [*kept, *late]


def _summaries(events: Iterable[Event], names: dict[str, str]) -> list[Event]:
    """The summaries of what was copied."""
    return [
        event.model_copy(update={"until": names[event.until], "run": None})
        for event in events
        if isinstance(event, Compacted) and event.until in names
    ]


class Renaming:
    """Fresh names for what a file calls by names of its own."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = make
        self._names: dict[tuple[str, str], str] = {}

    def __call__(self, kind: str, name: Any) -> str:
        key = (kind, str(name))
        if key == ("branch", MAIN):
            return MAIN
        return self._names.setdefault(key, self._make(kind))
