"""``codemad run --sandbox``: a notebook's kernel inside the sandbox, its outputs outside as usual."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.preparing import Order
from codemad_jupyter.batch.runner import run
from tests.hostile.test_sandbox_escapes import skip_unless

SOURCE = """
import os, pathlib, socket
pathlib.Path("made.txt").write_text("kept")
refused = []
tries = {
    "write": lambda: pathlib.Path(os.environ["OUTSIDE"]).write_text("evil"),
    "connect": lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 5),
}
for name, attempt in tries.items():
    try:
        attempt()
    except OSError:
        refused.append(name)
print("connect" in refused)  # a write may go to a place that is the sandbox's alone
print(sorted(set(os.environ) & {"OPENAI_API_KEY", "JUPYTER_TOKEN"}))
"""


def notebook(path: Path, source: str) -> None:
    cell: dict[str, Any] = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": source}
    cell["execution_count"] = None
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": [cell], "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandboxes tried here are Linux's")
def test_a_kernel_in_the_sandbox_reaches_its_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    skip_unless("bubblewrap")
    work, outside = tmp_path / "work", tmp_path / "outside.txt"
    work.mkdir()
    notebook(work / "n.ipynb", SOURCE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("OUTSIDE", str(outside))
        monkeypatch.setenv("PORT", str(listener.getsockname()[1]))
        monkeypatch.setenv("OPENAI_API_KEY", "canary")
        monkeypatch.setenv("JUPYTER_TOKEN", "canary")
        order = Order(notebook=work / "n.ipynb", output=tmp_path / "o.ipynb", cwd=work, sandbox=True)
        assert run(order) == 0
    outputs = json.loads((tmp_path / "o.ipynb").read_text())["cells"][0]["outputs"]
    said = "".join("".join(each.get("text", "")) for each in outputs)
    assert said.splitlines() == ["True", "[]"]
    assert (work / "made.txt").read_text() == "kept"
    assert not outside.exists()
