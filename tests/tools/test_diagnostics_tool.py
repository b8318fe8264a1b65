"""What the tool about diagnostics asks the kernel, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from codemad_jupyter.context.diagnostics.service import Diagnostics
from codemad_jupyter.notebooks.in_process import ShellKernel
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.diagnostics import diagnostics, document_of, known_names
from codemad_jupyter.tools.tool import Registry, ToolContext


@pytest.fixture
def kernel() -> ShellKernel:
    plain = Config({"HistoryManager": {"enabled": False}})
    return ShellKernel(InteractiveShell(config=plain, user_ns={"live": [1]}))


async def test_the_names_of_a_live_kernel_are_known(kernel: ShellKernel) -> None:
    known = await known_names(kernel, deadline=20)
    assert "live" in known.names
    assert not known.more
    assert (await known_names(None, deadline=20)).names == frozenset()


async def test_a_kernel_that_cannot_be_looked_into_may_know_any_name(kernel: ShellKernel) -> None:
    assert (await known_names(kernel, deadline=0)).more


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "../out.py"},
        {"path": "data.bin"},
        {"path": "nowhere.py"},
        {"path": "a\0.py"},
        {},
        {"cell": "x"},
    ],
)
async def test_what_cannot_be_checked_is_a_plain_error(tmp_path: Path, arguments: dict[str, Any]) -> None:
    (tmp_path / "data.bin").write_text("x")
    context = ToolContext(
        root=tmp_path,
        target=Target(),
        kernel=None,
        notebook=None,
        proposals=None,  # type: ignore[arg-type]
        diagnostics=Diagnostics(tmp_path),
    )
    with pytest.raises(CodemadError):
        await diagnostics.function(context, **diagnostics.check(arguments))


def test_the_tool_reads_and_is_there() -> None:
    assert Registry(BUILT_IN).get("diagnostics").risk == "read"
    assert document_of("n.md", "# x") is None
    markdown = '{"cells": [], "metadata": {"language_info": {"name": "brainfuck"}}, "nbformat": 4}'
    assert document_of("n.ipynb", markdown) is None
