"""A kernel and a scripted model for the tests of the magics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.magics.live_kernels import OFFLINE, Kernel, kernel
from tests.servers.model_server import ModelServer


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, ModelServer]]:
    """One kernel and one model for all tests that can share them: starting one takes a second."""
    folder = tmp_path_factory.mktemp("shared") / "work"
    folder.mkdir()
    with ModelServer() as model_server:
        variables = {**OFFLINE, "CODEMAD_COMPATIBLE_BASE_URL": model_server.openai_url}
        with kernel(folder, variables) as started:
            assert started.run("%load_ext codemad_jupyter").reply["status"] == "ok"
            yield started, model_server


@pytest.fixture
def models(shared: tuple[Kernel, ModelServer]) -> ModelServer:
    return shared[1]


@pytest.fixture
def live(shared: tuple[Kernel, ModelServer]) -> Kernel:
    """The shared kernel with no variables and a fresh session; edits go on being counted."""
    shared[0].run("%reset -f")
    shared[0].run("%codemad new")
    return shared[0]
