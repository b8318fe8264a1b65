"""A Jupyter Server with CodeMAD for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.serving import Served, serving


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of its own for what Jupyter and CodeMAD keep."""
    for variable, name in (
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("IPYTHONDIR", "ipython"),
        ("XDG_DATA_HOME", "xdg"),
        ("CODEMAD_DATA_DIR", "codemad"),
    ):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")  # of all extensions only ours
    # A process that follows the folder for each server would cost more than the tests.
    monkeypatch.setenv("CODEMAD_INDEX", "false")
    for variable in ("CODEMAD_JUPYTER_URL", "CODEMAD_KERNEL_TOKEN"):
        monkeypatch.setenv(variable, "")  # what the server sets is taken back with it
    return tmp_path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
async def server(home: Path, workspace: Path) -> AsyncIterator[Served]:
    async with serving(workspace, home=home) as served:
        yield served
