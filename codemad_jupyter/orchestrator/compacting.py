"""Long conversations: older turns are summarised by a model in the background, after a run.

The summary is an event beside the conversation. It stands for the turns it covers while the head lies
behind them, and only at a data level at which all of it may be told; else, and while there is none, the
turns are told in short by rule (``context/compaction``). Nothing is deleted.
"""

import asyncio
import importlib.resources
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from codemad_jupyter.context.budget import DEFAULT_WINDOW
from codemad_jupyter.context.compaction import as_text, fitted, pruned, turns
from codemad_jupyter.context.gauge import TokenGauge
from codemad_jupyter.gateway.choosing import Need
from codemad_jupyter.gateway.provider import Delta, Finished, ModelInfo, Provider, Request
from codemad_jupyter.gateway.router import OFFLINE_MODEL
from codemad_jupyter.gateway.sizes import request_tokens
from codemad_jupyter.orchestrator.plain_run import Work
from codemad_jupyter.orchestrator.privacy import outgoing
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.side_call import answer_to
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.events import Compacted, Event, Notice
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.protocol.supply import Account
from codemad_jupyter.protocol.tokens import message_tokens

_log = logging.getLogger(__name__)

FULL, LIGHT = 0.8, 0.3
"""Parts of the history's share: above the first older turns are summarised, to the second what stays as
it is. What lies between keeps a conversation from being summarised after every turn."""
FAILURES = 3
"""After so many failures in a row nothing is tried again by this process."""
PATIENCE = 60.0
REQUESTS = 300
"""Characters of each earlier request that stay word for word beside the summary."""
MOST_REQUESTS = 30
SUMMARY_TOKENS = 1_500


def history_room(services: Services, model: str) -> int:
    """Estimated tokens that earlier messages may take where everything asks for its share."""
    window = services.router.catalog.info(model).window or DEFAULT_WINDOW
    return int(window * services.shares.history / services.gauge.factor(model))


@dataclass(frozen=True)
class Cut:
    """The entries of a session up to one, the messages of which a summary is to be made, and what the
    person asked in all of them."""

    until: str
    messages: tuple[Message, ...]
    requests: tuple[str, ...]


def cut_of(session: Session, level: DataLevel, room: int) -> Cut | None:
    """What should be summarised now; None while there is room, or where too little would be won."""
    conversation = session.conversation
    told = conversation.at(level)
    if sum(map(message_tokens, told)) <= FULL * room:
        return None
    every = turns(conversation.messages)
    kept = size = 0
    for turn in reversed(every):
        size += sum(map(message_tokens, turn))
        if kept and size > LIGHT * room:
            break
        kept += len(turn)
    end = len(conversation.messages) - kept
    new = conversation.messages[conversation.covered : end]
    if sum(map(message_tokens, new)) < LIGHT * room:
        return None
    earlier = [Message.user(conversation.summary)] if conversation.counts_at(level) else []
    requests = tuple(message.text for message in conversation.messages[:end] if message.role == "user")
    return Cut(session.path[end - 1].id, (*earlier, *new), requests)


class Compactor:
    """Summarises one session's older turns, one call at a time."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        self._session = session
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def wake(self, model: str, target: Target) -> None:
        """To be called when a run has ended: summarise if it is time."""
        services = self._services
        resting = self._task is None or self._task.done()
        if services.compaction != "model" or model == OFFLINE_MODEL or not resting:
            return
        level = services.levels.of(target.notebook)
        cut = cut_of(self._session, level, history_room(services, model))
        if cut is not None and self._failures < FAILURES:
            self._task = asyncio.create_task(self._summarise(cut, model, level), name="codemad summary")

    def now(self, model: str, target: Target) -> Work:
        """The work of summarising what there is, long or not, because the person asks for it."""

        async def work(emit: Callable[[Event], object]) -> str:
            await self.stop()
            level = self._services.levels.of(target.notebook)
            cut = cut_of(self._session, level, 0)
            if cut is None:
                return "There is nothing to summarise yet: the latest turn is always sent as it is."
            if model == OFFLINE_MODEL:
                raise UsageError("The built-in assistant writes no summaries.", hint="Choose a model first.")
            try:
                async with asyncio.timeout(PATIENCE):
                    text = await self._written(cut, model, level)
            except TimeoutError:
                raise CodemadError("The summary took too long.", hint="Nothing is lost; try again.") from None
            emit(_told(cut, text, level, model))
            return "Done."

        return work

    async def _summarise(self, cut: Cut, model: str, level: DataLevel) -> None:
        session = self._session
        try:
            async with asyncio.timeout(PATIENCE):
                text = await self._written(cut, model, level)
        except (CodemadError, TimeoutError) as error:
            self._failures += 1
            _log.warning("no summary: %s", error)
            if self._failures == FAILURES:
                said = f"Older turns could not be summarised ({str(error) or 'it took too long'})."
                text = f"{said} They are told to the model in short instead."
                session.bus.emit(Notice(level="warning", code="compacted", text=text))
            return
        self._failures = 0
        session.bus.emit(_told(cut, text, level, model))
        await session.bus.saved()

    async def _written(self, cut: Cut, model: str, level: DataLevel) -> str:
        services = self._services
        messages = outgoing(cut.messages, level, services.redact)
        window = services.router.catalog.info(model).window or DEFAULT_WINDOW
        room = int(window / services.gauge.factor(model) * 0.7)
        text = as_text(fitted(messages, limit=room).messages)
        system = importlib.resources.files(__package__).joinpath("prompts/summary.md").read_text("utf-8")
        asked = Message.user(text)
        need = Need(purpose="summarise", tokens=message_tokens(asked), output=SUMMARY_TOKENS)
        choice = services.router.choose_beside(need, default=model)
        if choice is None:
            raise AssertionError("there is a default")
        request = Request(
            model=choice.model,
            system=system,
            messages=(asked,),
            max_tokens=SUMMARY_TOKENS,
            timeout=PATIENCE,
        )
        account = Account(session=self._session.id, purpose="summarise")
        answer = await answer_to(services, request, account=account, fallbacks=choice.fallbacks)
        notes = answer.strip()
        if not notes:
            raise CodemadError("The model wrote an empty summary.", hint="Nothing is lost.")
        return f"{notes}\n\n{_word_for_word(cut.requests)}"

    async def stop(self) -> None:
        """Let go of the work in the background; called before the store is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=5)


def _told(cut: Cut, text: str, level: DataLevel, model: str) -> Compacted:
    return Compacted(until=cut.until, text=text, level=level, model=model, turns=len(cut.requests))


def _word_for_word(requests: Sequence[str]) -> str:
    lines = "\n".join(f"- {' '.join(each.split())[:REQUESTS]}" for each in requests[-MOST_REQUESTS:])
    return f"The person's requests in these turns:\n{lines}"


class Measured:
    """A provider whose counts teach the gauge what its tokens are."""

    def __init__(self, inner: Provider, gauge: TokenGauge) -> None:
        self.name = inner.name
        self._inner = inner
        self._gauge = gauge

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model; see `Provider`."""
        async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if isinstance(delta, Finished):
                    used = delta.usage
                    counted = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
                    self._gauge.learn(delta.model, estimated=request_tokens(request), counted=counted)
                yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()


def within(request: Request, room: int) -> tuple[Request, tuple[str, ...]]:
    """The request within ``room`` estimated tokens as far as leaving out results of tools can bring it
    there, oldest first, and what went in words."""
    left: tuple[str, ...] = ()
    for part in (3, 8, 20):  # in few large steps: each one costs the provider's cache of what came before
        if request_tokens(request) <= room:
            break
        shorter = pruned(request.messages, keep=room // part)
        request = request.model_copy(update={"messages": shorter.messages})
        left = shorter.left_out or left
    return request, left
