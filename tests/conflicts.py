"""A notebook in a real repository that git could not merge, and where nbdime lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from codemad_jupyter.notebooks import document

NAME = "m.ipynb"


def code(cell_id: str, source: str, output: str = "", count: int | None = None) -> dict[str, Any]:
    outputs = [{"name": "stdout", "output_type": "stream", "text": [output]}] if output else []
    return {
        "cell_type": "code",
        "execution_count": count,
        "id": cell_id,
        "metadata": {},
        "outputs": outputs,
        "source": source.splitlines(keepends=True),
    }


def book(*cells: dict[str, Any], metadata: dict[str, Any] | None = None) -> bytes:
    nb = {"cells": list(cells), "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    return document.render(nb)


PYTHON = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


BASE = book(code("a", "x = 1", "1", 1), code("b", "y = 1\nz = 1"), code("c", "w = 1"), code("d", "d = 1"))
OURS = book(
    code("a", "x = 2", "2", 5),
    code("b", "y = 2\nz = 1"),
    code("n1", "new = 1"),
    code("c", "w = 1"),
    code("d", "d = 2"),
)
THEIRS = book(
    code("a", "x = 3", "3", 6), code("b", "y = 1\nz = 3"), code("n2", "more = 2"), code("c", "w = 1")
)


def git(folder: Path, *arguments: str) -> bytes:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "merge.conflictStyle=merge")
    return subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True).stdout


def conflict(
    root: Path, name: str = NAME, *, sides: tuple[bytes, bytes, bytes] = (BASE, OURS, THEIRS)
) -> Path:
    """Make ``root`` a repository in the middle of a merge of branch ``theirs`` that failed in the file."""
    base, ours, theirs = sides
    root.mkdir(exist_ok=True)
    file = root / name
    git(root, "init", "-b", "main")
    for data, branch in ((base, "main"), (theirs, "theirs"), (ours, "main")):
        if data is not base:
            git(root, "checkout", *(["-b"] if branch == "theirs" else []), branch)
        file.write_bytes(data)
        git(root, "add", name)
        git(root, "commit", "-m", branch)
    git(root, "merge", "theirs")
    assert b"<<<<<<<" in file.read_bytes()
    return file


def nbdime_folder() -> Path:
    """The extra `merge`, which `python3 dev.py test` installs beside the environment."""
    apart = Path(sys.prefix) / "merging"
    assert apart.is_dir(), "run `python3 dev.py test`: it installs nbdime"
    return apart


def with_nbdime() -> dict[str, str]:
    """The variables of a process that finds nbdime."""
    above = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(nbdime_folder()), above]))}
