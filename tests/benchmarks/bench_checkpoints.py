"""Processor time of a checkpoint of 20,000 small files, beside ``git stash create`` and a shadow repository.

Run ``python tests/benchmarks/bench_checkpoints.py [FILES]``. Seconds are those of this process and of all
its children, the median of all rounds, best round in parentheses. The target is 0.1 s at most when warm.
"Cold" is the first time ever; "restarted" is the first of a new process on what an earlier one left.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.git.checkpoints import Checkpoints  # noqa: E402

TARGET = 0.1
ROUNDS = 9
FOLDERS = 200


def git(folder: Path, *words: str, **variables: str) -> None:
    subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**os.environ, **variables},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=600,
    )


def make(root: Path, count: int) -> None:
    for number in range(count):
        path = root / f"d{number % FOLDERS}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n" * 20)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")


def spent(work: Callable[[], None]) -> float:
    """Processor seconds, those of children included, for which they must have ended."""

    def now() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    begun = now()
    work()
    return now() - begun


class Ours:
    def __init__(self, root: Path, data: Path, count: int) -> None:
        self._root, self._data, self._count, self._number = root, data, count, 0
        self.restart()

    def restart(self) -> None:
        self._checkpoints = Checkpoints(self._root, self._data)

    def __call__(self) -> None:
        self._number += 1
        taken = asyncio.run(self._checkpoints.take(f"n{os.getpid()}-{self._number}", deadline=120))
        assert taken.kind == "ref", taken.skipped
        assert taken.files >= self._count


def shadow(root: Path, folder: Path) -> None:
    variables = {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(root)}
    if not folder.exists():
        git(root, "init", "-q", **variables)
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "exclude").write_text(".git\n")
    git(root, "add", "-A", **variables)
    git(root, "write-tree", **variables)


def edit(root: Path, number: int) -> None:
    (root / "d1" / "f1.txt").write_text(f"edit {number}\n")


def add(root: Path, number: int) -> None:
    (root / "d2" / f"new{number}.txt").write_text("new\n")


def nothing(root: Path, number: int) -> None:
    """Leave everything as it is."""


def report(label: str, seconds: list[float]) -> float:
    median = statistics.median(seconds)
    sys.stdout.write(f"  {label:34} {median:7.3f}  ({min(seconds):.3f})\n")
    return median


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as place:
        root, data, other = Path(place) / "work", Path(place) / "data", Path(place) / "shadow.git"
        make(root, count)
        time.sleep(4)  # files as young as the index have to be looked at twice
        ours = Ours(root, data, count)
        ways: dict[str, Callable[[], None]] = {
            "ours": ours,
            "git stash create": lambda: git(root, "stash", "create"),
            "shadow repository": lambda: shadow(root, other),
        }
        sys.stdout.write(f"processor seconds, {count} files, median of {ROUNDS} (best)\n")
        for label, way in ways.items():
            edit(root, 0)
            report(f"{label}, cold", [spent(way)])
        ours.restart()
        report("ours, restarted", [spent(ours)])
        worst = 0.0
        for what, change in (("unchanged", nothing), ("one file edited", edit), ("one file added", add)):
            times: dict[str, list[float]] = {label: [] for label in ways}
            for number in range(ROUNDS):
                for label, way in ways.items():
                    change(root, number * 10 + len(label))
                    times[label].append(spent(way))
            for label, seconds in times.items():
                median = report(f"{label}, warm, {what}", seconds)
                worst = max(worst, median if label == "ours" else 0.0)
    sys.stdout.write(f"worst warm median of ours: {worst:.3f}, target {TARGET}\n")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
