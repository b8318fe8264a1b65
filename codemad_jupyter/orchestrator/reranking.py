"""Puts what a search found in another order by asking a model, where the person has switched that on.

The model sees the query and a few lines of each of the first places; all it can do is order them. Whatever
goes wrong leaves the order there was, and is said.
"""

import asyncio
import importlib.resources
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from codemad_jupyter.context.excerpts import Excerpts
from codemad_jupyter.context.search import Hit
from codemad_jupyter.gateway.choosing import Need
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.gateway.router import OFFLINE_MODEL
from codemad_jupyter.orchestrator.side_call import Supply, answer_to
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.supply import Account

CANDIDATES = 20
"""So many places are put in order; those behind them stay there."""
QUERY, EXCERPT = 1_000, 500
"""Characters that are sent of the query, and of each place."""
TOKENS = 1_000
"""What the answer may take; models that think first need more than the numbers."""
SILENCE, DEADLINE = 10.0, 20.0
"""Seconds of silence, and in all with what the first call of a process takes to load, after which the order
stays as it is."""
AGAIN = 60.0
"""Seconds until a model that failed is asked again."""
Hits = tuple[Hit, ...]


class Reranker:
    """Orders the places found below ``root``. ``sent`` says which files' text may go to a model; of others
    it is told the path alone."""

    def __init__(self, supply: Supply, root: Path, *, sent: Callable[[str], bool]) -> None:
        self._supply = supply
        self._root = root
        self._sent = sent
        self._fault, self._failed = "", float("-inf")

    async def order(self, query: str, hits: Sequence[Hit]) -> tuple[Hits, str]:
        """The places, best first, and why a model did not order them, "" where one did."""
        first = tuple(hits[:CANDIDATES])
        if len(first) < 2:
            return tuple(hits), ""
        if self._fault and time.monotonic() < self._failed + AGAIN:
            return tuple(hits), self._fault
        try:
            numbers = await self._asked(query, first)
        except TimeoutError:
            return tuple(hits), self._fail(f"the model did not answer within {DEADLINE:g} s.")
        except CodemadError as error:
            return tuple(hits), self._fail(str(error))
        self._fault = ""
        if not numbers:
            return tuple(hits), _unordered("the model named none of the places.")
        rest = [number for number in range(len(first)) if number not in numbers]
        return (*(first[number] for number in (*numbers, *rest)), *hits[CANDIDATES:]), ""

    async def _asked(self, query: str, hits: Hits) -> list[int]:
        router = self._supply.router
        told = await asyncio.to_thread(self._told, query, hits)
        need = Need(purpose="rerank", text=query, tokens=len(told) // 3, output=TOKENS)
        choice = router.choose_beside(need, default=router.default_model())
        if choice is None or choice.model == OFFLINE_MODEL:
            raise CodemadError("there is no model for it.", hint="Name one as purposes.rerank.model.")
        served = router.serving("rerank")
        prompt = importlib.resources.files(__package__).joinpath("prompts/rerank.md")
        request = Request(
            model=choice.model,
            system=prompt.read_text("utf-8"),
            messages=(Message.user(told),),
            max_tokens=min(TOKENS, served.max_output_tokens),
            timeout=min(SILENCE, served.timeout),
        )
        async with asyncio.timeout(DEADLINE):
            said = await answer_to(
                self._supply, request, account=Account(purpose="rerank"), fallbacks=choice.fallbacks
            )
        return numbers_in(said, count=len(hits))

    def _told(self, query: str, hits: Hits) -> str:
        excerpts = Excerpts(self._root, query)
        places = []
        for number, hit in enumerate(hits, 1):
            excerpt = excerpts.of(hit) if self._sent(hit.path) else None
            cell = "" if hit.cell is None else f" cell {hit.cell}"
            text = "" if excerpt is None else excerpt.text[:EXCERPT]
            places.append(f"[{number}] {hit.path}{cell} {hit.symbol}".rstrip() + f"\n{text}")
        return f"Query: {query[:QUERY]}\n\n" + "\n\n".join(places)

    def _fail(self, why: str) -> str:
        self._fault, self._failed = _unordered(why), time.monotonic()
        return self._fault


def _unordered(why: str) -> str:
    return f"The places were not put in order by a model: {why}"


def numbers_in(said: str, *, count: int) -> list[int]:
    """The places an answer names, from 0 on, each once; what names none of the ``count`` is passed over."""
    found = (int(number) - 1 for number in re.findall(r"(?<![\d.])\d{1,3}(?![\d.]\d)", said))
    return list(dict.fromkeys(number for number in found if 0 <= number < count))
