"""Edits of a run and of the person, checkpoints, restores and undone restores, in any order: everything
is as it was, or left as the person has it and named."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from codemad_jupyter.git.checkpoints import Checkpoints, Snapshot
from tests.git.anytree import CONTENTS, MODES, Tree, contents, make, odd, remove, trees, workplace
from tests.git.test_any_tree import KINDS, Contents, below, both, gaps, named, start

SEQUENCES = int(os.environ.get("SEQUENCES", "200"))
POOL = ["a", "b", "d/e", "d/new\nline", "d", "\udcff\udcfe", ".gitignore"]

simple = some.dictionaries(
    some.sampled_from(POOL[:-1]),
    some.tuples(some.just("file"), some.sampled_from(CONTENTS[:-4]), some.sampled_from(MODES[:3])),
    max_size=3,
)
edits = some.one_of(simple, trees(odd, size=2))
steps = some.one_of(
    some.tuples(some.just("turn"), edits, edits),
    some.tuples(some.just("turn"), edits, edits),
    some.tuples(some.just("person"), edits, some.just({})),
    some.tuples(some.sampled_from(["revert", "merge", "back"]), some.just({}), some.just({})),
)


class Story:
    """A folder, and what has been done to it."""

    def __init__(self, root: Path, data: Path) -> None:
        self.root = root
        self.checkpoints = Checkpoints(root, data)
        self.turns: list[tuple[Snapshot, Snapshot, Contents, Contents]] = []
        self.taken = 0
        self.paths: set[str] = {*POOL}
        self.first: tuple[Snapshot, Contents] | None = None

    async def take(self) -> Snapshot:
        self.taken += 1
        snapshot = await self.checkpoints.take(f"s{self.taken}", include=sorted(self.paths), deadline=60)
        assert snapshot.kind != "none", snapshot.skipped
        return snapshot

    def edit(self, tree: Tree) -> None:
        self.paths |= {*tree}
        if len(tree) == 1:
            remove(self.root / next(iter(tree)))
        make(self.root, tree)

    async def turn(self, tree: Tree, other: Tree) -> None:
        """A run changes files, and perhaps the person afterwards."""
        self.paths |= {*tree}
        before, was = await self.take(), contents(self.root)
        self.edit(tree)
        after, done = await self.take(), contents(self.root)
        self.turns.append((before, after, was, done))
        self.first = self.first or (before, was)
        if len(self.turns) % 2:
            self.edit(other)

    async def revert(self, *, merge: bool) -> None:
        """Take the latest turn back; then take that back, too."""
        before, after, was, done = self.turns[-1]
        safety, now = await self.take(), contents(self.root)
        changed = await self.checkpoints.changed(before, after)
        back = await self.checkpoints.restore(before, changed, expect=after, merge=merge)
        found = contents(self.root)
        excused = set().union(*(named(self.checkpoints, each) for each in (before, after, safety)))
        assert {*back.restored, *back.merged, *back.conflicts} == {*changed}
        for path in changed:
            self._check(path, back.restored, (now, was, done, found), excused)
        touched = {path.rstrip("/") for path in changed}
        assert gaps(now, found, excused | touched) == {}  # nothing else has changed
        for path in back.merged:
            assert merge
            assert found[path][0] == "file"
            assert now[path] != done[path] != was[path]
        await self._again(safety, now, excused)

    def _check(
        self, path: str, restored: tuple[str, ...], states: tuple[Contents, ...], excused: set[str]
    ) -> None:
        now, was, done, found = (state.get(path.rstrip("/")) for state in states)
        if path in restored:
            assert found == was or below(path.rstrip("/"), excused) or path.endswith("/")
        elif now == done and "folder" not in (now or was or ("",)) and not below(path, excused):
            # Only something of the person's in the way may keep a file that nobody touched.
            assert any(key.startswith(f"{path}/") or path.startswith(f"{key}/") for key in states[0]), path

    async def _again(self, safety: Snapshot, now: Contents, excused: set[str]) -> None:
        """Undo the restore."""
        after = await self.take()
        changed = await self.checkpoints.changed(safety, after)
        forth = await self.checkpoints.restore(safety, changed, expect=after)
        excused = excused | named(self.checkpoints, after) | {path.rstrip("/") for path in forth.conflicts}
        assert gaps(now, contents(self.root), excused) == {}

    async def back(self) -> None:
        """Back to the beginning, whoever made the changes since."""
        assert self.first is not None
        first, was = self.first
        now, state = await self.take(), contents(self.root)
        changed = await self.checkpoints.changed(first, now)
        back = await self.checkpoints.restore(first, changed, expect=now)
        excused = named(self.checkpoints, first) | named(self.checkpoints, now)
        refused = {path.rstrip("/") for path in back.conflicts}
        assert gaps(was, contents(self.root), excused | refused) == {}
        await self._again(now, state, excused)


async def play(story: Story, what: list[tuple[str, Tree, Tree]]) -> None:
    for kind, tree, other in what:
        if kind == "turn":
            await story.turn(tree, other)
        elif kind == "person":
            story.edit(tree)
        elif story.turns and kind == "back":
            await story.back()
        elif story.turns:
            await story.revert(merge=kind == "merge")


Sequence = tuple[str, Tree, list[tuple[str, Tree, Tree]]]
sequence = some.tuples(some.sampled_from([*KINDS]), trees(odd, size=3), some.lists(steps, max_size=3))


async def one(kind: str, tree: Tree, what: list[tuple[str, Tree, Tree]]) -> None:
    with workplace() as place:
        top = place / "top"
        root = top / "inner" if kind == "subfolder" else top
        start(top, root, kind, tree)
        story = Story(root, place / "data")
        story.paths |= {*tree}
        await play(story, [("turn", tree, {}), *what, ("merge", {}, {})])


@pytest.mark.timeout(120 + SEQUENCES)
def test_any_sequence_is_taken_back() -> None:
    count = 0

    @settings(max_examples=SEQUENCES // 2, deadline=None, database=None, phases=[Phase.generate])
    @given(sequences=some.tuples(sequence, sequence))
    def check(sequences: tuple[Sequence, ...]) -> None:
        nonlocal count
        count += len(sequences)
        asyncio.run(both(one(*each) for each in sequences))

    begun = time.perf_counter()
    check()
    sys.stdout.write(f"\n{count} sequences in {time.perf_counter() - begun:.1f} s\n")
    assert count >= SEQUENCES
