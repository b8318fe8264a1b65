"""Whatever a workspace holds and whatever is done to it: undo gives it back, and redo takes it again."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Coroutine, Iterable
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from codemad_jupyter.git.checkpoints import Checkpoints, Snapshot
from tests.git.anytree import Tree, contents, make, name, odd, remove, template, trees, workplace
from tests.git.gitlab import git

TREES = int(os.environ.get("TREES", "100"))
"""For each of the kinds of places."""
KINDS = {"repository": "ref", "subfolder": "ref", "no commit": "ref", "folder": "own", "conversions": "own"}

Contents = dict[str, tuple[str, int, bytes]]


def start(top: Path, root: Path, kind: str, tree: Tree) -> None:
    top.mkdir()
    if kind != "folder":
        shutil.copytree(template(born=kind != "no commit"), top, dirs_exist_ok=True)
    root.mkdir(exist_ok=True)
    make(root, tree)
    if kind == "conversions":
        (top / ".gitattributes").write_text("* text=auto eol=lf ident\n")
    if kind in ("repository", "subfolder"):
        # Folders with a repository but no commit make git refuse the rest: then nothing is staged.
        git(top, "-c", "core.protectNTFS=false", "add", "-A", check=False)


def named(checkpoints: Checkpoints, snapshot: Snapshot) -> set[str]:
    """What a snapshot says that it does not cover, as its manifest has it."""
    said = checkpoints.manifest(snapshot)
    assert len(snapshot.skipped) == min(len(said.skipped), 201)
    return {*said.skipped, *(name.rstrip("/") for name in said.ignored)}


def below(path: str, tops: set[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def gaps(before: Contents, now: Contents, excused: set[str]) -> dict[str, object]:
    """What is not as before although nobody said so. A folder is excused by what is left in it."""
    wrong: dict[str, object] = {}
    for key in before.keys() | now.keys():
        if before.get(key) == now.get(key) or below(key, excused):
            continue
        if any(other.startswith(f"{key}/") for other in excused):
            continue
        wrong[key] = (before.get(key), now.get(key))
    return wrong


async def there_and_back(root: Path, data: Path, damage: Tree, deleted: set[str]) -> str:
    checkpoints = Checkpoints(root, data)
    wanted = contents(root)
    include = sorted({*damage, *deleted})
    first = await checkpoints.take("first", deadline=60, include=include)
    for gone in deleted:
        remove(root / gone)
    make(root, damage)
    damaged = contents(root)
    second = await checkpoints.take("second", deadline=60, include=include)
    assert first.kind == second.kind != "none", (first.skipped, second.skipped)
    changed = await checkpoints.changed(first, second)
    excused = named(checkpoints, first) | named(checkpoints, second)
    assert gaps(wanted, damaged, excused | {path.rstrip("/") for path in changed}) == {}
    for _ in range(2):  # a second restore changes nothing
        back = await checkpoints.restore(first, changed, expect=second)
        refused = {path.rstrip("/") for path in back.conflicts}
        assert {*back.restored, *back.conflicts} == {*changed}
        assert gaps(wanted, contents(root), excused | refused) == {}
        if not excused:
            assert not refused
    forth = await checkpoints.restore(second, changed, expect=first)
    refused |= {path.rstrip("/") for path in forth.conflicts}
    assert gaps(damaged, contents(root), excused | refused) == {}
    return first.kind


case = some.tuples(trees(odd), trees(odd, size=4), some.sets(name, max_size=6))


async def one(kind: str, before: Tree, damage: Tree, deleted: set[str]) -> None:
    with workplace() as place:
        top = place / "top"
        root = top / "inner" if kind == "subfolder" else top
        start(top, root, kind, before)
        kept = await there_and_back(root, place / "data", damage, deleted)
        if not (before or damage):
            assert kept == KINDS[kind]


@pytest.mark.timeout(120 + TREES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_tree_survives_any_damage(kind: str) -> None:
    count = 0

    @settings(max_examples=TREES // 2, deadline=None, database=None, phases=[Phase.generate])
    @given(cases=some.tuples(case, case))
    def check(cases: tuple[tuple[Tree, Tree, set[str]], ...]) -> None:
        nonlocal count
        count += len(cases)
        asyncio.run(both(one(kind, *each) for each in cases))

    begun = time.perf_counter()
    check()
    sys.stdout.write(f"\n{count} trees ({kind}) in {time.perf_counter() - begun:.1f} s\n")
    assert count >= TREES


async def both(works: Iterable[Coroutine[None, None, None]]) -> None:
    """At once, each in a place of its own: most of the time goes to git, and there are two processors."""
    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)
