"""The demos of Binder run from top to bottom in a copy, in an empty home, without key and network; recorded
answers that fit no more fail here and say how they are recorded again."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codemad_jupyter.gateway.cassette import Cassette
from tests.batch.test_notebook_runs import CODEMAD, outputs, text_of
from tests.servers.model_server import ModelServer, read_script

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the demos' commands are bash's")
SHOWN = {
    "tour": ("`df`", "Edit 1: rejected", "Edit 2: applied", "Undone: 1", "Redone: 1", '- df["mean radios"]'),
    "analysis": ("130 rows", "Edit 2: applied", "1959 to 2014", "<Figure", "0.15 °C per decade", "89%"),
    "batch": (
        "1 repaired",
        "1990s, NASA: +0.18",
        "NOAA is +0.010 °C",
        '+gap = means["NOAA"] - means["NASA"]',
    ),
    "team": ("| judge-1 | reviewer |", "+        raise ValueError", "65 years: +0.14", "there is 1."),
}
"""What each of them has to show at least."""
LIMIT = 280
"""Seconds: each of these starts several kernels, and ends before pytest's own limit."""
AGAIN = "Have prompts, tools or the demo changed? Record its answers again: python binder/record.py"


@pytest.fixture(scope="module")
def demo(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a visitor's") / "demo"
    left = shutil.ignore_patterns("results", "team-work", "*.journal.jsonl", ".ipynb_checkpoints")
    return Path(shutil.copytree(repository / "binder" / "demo", folder, ignore=left))


@pytest.fixture
def visitor(demo: Path, repository: Path) -> dict[str, str]:
    """What Binder sets, an empty home, and no way out."""
    home = demo.parent / "home"
    home.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        "PATH": path,
        "PYTHONPATH": str(repository),
        "HOME": str(home),
        "NO_PROXY": "",
        "no_proxy": "",
        "CODEMAD_MODEL": "codemad/offline",
        "CODEMAD_KEYS": "memory",
    }


def codemad(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = [*CODEMAD, *arguments]
    variables |= environment
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=LIMIT)


def shown(path: Path) -> str:
    """All that its cells show, and why repairs failed."""
    notebook = json.loads(path.read_text())
    data = [each.get("data", {}) for cell in outputs(path) for each in cell]
    texts = [text_of(each) for cell in outputs(path) for each in cell]
    texts += ["".join(each[kind]) for each in data for kind in ("text/markdown", "text/html") if kind in each]
    return "\n".join([*texts, json.dumps(notebook["metadata"], ensure_ascii=False)])


@pytest.mark.parametrize("name", SHOWN)
def test_a_demo_runs_and_shows_real_results(name: str, demo: Path, visitor: dict[str, str]) -> None:
    done = codemad("run", f"{name}.ipynb", "-o", f"../{name}.out.ipynb", cwd=demo, **visitor)
    found = shown(demo.parent / f"{name}.out.ipynb")
    inner = [shown(path) for path in sorted(demo.glob("batch/results/*.ipynb"))]
    assert done.returncode == 0, "\n".join([done.stderr, found, *inner, AGAIN])
    assert done.stderr == ""
    for part in SHOWN[name]:
        assert part in found, part


def test_what_was_not_recorded_is_told_and_fails(demo: Path, visitor: dict[str, str]) -> None:
    """A prompt that has changed since, as a changed demo or a changed product would send it."""
    tape = {"CODEMAD_CASSETTE": "team.cassette.jsonl", "CODEMAD_CASSETTE_MODE": "replay"}
    asked = ("team", "--agents", "2", "--model", "compatible/scripted", "Mend trend in another way")
    done = codemad(*asked, cwd=demo / "team", **visitor, **tape)
    assert done.returncode == 1
    assert "No answer is recorded for this question, and no model is asked." in done.stderr
    assert "recorded “" in done.stderr


def test_the_teachers_commands(
    repository: Path, demo: Path, visitor: dict[str, str], model_server: ModelServer
) -> None:
    """Those of the page, one after the other; what they record is what the repository has."""
    theirs = {**os.environ, **visitor, "CODEMAD_MODEL": "compatible/scripted", "CODEMAD_DIAGNOSTICS": "off"}
    theirs |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    theirs["CODEMAD_COMPATIBLE_BASE_URL"] = model_server.openai_url
    theirs.pop("PYTEST_CURRENT_TEST", None)
    kept = set(keys(demo / "class" / "lesson.cassette.jsonl"))
    (demo / "class" / "lesson.cassette.jsonl").unlink()
    answers = read_script(repository / "binder" / "answers" / "class.json")
    model_server.play(*answers, *answers)
    page = (demo / "README.md").read_text()
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.DOTALL | re.MULTILINE)
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(blocks)],
        cwd=demo, env=theirs, capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(blocks) == 4
    assert "3 calls recorded." in done.stdout
    assert "3 calls of compatible/scripted.\nEvery line can be read." in done.stdout
    assert "3 calls kept;" in done.stdout
    assert model_server.unscripted == 0
    assert "Compare **slopes**" in shown(demo / "class" / "mine.ipynb")
    assert set(keys(demo / "class" / "lesson.cassette.jsonl")) == kept, AGAIN


def keys(path: Path) -> list[str]:
    return [each.key for each in Cassette(path).records()]


def test_the_check_of_the_folder(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its output is printed, so that CI's log has it."""
    command = [sys.executable, str(repository / "binder" / "check.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" ok ") >= 6
