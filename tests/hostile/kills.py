"""Kills an engine at random points of its runs, again and again on one folder, and looks at what is left.

``python -m tests.hostile.kills --kills 200`` prints how often it was killed while it did what, and what was
lost; the seed makes a series that can be repeated as far as a machine's pace allows.
"""

import argparse
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flows.conftest import NOTEBOOK
from tests.git.gitlab import git, repository
from tests.hostile.escapes import alive
from tests.servers.connection import Recorded
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT, PAUSE

LINES = 4_000
LONGEST_LIFE = 6.0
"""Seconds of work after which a victim is killed at the latest."""
NAMES = {".git", "n.ipynb", "edited.txt", "written.txt", "made.txt"}


def text(word: str) -> str:
    """A file that shows by itself whether it is whole: every line says the same."""
    return f"{word}\n" * LINES


def cell(word: str) -> str:
    """The source of a cell, which shows the same."""
    return f"c = '{word}'\n" * 40


class Worker(ModelServer):
    """A model that works in six steps on every task, whatever became of the one before."""

    def next_turn(self, request: Recorded) -> Turn:
        messages = request.body["messages"]
        last = max(at for at, each in enumerate(messages) if each["role"] == "user")
        step = sum(each["role"] == "assistant" for each in messages[last:])
        said = json.dumps([each["content"] for each in messages if each["role"] == "user"])
        name = (re.findall(r"task (\d+-\d+)", said) or ["none"])[-1]
        command = f"yes x{name} | head -n 9000 > made.txt; sleep 0.1"
        patch = "*** Begin Patch\n*** Delete File: edited.txt\n*** End Patch"
        steps = (
            Turn(text="Let me look. " * 20, delay=0.005, calls=(Call("list_files", {}),)),
            Turn(calls=(Call("write_file", {"path": "edited.txt", "content": text(name)}),)),
            Turn(calls=(Call("write_file", {"path": "written.txt", "content": text(f"w{name}")}),
                        Call("insert_cell", {"source": cell(name)}))),
            Turn(calls=(Call("run_command", {"command": command}),)),
            Turn(calls=(Call("apply_patch", {"patch": patch}),)),
        )  # fmt: skip
        return steps[step] if step < len(steps) else Turn(text="It is done. " * 20, delay=0.005)


@dataclass
class Series:
    """What came of the kills."""

    doing: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    stored: int = 0
    seconds: float = 0.0


def kill_many(
    folder: Path,
    *,
    kills: int,
    seed: int,
    longest: float = LONGEST_LIFE,
    told: Callable[[str], object] | None = None,
) -> Series:
    """So many lives, each ended without a warning; a last one looks at what the others left."""
    root = folder / "work"
    root.mkdir(parents=True)
    (root / "n.ipynb").write_text(json.dumps(NOTEBOOK, indent=1) + "\n")
    (root / "edited.txt").write_text(text("first"))
    repository(root)
    before = git(root, "for-each-ref"), git(root, "status", "--porcelain")
    series, dice, began = Series(), random.Random(seed), time.monotonic()
    with Worker() as model, _parent(folder, model) as parent:
        for number in range(kills + 1):
            life = dice.uniform(0, longest) if number < kills else 0.0
            after = "starting" if dice.random() < 0.15 and number < kills else "found"
            _life(parent, series, seconds=life if after == "found" else life / 8, after=after)
            _look(root, series)
            if told is not None and number % 10 == 9:
                told(f"{number + 1} kills, {len(series.faults)} faults, {time.monotonic() - began:.0f} s")
    refs = [line for line in git(root, "for-each-ref").splitlines() if "codemad" not in line]
    if "\n".join(refs) != before[0].strip():
        series.faults.append(f"the person's repository has other references: {refs}")
    series.seconds = time.monotonic() - began
    return series


@contextlib.contextmanager
def _parent(folder: Path, model: ModelServer) -> Iterator["subprocess.Popen[str]"]:
    shell = [{"decide": "allow", "axis": "shell"}]
    own = {
        "HOME": str(folder / "home"),
        "CODEMAD_DATA_DIR": str(folder / "data"),
        "CODEMAD_COMPATIBLE_BASE_URL": model.openai_url,
        "CODEMAD_MODE": "auto_edit",
        "CODEMAD_PERMISSIONS": json.dumps(shell),
        "CODEMAD_INDEX": "false",
        "CODEMAD_DIAGNOSTICS": "off",
        "CODEMAD_CHECKPOINT_DAYS": "0",
    }
    (folder / "home").mkdir()
    command = [sys.executable, "-m", "tests.hostile.victim", str(folder / "work")]
    variables: Mapping[str, str] = {**os.environ, **own}
    with (folder / "victims.log").open("wb") as log:
        parent = subprocess.Popen(
            command, env=variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        try:
            yield parent
        finally:
            parent.kill()
            parent.communicate()


def _life(parent: "subprocess.Popen[str]", series: Series, *, seconds: float, after: str) -> None:
    """Begin a life, let it work for a while from the given sign on, and kill it."""
    assert parent.stdin is not None
    parent.stdin.write("live\n")
    parent.stdin.flush()
    child, begun = 0, False
    heard: list[dict[str, Any]] = [{}]
    while not (child and begun) and "gone" not in heard[-1]:
        heard.append(_said(parent))  # the child may speak before its parent says who it is
        child = child or int(heard[-1].get("child", 0))
        begun = begun or after in (heard[-1].get("doing"), *heard[-1])
    by_itself = "gone" in heard[-1]
    if not by_itself:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    while "gone" not in heard[-1]:
        heard.append(_said(parent))
    _take(series, heard)
    if by_itself:
        series.faults.append("a victim ended by itself: see the log")


def _said(parent: "subprocess.Popen[str]") -> dict[str, Any]:
    assert parent.stdout is not None
    value: dict[str, Any] = json.loads(parent.stdout.readline() or '{"gone": 0}')
    return value


def _take(series: Series, heard: list[dict[str, Any]]) -> None:
    """Compare what this life found with what those before it were promised; note its own promises."""
    for value in heard:
        if "found" in value:
            series.found.append(value["found"])
            series.faults += judged(value["found"], series)
        series.kept += [value["kept"]] if "kept" in value else []
        series.stored = max(series.stored, value.get("stored", 0))
        series.faults += [f"refused: {value['refused']}"] if "refused" in value else []
    doing = [value["doing"] for value in heard if "doing" in value]
    series.doing[doing[-1] if doing else "nothing yet"] += 1


def judged(found: dict[str, Any], series: Series) -> list[str]:
    """What is wrong with what was found."""
    lost = [prompt for prompt in series.kept if found["prompts"].count(prompt) != 1]
    faults = [f"lost or doubled: {lost}"] if lost else []
    faults += ["events are not numbered in order"] if not found["numbers"] else []
    faults += [f"events after {found['last']} lost"] if found["last"] < series.stored else []
    for name in ("notices", "open runs", "worktree trouble", "worktrees left"):
        faults += [f"{name}: {found[name]}"] if found[name] else []
    return faults


def _look(root: Path, series: Series) -> None:
    """The folder after a kill: no process, no half file."""
    end = time.monotonic() + LIMIT
    while (left := _processes(root)) and time.monotonic() < end:
        time.sleep(PAUSE)
    series.faults += [f"a process was left: {left}"] if left else []
    for name in ("edited.txt", "written.txt"):
        with contextlib.suppress(FileNotFoundError):
            whole = (root / name).read_text()
            if whole != text(whole.split("\n", 1)[0]):
                series.faults.append(f"{name} is neither old nor new")
    cells = json.loads((root / "n.ipynb").read_text())["cells"]
    for source in ("".join(each["source"]) for each in cells[2:]):
        word = source.partition("'")[2].partition("'")[0]
        series.faults += [] if source.strip() == cell(word).strip() else ["a cell is neither old nor new"]


def _processes(root: Path) -> list[int]:
    parent = re.compile(rb"tests\.hostile\.victim")
    found = []
    for pid in alive(str(root)):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            found += [] if parent.search(words) and b"launcher" not in words else [pid]
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    place = "/opt" if os.access("/opt", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="codemad-kills-", dir=place))
    series = kill_many(
        folder,
        kills=given.kills,
        seed=given.seed,
        told=lambda text: print(text, flush=True),  # noqa: T201
    )
    lines = [f"{number:5} killed at: {name}" for name, number in series.doing.most_common()]
    last = series.found[-1]
    lines += [
        f"{given.kills} kills in {series.seconds:.0f} s, seed {given.seed}",
        f"prompts acknowledged {len(series.kept)}, found {len(set(last['prompts']) & set(series.kept))}",
        f"last event known as stored {series.stored}, last one found {last['last']}",
        f"worktrees found and removed: {sum(each['worktrees found'] for each in series.found)}",
        f"faults: {len(series.faults)}",
        *sorted(set(series.faults)),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
