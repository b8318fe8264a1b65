"""A real engine on a real folder, kernel, git and store; commands go in, events come out."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from codemad_jupyter.app.build import build_engine
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.notebooks.ports import KernelPort, NotebookPort
from codemad_jupyter.orchestrator.engine import Engine
from codemad_jupyter.protocol.commands import Command, Prompt, Target
from codemad_jupyter.protocol.events import LIVE_ONLY, Event
from codemad_jupyter.protocol.permissions import Rule
from tests.notebooks.conftest import start_kernel, stop_kernel
from tests.waiting import LIMIT

GOLDEN = Path(__file__).parents[1] / "golden"

RUNS_CODE = (Rule(decide="allow", axis="kernel_mutate", origin="the test"),)
NOTEBOOK: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": ["# Cancer"]},
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "load",
            "metadata": {},
            "outputs": [],
            "source": ["import pandas as pd"],
        },
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}

LOAD = """
import pandas as pd
from sklearn.datasets import load_breast_cancer
_data = load_breast_cancer(as_frame=True)
df = _data.frame.drop(columns="target")
df["diagnosis"] = _data.target.map({0: "malignant", 1: "benign"})
"""


class DeskPorts:
    """One kernel, and the notebooks of one folder."""

    def __init__(self, root: Path, kernel: KernelPort | None) -> None:
        self._kernel = kernel
        self.files = FileNotebooks(root, kernel=self._for_path)

    async def _for_path(self, path: str) -> KernelPort | None:
        return self._kernel

    async def kernel(self, target: Target) -> KernelPort | None:
        return self._kernel

    async def notebook(self, target: Target) -> NotebookPort | None:
        return self.files if target.notebook else None


class Desk:
    """An engine with what a test needs around it."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self.engine = engine
        self.root = root
        self.session = ""
        self.target = Target(notebook="n.ipynb", cell="load")

    async def ask(self, text: str, *, limit: float = LIMIT, **more: Any) -> list[Event]:
        """Send a prompt and return its events up to the end of the run."""
        prompt = Prompt(session=self.session, text=text, target=self.target, edge="test", **more)
        ack = await self.engine.submit(prompt)
        return await self.until(
            lambda e: e.type == "run_finished" and e.run == ack.run, after=ack.seq, limit=limit
        )

    async def until(self, last: Callable[[Event], bool], *, after: int, limit: float = LIMIT) -> list[Event]:
        """The events after a number up to the first that ``last`` says yes to."""
        seen: list[Event] = []
        async with asyncio.timeout(limit):
            async for event in self.engine.events(self.session, after):
                seen.append(event)
                if last(event):
                    return seen
        raise AssertionError("the stream ended")

    async def do(self, command: Command) -> list[Event]:
        """Send another command and return the stored events it led to."""
        ack = await self.engine.submit(command)
        return list(await self.engine.services.store.events(self.session, after=ack.seq))


MakeDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture(scope="module")
def manager() -> Iterator[KernelManager]:
    """One kernel for a module; each desk empties it."""
    started = start_kernel()
    yield started
    stop_kernel(started)


@pytest.fixture
async def make_desk(
    manager: KernelManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeDesk]:
    """Builds desks and closes them; ``kernel=True`` gives a live kernel with the data loaded."""
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEMAD_MODEL"):
        monkeypatch.delenv(name, raising=False)
    closing: list[Callable[[], Awaitable[object]]] = []

    async def make(
        *, kernel: bool = False, attended: bool = True, rules: tuple[Rule, ...] = (), root: Path | None = None
    ) -> Desk:
        root = root or tmp_path / "work"
        root.mkdir(exist_ok=True)
        if not (root / "n.ipynb").exists():
            (root / "n.ipynb").write_text(json.dumps(NOTEBOOK, indent=1, ensure_ascii=False) + "\n")
        port = await _kernel(manager, root, closing) if kernel else None
        engine = await build_engine(
            root,
            ports=DeskPorts(root, port),
            settings=load_settings(root),
            attended=attended,
            rules=rules,
        )
        closing.append(engine.close)
        desk = Desk(engine, root)
        desk.session = await engine.current_session()
        return desk

    yield make
    for close in reversed(closing):
        await close()


async def _kernel(
    manager: KernelManager, root: Path, closing: list[Callable[[], Awaitable[object]]]
) -> KernelPort:
    port = LiveKernel.from_manager(manager)

    async def let_go() -> None:
        port.close()

    closing.append(let_go)
    result = await port.execute(f"%reset -f\nimport os; os.chdir({str(root)!r})\n{LOAD}")
    assert result.ok, result.traceback
    return port


ID = re.compile(r"\b(run|edit|message|checkpoint|approval)-[0-9a-f]{12}\b")
DROPPED = frozenset(
    {"seq", "at", "session", "seconds", "first", "agent", "digest", "tokens", "segments", "content"}
)


def normalised(events: list[Event]) -> list[dict[str, Any]]:
    """The finished events as data, with ids numbered in order of appearance. Left out is what differs
    between machines: times, and the texts that name versions (tool results, context sizes)."""
    known: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return known.setdefault(match[0], f"{match[1]}-{len(known) + 1}")

    kept = [event.model_dump(mode="json") for event in events if event.type not in LIVE_ONLY]
    text = json.dumps([{k: v for k, v in event.items() if k not in DROPPED} for event in kept])
    text = re.sub(r'(\\*"seconds\\*": ?)[0-9.e-]+', r"\g<1>0", ID.sub(name, text))
    text = re.sub(r'("(?:digest|image/\w+)": ")[^"]+', r"\g<1>…", text)
    return _cells_named(json.loads(text))


def _cells_named(value: Any) -> Any:
    # New cells get random ids of 8 digits.
    text = json.dumps(value)
    found = dict.fromkeys(re.findall(r'"cell": "([0-9a-f]{8})"', text))
    for number, cell in enumerate(found, start=1):
        text = text.replace(cell, f"cell-{number}")
    return json.loads(text)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, list[Event]], None]:
    """Compares events with ``tests/golden/NAME.json``; ``--update-golden`` writes it anew."""

    def compare(name: str, events: list[Event]) -> None:
        path = GOLDEN / f"{name}.json"
        found = normalised(events)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        assert found == json.loads(path.read_text(encoding="utf-8"))

    return compare
