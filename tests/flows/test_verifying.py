"""The command `VerifyNotebook` with a real engine and kernels: a run of its own, a report, and an end."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import Cancel, NewSession, Target, VerifyNotebook
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.events import Event, RunFinished, RunStarted, Verified
from tests.waiting import LIMIT, wait_until

PATH = "n.ipynb"
MARK = Path(f"/dev/shm/codemad-verify-{os.getpid()}")


class Files:
    def __init__(self, root: Path) -> None:
        self.files = FileNotebooks(root)

    async def kernel(self, target: Target) -> KernelPort | None:
        return None

    async def notebook(self, target: Target) -> NotebookPort | None:
        return self.files if target.notebook else None


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    settings = load_settings(tmp_path, arguments={"data_dir": tmp_path / "data"})
    engine = await build_engine(tmp_path, ports=Files(tmp_path), settings=settings)
    yield engine
    await engine.close()


def write(folder: Path, *sources: tuple[str, str]) -> None:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "execution_count": n + 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": text}] if text else [],
            "source": source,
        }
        for n, (source, text) in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (folder / PATH).write_text(json.dumps(notebook))


def marked() -> int:
    """The process that wrote the mark."""
    wait_until(lambda: MARK.exists() and MARK.read_text(), "running the cell")
    text = MARK.read_text()
    MARK.unlink()
    return int(text)


async def run(engine: Engine, command: VerifyNotebook) -> list[Event]:
    ack = await engine.submit(command)
    found: list[Event] = []
    async with asyncio.timeout(LIMIT):
        async for event in engine.events(ack.session, ack.seq):
            if event.run == ack.run:
                found.append(event)
            if isinstance(event, RunFinished):
                break
    return found


async def test_a_run_of_its_own(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, ("x = 1", ""), ("y = 5", ""), ("print(x)", "1\n"), ("print(y)", "6\n"))
    session = (await engine.submit(NewSession())).session
    command = VerifyNotebook(session=session, target=Target(notebook=PATH))
    started, verified, finished = await run(engine, command)
    assert isinstance(started, RunStarted)
    assert started.prompt == f"Verify {PATH}"
    assert isinstance(verified, Verified)
    assert [each.status for each in verified.report.cells] == ["same", "same", "same", "differs"]
    assert isinstance(finished, RunFinished)
    assert (finished.status, finished.text) == ("done", f"{PATH}: of 4 cells 1 differ, first number 4.")
    part = await run(engine, command.model_copy(update={"cells": ("c2",)}))
    assert isinstance(part[1], Verified)
    assert [each.cell for each in part[1].report.cells] == ["c0", "c2"]
    lines = [(line.tool, line.axis, line.outcome) for line in engine.services.audit.lines()]
    assert lines == [("verify", "kernel_run", "differs"), ("verify", "kernel_run", "same")]


async def test_cancel_kills_the_kernel(engine: Engine, tmp_path: Path) -> None:
    deaf = "import os, time, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    write(tmp_path, (f"{deaf}open({str(MARK)!r}, 'w').write(str(os.getpid()))\ntime.sleep(999)", ""))
    session = (await engine.submit(NewSession())).session
    ack = await engine.submit(VerifyNotebook(session=session, target=Target(notebook=PATH)))
    kernel = await asyncio.to_thread(marked)
    os.kill(kernel, 0)
    await engine.submit(Cancel(session=session, run=ack.run))
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)
    async with asyncio.timeout(LIMIT):
        async for event in engine.events(session, ack.seq):
            if isinstance(event, RunFinished):
                break
    assert event.status == "cancelled"


async def test_cancel_while_the_kernel_starts(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, ("import time\ntime.sleep(999)", ""))
    session = (await engine.submit(NewSession())).session
    for delay in (0.0, 0.3, 0.7):
        ack = await engine.submit(VerifyNotebook(session=session, target=Target(notebook=PATH)))
        await asyncio.sleep(delay)
        await engine.submit(Cancel(session=session, run=ack.run))
        assert not engine.busy


async def test_what_is_not_there_is_refused(engine: Engine) -> None:
    session = (await engine.submit(NewSession())).session
    for target in (Target(), Target(notebook="none.ipynb")):
        with pytest.raises(NotFound):
            await engine.submit(VerifyNotebook(session=session, target=target))
