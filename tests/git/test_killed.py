"""Killed at any moment of a take, a restore or a drop: every file is the old or the new one, and the next
step finds nothing in its way."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.files import TEMPORARY
from tests.git.anytree import workplace
from tests.git.gitlab import fill, git, repository

KILLS = 30
"""For each of the two places where snapshots are kept."""

WORK = """
import asyncio, json, os, sys
from pathlib import Path
from codemad_jupyter.git.checkpoints import Checkpoints, Snapshot

async def work():
    root, data = Path(sys.argv[1]), Path(sys.argv[2])
    old, new = (Snapshot.model_validate(json.loads(text)) for text in sys.argv[3:5])
    checkpoints = Checkpoints(root, data)
    paths = await checkpoints.changed(old, new)
    while True:
        for name in ("extra0", "extra1"):
            await checkpoints.take(name)
            await checkpoints.restore(old, paths, expect=new)
            await checkpoints.restore(new, paths, expect=old)
        await checkpoints.drop(["extra0"])

while sys.stdin.readline():
    child = os.fork()
    if not child:
        asyncio.run(work())
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


def kill_one(parent: "subprocess.Popen[str]", after: float) -> None:
    """Let a fresh process work for a while, then kill it without a warning; its git goes on if it can."""
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write("go\n")
    parent.stdin.flush()
    child = int(parent.stdout.readline())
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    assert parent.stdout.readline() == "gone\n"


@pytest.mark.parametrize("kind", ["ref", "own"])
def test_a_kill_at_any_moment_leaves_old_or_new(kind: str) -> None:
    chance = random.Random(7)
    with workplace() as place:
        root, data = place / "top", place / "data"
        old = {f"d{number % 4}/f{number}": f"old {number}\n" * 50 for number in range(24)}
        new = {name: text.replace("old", "new") for name, text in old.items()}
        fill(root, old)
        if kind == "ref":
            repository(root)
        checkpoints = Checkpoints(root, data)
        first = asyncio.run(checkpoints.take("first"))
        fill(root, new)
        (root / "d0" / "f0").unlink()
        fill(root, {"made/x": "new\n"})
        second = asyncio.run(checkpoints.take("second"))
        assert first.kind == second.kind == kind
        seen: set[str] = set()
        words = [str(root), str(data), first.model_dump_json(), second.model_dump_json()]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-c", WORK, *words], stdin=pipe, stdout=pipe, text=True
        ) as parent:
            later = Checkpoints(root, data)
            for number in range(KILLS):
                kill_one(parent, chance.uniform(0.005, 0.25))
                seen |= states(root, old, new)
                taken = asyncio.run(later.take("after"))
                assert taken.kind == kind, taken.skipped
                assert not list(root.glob(f"**/{TEMPORARY}*"))
                if number % 5 == 4:
                    for wanted in (first, second):
                        now = asyncio.run(later.take("now"))
                        paths = asyncio.run(later.changed(wanted, now))
                        assert asyncio.run(later.restore(wanted, paths, expect=now)).conflicts == ()
                        assert asyncio.run(later.changed(wanted, asyncio.run(later.take("now")))) == ()
        assert seen == {"old", "new"}
        check(Path(first.repo), root)


def states(root: Path, old: dict[str, str], new: dict[str, str]) -> set[str]:
    """Whether there are old files, and new ones; never anything else."""
    seen: set[str] = set()
    for name, text in old.items():
        if (root / name).exists():
            now = (root / name).read_text()
            assert now in (text, new[name]), name
            seen.add(now[:3])
        else:
            assert name == "d0/f0"
    return seen


def check(git_dir: Path, root: Path) -> None:
    git(root, f"--git-dir={git_dir}", "fsck", "--strict", "--no-dangling")
    refs = git(root, f"--git-dir={git_dir}", "for-each-ref", "--format=%(refname)", "refs/codemad")
    names = {line.rpartition("/")[2] for line in refs.split()}
    assert {"first", "second"} <= names <= {"first", "second", "extra0", "extra1", "after", "now"}
    assert not [path for path in git_dir.rglob("*.lock")]
