"""Notebooks on disk: bytes, confinement, conflicts, failures of the file system."""

import asyncio
import json
import os
import stat
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.disk import replace_bytes
from codemad_jupyter.notebooks.files import FileNotebooks
from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import Denied, KernelError, NotebookError, NotFound, StaleEdit
from tests.waiting import LIMIT, awaiting, making, until

PERCENT = "# %% [markdown]\n# # Title\n\n# %%\nx = 1\n\n# %%\nprint(x)\n"


def cell(cell_id: str, source: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": cell_id,
        "metadata": {},
        "outputs": [],
        "source": lines,
    }


def write(path: Path, *cells: dict[str, Any], **style: Any) -> bytes:
    nb = {"cells": list(cells), "metadata": {"x": "é"}, "nbformat": 4, "nbformat_minor": 5}
    data = document.render(nb, document.Style(**style))
    path.write_bytes(data)
    return data


def replace(cell_id: str, source: str, expect: str | None = None) -> tuple[CellChange, ...]:
    return (CellChange(op="replace", cell=cell_id, source=source, expect=expect),)


async def test_an_edit_changes_only_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    before = write(path, cell("a", "x = 1"), cell("b", "y = 2"), indent="\t", newline="\r\n", tail="")
    path.chmod(0o640)
    port = FileNotebooks(tmp_path)
    await port.apply("a.ipynb", replace("a", "x = 5", "x = 1"))
    assert path.read_bytes() == before.replace(b"x = 1", b"x = 5")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [found.source for found in (await port.view("a.ipynb")).cells] == ["x = 5", "y = 2"]
    assert os.listdir(tmp_path) == ["a.ipynb"]  # noqa: PTH208


async def test_no_change_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    write(path, cell("a", "x"))
    port = FileNotebooks(tmp_path)
    stamp = path.stat().st_mtime_ns, path.stat().st_ino
    await port.apply("a.ipynb", ())
    with pytest.raises(StaleEdit):
        await port.apply("a.ipynb", replace("a", "y", "not this"))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == stamp


@pytest.mark.parametrize(
    "path",
    [
        "../out.ipynb", "/etc/passwd", "~/x.ipynb", "file:///etc/passwd", "\\\\host\\x.ipynb", "a\0b", "",
        "x" * 5000, "link.ipynb", "folder/out.ipynb", "sub/../../out.ipynb", ".",
    ],
)  # fmt: skip
async def test_nothing_outside_the_root(tmp_path: Path, path: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "out.ipynb"
    (root / "sub").mkdir(parents=True)
    data = write(outside, cell("a", "secret"))
    (root / "link.ipynb").symlink_to(outside)
    (root / "folder").symlink_to(tmp_path)
    port = FileNotebooks(root)
    for act in (port.view(path), port.snapshot(path), port.apply(path, replace("a", "changed"))):
        with pytest.raises(Denied):
            await act
    assert outside.read_bytes() == data


async def test_a_link_inside_the_root_stays_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real.ipynb", cell("a", "x"))
    (tmp_path / "link.ipynb").symlink_to("real.ipynb")
    await FileNotebooks(tmp_path).apply("link.ipynb", replace("a", "y"))
    assert (tmp_path / "link.ipynb").is_symlink()
    assert json.loads((tmp_path / "real.ipynb").read_text())["cells"][0]["source"] == ["y"]


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop", "device", "sparse"])
async def test_special_files_are_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.ipynb"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to("a.ipynb")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, 8_000_000_000)
    with pytest.raises((NotebookError, Denied)):
        await FileNotebooks(tmp_path).view("a.ipynb")


async def test_missing_and_broken_files(tmp_path: Path) -> None:
    port = FileNotebooks(tmp_path)
    with pytest.raises(NotFound):
        await port.view("absent.ipynb")
    (tmp_path / "a.ipynb").write_text("{")
    with pytest.raises(NotebookError, match=r"a\.ipynb is not valid JSON"):
        await port.view("a.ipynb")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(NotebookError, match="no notebook"):
        await port.view("a.txt")


async def test_read_only_file_and_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    data = write(path, cell("a", "x"))
    path.chmod(0o444)
    with pytest.raises(NotebookError, match="read-only"):
        await FileNotebooks(tmp_path).apply("a.ipynb", replace("a", "y"))
    path.chmod(0o644)
    if os.geteuid() != 0:
        os.chmod(tmp_path, 0o555)  # noqa: PTH101, S103
        with pytest.raises(NotebookError, match="cannot be written"):
            await FileNotebooks(tmp_path).apply("a.ipynb", replace("a", "y"))
        os.chmod(tmp_path, 0o755)  # noqa: PTH101, S103
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a.ipynb"]  # noqa: PTH208


async def test_a_full_disk_leaves_the_file(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "a.ipynb"
    data = write(path, cell("a", "x"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(NotebookError, match="it is as it was"):
            await FileNotebooks(tmp_path).apply("a.ipynb", replace("a", "y" * 1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a.ipynb"]  # noqa: PTH208


async def test_edits_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", *(cell(f"c{n}", "") for n in range(20)))
    port = FileNotebooks(tmp_path)
    await asyncio.gather(*(port.apply("a.ipynb", replace(f"c{n}", str(n), "")) for n in range(20)))
    assert [found.source for found in (await port.view("a.ipynb")).cells] == [str(n) for n in range(20)]


async def test_a_change_that_was_given_up_is_not_in_the_way_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell that ends while what it gave so far is being written: the thread goes on writing."""
    write(tmp_path / "n.ipynb", cell("a", "x = 1"))
    files, calls = FileNotebooks(tmp_path), count()
    first_reads, second_reads, first_wrote = threading.Event(), threading.Event(), threading.Event()

    def slow(*given: Any, **more: Any) -> None:
        if next(calls) == 0:
            first_reads.set()
            second_reads.wait(0.5)
            replace_bytes(*given, **more)
            first_wrote.set()
        else:
            second_reads.set()
            first_wrote.wait(LIMIT)
            replace_bytes(*given, **more)

    monkeypatch.setattr("codemad_jupyter.notebooks.files.replace_bytes", slow)
    so_far, whole = ({"output_type": "stream", "name": "stdout", "text": text} for text in ("1", "12"))
    seen = (await files.view("n.ipynb")).cells[0]
    writing = asyncio.create_task(files.put_outputs("n.ipynb", seen, (so_far,), None))
    await until(first_reads.is_set, "the first writing")
    writing.cancel()
    await asyncio.wait([writing])
    await files.put_outputs("n.ipynb", seen, (whole,), 1)
    found = json.loads((tmp_path / "n.ipynb").read_text())["cells"][0]
    assert (found["execution_count"], "".join(found["outputs"][0]["text"])) == (1, "12")


def test_a_change_between_reading_and_writing_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    write(path, cell("a", "x"))
    person = path.read_bytes().replace(b'"x"', b'"p"', 1)

    def change(nb: dict[str, Any]) -> dict[str, Any]:
        path.write_bytes(person)
        return document.apply(nb, replace("a", "y"))

    with pytest.raises(StaleEdit, match="changed on disk"):
        FileNotebooks(tmp_path)._change("a.ipynb", change)
    assert path.read_bytes() == person


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_scripts_are_notebooks(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(PERCENT.replace("\n", newline).encode())
    port = FileNotebooks(tmp_path)
    title, first, last = (await port.view("a.py")).cells
    assert (title.cell_type, title.source, first.source) == ("markdown", "# Title", "x = 1")
    await port.apply("a.py", replace(first.id, "x = 2", "x = 1"))
    assert path.read_bytes() == PERCENT.replace("x = 1", "x = 2").replace("\n", newline).encode()
    again = await port.view("a.py")
    assert [found.id for found in again.cells] == [title.id, first.id, last.id]
    snapshot = await port.snapshot("a.py")
    back = (CellChange(op="put", cell=first.id, content={**snapshot["cells"][1], "source": "x = 1"}),)
    await port.apply("a.py", back)
    assert path.read_bytes() == PERCENT.replace("\n", newline).encode()


async def test_markdown_and_broken_scripts(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Title\n\n```python\nx = 1\n```\n\nmore\n")
    port = FileNotebooks(tmp_path)
    cells = (await port.view("a.md")).cells
    assert [found.cell_type for found in cells] == ["markdown", "code", "markdown"]
    (tmp_path / "b.py").write_text("# ---\n# jupyter:\n#   kernelspec:\n#     name: x\n# ---\n\nx = 1\n")
    with pytest.raises(NotebookError, match="text file"):
        await port.view("b.py")


async def test_running_a_cell_without_a_kernel(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", cell("a", "1"))
    port = FileNotebooks(tmp_path)
    with pytest.raises(KernelError, match="No kernel is running"):
        await port.execute_cell("a.ipynb", "a")
    with pytest.raises(NotFound):
        await port.execute_cell("a.ipynb", "b")


async def test_running_a_cell_writes_its_outputs(tmp_path: Path, kernel: LiveKernel) -> None:
    import nbformat

    write(tmp_path / "a.ipynb", cell("a", "print('one\\ntwo')\n3"), cell("b", "1/0"))

    async def find(path: str) -> LiveKernel:
        assert path == "a.ipynb"
        return kernel

    port = FileNotebooks(tmp_path, find)
    assert (await port.execute_cell("a.ipynb", "a")).ok
    assert (await port.execute_cell("a.ipynb", "b")).error_name == "ZeroDivisionError"
    nb = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    nbformat.validate(nb)
    assert nb.cells[0].outputs[0].text == "one\ntwo\n"
    assert nb.cells[0].execution_count == nb.cells[1].execution_count - 1
    view = await port.view("a.ipynb")
    assert view.cells[0].outputs_text == "one\ntwo\n3"
    assert view.cells[1].outputs_text.endswith("ZeroDivisionError: division by zero")


async def test_a_cell_changed_while_it_ran_keeps_its_text(tmp_path: Path, kernel: LiveKernel) -> None:
    write(tmp_path / "a.ipynb", cell("a", f"{making(tmp_path / 'began')}{awaiting(tmp_path / 'go')}5"))

    async def find(path: str) -> LiveKernel:
        return kernel

    port = FileNotebooks(tmp_path, find)
    running = asyncio.ensure_future(port.execute_cell("a.ipynb", "a"))
    await until((tmp_path / "began").exists, "the cell")
    await port.apply("a.ipynb", replace("a", "changed"))
    (tmp_path / "go").touch()
    with pytest.raises(StaleEdit, match="while it ran"):
        await running
    assert (await port.view("a.ipynb")).cells[0].source == "changed"
