"""Role files: what is read, what is refused with line and reason, whose comes first, and trust by content."""

from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import main
from codemad_jupyter.config.trust import TrustedFolders
from codemad_jupyter.orchestrator.equipment import equipped_as
from codemad_jupyter.orchestrator.role_files import read_role
from codemad_jupyter.orchestrator.role_runs import tightest
from codemad_jupyter.orchestrator.roles import built_in, read_roles
from codemad_jupyter.orchestrator.tally import Limits, Tally
from codemad_jupyter.protocol.errors import NotFound, UsageError
from codemad_jupyter.protocol.messages import Usage
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.catalog import BUILT_IN
from codemad_jupyter.tools.permissions import Permissions, may_read
from codemad_jupyter.tools.tool import Registry

OURS = {"coordinator", "architect", "planner", "coder", "analyst", "tester"} | {
    "documenter",
    "security",
    "devops",
    "designer",
    "reviewer",
}
GOOD = """---
name: sql
description: Writes queries   # a remark
tools: [read_file, "list_files"]
model: compatible/small
fallbacks:
  - compatible/other
steps: 7
cost: 0.5
---
Write SQL.

Nothing else.
"""


def role(text: str = GOOD, file: str = "roles/sql.md") -> str:
    return read_role(text, file=file, origin="yours").model_dump_json()


def test_a_role_is_read_whole() -> None:
    read = read_role(GOOD, file="roles/sql.md", origin="yours")
    assert (read.name, read.description) == ("sql", "Writes queries")
    assert read.tools == ("read_file", "list_files")
    assert (read.model, read.fallbacks) == ("compatible/small", ("compatible/other",))
    assert (read.steps, read.cost, read.mode) == (7, 0.5, "ask")
    assert read.prompt == "Write SQL.\n\nNothing else."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("---\nname", "\nname", "line 1: it does not begin with a line of three dashes"),
        ("cost: 0.5\n---\nWrite SQL.\n\nNothing else.", "cost: 0.5", "the front matter has no end"),
        ("steps: 7", "steps: many", "line 8: steps is wrong"),
        ("steps: 7", "stepps: 7", "line 8: stepps is wrong"),
        ("steps: 7", "tools: all", "line 8: tools stands there twice"),
        ("steps: 7", "just words", "line 8: this is no field: value"),
        ("steps: 7", "prompt: x", "line 8: prompt is no field"),
        ("steps: 7", "mode: yolo", "line 8: mode is wrong"),
        ("name: sql", "name: other", "line 2: the name is other, the file's sql"),
        ("description: Writes queries   # a remark\n", "", "description is missing"),
        ("Write SQL.\n\nNothing else.", "", "there are no instructions"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as error:
        role(GOOD.replace(old, new))
    assert said in str(error.value)
    assert "roles/sql.md" in str(error.value)


def test_our_own_roles_are_all_there_and_name_tools_that_exist() -> None:
    found = {role.name: role for role in built_in()}
    assert set(found) == OURS
    registry = Registry(BUILT_IN)
    for each in found.values():
        tools = {spec.name for spec in equipped_as(each, registry, rights=Permissions()).tools.specs}
        assert "read_file" in tools
        assert ("edit_file" in tools) == (each.tools == "all")
        assert "plan" not in tools


def test_a_role_gets_the_tools_it_names_and_its_mode_only_takes_away() -> None:
    registry, rights = Registry(BUILT_IN), Permissions()
    named = read_role(GOOD, file="sql.md", origin="yours")
    assert {spec.name for spec in equipped_as(named, registry, rights=rights).tools.specs} == {
        "read_file",
        "list_files",
    }
    looking = named.model_copy(update={"tools": "all", "mode": "plan"})
    assert "edit_file" not in {
        spec.name for spec in equipped_as(looking, registry, rights=rights).tools.specs
    }
    with pytest.raises(UsageError, match="wants a tool nope"):
        equipped_as(named.model_copy(update={"tools": ("nope",)}), registry, rights=rights)


def test_the_rules_of_a_role_only_take_away() -> None:
    own = GOOD.replace("steps: 7", "rules:\n  - deny path private/**\n  - hide tool list_files")
    named = read_role(own, file="sql.md", origin="yours")
    equipment = equipped_as(named, Registry(BUILT_IN), rights=Permissions(rules=(Rule(decide="allow"),)))
    assert [spec.name for spec in equipment.tools.specs] == ["read_file"]
    may = may_read(equipment.rights, Path("/x"))
    assert (may("a.py"), may("private/a.py")) == (True, False)
    assert equipment.rights.rules[-1].text == "hide tool list_files (the role sql)"
    for wrong in ("allow tool run_command", "deny", "deny path", "deny axis nothing", "deny everything x"):
        with pytest.raises(UsageError, match="is no rule"):
            read_role(GOOD.replace("steps: 7", f"rules: [{wrong}]"), file="sql.md", origin="yours")


def write(folder: Path, name: str, description: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(f"---\nname: {name}\ndescription: {description}\n---\nDo it.\n")


def test_yours_come_before_ours_and_the_projects_before_yours_once_trusted_as_they_are(
    tmp_path: Path,
) -> None:
    root, own = tmp_path / "work", tmp_path / "own"
    write(own / "roles", "coder", "mine")
    write(root / ".codemad" / "roles", "coder", "theirs")
    (own / "roles" / "bad.md").write_text("no front matter")
    trusted = TrustedFolders(tmp_path / "data", environ={})

    def read() -> tuple[str, tuple[str, ...]]:
        found = read_roles(root, own=own, lends=trusted.lends)
        assert len(found.problems) == 1
        assert "bad.md, line 1" in found.problems[0]
        return found.get("coder").description, found.waiting

    assert read() == ("mine", (".codemad/roles/coder.md",))
    trusted.trust(root)
    assert read() == ("theirs", ())
    write(root / ".codemad" / "roles", "coder", "theirs, changed later")
    assert read() == ("mine", (".codemad/roles/coder.md",))
    assert trusted.look(root).state == "changed"
    with pytest.raises(NotFound, match="no role nobody"):
        read_roles(root, own=own, lends=trusted.lends).get("nobody")


def test_the_command_line_lists_shows_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "own" / "config.toml"))
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    write(tmp_path / "own" / "roles", "sql", "Writes queries")
    assert main(["roles", "list", "--root", str(tmp_path)]) == 0
    assert "sql           yours         Writes queries" in capsys.readouterr().out
    assert main(["roles", "show", "reviewer", "--root", str(tmp_path)]) == 0
    assert "tools: read" in capsys.readouterr().out
    assert main(["roles", "check", "--root", str(tmp_path)]) == 0
    assert "All 12 roles can be used." in capsys.readouterr().out
    (tmp_path / "own" / "roles" / "sql.md").write_text("---\nname: sql\n")
    assert main(["roles", "check", "--root", str(tmp_path)]) == 1
    assert "sql.md, line 2: the front matter has no end" in capsys.readouterr().out


def test_limits_are_the_lowest_of_role_and_what_is_left() -> None:
    used = Tally(usage=Usage(input_tokens=600, output_tokens=100), cost=0.4, steps=20)
    left = Limits(steps=25, tokens=1000, cost=1.0).left(used)
    assert (left.steps, left.tokens, round(left.cost or 0, 6), left.seconds) == (5, 300, 0.6, None)
    assert tightest(Limits(steps=15, cost=0.1), left) == Limits(steps=5, tokens=300, cost=0.1)
