"""What can be pointed at while a prompt is written: variables, cells, files and sessions that fit a few
letters. Answers from what is known; a kernel or a folder that takes long is looked at behind the scenes.
"""

import asyncio
import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from codemad_jupyter.context.walking import SECRET, list_paths
from codemad_jupyter.git.ignoring import listed_files
from codemad_jupyter.notebooks.ports import Ports
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.kernels import Variable
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.sessions import SessionInfo

MOST = 50
MOST_FILES = 50_000
PATIENCE = 0.03
"""Seconds an answer waits for a look; what is known from before is taken then."""
FRESH_STATE, FRESH_FILES = 1.0, 10.0
MOST_KEPT = 32

_KIND = re.compile(r"(file|cell|var|variable|session):")

T = TypeVar("T")


@dataclass
class _Known(Generic[T]):
    """What a look found, when, and the look that goes on."""

    value: T
    at: float = 0.0
    """When the look began that found it, or that is under way."""
    looking: asyncio.Task[T] | None = None


@dataclass
class Mentions:
    """The suggestions of one workspace."""

    root: Path
    ports: Ports
    deadline: float
    may_read: Callable[[str], bool] = lambda path: True
    _state: dict[Target, _Known[tuple[Mention, ...]]] = field(default_factory=dict)
    _files: _Known[tuple[Mention, ...]] = field(default_factory=lambda: _Known(()))

    async def find(self, query: str, target: Target, sessions: Iterable[SessionInfo]) -> tuple[Mention, ...]:
        """At most `MOST` suggestions, the best first."""
        if target not in self._state and len(self._state) >= MOST_KEPT:
            self._state.pop(next(iter(self._state)))
        state = self._state.setdefault(target, _Known(()))
        live, files = await asyncio.gather(
            _recent(state, lambda: self._look(target), FRESH_STATE),
            _recent(self._files, lambda: asyncio.to_thread(_listed, self.root, self.may_read), FRESH_FILES),
        )
        others = (Mention(kind="session", name=s.id, label=s.title or s.id) for s in sessions)
        return ranked(query, (*live, *others), files)

    async def close(self) -> None:
        """Stop looking."""
        looks = [known.looking for known in (self._files, *self._state.values()) if known.looking]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def _look(self, target: Target) -> tuple[Mention, ...]:
        found: list[Mention] = []
        kernel = await self.ports.kernel(target)
        if kernel is not None:
            report = await kernel.report(deadline=self.deadline)
            found += [
                Mention(kind="variable", name=each.name, label=each.name, detail=_shape(each))
                for each in report.variables
                if each.kind != "module"
            ]
        notebook = await self.ports.notebook(target)
        if notebook is not None and target.notebook is not None:
            view = await notebook.view(target.notebook)
            found += [
                Mention(kind="cell", name=cell.id, label=_first_line(cell.source), detail=cell.cell_type)
                for cell in view.cells
            ]
        return tuple(found)


async def _recent(
    known: _Known[tuple[Mention, ...]], look: Callable[[], Awaitable[tuple[Mention, ...]]], fresh: float
) -> tuple[Mention, ...]:
    """What was found last, after a new look if that is quick enough."""
    _take(known)
    if known.looking is None and (not known.at or time.monotonic() - known.at > fresh):
        known.looking, known.at = asyncio.create_task(_awaited(look)), time.monotonic()
    if known.looking is not None:
        await asyncio.wait({known.looking}, timeout=PATIENCE)
        _take(known)
    return known.value


def _take(known: _Known[tuple[Mention, ...]]) -> None:
    """What a look that has ended found. It is as old as its beginning, however late somebody asks."""
    if known.looking is None or not known.looking.done():
        return
    task, known.looking = known.looking, None
    error = task.exception() if not task.cancelled() else None
    if error is not None and not isinstance(error, CodemadError | OSError):
        raise error
    if error is None and not task.cancelled():
        known.value = task.result()


async def _awaited(look: Callable[[], Awaitable[tuple[Mention, ...]]]) -> tuple[Mention, ...]:
    return await look()


def _listed(root: Path, may_read: Callable[[str], bool]) -> tuple[Mention, ...]:
    paths = listed_files(root, limit=MOST_FILES)
    found = list_paths(root, limit=MOST_FILES) if paths is None else iter(paths)
    return tuple(
        Mention(kind="file", name=path, label=os.path.basename(path), detail=os.path.dirname(path))  # noqa: PTH119, PTH120
        for path in found
        if not SECRET.search(path.rpartition("/")[2]) and may_read(path)
    )


def ranked(query: str, *groups: Iterable[Mention]) -> tuple[Mention, ...]:
    """Those that fit: beginning with the query, then holding it, then its letters in order; equal ones in
    the order given. A query that begins with a kind, as in ``file:a``, wants no other."""
    wanted = query.casefold().removeprefix("@")
    every: Iterable[Mention] = itertools.chain(*groups)
    if kind := _KIND.match(wanted):
        wanted = wanted[kind.end() :]
        every = (mention for mention in every if mention.kind.startswith(kind[1]))
    if not wanted:
        return tuple(itertools.islice(every, MOST))
    words = [(mention.label.casefold(), mention.name.casefold(), mention) for mention in every]
    kinds: tuple[list[Mention], ...] = ([], [], [])
    for label, name, mention in words:
        if wanted in name or wanted in label:
            begins = label.startswith(wanted) or name.startswith(wanted)
            kinds[0 if begins else 1 if wanted in label else 2].append(mention)
    found = list(itertools.chain(*kinds))
    if len(found) < MOST:
        loose = re.compile("".join(f"[^{c}]*{c}" for c in map(re.escape, wanted[:40])))
        found += (
            m
            for label, name, m in words
            if wanted not in name + label and loose.match(name if m.kind == "file" else label)
        )
    return tuple(found[:MOST])


def _shape(variable: Variable) -> str:
    return f"{variable.type} {' x '.join(map(str, variable.shape or ()))}".strip()


def _first_line(source: str) -> str:
    return next((line.strip()[:80] for line in source.splitlines() if line.strip()), "(empty)")
