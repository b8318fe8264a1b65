"""Broken notebooks repaired from a cassette, by papermill's own command and by `codemad batch`."""

import json
from pathlib import Path

import pytest

from tests.batch import twenty
from tests.batch.test_notebook_runs import outputs, text_of

NAMES = (*twenty.SOUND[:1], *twenty.FAULTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("twenty") / "work"
    twenty.make(made, NAMES)
    twenty.record(made)
    return made


def test_papermill_repairs_from_a_cassette_that_codemad_run_recorded(folder: Path) -> None:
    """Its exit code is papermill's, 0 for what was repaired; the report tells of the repair."""
    for ended in twenty.side_by_side(folder, twenty.FAULTS, at_once=2):
        assert (ended.code, ended.report.ending) == (0, "repaired"), ended.said
        [repair] = ended.report.repairs
        assert (repair.status, repair.model) == ("repaired", "compatible/scripted")
        assert text_of(outputs(folder / f"out/{ended.name}.ipynb")[-1][0]) == "the whole of 2026\n"
    cells = json.loads((folder / "out/broken-key.ipynb").read_text())["cells"]
    assert cells[1]["id"] == "injected-parameters"


def test_a_plan_with_repairs_ends_with_their_code(folder: Path) -> None:
    before = twenty.ran(folder)
    done = twenty.batch(folder, NAMES)
    assert done.returncode == 5, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["state"] for each in results] == ["done", "repaired", "repaired", "repaired"]
    assert twenty.ran(folder) - before == dict.fromkeys(NAMES, 1)
    page = (folder / "report.html").read_text()
    assert page.count("<section>") == 3
    assert "print(sum(sales) / len(sales))" in page
    again = twenty.batch(folder, NAMES)
    assert again.returncode == 5
    assert twenty.ran(folder) - before == dict.fromkeys(NAMES, 1), "what is done is not done again"
