"""Search by meaning with a provider's model, over the wire: what is sent, what is not, and what it cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app.embedders import embedder_for
from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.protocol.errors import ModelError
from codemad_jupyter.protocol.supply import Budget, Budgets, PurposeSettings
from codemad_jupyter.store.spending import Spending
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

MODEL = "compatible/vectors"
CANARY = "AKIAQ7CANARY5ZEBRA42"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "load.py").write_text(f"KEY = '{CANARY}'\n\n\ndef load_patients(path):\n    return path\n")
    (folder / "people.csv").write_text("name,diagnosis\nZebedee,measles\n")
    output = {"output_type": "stream", "name": "stdout", "text": "outputcanary"}
    cell = {"id": "b2", "cell_type": "code", "metadata": {}, "source": "fit = ols(pressure)"}
    cell |= {"execution_count": 1, "outputs": [output]}
    (folder / "study.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5}))
    return folder


class Opened:
    """The index of the folder with the scripted server as its model."""

    def __init__(self, root: Path, server: ModelServer) -> None:
        self.root, self.server = root, server
        self.made: list[FolderIndex] = []

    def __call__(self, **changes: Any) -> FolderIndex:
        index = FolderIndex(self.root, self.settings(**changes))
        self.made.append(index)
        return index

    def settings(self, **changes: Any) -> Settings:
        place = self.root.parent
        usual: dict[str, Any] = {
            "index_dir": place / "indexes",
            "data_dir": place / "data",
            "compatible_base_url": self.server.openai_url,
            "purposes": {"embed": PurposeSettings(model=MODEL)},
        }
        return Settings(**{**usual, **changes})

    @property
    def texts(self) -> list[str]:
        return [text for asked in self.server.asked for text in asked.body["input"]]


@pytest.fixture
def opened(root: Path, model_server: ModelServer) -> Iterator[Opened]:
    found = Opened(root, model_server)
    yield found
    for index in found.made:
        index.close()


def test_vectors_come_from_the_provider_with_secrets_masked_and_are_counted(opened: Opened) -> None:
    opened.server.play(Turn(repeat=True))
    index = opened()
    index.update()
    assert index.status().lacking == 3
    assert MODEL in index.status().notice
    assert index.search("patients")[0].path == "load.py"
    assert opened.server.asked == []  # where nothing has a vector nobody is asked
    assert index.embed() == 3
    sent = "\n".join(opened.texts)
    assert "load_patients" in sent
    assert "measles" in sent
    assert CANARY not in sent
    assert "outputcanary" not in sent
    assert index.status().lacking == 0
    assert index.search(f"patients {CANARY}")[0].path == "load.py"
    assert index.notice == ""
    assert opened.texts[-1] == "patients [secret]"
    spent = asyncio.run(Spending(opened.root.parent / "data" / "spending").spent("user", ""))
    assert spent.tokens == sum(map(len, opened.texts))
    assert index.calls is not None
    assert str(spent.tokens) in index.calls.told
    before = len(opened.server.asked)
    again = opened()
    assert again.embed() == 0
    assert again.status().lacking == 0
    assert len(opened.server.asked) == before


def test_what_a_data_level_keeps_here_is_not_sent(opened: Opened) -> None:
    opened.server.play(Turn(repeat=True))
    index = opened(data_level="statistics")
    index.update()
    assert index.embed() == 2
    assert index.status().lacking == 0
    assert not any("measles" in text or "Zebedee" in text for text in opened.texts)
    assert index.search("measles")[0].path == "people.csv"


def test_failures_that_pass_are_tried_again_and_others_leave_words(opened: Opened) -> None:
    busy = Turn(status=429, error="rate_limit_exceeded", headers={"retry-after": "0"})
    opened.server.play(busy, Turn(), busy, busy, Turn(), Turn(status=401, error="invalid_api_key"))
    index = opened()
    index.update()
    assert index.embed() == 3
    assert len(opened.server.asked) == 5
    assert index.search("load patients")[0].path == "load.py"
    assert "key" in index.fault_of_model
    (opened.root / "more.py").write_text("def weigh():\n    return 1\n")
    index.update()
    opened.server.play(Turn(status=401, error="invalid_api_key"))
    with pytest.raises(ModelError, match="key"):
        index.embed()


def test_a_budget_that_is_used_up_stops_before_the_next_call(opened: Opened) -> None:
    opened.server.play(Turn(repeat=True))
    index = opened(budgets=Budgets(user=Budget(tokens=4)))
    index.update()
    with pytest.raises(ModelError, match="budget"):
        index.embed()
    assert opened.texts == ["size"]


def test_who_is_asked_is_the_persons_choice(opened: Opened) -> None:
    root = opened.root
    local = opened.settings(embedding_model=root.parent / "model")
    assert not isinstance(embedder_for(root, local), type(embedder_for(root, opened.settings())))
    assert embedder_for(root, opened.settings(cassette_mode="replay", cassette=root / "tape.jsonl")) is None
    settings = opened.settings()
    settings._origins["purposes.embed.model"] = str(root / "codemad.toml")
    assert embedder_for(root, settings) is None


def test_a_provider_that_is_silent_does_not_hold_a_search_up(opened: Opened) -> None:
    opened.server.play(Turn(), Turn(), Turn(hang=True))
    index = opened(timeout=1.0)
    index.update()
    assert index.embed() == 3
    assert index.search("load patients")[0].path == "load.py"
    assert index.fault_of_model
    asked = len(opened.server.asked)
    assert index.search("load patients at once")[0].path == "load.py"
    assert len(opened.server.asked) == asked
