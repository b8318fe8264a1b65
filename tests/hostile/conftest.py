"""What the suite shares: the scene of an attack, the mark that names a case, and results for the table."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from codemad_jupyter.store.opening import open_store
from tests.flows.conftest import MakeDesk, make_desk, manager  # noqa: F401 - fixtures
from tests.git.gitlab import repository
from tests.hostile.attacking import Scene
from tests.hostile.escapes import Stage, stage
from tests.servers.model_server import ModelServer


@pytest.fixture
def staged() -> Iterator[Stage]:
    """A stage whose workspace is a repository of a person's."""
    with stage() as found:
        shutil.rmtree(found.work / ".git")
        repository(found.work)
        yield found


@pytest.fixture
async def scene(
    make_desk: MakeDesk,  # noqa: F811
    staged: Stage,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Scene]:
    """The scene; what was stored in it can be opened afterwards."""
    monkeypatch.setenv("HOME", str(staged.home))
    monkeypatch.setenv("CODEMAD_COMPATIBLE_BASE_URL", model_server.openai_url)
    monkeypatch.setenv("CODEMAD_INDEX", "false")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "own" / "config.toml"))
    found = Scene(staged, model_server, make_desk, monkeypatch.setenv)
    yield found
    for desk in found.desks:
        await desk.engine.close()
        store, notices = await open_store(desk.engine.services.data, workspace=str(desk.root))
        assert not notices
        assert await store.sessions()
        await store.close()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(*ids): proves these cases of the hostile suite")
    config.addinivalue_line("markers", "boxed: what holds depends on the sandbox and the user")
