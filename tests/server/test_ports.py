"""Real kernels of the server: found by id or notebook, let go of when they end, and linked back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.commands import Target
from tests.server.serving import Served
from tests.waiting import LIMIT

NOTEBOOK: dict[str, Any] = {
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": "x = 42\nx",
        }
    ],
    "metadata": {"kernelspec": {"display_name": "P", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
LINK = """
from codemad_jupyter.app.client import connect
_client, _notice = connect(kernel="{kernel}")
print(_client.session(), _client.notebook(), _notice)
"""


@pytest.fixture
async def kernel(server: Served, workspace: Path) -> str:
    (workspace / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    body = {"path": "n.ipynb", "type": "notebook", "name": "n", "kernel": {"name": "python3"}}
    response = await server.fetch("api/sessions", body=body)
    assert response.code == 201, response.body
    id: str = json.loads(response.body)["kernel"]["id"]
    return id


async def test_a_kernel_is_found_looked_into_and_let_go(server: Served, kernel: str) -> None:
    ports = server.host.ports
    found = await ports.kernel(Target(kernel=kernel))
    assert found is not None
    assert await ports.kernel(Target(notebook="n.ipynb")) is found
    assert await ports.kernel(Target(kernel="gone", notebook="n.ipynb")) is found
    assert await ports.kernel(Target(notebook="other.ipynb")) is None
    assert await ports.kernel(Target()) is None
    assert (await found.execute("y = 7")).ok
    report = await found.report(deadline=LIMIT)
    assert [variable.name for variable in report.variables] == ["y"]

    await server.app.kernel_manager.restart_kernel(kernel)
    again = await ports.kernel(Target(kernel=kernel))
    assert again is not None
    assert (await again.execute("z = 8")).ok
    assert [variable.name for variable in (await again.report(deadline=LIMIT)).variables] == ["z"]

    await server.app.kernel_manager.shutdown_kernel(kernel, now=True)
    assert await ports.kernel(Target(kernel=kernel)) is None


async def test_a_closed_notebook_s_cell_runs_on_its_kernel(
    server: Served, kernel: str, workspace: Path
) -> None:
    port = await server.host.ports.notebook(Target(notebook="n.ipynb"))
    assert port is not None
    result = await port.execute_cell("n.ipynb", "a")
    assert result.ok, result
    written = json.loads((workspace / "n.ipynb").read_text())
    assert "42" in json.dumps(written["cells"][0]["outputs"])


async def test_code_in_a_kernel_reaches_the_server_by_what_it_inherited(server: Served, kernel: str) -> None:
    found = await server.host.ports.kernel(Target(kernel=kernel))
    assert found is not None
    result = await found.execute(LINK.format(kernel=kernel), timeout=60)
    assert result.ok, result.traceback
    said = "".join(output.get("text", "") for output in result.outputs)
    assert said.split() == [await server.session(), "n.ipynb"]
