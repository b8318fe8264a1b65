"""Who decides what: rules by what they name, modes, sandbox, files, and what gives rights."""

from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.protocol.permissions import Axis, Mode, Risk, Rule, SandboxState, SandboxStrength
from codemad_jupyter.tools.path_rules import fits, gives_rights, place_of
from codemad_jupyter.tools.permissions import (
    Action,
    Outcome,
    Permissions,
    applies_by_itself,
    decide,
    stricter,
    visible,
)

SHELL: tuple[Risk, Axis] = ("execute", "shell")
RUN: tuple[Risk, Axis] = ("execute", "kernel_run")
MUTATE: tuple[Risk, Axis] = ("execute", "kernel_mutate")
WRITE: tuple[Risk, Axis] = ("write", "files")
READ: tuple[Risk, Axis] = ("read", "files")
CONTROL: tuple[Risk, Axis] = ("execute", "control")
NETWORK: tuple[Risk, Axis] = ("network", "network")


def action(root: Path, kind: tuple[Risk, Axis] = READ, *, tool: str = "t", **arguments: Any) -> Action:
    return Action(tool=tool, risk=kind[0], axis=kind[1], arguments=arguments, root=root)


@pytest.mark.parametrize(
    ("mode", "strength", "outcomes"),
    [
        ("ask", "strong", "allow allow ask ask ask ask ask"),
        ("auto_edit", "strong", "allow allow ask ask ask ask ask"),
        ("auto_sandboxed", "strong", "allow allow allow allow ask ask ask"),
        ("auto_sandboxed", "limited", "allow allow ask ask ask ask ask"),
        ("auto_sandboxed", "container", "allow allow ask ask ask ask ask"),
        ("auto_sandboxed", "none", "allow allow ask ask ask ask ask"),
        ("batch", "strong", "allow allow deny deny deny deny deny"),
        ("plan", "strong", "allow deny deny deny deny deny deny"),
    ],
)
def test_each_mode_by_what_an_action_reaches(
    tmp_path: Path, mode: Mode, strength: SandboxStrength, outcomes: str
) -> None:
    given = Permissions(mode=mode, sandbox=SandboxState(strength=strength))
    kinds = (READ, WRITE, SHELL, RUN, MUTATE, NETWORK, CONTROL)
    found = [decide(action(tmp_path, kind, command="make"), given).outcome for kind in kinds]
    assert found == outcomes.split()


@pytest.mark.parametrize("mode", ["ask", "auto_edit", "auto_sandboxed"])
@pytest.mark.parametrize(
    "path", ["codemad.toml", "CODEMAD.TOML", "a/.vscode/tasks.json", ".mcp.json", "x.pth"]
)
def test_no_allowing_rule_and_no_mode_covers_what_gives_rights(tmp_path: Path, mode: Mode, path: str) -> None:
    everything = Rule(decide="allow")
    given = Permissions(mode=mode, rules=(everything,), sandbox=SandboxState(strength="strong"))
    assert decide(action(tmp_path, WRITE, path=path), given).outcome == "ask"
    assert not applies_by_itself(path, given, root=tmp_path)
    assert applies_by_itself("model.py", given, root=tmp_path) == (mode != "ask")
    named = Permissions(mode=mode, rules=(Rule(decide="allow", axis="control"),))
    assert decide(action(tmp_path, WRITE, path=path), named).outcome == "allow"


def test_what_was_allowed_for_good_never_covers_control_or_planning(tmp_path: Path) -> None:
    for kind, mode, outcome in (
        (MUTATE, "ask", "allow"),
        (MUTATE, "batch", "allow"),
        (MUTATE, "plan", "deny"),
        (CONTROL, "ask", "ask"),
    ):
        asked = action(tmp_path, kind, code="x")
        given = Permissions(mode=mode, kept=frozenset({asked.digest}))  # type: ignore[arg-type]
        assert decide(asked, given).outcome == outcome
        other = action(tmp_path, MUTATE, code="x ")
        assert decide(other, given).outcome != "allow"


def test_deny_wins_over_ask_and_ask_over_allow_wherever_they_stand(tmp_path: Path) -> None:
    rules = [Rule(decide=verdict, tool="t") for verdict in ("allow", "ask", "deny")]
    for ordered in (rules, rules[::-1]):
        found = decide(action(tmp_path, MUTATE), Permissions(rules=tuple(ordered)))
        assert (found.outcome, found.keepable) == ("deny", False)
    assert decide(action(tmp_path, MUTATE), Permissions(rules=tuple(rules[:2]))).outcome == "ask"
    assert decide(action(tmp_path, MUTATE), Permissions(rules=tuple(rules[:1]))).outcome == "allow"


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (Rule(decide="deny", tool="run_*"), "deny"),
        (Rule(decide="deny", tool="other"), "ask"),
        (Rule(decide="deny", risk="execute"), "deny"),
        (Rule(decide="deny", axis="network"), "ask"),
        (Rule(decide="allow", arguments={"code": "print(*"}), "allow"),
        (Rule(decide="allow", arguments={"other": "*"}), "ask"),
        (Rule(decide="deny", role="expl*"), "deny"),
        (Rule(decide="deny", role="coder"), "ask"),
        (Rule(decide="deny", command=("print",)), "ask"),
    ],
)
def test_a_rule_holds_for_what_fits_all_that_it_names(tmp_path: Path, rule: Rule, outcome: Outcome) -> None:
    asked = Action(
        tool="run_code",
        risk="execute",
        axis="kernel_mutate",
        arguments={"code": "print(1)"},
        root=tmp_path,
        role="explorer",
    )
    found = decide(asked, Permissions(rules=(rule,), role="explorer"))
    assert found.outcome == outcome
    assert rule.text in found.rule or found.habit


def test_a_hidden_tool_is_not_seen_and_cannot_be_called(tmp_path: Path) -> None:
    given = Permissions(rules=(Rule(decide="hide", tool="run_code"), Rule(decide="hide", path="secrets/**")))
    assert not visible("run_code", "kernel_mutate", "execute", given)
    assert visible("read_file", "files", "read", given)
    assert decide(action(tmp_path, MUTATE, tool="run_code"), given).outcome == "deny"
    assert decide(action(tmp_path, tool="read_file", path="secrets/a"), given).outcome == "deny"


@pytest.mark.parametrize(
    "path",
    [
        "secrets/key", "./secrets/key", "a/../secrets/key", "SECRETS/Key", "secrets", "link/key", "alias",
        "secrets /key", "secrets./key", "se\u200bcrets/key", "\uff53ecrets/key", "secrets//key",
    ],
)  # fmt: skip
def test_a_forbidden_folder_is_found_behind_every_spelling(tmp_path: Path, path: str) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("k")
    (tmp_path / "link").symlink_to("secrets")
    (tmp_path / "alias").symlink_to(tmp_path / "secrets" / "key")
    given = Permissions(rules=(Rule(decide="deny", path="secrets/**"), Rule(decide="allow", path="**")))
    for kind in (READ, WRITE):
        assert decide(action(tmp_path, kind, path=path), given).outcome == "deny"
    assert decide(action(tmp_path, path="secret/key"), given).outcome == "allow"


def test_an_allowing_path_holds_to_the_letter_and_not_outside(tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    (root / "data").symlink_to(tmp_path)
    rule = Rule(decide="allow", path="data/**", risk="execute")
    for path, outcome in (("data/x", "ask"), ("../work2/data/x", "ask"), ("DATA/x", "ask")):
        found = decide(action(root, MUTATE, path=path), Permissions(rules=(rule,)))
        assert (path, found.outcome) == (path, outcome)
    (root / "data").unlink()
    assert decide(action(root, MUTATE, path="data/x"), Permissions(rules=(rule,))).outcome == "allow"


def test_places_and_patterns(tmp_path: Path) -> None:
    assert not place_of(tmp_path, "a/b").outside
    for path in ("..", "../x", "/etc/passwd", "~/x", "a/../../x", "x\0y", f"../{tmp_path.name}2/x"):
        assert place_of(tmp_path, path).outside, path
    inside = place_of(tmp_path, str(tmp_path / "a"))
    assert (inside.written, inside.real) == ("a", "a")
    assert fits("*.pem", place_of(tmp_path, "deep/er/k.pem"), strict=True)
    assert not fits("*.pem", place_of(tmp_path, "k.pem.txt"), strict=False)
    assert fits("a/*/c", place_of(tmp_path, "a/b/c"), strict=True)
    assert not fits("a/*/c", place_of(tmp_path, "a/b/b/c"), strict=True)
    assert fits("a/**/c", place_of(tmp_path, "a/c"), strict=True)
    assert not gives_rights(tmp_path, "src/agents.py")


def test_a_link_to_what_gives_rights_gives_them_too(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").symlink_to("codemad.toml")
    assert gives_rights(tmp_path, "notes.txt")
    assert gives_rights(tmp_path, "sub/AGENTS.md")


def test_the_stricter_of_two_modes_lets_less_through() -> None:
    assert stricter("ask", "batch") == "batch"
    assert stricter("plan", "auto_sandboxed") == "plan"


@pytest.mark.parametrize(
    "words",
    ["-o/etc/x", "-ro/etc/x", "-o../x", "-o~/x", "--put=a=/etc/x", "a:/etc/x", "@/etc/x", "-k1,/etc/x"],
)
def test_a_path_that_clings_to_something_is_seen(tmp_path: Path, words: str) -> None:
    """A rule that allows a program inside the folder does not let it out by another spelling of a path."""
    allowed = Permissions(mode="ask", rules=(Rule(decide="allow", axis="shell", command=("sort",)),))
    assert decide(action(tmp_path, SHELL, command=f"sort {words} a"), allowed).outcome == "ask"
    for harmless in ("-k2", "-rn", "--key=2", "sub/a:1"):
        assert decide(action(tmp_path, SHELL, command=f"sort {harmless} a"), allowed).outcome == "allow"
    barred = Permissions(mode="auto_sandboxed", rules=(Rule(decide="deny", axis="shell", path="keys/**"),))
    for word in ("-okeys/x", "a:keys/x", "--put=a=keys/x"):
        assert decide(action(tmp_path, SHELL, command=f"sort {word} a"), barred).outcome == "deny"
