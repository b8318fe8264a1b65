"""Diagnostics of a workspace: documents go in, what language servers say of them comes out.

Chooses and keeps the servers, asks them side by side within a deadline, and tells what is new against the
state before. It never raises for a server that is missing, slow or broken: the diagnosis says so.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from codemad_jupyter.context.diagnostics.documents import Document
from codemad_jupyter.context.diagnostics.keeper import PATIENCE, Keeper, Unanswered
from codemad_jupyter.context.diagnostics.noise import Known, kept
from codemad_jupyter.context.diagnostics.servers import SERVERS, Choice, Place, Server, choose
from codemad_jupyter.protocol.diagnostics import Diagnosis, Problem

Mode = Literal["auto", "off"]
MOST_CHARACTERS = 2_000_000
MOST_CELLS = 2_000
MOST_PROBLEMS = 200
NOTHING_KNOWN = Known()


def nobody(folder: Path) -> bool:
    """Trusts no folder."""
    return False


class Diagnostics:
    """The language servers of one workspace. `close` ends them.

    ``trusted`` is asked each time whether the person trusts the folder: only then do its configuration
    and servers that may run code of it count.
    """

    def __init__(
        self,
        root: Path,
        *,
        mode: Mode = "auto",
        trusted: Callable[[Path], bool] = nobody,
        servers: tuple[Server, ...] = SERVERS,
        patience: float = PATIENCE,
    ) -> None:
        self._root = root
        self.mode = mode
        self._trusted = trusted
        self._servers = servers
        self._patience = patience
        self._keepers: dict[tuple[str, Path, bool], Keeper] = {}

    def choice(self, language: str, prefix: Path | None = None) -> Choice:
        """Which servers would be asked about the language."""
        return choose(language, self._place(prefix), self._servers)

    async def check(
        self,
        document: Document,
        *,
        deadline: float,
        known: Known = NOTHING_KNOWN,
        prefix: Path | None = None,
        most: int = MOST_PROBLEMS,
    ) -> Diagnosis:
        """What is wrong in a document. ``prefix`` is the environment of its kernel."""
        return await self._diagnose([document], known, prefix, deadline=deadline, most=most)

    async def compare(
        self,
        before: Document | None,
        after: Document,
        *,
        deadline: float,
        known: Known = NOTHING_KNOWN,
        prefix: Path | None = None,
        most: int = MOST_PROBLEMS,
    ) -> Diagnosis:
        """What is wrong after a change and was not before it, unused things left out."""
        states = [after] if before is None else [before, after]
        return await self._diagnose(states, known, prefix, deadline=deadline, most=most, new=True)

    async def _diagnose(
        self,
        states: Sequence[Document],
        known: Known,
        prefix: Path | None,
        *,
        deadline: float,
        most: int,
        new: bool = False,
    ) -> Diagnosis:
        document = states[-1]
        if self.mode == "off":
            return Diagnosis(detail="Diagnostics are switched off.")
        if any(state.size > MOST_CHARACTERS or len(state.cells or ()) > MOST_CELLS for state in states):
            return Diagnosis(detail=f"{document.path} is too large to be checked.")
        place = await asyncio.to_thread(self._place, prefix)
        await self._retire(place.trusted)
        choice = await asyncio.to_thread(choose, document.language, place, self._servers)
        keepers = [self._keeper(server, program, place) for server, program in choice.used]
        answers = await asyncio.gather(*(_asked(keeper, states, deadline) for keeper in keepers))
        detail = [lacking(choice)] if choice.missing or choice.distrusted else []
        detail += [answer for answer in answers if isinstance(answer, str)]
        heard = [answer for answer in answers if not isinstance(answer, str)]
        types = next((each.server.name for each in keepers if each.server.role == "types"), None)

        def problems(state: int) -> list[Problem]:
            found = [problem for answer in heard for problem in answer[state]]
            return kept(found, states[state], known, self._root, types)

        chosen = await asyncio.to_thread(problems, -1)
        if new:
            chosen = _new(await asyncio.to_thread(problems, 0) if len(states) > 1 else [], chosen)
        return Diagnosis(
            problems=tuple(chosen[:most]),
            more=max(len(chosen) - most, 0),
            servers=tuple(
                keeper.server.name
                for keeper, answer in zip(keepers, answers, strict=True)
                if not isinstance(answer, str)
            ),
            detail=" ".join(detail),
        )

    def _place(self, prefix: Path | None) -> Place:
        return Place(self._root, prefix or Path(sys.prefix), self._trusted(self._root))

    def _keeper(self, server: Server, program: str, place: Place) -> Keeper:
        key = (program, place.prefix, place.trusted)
        if key not in self._keepers:
            self._keepers[key] = Keeper(server, program, place, patience=self._patience)
        return self._keepers[key]

    async def _retire(self, trusted: bool) -> None:
        """End the servers that were started before the person changed their mind about the folder."""
        outdated = [key for key in self._keepers if key[2] is not trusted]
        await asyncio.gather(*(self._keepers.pop(key).close() for key in outdated))

    async def close(self) -> None:
        """End all servers."""
        keepers = list(self._keepers.values())
        self._keepers.clear()
        await asyncio.gather(*(keeper.close() for keeper in keepers))


async def _asked(keeper: Keeper, states: Sequence[Document], deadline: float) -> list[list[Problem]] | str:
    try:
        return await keeper.look(states, deadline=deadline)
    except Unanswered as reason:
        return str(reason)


def _new(before: list[Problem], after: list[Problem]) -> list[Problem]:
    """The problems that came with the change: errors first. Lines may have moved, so what counts is how
    often a cell has the same complaint."""
    had = Counter(map(_sameness, before))
    new = []
    for problem in after:
        if had[_sameness(problem)] > 0:
            had[_sameness(problem)] -= 1
        elif not problem.unused:
            new.append(problem)
    return sorted(new, key=lambda problem: problem.severity != "error")


def _sameness(problem: Problem) -> tuple[str | None, str, str, str]:
    return problem.cell, problem.server, problem.code, problem.text


def lacking(choice: Choice) -> str:
    """What is missing and how to get it, in one or two sentences; empty when nothing is."""
    said = []
    for server in choice.missing:
        said.append(f"No server for {server.role} is installed ({server.name}: {server.install}).")
    for server in choice.distrusted:
        said.append(f"{server.name} may run code of the folder and is used once you trust it.")
    return " ".join(said)
