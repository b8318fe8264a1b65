"""Language servers that crash, hang, babble or leave children behind: nothing of it gets through."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from codemad_jupyter.context.diagnostics import process
from codemad_jupyter.context.diagnostics.documents import CodeCell, Document
from codemad_jupyter.context.diagnostics.servers import Server
from codemad_jupyter.context.diagnostics.service import Diagnostics
from tests.waiting import LIMIT, wait_until

ODD = Path(__file__).with_name("odd_server.py")


def odd(mode: str, notes: Path) -> Server:
    command = (sys.executable, str(ODD), mode, str(notes))
    return Server(
        name="odd", languages=("python",), role="types", command=command, install="no way", needs_trust=False
    )


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
async def make(tmp_path: Path, notes: Path) -> AsyncIterator[Callable[[str], Diagnostics]]:
    made: list[Diagnostics] = []

    def one(mode: str) -> Diagnostics:
        made.append(Diagnostics(tmp_path, servers=(odd(mode, notes),), patience=0))
        return made[-1]

    yield one
    await asyncio.gather(*(each.close() for each in made))


def file(text: str) -> Document:
    return Document("a.py", "python", text=text)


def noted(notes: Path, what: str) -> list[str]:
    lines = notes.read_text().splitlines() if notes.exists() else []
    return [line.removeprefix(what).strip() for line in lines if line.startswith(what)]


def started(notes: Path) -> list[int]:
    return [int(pid) for pid in noted(notes, "started")]


def killed(pid: int) -> None:
    """Wait until nothing of it is left."""
    wait_until(lambda: not alive(pid), f"the end of {pid}")


async def gone(pid: int) -> None:
    await asyncio.to_thread(killed, pid)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("mode", ["push", "unversioned", "flood"])
async def test_pushed_diagnostics_are_those_of_the_state(
    make: Callable[[str], Diagnostics], mode: str
) -> None:
    diagnosis = await make(mode).compare(
        file("wrong 1"), file("wrong 1\nä\U0001d4b3 wrong 2"), deadline=LIMIT
    )
    [problem] = diagnosis.problems
    assert (problem.line, problem.column, problem.text) == (2, 4, "it says ä\U0001d4b3 wrong 2")
    assert diagnosis.servers == ("odd",)
    assert diagnosis.detail == ""


async def test_a_server_without_notebooks_gets_a_shadow(
    make: Callable[[str], Diagnostics], notes: Path
) -> None:
    cells = (
        CodeCell("a", "%%bash\nwrong"),
        CodeCell("b", "x = 1\n%wrong\n"),
        CodeCell("c", ""),
        CodeCell("d", "y = 2\n  wrong"),
    )
    diagnosis = await make("push").check(Document("s/n 1.ipynb", "python", cells=cells), deadline=LIMIT)
    [problem] = diagnosis.problems
    assert (problem.path, problem.cell, problem.line, problem.column) == ("s/n 1.ipynb", "d", 2, 3)
    assert noted(notes, "file:")[-1].endswith("/s/n%201.ipynb.py")


async def test_what_a_server_asks_is_answered(make: Callable[[str], Diagnostics], notes: Path) -> None:
    await make("push").check(file("fine"), deadline=LIMIT)
    settings, applied, unheard = (json.loads(noted(notes, f"answer {number}")[0]) for number in (7, 8, 9))
    assert settings == [None, {}]
    assert applied == {"applied": False}
    assert unheard["code"] == -32601


@pytest.mark.parametrize("mode", ["crash", "garbage"])
async def test_a_broken_server_is_started_again_but_not_for_ever(
    make: Callable[[str], Diagnostics], notes: Path, mode: str
) -> None:
    diagnostics = make(mode)
    for _ in range(3):
        diagnosis = await diagnostics.check(file("x"), deadline=LIMIT)
        assert diagnosis.servers == ()
        assert "odd failed: it " in diagnosis.detail
    last = await diagnostics.check(file("x"), deadline=LIMIT)
    assert "odd failed 3 times and is left alone for 10 min." in last.detail
    if mode == "crash":
        assert "Its last words: out of luck" in last.detail
    assert len(started(notes)) == 3
    for pid in started(notes):
        await gone(pid)


@pytest.mark.parametrize("mode", ["silent", "deaf"])
async def test_a_silent_server_costs_the_deadline_and_is_ended(
    make: Callable[[str], Diagnostics], notes: Path, mode: str
) -> None:
    diagnostics = make(mode)
    if mode == "silent":
        async with asyncio.timeout(LIMIT):
            while not noted(notes, "file:"):
                await diagnostics.check(file("x"), deadline=0.5)
    for _ in range(2):
        diagnosis = await diagnostics.check(file("x"), deadline=0.2)
        assert diagnosis.detail == "odd gave no answer in 0.2 s."
    if mode == "silent":
        await gone(started(notes)[0])


async def test_whatever_a_server_started_ends_with_it(
    make: Callable[[str], Diagnostics], notes: Path
) -> None:
    diagnostics = make("child")
    await diagnostics.check(file("x"), deadline=LIMIT)
    [server] = started(notes)
    [child] = map(int, noted(notes, "child"))
    assert alive(child)
    assert os.getpriority(os.PRIO_PROCESS, server) == process.NICENESS
    await diagnostics.close()
    await gone(server)
    await gone(child)


ENGINE = """
import asyncio, sys
from pathlib import Path
here, notes = sys.argv[1:]
sys.path.insert(0, here)
from codemad_jupyter.context.diagnostics.service import Diagnostics
from tests.context.test_diagnostics_failing import file, odd
from codemad_jupyter.context.diagnostics.servers import SERVERS
async def main():
    servers = (odd("push", Path(notes)), *(each for each in SERVERS if each.name == "ruff"))
    diagnostics = Diagnostics(Path(notes).parent, servers=servers)
    print(*(await diagnostics.check(file("x"), deadline=60)).servers, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def test_servers_end_when_the_engine_is_killed(notes: Path) -> None:
    here = str(Path(__file__).parents[2])
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, here, str(notes)], stdout=subprocess.PIPE)
    try:
        assert engine.stdout is not None
        assert engine.stdout.readline().split() == [b"odd", b"ruff"]
        children = Path(f"/proc/{engine.pid}/task/{engine.pid}/children").read_text().split()
    finally:
        engine.kill()
        engine.communicate()
    assert len(children) == 2
    for pid in map(int, children):
        killed(pid)


async def test_a_server_gets_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("CODEMAD_KERNEL_TOKEN", "secret")
    told = process.environment({"VIRTUAL_ENV": "/env"})
    assert told["VIRTUAL_ENV"] == "/env"
    assert told["PATH"] == os.environ["PATH"]
    assert not [value for value in told.values() if "secret" in value]


async def test_servers_start_anew_when_trust_changes(tmp_path: Path, notes: Path) -> None:
    mind = [False]
    diagnostics = Diagnostics(tmp_path, servers=(odd("push", notes),), trusted=lambda folder: mind[0])
    try:
        for mind[0] in (False, False, True, True, False):
            assert (await diagnostics.check(file("x"), deadline=LIMIT)).servers == ("odd",)
    finally:
        await diagnostics.close()
    assert len(started(notes)) == 3
    for pid in started(notes):
        await gone(pid)
