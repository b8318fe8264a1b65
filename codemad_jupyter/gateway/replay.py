"""Recorded answers: wraps a provider so that its answers go into a cassette, or come out of one.

Owns what is done with a cassette: record, replay, replay or ask. The file is `cassette`'s, what makes two
requests the same `normal`'s, and the words for what differs `drift`'s. Where answers are replayed no key,
network or provider is needed. The built-in assistant is never recorded: it answers the same everywhere.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from codemad_jupyter.gateway.answers import played, written
from codemad_jupyter.gateway.cassette import SUFFIX, Cassette, Recorded
from codemad_jupyter.gateway.drift import closest, differences, nearest
from codemad_jupyter.gateway.normal import Names, Sketch, mapped, normalised, sketch
from codemad_jupyter.gateway.provider import (
    Announcement,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Provider,
    Request,
    TextPiece,
    ThinkingPiece,
)
from codemad_jupyter.protocol.errors import CodemadError, NotFound

Mode = Literal["off", "record", "replay", "replay_or_ask"]
OURS = "codemad/"
_FOLDER_FILE = f"codemad{SUFFIX}"


@dataclass(frozen=True)
class Question:
    """A request as it is looked up."""

    sketch: Sketch
    names: Names


class Tape:
    """What is done with the answers of every model. ``path`` is a cassette, or a folder whose cassettes are
    all played and which gets one of its own when something is recorded. ``roots`` are the workspace's paths,
    ``pace`` the seconds between two pieces of a replayed answer."""

    def __init__(
        self,
        path: Path,
        mode: Mode,
        *,
        redact: Callable[[str], str],
        roots: Sequence[Path] = (),
        pace: float = 0.0,
        default: Callable[[], str] = str,
    ) -> None:
        self.mode: Mode = mode
        self.path = path
        self.pace = pace
        self._redact = redact
        self._roots = tuple(roots)
        self._default = default
        self._open: dict[Path, Cassette] = {}
        self._turns: Counter[str] = Counter()

    @property
    def replays(self) -> bool:
        """Whether recorded answers are given."""
        return self.mode in ("replay", "replay_or_ask")

    def provider(self, model: str, live: Callable[[], Provider]) -> Provider:
        """The provider for this model. ``live`` makes the real one, and is called only where it is asked."""
        if model.startswith(OURS):
            return live()
        if self.mode == "record":
            return RecordingProvider(live(), self)
        inner = RecordingProvider(live(), self) if self.mode == "replay_or_ask" else None
        return ReplayingProvider(model, self, inner)

    def models(self, found: Iterable[ModelInfo]) -> tuple[ModelInfo, ...]:
        """The models as they can be chosen: where answers are only replayed, those that were recorded."""
        recorded = dict.fromkeys(self._told(lambda cassette: cassette.models)) if self.replays else {}
        listed = {model.name: model for model in found}
        for name in recorded:
            info = listed.get(name) or ModelInfo(name=name, provider=name.partition("/")[0])
            listed[name] = info.model_copy(update={"ready": True, "why": ""})
        if self.mode == "replay":
            update = {"ready": False, "why": f"Only answers recorded in {self.path.name} are given."}
            listed = {
                name: info if name in recorded or name.startswith(OURS) else info.model_copy(update=update)
                for name, info in listed.items()
            }
        return tuple(listed.values())

    def default_model(self, usual: str, *, chosen: str | None = None) -> str:
        """The model a person chose where it can answer, else the one of the recording."""
        if not self.replays:
            return usual
        answering = self._told(lambda cassette: cassette.models)
        if chosen and (chosen.startswith(OURS) or chosen in answering):
            return chosen
        told = self._told(lambda cassette: (cassette.default,))
        return next((name for name in told if name in answering), next(iter((*answering, *told)), usual))

    def question(self, request: Request) -> Question:
        """The request as it is looked up. Takes milliseconds: keep it off the loop."""
        masked = request.model_copy(
            update={
                "system": self._redact(request.system),
                "messages": tuple(
                    type(message).model_validate(self._masked(message.model_dump()))
                    for message in request.messages
                ),
            }
        )
        normal, names = normalised(masked, roots=self._roots)
        return Question(sketch(normal), names)

    def _masked(self, message: dict[str, Any]) -> dict[str, Any]:
        """The dumped message without secrets; an image's data and what only a provider reads stay."""
        fields = ("text", "content", "arguments")
        parts = [
            {key: mapped(each, self._redact) if key in fields else each for key, each in part.items()}
            for part in message["parts"]
        ]
        return {**message, "parts": parts}

    def answer(self, question: Question) -> Recorded | None:
        """The recorded call for this question. Asked again, the next one; after the last, the first again.

        Raises `CodemadError` for a cassette that is not there or cannot be read.
        """
        key = question.sketch.key
        for cassette in self._cassettes():
            found = [each for place in cassette.found(key) if (each := cassette.read(place)) is not None]
            if found:
                turn, self._turns[key] = self._turns[key], self._turns[key] + 1
                return found[turn % len(found)]
        return None

    def drift(self, question: Question) -> str:
        """A sentence: what of the question differs from what was recorded."""
        asked = question.sketch
        cassettes = self._cassettes()
        places = {cassette.path: nearest(asked, cassette.records()) for cassette in cassettes}
        rivals = nearest(asked, chain.from_iterable(places.values()))
        if not rivals:
            return f"{self.path.name} holds no recorded call."
        wanted = {name for each in rivals for name in (each.sketch.system, *each.sketch.messages)}
        known = chain.from_iterable(each.sketch.values.items() for c in cassettes for each in c.records())
        values = {name: value for name, value in known if name in wanted}
        best = closest(asked, rivals, values)
        cassette = next(each for each in cassettes if any(best is one for one in places[each.path]))
        said = differences(asked, best.sketch, values)
        bad = f" Damaged lines were left out: {len(cassette.damaged)}." if cassette.damaged else ""
        return f"It differs from line {best.line} of {cassette.path.name} in {said}.{bad}"

    def keep(self, question: Question, deltas: Sequence[Delta]) -> None:
        """Add what was answered. Raises `CodemadError` when that cannot be written."""
        answer = written(deltas, lambda text: question.names.text(self._redact(text), new=False))
        path = self.path / _FOLDER_FILE if self.path.is_dir() else self.path
        self._cassette(path).append(question.sketch, answer, default=self._default())

    def _cassettes(self) -> list[Cassette]:
        if not self.path.is_dir():
            return [self._cassette(self.path)]
        found = [self._cassette(path) for path in sorted(self.path.glob(f"*{SUFFIX}"))]
        if not found:
            text = f"There is no cassette in {self.path}."
            raise NotFound(text, hint="Record one with codemad record NOTEBOOK.")
        return found

    def _cassette(self, path: Path) -> Cassette:
        return self._open.setdefault(path, Cassette(path))

    def _told(self, ask: Callable[[Cassette], Iterable[str | None]]) -> list[str]:
        """What the cassettes say. One that cannot be read says so when it is asked for an answer."""
        try:
            return [each for cassette in self._cassettes() for each in ask(cassette) if each]
        except CodemadError:
            return []


class RecordingProvider:
    """Passes on what the provider inside says, and keeps it when it has come to its end."""

    def __init__(self, inner: Provider, tape: Tape) -> None:
        self.name = inner.name
        self._inner = inner
        self._tape = tape

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Call the model; see `Provider`."""
        question = await asyncio.to_thread(self._tape.question, request)
        heard: list[Delta] = []
        async with aclosing(self._inner.stream(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                heard.append(delta)
                # Before the end is told: whoever hears it may close this at once.
                if isinstance(delta, Finished | Failed) and (said := await self._keep(question, heard)):
                    yield Announcement(code="not_recorded", text=said, model=request.model)
                yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside."""
        return await self._inner.models()

    async def _keep(self, question: Question, heard: list[Delta]) -> str:
        """Record; what to say where that failed. A call that somebody cancelled is no answer."""
        last = heard[-1]
        if isinstance(last, Failed) and last.kind == "cancelled":
            return ""
        try:
            await asyncio.to_thread(self._tape.keep, question, heard)
        except CodemadError as error:
            return f"This answer is not recorded. {error}"
        return ""


class ReplayingProvider:
    """Answers from the cassette; where it has no answer it asks ``inner``, or fails if there is none."""

    def __init__(self, model: str, tape: Tape, inner: Provider | None) -> None:
        self.name = model.partition("/")[0]
        self._tape = tape
        self._inner = inner
        self._announced = False

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Play the recorded answer; see `Provider`."""
        try:
            question = await asyncio.to_thread(self._tape.question, request)
            found = await asyncio.to_thread(self._tape.answer, question)
            deltas = played(found.answer, question.names.restored) if found else None
            said = "" if found else await asyncio.to_thread(self._tape.drift, question)
        except CodemadError as error:
            deltas, said = None, str(error)
        if deltas is not None:
            async for delta in self._play(deltas, request.model):
                yield delta
        elif self._inner is None:
            yield _missing(said, request.model)
        else:
            yield Announcement(
                code="asked_live", text=f"{request.model} is asked: no answer is recorded. {said}",
                model=request.model,
            )  # fmt: skip
            async with aclosing(self._inner.stream(request)) as live:  # type: ignore[type-var]
                async for delta in live:
                    yield delta

    async def models(self) -> tuple[ModelInfo, ...]:
        """Those of the provider inside, where there is one."""
        return await self._inner.models() if self._inner is not None else ()

    async def _play(self, deltas: Sequence[Delta], model: str) -> AsyncIterator[Delta]:
        if not self._announced:
            self._announced = True
            text = f"Answered from {self._tape.path.name}; no model is asked."
            yield Announcement(code="replayed", text=text, model=model)
        for delta in deltas:
            if self._tape.pace and isinstance(delta, TextPiece | ThinkingPiece):
                await asyncio.sleep(self._tape.pace)
            yield delta


def _missing(said: str, model: str) -> Failed:
    return Failed(
        kind="not_recorded",
        text=f"No answer is recorded for this question, and no model is asked. {said}",
        hint="Record anew with codemad record, or allow asking the model with --replay-or-ask.",
        model=model,
    )
