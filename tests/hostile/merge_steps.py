"""Four agents' work is brought into a person's folder by a process that dies at one step of it, and another
process finds what is left: ``python -m tests.hostile.merge_steps FOLDER [--every 10] [--only PATTERN]`` says
a JSON value a step.

A step is a call that changes a file or a store, or starts or ends a git: each is seen on its way into C, by
the profiler's hook, so that no list has to be kept of where the product makes them. The process dies
before the n-th of them by its own SIGKILL, for every n until one ends by itself.
"""

import argparse
import asyncio
import ctypes
import functools
import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.notebooks.confined import NEVER_OUTLIVE
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import AcceptRun, MergeAgents, Undo
from codemad_jupyter.protocol.errors import Conflict
from codemad_jupyter.protocol.events import EditSettled, Event, Notice, RunFinished
from codemad_jupyter.store.db import Database
from tests.flows.conftest import NOTEBOOK, DeskPorts
from tests.git.gitlab import fill, manifest, repository

AGENTS = ("one", "two", "three", "four")
CODE = "".join(f"def f{at}():\n    return {at}\n\n\n" for at in range(6))
CHANGED = re.compile(
    "(f?chmod|fsync|f?truncate|link|mkdir|pwrite|remove|rename|replace|rmdir|sendfile|symlink|unlink|utime|write)"
)
"""Functions of the system by which something lasts."""
WRITING = ("BufferedWriter", "BufferedRandom", "FileIO", "TextIOWrapper")
STARTED = ("fork_exec", "posix_spawn")
PIPE = re.compile("by (git.repo._give|git.reading.fetch|config.json_log.emit)$")
"""What is written there goes to a git that runs, or to the screen."""
Manifest = dict[str, tuple[str, int, bytes]]


class Steps:
    """Counts the steps while it is armed, in all threads, and dies at the one it was told. Those count whose
    name fits ``only``."""

    def __init__(self, at: int, only: str) -> None:
        self.at, self.count, self.armed = at, 0, False
        self._only = re.compile(only)
        self._lock = threading.Lock()

    def watch(self) -> None:
        threading.setprofile(self._called)
        sys.setprofile(self._called)

    def _called(self, frame: FrameType, event: str, given: Any) -> None:
        if not self.armed:
            return
        step = _stored(frame, event) if event in ("call", "return") else _made(event, given)
        name = f"{step} by {_caller(frame)}" if step else ""
        if not name or PIPE.search(name) or not self._only.search(name):
            return
        with self._lock:
            self.count += 1
            if self.count == self.at:
                _say(died=name)
                os.kill(os.getpid(), signal.SIGKILL)


def _made(event: str, function: Any) -> str:
    """What a function in C is about to do to the world, if that lasts."""
    name = function.__name__
    if name in STARTED and event in ("c_call", "c_return"):
        return "before a program" if event == "c_call" else "in a program"
    if event != "c_call":
        return ""
    if CHANGED.fullmatch(name) and function.__module__ == "posix":
        return f"before os.{name}"
    held = type(getattr(function, "__self__", None)).__name__
    return f"before {held}.write" if name == "write" and held in WRITING else ""


def _stored(frame: FrameType, event: str) -> str:
    """The store writes in C++, out of sight: all of a transaction at once."""
    if frame.f_code is not Database._commit.__code__:
        return ""
    return "before a commit" if event == "call" else "after a commit"


def _caller(frame: FrameType | None) -> str:
    """The nearest function of the product."""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("codemad_jupyter."):
            return f"{name.removeprefix('codemad_jupyter.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "elsewhere"


def _say(**value: Any) -> None:
    os.write(3, (json.dumps(value) + "\n").encode())


class Folder:
    """The person's folder and the product's, as they were before the merge and as they are now."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.now, self.kept = place / "now", place / "kept"
        self.root = self.now / "work"

    def back(self) -> None:
        """As it was before the merge, at the same place: git writes the paths of worktrees down."""
        shutil.rmtree(self.now, ignore_errors=True)
        shutil.copytree(self.kept, self.now, symlinks=True)

    async def engine(self) -> tuple[Engine, str]:
        engine = await build_engine(
            self.root, ports=DeskPorts(self.root, None), settings=load_settings(self.root)
        )
        return engine, await engine.current_session()


async def prepare(folder: Folder) -> None:
    """A repository with work that is not committed, and four agents that changed the same files."""
    book = json.dumps(NOTEBOOK, indent=1) + "\n"
    fill(folder.root, {"m.py": CODE, "old.txt": "old\n", "n.ipynb": book})
    repository(folder.root)
    fill(folder.root, {"mine.txt": "not committed\n", "old.txt": "old\nand more\n"})
    engine, _ = await folder.engine()
    trees = Worktrees(folder.root, engine.services.data, Checkpoints(folder.root, engine.services.data))
    for at, name in enumerate(AGENTS):
        there = trees.folder(await trees.make(name))
        code = CODE.replace(f"return {at}\n", f"return {at}0\n").replace("return 5\n", f"return '{name}'\n")
        fill(there, {"m.py": code})
    fill(there, {"new/made.txt": "made\n" * 2000, "n.ipynb": _with_cell(name)})
    (there / "old.txt").unlink()
    await engine.close()


def _with_cell(name: str) -> str:
    document = json.loads(json.dumps(NOTEBOOK))
    document["cells"] += [{"cell_type": "markdown", "id": "more", "metadata": {}, "source": [f"# {name}"]}]
    return json.dumps(document, indent=1) + "\n"


async def merge(engine: Engine, session: str) -> list[Event]:
    """Bring all of it in; what was said."""
    ack = await engine.submit(MergeAgents(session=session, agents=AGENTS, edge="test"))
    if any(event.type == "edit_proposed" for event in await engine.stored(session, ack.seq)):
        await engine.submit(AcceptRun(session=session, run=ack.run or ""))
    return list(await engine.stored(session, ack.seq))


async def merging(folder: Folder, steps: Steps) -> None:
    """The life that is ended."""
    steps.watch()
    engine, session = await folder.engine()
    steps.armed = True
    await merge(engine, session)
    steps.armed = False
    _say(steps=steps.count)
    await engine.close()


async def look(folder: Folder, before: Manifest, after: Manifest) -> None:
    """The life that comes next: what it finds, and whether it can go back and forth from there."""
    faults = [f"{name} is neither old nor new" for name in _half(folder, before, after)]
    engine, session = await folder.engine()
    events = await engine.stored(session)
    begun = {event.run for event in events if event.type == "run_started"}
    ended = {event.run for event in events if isinstance(event, RunFinished)}
    faults += ["a run is open"] if begun - ended else []
    faults += _litter(folder)
    await _undo_all(engine, session)
    faults += _differs("undone at once", folder, before)
    said = await merge(engine, session)
    faults += _differs("merged again", folder, after)
    clashes = {event.text for event in said if isinstance(event, Notice) and event.code == "left_out"}
    faults += [] if len(clashes) == len(AGENTS) - 1 else [f"clashes named: {sorted(clashes)}"]
    settled = {event.status for event in said if isinstance(event, EditSettled)}
    faults += [] if settled == {"accepted"} else [f"settled: {settled}"]
    await _undo_all(engine, session)
    faults += _differs("undone at last", folder, before)
    _say(faults=faults, notices=list(engine.services.store.notices))
    await engine.close()


async def _undo_all(engine: Engine, session: str) -> None:
    for _ in range(4):
        try:
            await engine.submit(Undo(session=session))
        except Conflict:
            return


def _half(folder: Folder, before: Manifest, after: Manifest) -> Iterator[str]:
    """Files that are neither as they were nor as they are to be. A notebook gets its cells one by one."""
    now = manifest(folder.root)
    for name in before.keys() | after.keys():
        if name.endswith(".ipynb"):
            cells = [each["id"] for each in json.loads(now[name][2])["cells"]]
            whole = [each["id"] for each in json.loads(after[name][2])["cells"]]
            if cells != whole[: len(cells)]:
                yield name
        elif now.get(name) not in (before.get(name), after.get(name)):
            yield name


def _litter(folder: Folder) -> list[str]:
    left = [path.name for path in folder.root.rglob(".*") if re.search(r"\.tmp$|^\.codemad-", path.name)]
    return [f"left lying about: {name}" for name in left]


def _differs(when: str, folder: Folder, wanted: Manifest) -> list[str]:
    """Where the folder is not as it should be; cells are told by their text, for each bears its run."""
    now = manifest(folder.root)
    names = [name for name in now.keys() | wanted.keys() if _plain(now.get(name)) != _plain(wanted.get(name))]
    return [f"{when}: {name}" for name in sorted(names)]


def _plain(found: tuple[str, int, bytes] | None) -> object:
    if found is None or not found[2].startswith(b"{"):
        return found
    return [(each["id"], each["source"]) for each in json.loads(found[2])["cells"]]


def life(work: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """What a process says that does this, and how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writer, 3)
        ctypes.CDLL(None).prctl(NEVER_OUTLIVE, 9, 0, 0, 0)
        code = 1
        try:
            asyncio.run(work())  # type: ignore[arg-type]
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as said:
        lines = [json.loads(line) for line in said]
    _, status = os.waitpid(child, 0)
    found = {key: value for line in lines for key, value in line.items()}
    return {**found, "status": os.waitstatus_to_exitcode(status)}


def series(place: Path, *, first: int, every: int, only: str) -> Iterator[dict[str, Any]]:
    """Each step, or some of them: where the process died and what is wrong with what it left."""
    folder = Folder(place)
    os.environ |= {"CODEMAD_DATA_DIR": str(folder.now / "data"), "CODEMAD_CHECKPOINT_DAYS": "0"}
    assert life(functools.partial(prepare, folder))["status"] == 0
    folder.now.rename(folder.kept)
    folder.back()
    before = manifest(folder.root)
    whole = life(functools.partial(merging, folder, Steps(0, only)))
    after = manifest(folder.root)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    yield {"steps": whole["steps"], "changed": changed}
    at = first
    while True:
        folder.back()
        died = life(functools.partial(merging, folder, Steps(at, only)))
        if died["status"] == 0:
            return
        found = life(functools.partial(look, folder, before, after))
        faults = found.get("faults", [f"the next process ended with {found['status']}"])
        faults += [f"notice: {each}" for each in found.get("notices", [])]
        faults += [] if died["status"] == -signal.SIGKILL else [f"it ended with {died['status']}"]
        yield {"at": at, "died": died.get("died"), "faults": faults}
        at += every


def main() -> None:
    """A line a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="", help="steps whose name fits this pattern")
    given = parser.parse_args()
    for line in series(given.folder, first=given.first, every=given.every, only=given.only):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
