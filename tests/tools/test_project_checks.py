"""Tests and linters of a project: which programs are found, what is asked, what comes back."""

import json
import sys
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.project import reports
from codemad_jupyter.tools.project.checks import run_checks, run_tests
from codemad_jupyter.tools.project.environments import versions
from codemad_jupyter.tools.project.finding import for_checks, for_tests
from codemad_jupyter.tools.sandbox import state as sandbox
from tests.tools.using import User, bare_context, use

OURS = (Path(sys.prefix),)
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a sandbox on Linux alone")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n[tool.ruff]\n[tool.mypy]\n")
    (tmp_path / "sums.py").write_text("import os\n\n\ndef add(a: int, b: int) -> int:\n    return a - b\n")
    (tmp_path / "test_sums.py").write_text(
        "import pytest\n"
        "from sums import add\n\n\n"
        "class TestAdd:\n"
        "    @pytest.mark.parametrize('b', [0, 2])\n"
        "    def test_add(self, b):\n"
        "        assert add(1, b) == 1 + b, 'Ada earns 7000'\n"
    )
    return tmp_path


def test_programs_are_found_from_files(tmp_path: Path) -> None:
    assert for_tests(tmp_path, OURS) == for_checks(tmp_path, OURS) == ()
    (tmp_path / "test_a.py").write_text("")
    (tmp_path / "Makefile").write_text("test: all\n\techo\nX := 1\nlint:\n\techo\n")
    (tmp_path / "package.json").write_text('{"scripts": {"test": "node --test", "lint": "eslint ."}}')
    (tmp_path / "noxfile.py").write_text("raise SystemExit\n")
    assert [each.name for each in for_tests(tmp_path, OURS)] == ["pytest", "npm test", "nox", "make test"]
    assert for_tests(tmp_path, (tmp_path,))[0].command(("a b.py",)) == "python -m unittest 'a b.py'"
    assert for_tests(tmp_path, (tmp_path,))[0].command() == "python -m unittest discover"
    assert [each.name for each in for_checks(tmp_path, OURS)] == ["ruff", "npm lint"]
    (tmp_path / "package.json").write_text('{"scripts": {"test": "echo \\"Error: no test specified\\""}}')
    assert "npm test" not in [each.name for each in for_tests(tmp_path, OURS)]


@pytest.mark.parametrize("text", ["[", "[1]", '{"scripts": 3}', "[" * 100_000, '"x"'])
def test_odd_files_say_nothing(tmp_path: Path, text: str) -> None:
    for name in ("package.json", "pyproject.toml", "tox.ini", "setup.cfg", "mypy.ini"):
        (tmp_path / name).write_text(text)
    assert "npm test" not in [each.name for each in for_tests(tmp_path, OURS)]
    assert for_checks(tmp_path, OURS) == ()


@LINUX
async def test_failed_tests_come_as_a_table(project: Path) -> None:
    said: list[str] = []
    result = await use(run_tests, bare_context(project, say=said.append))
    assert result["command"] == "python -m pytest -q"
    assert result["counts"] == {"passed": 1, "failed": 1, "errors": 0, "skipped": 0}
    [row] = result["failed"]
    assert (row["test"], row["place"]) == ("test_sums.py::TestAdd::test_add[2]", "test_sums.py:8")
    assert "Ada earns 7000" in row["message"]
    assert "output" not in result
    assert "1 failed" in "".join(said)
    # Its name is one that pytest takes: it is found, and then left out by the pattern.
    none = await use(run_tests, bare_context(project), what=[row["test"]], match="nothing")
    assert none["exit"] == 5
    assert "No test was found" in none["next"]


@LINUX
async def test_problems_of_linters_come_as_a_table(project: Path) -> None:
    (project / "sums.py").write_text("import os\n\nx: int = 'a'\n")
    result = await use(run_checks, bare_context(project))
    ruff, mypy = result["checks"]
    assert ("sums.py:1:8", "F401") in [(row["place"], row["rule"]) for row in ruff["problems"]]
    assert ("sums.py:3:10", "assignment") in [(row["place"], row["rule"]) for row in mypy["problems"]]
    (project / "clean.py").write_text("x = 1\n")
    only = await use(run_checks, bare_context(project), program="ruff", what=["clean.py"])
    assert only["checks"][0]["counts"] == {"problems": 0}


@LINUX
async def test_the_gate_decides_on_the_command_that_runs(project: Path) -> None:
    denied = User(
        bare_context(project),
        given=Permissions(rules=(Rule(decide="deny", command=("python", "-m", "mypy")),)),
    )
    result = await denied.call("run_checks")
    assert result.is_error
    assert denied.audit[-1].decision == "denied"
    asked = User(bare_context(project), answer="rejected")
    assert (await asked.call("run_tests", what=["test_sums.py"])).is_error
    assert [each.action for each in asked.asked] == ["python -m pytest -q test_sums.py"]
    if (await sandbox.state()).strength == "none":
        pytest.skip("without a sandbox each command is asked about, whatever the rules say")
    rules = (Rule(decide="allow", command=("python", "-m", "pytest")),)
    allowed = User(bare_context(project), given=Permissions(rules=rules), level="schema")
    told = await allowed.call("run_tests")
    assert allowed.asked == []
    assert "test_sums.py::TestAdd::test_add[2]" in told.content
    assert "7000" not in told.content


async def test_names_that_are_no_paths_are_refused(project: Path) -> None:
    for name in ("--collect-only", "-p", "../x", "/etc", "nowhere.py", "a\nb", "", ".git"):
        with pytest.raises(ToolError):
            await use(run_tests, bare_context(project), what=[name])
    with pytest.raises(ToolError, match="There is: pytest"):
        await use(run_tests, bare_context(project), program="jest")
    (project / "pyproject.toml").unlink()
    (project / "test_sums.py").unlink()
    with pytest.raises(ToolError, match="No tests"):
        await use(run_tests, bare_context(project))


def test_reports_that_lie_are_not_believed() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aa">]><testsuite tests="1"><testcase name="&a;"/></testsuite>'
    for data in (bomb, b"", b"<a", b'<testsuite tests="many"/>', b"\xff"):
        assert reports.junit(data) is None
    for data in (b"", b"{}x", b"[1]", b'[{"message": 1}]'):
        assert reports.ruff(data, "/x") is None
    assert reports.mypy("Segmentation fault") is None
    assert reports.mypy(json.dumps({"file": "a", "line": 1})[:-1]) is None
    many = b"".join(b'<testcase name="t%d"><failure>x</failure></testcase>' % n for n in range(3))
    found = reports.junit(b"<testsuites><testsuite>" + many + b"</testsuite></testsuites>")
    assert found is not None
    assert [row["test"] for row in found.rows] == ["t0", "t1", "t2"]


def test_versions_are_read_from_names_of_folders() -> None:
    assert versions(Path(sys.prefix))["pydantic"].startswith("2.")
