"""What is remembered: keeping facts, letting the person confirm, change and forget them, and finding those
a prompt is told.

A fact is text for the context and nothing else: no permission, approval or setting is ever read from one.
Facts of the person's own scope live in `store.user_memory`, all others in the workspace's store.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from codemad_jupyter.context.memory_recall import found, ranked
from codemad_jupyter.orchestrator.memory_vectors import PATIENCE, Embedder, Likeness
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import Denied, NotFound, UsageError
from codemad_jupyter.protocol.events import MemoryChanged
from codemad_jupyter.protocol.memories import Memory, MemoryScope
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.user_memory import UserMemory
from codemad_jupyter.tools.data_levels import allows
from codemad_jupyter.tools.proposals import new_id

MAIN_ROLE = "main"
LONGEST = 1_000
"""Characters of a fact."""
MOST = 2_000
"""Facts of one place: the workspace, or the person."""
Mode = Literal["on", "ask", "off"]

MemoryCommand = cmd.RememberFact | cmd.EditMemory | cmd.ConfirmMemory | cmd.ForgetMemory


class Redact(Protocol):
    """Takes secrets out of a text."""

    def __call__(self, text: str, /) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Memories:
    """All facts within reach of this workspace. ``mode`` ``ask`` lets everything that a model notes wait for
    the person; ``off`` tells models nothing and keeps nothing new."""

    store: Store
    user: UserMemory
    redact: Redact
    mode: Mode = "on"
    embedder: Embedder | None = None
    patience: float = PATIENCE
    likeness: Likeness = field(init=False)

    def __post_init__(self) -> None:
        likeness = Likeness(self.embedder, self.store, self.user, patience=self.patience)
        object.__setattr__(self, "likeness", likeness)

    async def all(self) -> tuple[Memory, ...]:
        """Every fact, by scope, oldest first. Raises `StoreError`."""
        own, mine = await self.store.memories(), await self.user.memories()
        order = ("session", "project", "role", "user")
        return tuple(sorted((*own, *mine), key=lambda each: order.index(each.scope)))

    async def search(self, query: str) -> tuple[Memory, ...]:
        """Those that have to do with the query, best first, waiting ones too."""
        facts = await self.all()
        near = await self.likeness.of(facts, query)
        return tuple(found(facts, query, now=time.time(), likeness=near, limit=100))

    async def for_prompt(self, query: str, session: str, level: DataLevel) -> tuple[Memory, ...]:
        """What may be told to a model in this session at this level, what matters most first."""
        if self.mode == "off":
            return ()
        facts = await self._sendable(session, level)
        near = await self.likeness.of(facts, query)
        return tuple(ranked(facts, query, now=time.time(), likeness=near))

    async def recall(self, query: str, session: str, level: DataLevel) -> tuple[Memory, ...]:
        """Of these, the ones that have to do with the query."""
        facts = await self._sendable(session, level)
        near = await self.likeness.of(facts, query)
        return tuple(found(facts, query, now=time.time(), likeness=near))

    async def used(self, facts: Sequence[Memory]) -> None:
        """Note that these were sent."""
        now = time.time()
        for place in (self.store, self.user):
            ids = [fact.id for fact in facts if self._place(fact.scope) is place]
            if ids:
                await place.use_memories(ids, now)

    async def note(self, fact: Memory) -> MemoryChanged | None:
        """Keep what a model wants to remember; None where it is known already. Raises `UsageError`."""
        waits = self.mode == "ask" or fact.scope == "user" or fact.kind == "preference"
        fact = self._clean(fact).model_copy(update={"confirmed": not waits})
        if await self._known(fact) is not None:
            return None
        return await self._keep(fact)

    async def do(self, command: MemoryCommand) -> MemoryChanged:
        """Do what the person asks. Raises `NotFound`, `UsageError` or `StoreError`."""
        match command:
            case cmd.RememberFact():
                return await self._remember(command)
            case cmd.EditMemory():
                return await self._edit(command)
            case cmd.ConfirmMemory():
                fact = await self._one(command.memory)
                return await self._confirmed(fact)
            case cmd.ForgetMemory():
                return await self._forget(command)

    async def _remember(self, command: cmd.RememberFact) -> MemoryChanged:
        if self.mode == "off":
            raise Denied("Memory is off.", hint="Set memory to on or ask in the settings.")
        fact = Memory(
            id=new_id("memory"),
            scope=command.scope,
            text=command.text,
            kind=command.kind,
            role=(command.role or MAIN_ROLE) if command.scope == "role" else "",
            session=command.session,
            created=time.time(),
        )
        fact = self._clean(fact).model_copy(update={"confirmed": not _doubtful(fact, command.edge)})
        known = await self._known(fact)
        if known is None:
            return await self._keep(fact)
        return await self._confirmed(known) if fact.confirmed else _told("waiting", known)

    async def _edit(self, command: cmd.EditMemory) -> MemoryChanged:
        fact = await self._one(command.memory)
        given = {name: value for name in ("text", "kind") if (value := getattr(command, name)) is not None}
        fact = self._clean(fact.model_copy(update=given))
        if _doubtful(fact, command.edge):
            fact = fact.model_copy(update={"confirmed": False})
        await self._place(fact.scope).put_memory(fact)
        await self.store.silence_memories([fact.id])  # the former wording is gone from the log as well
        return _told("edited" if fact.confirmed else "waiting", fact)

    async def _confirmed(self, fact: Memory) -> MemoryChanged:
        fact = fact.model_copy(update={"confirmed": True})
        await self._place(fact.scope).put_memory(fact)
        return _told("confirmed", fact)

    async def _forget(self, command: cmd.ForgetMemory) -> MemoryChanged:
        facts = await self.all()
        if command.every:
            ids = [fact.id for fact in facts if command.scope in (None, fact.scope)]
        else:
            ids = [(await self._one(id)).id for id in command.memories]
            if not ids:
                raise UsageError("Which fact is to be forgotten?", hint="Name one, or say all of them.")
        gone = [fact for fact in facts if fact.id in ids]
        for place in (self.store, self.user):
            own = [fact.id for fact in gone if self._place(fact.scope) is place]
            if own:
                await place.remove_memories(own)
        await self.store.silence_memories(ids)
        scope = gone[0].scope if len({fact.scope for fact in gone}) == 1 else command.scope
        return MemoryChanged(change="forgotten", memories=tuple(fact.id for fact in gone), scope=scope)

    async def _keep(self, fact: Memory) -> MemoryChanged:
        place = self._place(fact.scope)
        if len(await place.memories()) >= MOST:
            raise UsageError(
                f"{MOST:,} facts are remembered already.", hint="Forget some, then remember this one."
            )
        await place.put_memory(fact)
        return _told("kept" if fact.confirmed else "waiting", fact)

    async def _one(self, id: str) -> Memory:
        for fact in await self.all():
            if fact.id == id:
                return fact
        raise NotFound(f"There is no memory {id!r}.", hint="List them to see their ids.")

    async def _known(self, fact: Memory) -> Memory | None:
        """The same in the same place, if it is there."""
        for each in await self._place(fact.scope).memories():
            if (each.scope, each.role) != (fact.scope, fact.role):
                continue
            here = fact.scope != "session" or each.session == fact.session
            if here and each.text.casefold() == fact.text.casefold():
                return each
        return None

    async def _sendable(self, session: str, level: DataLevel) -> list[Memory]:
        return [
            fact
            for fact in await self.all()
            if fact.confirmed and allows(level, fact.level) and _holds_in(fact, session)
        ]

    def _clean(self, fact: Memory) -> Memory:
        text = self.redact(" ".join(fact.text.split()))
        if not text:
            raise UsageError("There is nothing to remember.", hint="Say it in a sentence.")
        if len(text) > LONGEST:
            raise UsageError(
                f"A fact has at most {LONGEST:,} characters; this has {len(text):,}.",
                hint="Say the gist in a sentence or two.",
            )
        return fact.model_copy(update={"text": text, "role": self.redact(fact.role[:100])})

    def _place(self, scope: MemoryScope) -> Store | UserMemory:
        return self.user if scope == "user" else self.store


@dataclass
class RunMemory:
    """The memory as one run may use it: what its tools are given."""

    memories: Memories
    session: str
    run: str
    model: str
    level: DataLevel
    left: int = 10
    """Facts that this run may still keep: a text that orders hundreds gets no further."""

    async def remember(self, fact: Memory) -> tuple[MemoryChanged | None, Memory]:
        """Keep it as this run's. Raises `UsageError`."""
        if self.left <= 0:
            raise UsageError("This run has remembered enough.", hint="Name the rest to the person instead.")
        role = MAIN_ROLE if fact.scope == "role" else ""
        whole = fact.model_copy(
            update={
                "id": new_id("memory"),
                "role": role,
                "session": self.session,
                "run": self.run,
                "who": "model",
                "model": self.model,
                "created": time.time(),
                "level": self.level,
            }
        )
        told = await self.memories.note(whole)
        self.left -= told is not None
        return told, whole

    async def recall(self, query: str) -> tuple[Memory, ...]:
        """What is known about it."""
        return await self.memories.recall(query, self.session, self.level)


def _holds_in(fact: Memory, session: str) -> bool:
    if fact.scope == "session":
        return fact.session == session
    return fact.scope != "role" or fact.role == MAIN_ROLE


def _doubtful(fact: Memory, edge: cmd.Edge) -> bool:
    """Whether the person should look at it first: code in a kernel can say what a magic says."""
    return edge == "magic" and (fact.scope == "user" or fact.kind == "preference")


def _told(change: Literal["kept", "waiting", "edited", "confirmed"], fact: Memory) -> MemoryChanged:
    return MemoryChanged(change=change, memories=(fact.id,), scope=fact.scope, kind=fact.kind, text=fact.text)
