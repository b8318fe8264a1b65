"""A session: its bus, what its events add up to, and the tree of messages with a head."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from codemad_jupyter.context.compaction import HEADING, beginning_with
from codemad_jupyter.orchestrator.bus import Bus
from codemad_jupyter.orchestrator.masking import masked_message
from codemad_jupyter.orchestrator.state import State
from codemad_jupyter.protocol.events import Event, SessionChanged
from codemad_jupyter.protocol.messages import Message, ToolResultPart
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.store.branches import Branch
from codemad_jupyter.store.sessions import Entry
from codemad_jupyter.store.store import Store
from codemad_jupyter.tools.data_levels import allows


@dataclass(frozen=True)
class Conversation:
    """Messages, and the summary that may stand for the first ``covered`` of them."""

    messages: list[Message]
    summary: str = ""
    level: DataLevel = "schema"
    covered: int = 0

    def counts_at(self, level: DataLevel) -> bool:
        """Whether there is a summary, and all of it may be told at that level."""
        return self.covered > 0 and allows(level, self.level)

    def at(self, level: DataLevel) -> list[Message]:
        """The messages as they are told to a model at that level."""
        if not self.counts_at(level):
            return list(self.messages)
        return beginning_with(f"{HEADING}\n{self.summary}", self.messages[self.covered :])

    def and_then(self, message: Message) -> "Conversation":
        """The same with one more message."""
        return replace(self, messages=[*self.messages, message])


TITLE = 60
"""Characters of the first prompt that become the title."""


class Session:
    """One conversation, loaded from the store. Built by `load`."""

    def __init__(
        self,
        id: str,
        store: Store,
        *,
        last_seq: int,
        on_event: Callable[[Event], None],
        redact: Callable[[str], str],
    ) -> None:
        self.id = id
        self.state = State()
        self.path: list[Entry] = []
        self._store = store
        self._on_event = on_event
        self._redact = redact
        self.bus = Bus(id, store, last_seq=last_seq, observe=self._observe, redact=redact)

    @classmethod
    async def load(
        cls, id: str, store: Store, *, on_event: Callable[[Event], None], redact: Callable[[str], str]
    ) -> "Session":
        """The session as the store has it."""
        session = cls(id, store, last_seq=await store.last_seq(id), on_event=on_event, redact=redact)
        for event in await store.events(id):
            session.state.fold(event)
        await session.move(await store.head(id))
        branch = (await store.session(id)).branch
        if branch != session.state.branch:  # the process died between standing on it and saying so
            session.state.stand_on(branch, await session.runs_here())
        return session

    def _observe(self, event: Event) -> None:
        self.state.fold(event)
        self._on_event(event)

    @property
    def head(self) -> str | None:
        """The entry that the next message follows."""
        return self.path[-1].id if self.path else None

    @property
    def messages(self) -> list[Message]:
        """The messages from the root to the head."""
        return [entry.message for entry in self.path]

    @property
    def conversation(self) -> Conversation:
        """The messages, with the latest summary of those that still lie before the head."""
        places = {entry.id: at for at, entry in enumerate(self.path, start=1)}
        for summary in reversed(self.state.summaries):
            if summary.until in places:
                return Conversation(self.messages, summary.text, summary.level, places[summary.until])
        return Conversation(self.messages)

    async def append(self, message: Message, *, run: str) -> None:
        """Store a message, without secrets, at the head and move the head to it."""
        message = masked_message(message, self._redact)
        entry = await self._store.append_entry(
            self.id, id=uuid.uuid4().hex, parent=self.head, run=run, message=message, at=time.time()
        )
        self.path.append(entry)

    async def move(self, head: str | None) -> None:
        """Put the head elsewhere in the tree; nothing is deleted."""
        if head != self.head:
            await self._store.update_session(self.id, head=head)
        self.path = list(await self._store.entries(self.id, head))

    async def stand_on(self, onto: Branch, leaving: Branch) -> tuple[str, ...]:
        """Leave a branch as it is and stand on another; the runs that are here now."""
        await self._store.stand_on(self.id, leaving=leaving, onto=onto)
        self.path = list(await self._store.entries(self.id, onto.head))
        return await self.runs_here()

    async def runs_here(self) -> tuple[str, ...]:
        """The runs of the conversation as it stands, in order; one without messages belongs to the one
        before it."""
        here = {entry.run for entry in self.path}
        elsewhere = {link.run for link in await self._store.links(self.id)} - here
        kept, found = True, list[str]()
        for run in self.state.runs:
            kept = run in here or (kept and run not in elsewhere)
            found += [run] if kept else []
        return tuple(found)

    def before(self, run: str) -> str | None:
        """The head as it was before the run's first message."""
        first = next((entry for entry in self.path if entry.run == run), None)
        return first.parent if first else self.head

    async def change(
        self,
        *,
        title: str | None = None,
        model: str | None = None,
        pinned: bool | None = None,
        archived: bool | None = None,
    ) -> None:
        """Rename the session, choose its model, pin it or put it away."""
        info = await self._store.update_session(
            self.id, title=title, model=model, pinned=pinned, archived=archived
        )
        self.bus.emit(SessionChanged(title=info.title, model=info.model))
        await self.bus.saved()


def closed(messages: list[Message]) -> list[Message]:
    """The messages with a result for every tool call: providers refuse a call without one.

    A run that was stopped or that crashed leaves calls open; they are answered as not run.
    """
    complete: list[Message] = []
    for index, message in enumerate(messages):
        complete.append(message)
        following = messages[index + 1] if index + 1 < len(messages) else None
        results = following.parts if following is not None and following.role == "tool" else ()
        answered = {part.id for part in results if isinstance(part, ToolResultPart)}
        missing = tuple(
            ToolResultPart(id=call.id, name=call.name, content="Not run: the run was stopped.", is_error=True)
            for call in message.tool_calls
            if call.id not in answered
        )
        if missing and not answered:
            complete.append(Message(role="tool", parts=missing))
    return complete


def title_of(prompt: str) -> str:
    """A title from the first line of a prompt."""
    line = next((line.strip() for line in prompt.splitlines() if line.strip()), "New conversation")
    return line if len(line) <= TITLE else f"{line[: TITLE - 1]}…"
