"""Which rules hold for a file: own ones first, deeper ones last, nothing of a stranger."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from codemad_jupyter.context.rules import CUT, MAX_RULES, Rule, distinct, fitted, present, read_rules


def everywhere(folder: Path) -> bool:
    return True


def only(*roots: Path) -> Callable[[Path], bool]:
    return lambda folder: folder in roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "AGENTS.md").write_text("root agents")
    (folder / "CLAUDE.md").write_text("root claude")
    (folder / ".cursorrules").write_text("root cursor")
    (folder / "a" / "AGENTS.md").write_text("a agents")
    (folder / "a" / "b" / "CLAUDE.md").write_text("b claude")
    (tmp_path / "codemad").mkdir()
    (tmp_path / "codemad" / "AGENTS.md").write_text("mine")
    return folder


def names(rules: list[Rule]) -> list[str]:
    return [rule.name for rule in rules]


def test_general_rules_come_first_and_deeper_ones_last(root: Path, tmp_path: Path) -> None:
    rules = read_rules(root, at="a/b/n.ipynb", own=tmp_path / "codemad", trusted=everywhere)
    every = ["codemad/AGENTS.md", "AGENTS.md", "CLAUDE.md", ".cursorrules", "a/AGENTS.md", "a/b/CLAUDE.md"]
    assert names(rules) == every
    assert [rule.text for rule in rules][-1] == "b claude"
    assert names(read_rules(root, at="n.ipynb", trusted=everywhere)) == every[1:4]
    assert names(read_rules(root, trusted=everywhere)) == every[1:4]
    assert present(root) == tuple(every[1:4])


def test_before_trust_only_the_persons_own_count(root: Path, tmp_path: Path) -> None:
    rules = read_rules(root, at="a/b/n.ipynb", own=tmp_path / "codemad", trusted=only())
    assert names(rules) == ["codemad/AGENTS.md"]


def test_a_repository_below_needs_trust_of_its_own(root: Path) -> None:
    (root / "a" / ".git").mkdir()
    assert names(read_rules(root, at="a/b/x.py", trusted=only(root)))[-1] == ".cursorrules"
    assert names(read_rules(root, at="a/b/x.py", trusted=only(root, root / "a")))[-1] == "a/b/CLAUDE.md"


@pytest.mark.parametrize("at", ["../outside/x.py", "/etc/passwd", "link/x.py", "a/../../outside/x", "\0"])
def test_a_file_elsewhere_has_the_rules_of_the_root(root: Path, tmp_path: Path, at: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "AGENTS.md").write_text("strange")
    (root / "link").symlink_to(tmp_path / "outside")
    assert "strange" not in str(read_rules(root, at=at, trusted=everywhere))


def test_what_is_no_regular_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("PRIVATE")
    (tmp_path / "AGENTS.md").symlink_to("secret")
    os.mkfifo(tmp_path / "CLAUDE.md")
    (tmp_path / ".cursorrules").mkdir()
    assert read_rules(tmp_path, trusted=everywhere) == []
    (tmp_path / "CLAUDE.md").unlink()
    (tmp_path / "CLAUDE.md").write_bytes(b"\xff\xfe useful \n")
    assert "useful" in read_rules(tmp_path, trusted=everywhere)[0].text


def test_one_text_under_two_names_counts_once_at_its_deepest(tmp_path: Path) -> None:
    rules = [Rule("AGENTS.md", "same\n"), Rule("x", "other"), Rule("a/CLAUDE.md", "same")]
    assert names(distinct(rules)) == ["x", "a/CLAUDE.md"]


def test_the_general_is_cut_before_the_special() -> None:
    rules = [Rule("1", "a" * 50), Rule("2", "b" * 30), Rule("3", "c" * 20)]
    assert [len(rule.text) for rule in fitted(rules, limit=100)] == [50, 30, 20]
    first, second, third = fitted(rules, limit=40)
    assert (third.text, third.cut) == ("c" * 20, False)
    assert (second.text, second.cut) == ("b" * 20 + CUT, True)
    assert (first.text, first.cut) == (CUT, True)


def test_a_huge_file_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("x" * (MAX_RULES * 3))
    (rule,) = read_rules(tmp_path, trusted=everywhere)
    assert (len(rule.text), rule.cut) == (MAX_RULES + len(CUT), True)
