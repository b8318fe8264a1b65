"""A notebook in memory with its own kernel."""

import asyncio
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from codemad_jupyter.notebooks.headless import HeadlessNotebook, kernel_environment
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import KernelError, NotFound
from tests.waiting import awaiting, making, until


def notebook(*sources: str) -> dict[str, Any]:
    bare = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**bare, "id": f"c{n}", "source": [source]} for n, source in enumerate(sources)]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


async def test_cells_run_and_outputs_land_in_the_document(tmp_path: Path) -> None:
    slow = f"{making(tmp_path / 'began')}{awaiting(tmp_path / 'go')}"
    sources = ("import os; print(os.getcwd())", "x = 5\nx", "1 / 0", slow)
    async with HeadlessNotebook(notebook(*sources), "n.ipynb", folder=tmp_path) as nb:
        assert (await nb.execute_cell("n.ipynb", "c0")).ok
        result = await nb.execute_cell("n.ipynb", "c1")
        assert (result.execution_count, result.outputs[0]["data"]["text/plain"]) == (2, "5")
        failed = await nb.execute_cell("n.ipynb", "c2")
        assert (failed.ok, failed.error_name) == (False, "ZeroDivisionError")
        assert str(tmp_path) in (await nb.view("n.ipynb")).cells[0].outputs_text
        assert {found.name for found in (await nb.report()).variables} == {"x"}
        assert (await nb.try_code("x / 0")).status == "failed"
        assert (await nb.execute("y = x + 1\ny")).outputs[0]["data"]["text/plain"] == "6"
        running = asyncio.ensure_future(nb.execute_cell("n.ipynb", "c3"))
        await until((tmp_path / "began").exists, "the cell")
        with pytest.raises(KernelError, match="busy with cell c3"):
            await nb.execute_cell("n.ipynb", "c1")
        with pytest.raises(KernelError, match="busy"):
            await nb.execute("1")
        assert (await nb.report()).busy
        await nb.apply("n.ipynb", (CellChange(op="insert", cell="new", source="z", position="before"),))
        (tmp_path / "go").touch()
        assert (await running).ok
        assert nb.document["cells"][4]["execution_count"] is not None
        nbformat.validate(nbformat.from_dict(nb.document))
        with pytest.raises(NotFound):
            await nb.execute_cell("n.ipynb", "absent")
        with pytest.raises(NotFound):
            await nb.view("other.ipynb")
    with pytest.raises(KernelError, match="not running"):
        await nb.report()


async def test_a_cell_that_takes_too_long_and_a_kernel_that_dies() -> None:
    sources = ("while True: pass", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    nb = HeadlessNotebook(notebook(*sources), "n.ipynb", cell_timeout=1)
    async with nb:
        assert (await nb.execute_cell("n.ipynb", "c0")).error_name == "KeyboardInterrupt"
        with pytest.raises(KernelError, match="died"):
            await nb.execute_cell("n.ipynb", "c1")


async def test_no_such_kernel() -> None:
    nb = HeadlessNotebook(notebook(), "n.ipynb", kernel_name="absent")
    with pytest.raises(KernelError, match="no kernel named absent"):
        await nb.start()
    await nb.stop()


async def test_keys_stay_out_of_the_kernel() -> None:
    given = {
        "PATH": os.environ["PATH"],
        "ANTHROPIC_API_KEY": "canary",
        "OPENAI_API_KEY": "canary",
        "CODEMAD_KERNEL_TOKEN": "canary",
        "CODEMAD_OPENAI_KEY": "canary",
        "JUPYTERHUB_API_TOKEN": "canary",
        "JUPYTER_TOKEN": "canary",
        "AWS_PROFILE": "kept",
        "CODEMAD_MODEL": "kept",
    }
    scrubbed = kernel_environment(given)
    assert "canary" not in scrubbed.values()
    assert set(scrubbed) == {"PATH", "AWS_PROFILE", "CODEMAD_MODEL"}
    async with HeadlessNotebook(
        notebook("import os; dict(os.environ)"), "n.ipynb", environment=scrubbed
    ) as nb:
        result = await nb.execute_cell("n.ipynb", "c0")
    assert "kept" in str(result.outputs)
