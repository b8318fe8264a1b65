"""The real servers for Python, on files and notebooks as people keep them."""

import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codemad_jupyter.context.diagnostics.documents import CodeCell, Document
from codemad_jupyter.context.diagnostics.environments import kernel_prefix
from codemad_jupyter.context.diagnostics.noise import Known
from codemad_jupyter.context.diagnostics.servers import SERVERS
from codemad_jupyter.context.diagnostics.service import Diagnostics
from codemad_jupyter.protocol.diagnostics import Diagnosis

PLENTY = 60.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
async def servers(root: Path) -> AsyncIterator[Diagnostics]:
    diagnostics = Diagnostics(root)
    yield diagnostics
    await diagnostics.close()


def notebook(*cells: str, path: str = "n.ipynb") -> Document:
    return Document(path, "python", cells=tuple(CodeCell(f"c{n}", text) for n, text in enumerate(cells)))


def places(diagnosis: Diagnosis) -> list[tuple[str | None, int, str]]:
    return [(each.cell, each.line, each.server) for each in diagnosis.problems]


async def test_types_and_lint_of_a_notebook_with_magics(servers: Diagnostics) -> None:
    document = notebook(
        "%matplotlib inline\nimport numpy as np\nfiles = !ls\nfor f in files:\n    !echo {f}",
        "%%bash\nfor i in 1 2; do echo $i; done",
        "def double(x: int) -> int:\n    return 2 * x",
        "%%time\ndouble('a')\nlive + nowhere\nawait f",
        "try:\n    np.nope\nexcept:\n    display(_)",
    )
    diagnosis = await servers.check(document, deadline=PLENTY, known=Known(frozenset({"live"})))
    assert diagnosis.detail == ""
    assert diagnosis.servers == ("ty", "ruff")
    assert places(diagnosis)[:2] == [("c3", 2, "ty"), ("c3", 3, "ty")]
    assert "nowhere" in diagnosis.problems[1].text
    assert ("c4", 2, "ty") in places(diagnosis)
    assert ("c4", 3, "ruff") in places(diagnosis)
    assert not [each for each in diagnosis.problems if each.cell in ("c0", "c1", "c2")]


async def test_only_what_is_new_is_told(servers: Diagnostics) -> None:
    before = notebook("import os\nold_fault", "def f(a: int) -> int:\n    return a", "f(1)")
    after = notebook("import os\n\n\nold_fault", "def f(a: str) -> int:\n    return len(a)", "f(1)")
    diagnosis = await servers.compare(before, after, deadline=PLENTY)
    [problem] = diagnosis.problems
    assert (problem.cell, problem.line, problem.severity) == ("c2", 1, "error")
    assert not (await servers.compare(after, after, deadline=PLENTY)).problems
    unused = await servers.compare(notebook("x = 1"), notebook("import sys\nx = 1"), deadline=PLENTY)
    assert not unused.problems, "a later cell may use it"


async def test_packages_of_the_environment_are_known(servers: Diagnostics, root: Path) -> None:
    text = "import pydantic\nimport not_there_at_all\nx: int = pydantic.VERSION\n"
    diagnosis = await servers.check(
        Document("odd dir #1/ü ?.py", "python", text=text), deadline=PLENTY, prefix=kernel_prefix("python3")
    )
    errors = [each for each in diagnosis.problems if each.severity == "error"]
    assert [each.line for each in errors] == [2, 3]
    assert not [each for each in diagnosis.problems if str(root) in each.text or sys.prefix in each.text]
    assert not os.listdir(root), "the folder stays clean"  # noqa: PTH208 - in a coroutine


async def test_a_file_of_ten_thousand_lines(servers: Diagnostics) -> None:
    text = "\n".join(f"def f{n}(a: int) -> int:\n    b = a + {n}\n    return b\n" for n in range(2_500))
    assert text.count("\n") >= 9_999
    before = Document("big.py", "python", text=text)
    after = Document("big.py", "python", text=f"{text}\nf1('x')\n")
    [problem] = (await servers.compare(before, after, deadline=PLENTY)).problems
    assert problem.line == after.text.count("\n")
    huge = Document("big.py", "python", text="x = 1\n" * 400_000)
    assert "too large" in (await servers.check(huge, deadline=PLENTY)).detail


@pytest.fixture
def hostile(root: Path) -> Path:
    """A folder that would have its own programs run, and its configuration read."""
    for folder in (root / ".venv" / "bin", root / "bin"):
        folder.mkdir(parents=True)
        for name in ("python", "python3", "uv", "ty", "ruff", "git"):
            (folder / name).write_text(f"#!/bin/sh\necho $0 >> {root.parent}/ran\n")
            (folder / name).chmod(0o755)
    (root / ".venv" / "pyvenv.cfg").write_text(f"home = {root}/bin\nversion = 3.11\n")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\n[tool.ty.environment]\npython = ".venv"\n'
        '[tool.ty.rules]\ninvalid-assignment = "ignore"\n[tool.ruff.lint]\nselect = ["D100"]\n'
    )
    (root / "conftest.py").write_text(f"open({str(root.parent / 'ran')!r}, 'w')\n")
    return root


@pytest.mark.parametrize("trusted", [False, True])
async def test_nothing_of_the_folder_is_run_and_its_settings_need_trust(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    own = {name: shutil.which(name) or "" for name in ("ty", "ruff")}
    monkeypatch.setenv("PATH", os.pathsep.join([*(str(Path(each).parent) for each in own.values())]))
    diagnostics = Diagnostics(hostile, trusted=lambda folder: trusted)
    script = "#!/usr/bin/env -S uv run --script\n# /// script\n# dependencies = []\n# ///\nimport conftest\n"
    document = Document("a.py", "python", text=f"{script}x: int = conftest.y or 'a'\nz: int = 'a'\n")
    try:
        found = (await diagnostics.check(document, deadline=PLENTY)).problems
    finally:
        await diagnostics.close()
    codes = {each.code for each in found}
    assert ("D100" in codes) is trusted
    assert ("invalid-assignment" in codes) is not trusted
    assert not (hostile.parent / "ran").exists()


async def test_what_is_missing_is_named_with_the_way_to_get_it(root: Path) -> None:
    nowhere = tuple(
        each.__class__(**{**vars(each), "command": ("codemad-no-such-program",)}) for each in SERVERS
    )
    diagnosis = await Diagnostics(root, servers=nowhere).check(notebook("x"), deadline=PLENTY)
    assert diagnosis.servers == ()
    assert diagnosis.detail.count("pip install 'codemad-jupyter[diagnostics]'") == 2
    off = await Diagnostics(root, mode="off").check(notebook("x"), deadline=PLENTY)
    assert (off.problems, off.detail) == ((), "Diagnostics are switched off.")
