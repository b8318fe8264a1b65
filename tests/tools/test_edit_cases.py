"""Every case of the table lands byte for byte or is refused with everything untouched."""

from pathlib import Path

import pytest

import tests.tools.edit_cases_foreign  # noqa: F401  (adds its cases)
from codemad_jupyter.tools.edits.cell_places import on_disk
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.edits.writing import write
from tests.tools.edit_cases import CASES, Case


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "gitlink").symlink_to(root / ".git")
    for name, data in case.before.items():
        (root / name).write_bytes(data)
    before = tree(tmp_path)
    if isinstance(case.after, str):
        with pytest.raises(Refused) as refused:
            write(on_disk(root, plan(root, parse(case.text))))
        assert refused.value.cause == case.after
        assert tree(tmp_path) == before
        return
    write(on_disk(root, plan(root, parse(case.text))))
    wanted = {**before, **{f"root/{name}": data for name, data in case.after.items()}}
    assert tree(tmp_path) == {name: data for name, data in wanted.items() if data is not None}


def test_the_table_is_long_and_its_names_are_unique() -> None:
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)
