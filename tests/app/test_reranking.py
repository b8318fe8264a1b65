"""What a model may do to the order of what was found, over the wire: only when asked to, and never harm."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app.build import router_for
from codemad_jupyter.app.finding import WorkspaceFinder
from codemad_jupyter.app.plugins import gathered_offers
from codemad_jupyter.app.reranking import reranker_for
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context.search import Found
from codemad_jupyter.hooks import plugin_manager
from codemad_jupyter.orchestrator.reranking import TOKENS, numbers_in
from codemad_jupyter.protocol.supply import Budget, Budgets, PurposeSettings
from codemad_jupyter.store.spending import Spending
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

MODEL = "compatible/orders"
Find = Callable[..., Awaitable[Found]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "first.py").write_text("def load_patients(path):\n    return load(patients)\n")
    (folder / "second.py").write_text("def take(path):\n    patients = path  # AKIAQ7CANARY5ZEBRA42\n")
    (folder / "third.csv").write_text("patients,diagnosis\nZebedee,measles\n")
    return folder


@pytest.fixture
async def find(root: Path, model_server: ModelServer) -> AsyncIterator[Find]:
    finders: dict[str, WorkspaceFinder] = {}
    closing: list[Callable[[], Awaitable[None]]] = []

    async def found(**changes: Any) -> Found:
        key = repr(changes)
        if key not in finders:
            usual: dict[str, Any] = {
                "index_dir": root.parent / "indexes",
                "data_dir": root.parent / "data",
                "compatible_base_url": model_server.openai_url,
                "purposes": {"rerank": PurposeSettings(model=MODEL)},
                "rerank": True,
            }
            settings = Settings(**{**usual, **changes})
            router = router_for(root, settings, gathered_offers(plugin_manager()).providers)
            reranker = reranker_for(root, settings, router)
            finders[key] = WorkspaceFinder(root, settings, reranker=reranker)
            closing.extend((finders[key].close, router.aclose))
        return await finders[key].find("patients", limit=5)

    yield found
    for close in closing:
        await close()


def paths(found: Found) -> list[str]:
    return [hit.path for hit in found.hits]


async def test_a_model_orders_the_places_when_it_is_asked_to(find: Find, model_server: ModelServer) -> None:
    before = paths(await find(rerank=False))
    assert sorted(before) == ["first.py", "second.py", "third.csv"]
    assert model_server.asked == []
    model_server.play(Turn(text="3, 1.", usage={"input": 40, "output": 4}))
    found = await find()
    assert paths(found) == [before[2], before[0], before[1]]
    assert "order" not in found.notice
    (asked,) = model_server.asked
    assert asked.body["model"] == "orders"
    assert asked.body["max_tokens"] == TOKENS
    sent = json.dumps(asked.body)
    assert "load(patients)" in sent
    assert "measles" in sent
    assert "AKIAQ7CANARY5ZEBRA42" not in sent


async def test_what_it_used_is_counted_and_bounded(root: Path, find: Find, model_server: ModelServer) -> None:
    model_server.play(Turn(text="2", usage={"input": 40, "output": 4}, repeat=True))
    budgets = Budgets(user=Budget(tokens=44))
    before = paths(await find(budgets=budgets, rerank=False))
    assert paths(await find(budgets=budgets))[0] == before[1]
    spent = await Spending(root.parent / "data" / "spending").spent("user", "")
    assert spent.tokens == 44
    found = await find(budgets=budgets)
    assert paths(found) == before
    assert "not put in order by a model: The budget of you is used up" in found.notice
    assert len(model_server.asked) == 1


async def test_data_stays_here_where_its_level_says_so(find: Find, model_server: ModelServer) -> None:
    model_server.play(Turn(text="1"))
    await find(data_level="statistics")
    sent = json.dumps(model_server.asked[0].body)
    assert "third.csv" in sent
    assert "measles" not in sent


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (Turn(status=401, error="invalid_api_key"), "key"),
        (Turn(text="None of them, sorry."), "named none of the places"),
        (Turn(html=True), "not put in order"),
    ],
)
async def test_a_failure_leaves_the_order_and_is_said(
    find: Find, model_server: ModelServer, turn: Turn, said: str
) -> None:
    before = paths(await find(rerank=False))
    model_server.play(turn)
    found = await find()
    assert paths(found) == before
    assert "not put in order by a model" in found.notice
    assert said in found.notice


async def test_without_a_model_that_is_said(find: Find, model_server: ModelServer) -> None:
    found = await find(purposes={}, model="codemad/offline")
    assert len(found.hits) == 3
    assert "Name one as purposes.rerank.model" in found.notice
    assert model_server.asked == []


@pytest.mark.parametrize(
    ("said", "numbers"),
    [("2, 1", [1, 0]), ("[3] [3] [1]", [2, 0]), ("0, 4, 99999, 1.5", []), ("Best: 2.\nThen 1.", [1, 0])],
)
def test_numbers_are_read_from_answers(said: str, numbers: list[int]) -> None:
    assert numbers_in(said, count=3) == numbers


async def test_the_command_orders_what_it_prints(root: Path, model_server: ModelServer) -> None:
    model_server.play(Turn(text="3"), Turn(status=500), Turn(status=500))
    place = root.parent
    told = {"INDEX_DIR": place / "i", "DATA_DIR": place / "d", "MODEL": MODEL}
    env = {f"CODEMAD_{name}": str(value) for name, value in told.items()}
    env["CODEMAD_COMPATIBLE_BASE_URL"] = model_server.openai_url
    command = (sys.executable, "-m", "codemad_jupyter.batch.cli", "search", "--rerank", "--stdin")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=root, env={**os.environ, **env}, input="patients\npatients\n", timeout=120,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = await asyncio.to_thread(run)
    assert done.returncode == 0, done.stderr
    lines = [line.split()[1] for line in done.stdout.splitlines()]
    assert lines[:3] == [lines[5], lines[3], lines[4]]
    assert "not put in order by a model" in done.stderr
