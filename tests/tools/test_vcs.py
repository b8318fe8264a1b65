"""The tools for git, on real repositories: what they tell, and what names, files and settings cannot do."""

import subprocess
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.project.vcs import (
    git_blame,
    git_branch,
    git_branches,
    git_commit,
    git_diff,
    git_log,
    git_status,
)
from tests.tools.using import User, bare_context, use

ODD = "odd\n--output=x\x1b[31m"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository whose folder ``work`` is the workspace."""
    top = tmp_path / "top"
    (top / "work" / "data").mkdir(parents=True)
    git(top, "init", "-q", "-b", "main")
    (top / "outside.txt").write_text("x\n")
    (top / "work" / "a.py").write_text("one\ntwo\n")
    (top / "work" / "data" / "p.csv").write_text("name\nAda\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "First\n\nWith a body.")
    (top / "work" / "a.py").write_text("one\n2\n")
    git(top, "commit", "-qam", "Second")
    return top


async def test_state_differences_past_and_lines(top: Path) -> None:
    work = top / "work"
    context = bare_context(work)
    (work / "a.py").write_text("one\n2\nthree\n")
    (work / ODD).write_text("x")
    (top / "outside.txt").write_text("y\n")
    state = await use(git_status, context)
    assert state["branch"] == "main"
    assert {"path": "a.py", "staged": "", "unstaged": "changed"} in state["changes"]
    assert {"path": ODD, "staged": "new", "unstaged": "new"} in state["changes"]
    assert "outside.txt" not in str(state)
    difference = await use(git_diff, context)
    assert [each["path"] for each in difference["changes"]] == ["a.py"]
    assert difference["changes"][0]["diff"] == "@@ -1,2 +1,3 @@\n one\n 2\n+three\n"
    past = await use(git_diff, context, base="HEAD~1", until="HEAD", path="a.py")
    assert "-two\n+2\n" in past["changes"][0]["diff"]
    commits = (await use(git_log, context))["commits"]
    assert [each["subject"] for each in commits] == ["Second", "First"]
    assert (commits[1]["body"], commits[1]["author"]) == ("With a body.", "Test")
    assert len((await use(git_log, context, path="data"))["commits"]) == 1
    lines = (await use(git_blame, context, path="a.py"))["lines"]
    assert [(each["text"], each["author"]) for each in lines] == [
        ("one", "Test"),
        ("2", "Test"),
        ("three", "not committed"),
    ]


@pytest.mark.parametrize(
    "name",
    ["--output=MARK", "-n1", "HEAD --output=MARK", "a..b", "@{-1}", "x\n", "", "\0", "^HEAD", ":/First"],
)
async def test_revisions_are_never_options(top: Path, name: str) -> None:
    work = top / "work"
    context = bare_context(work)
    before = files(top)
    for tool, arguments in ((git_diff, {"base": name}), (git_log, {"start": name})):
        try:
            found = await use(tool, context, **arguments)
        except CodemadError:
            continue
        assert name == ":/First", found
    assert files(top) == before


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/passwd", ".git/config", "--output=x", "a\0b", "link"]
)
async def test_paths_stay_inside(top: Path, path: str) -> None:
    (top / "work" / "link").symlink_to(top / "outside.txt")
    with pytest.raises(CodemadError):
        await use(git_blame, bare_context(top / "work"), path=path)
    assert not (top / "x").exists()


@pytest.mark.parametrize("setting", ["core.fsmonitor", "core.pager", "diff.x.textconv", "filter.x.clean"])
async def test_a_repository_that_could_start_programs_is_not_read(top: Path, setting: str) -> None:
    mark = top / "MARK"
    git(top, "config", setting, f"touch {mark}")
    (top / "work" / ".gitattributes").write_text("* filter=x diff=x\n")
    for tool in (git_status, git_diff, git_log, git_branches):
        with pytest.raises(CodemadError, match="could start programs"):
            await use(tool, bare_context(top / "work"))
    assert not mark.exists()


async def test_variables_of_git_have_no_effect(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = top / "MARK"
    for name, value in {
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": f"touch {mark}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"touch {mark}",
    }.items():
        monkeypatch.setenv(name, value)
    (top / "work" / "a.py").write_text("new\n")
    assert (await use(git_diff, bare_context(top / "work")))["changes"][0]["path"] == "a.py"
    assert not mark.exists()


async def test_a_branch_is_made_where_head_stands(top: Path) -> None:
    work = top / "work"
    (work / "a.py").write_text("kept\n")
    made = await use(git_branch, bare_context(work), name="try/new-one")
    assert (made["branch"], made["before"]) == ("try/new-one", "main")
    assert git(top, "branch", "--show-current").strip() == "try/new-one"
    assert (work / "a.py").read_text() == "kept\n"
    found = await use(git_branches, bare_context(work))
    assert found["current"] == "try/new-one"
    assert [each["name"] for each in found["refs"]] == ["main", "try/new-one"]
    for name in ("main", "-x", "HEAD", "a..b", "a b", "a@{b", "x.lock", "a\n", "", "a//b", "/a", "a/"):
        with pytest.raises(CodemadError):
            await use(git_branch, bare_context(work), name=name)
    assert git(top, "branch", "--show-current").strip() == "try/new-one"


async def test_a_commit_asks_and_holds_the_named_files_alone(top: Path) -> None:
    work, mark = top / "work", top / "MARK"
    hook = top / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    hook.chmod(0o755)
    (work / "a.py").write_text("mine\n")
    (work / "data" / "p.csv").write_text("name\nBob\n")
    user = User(bare_context(work))
    result = await user.call("git_commit", paths=["a.py"], message="Change a")
    assert not result.is_error, result.content
    assert [each.tool for each in user.asked] == ["git_commit"]
    assert git(top, "show", "--name-only", "--format=%s", "HEAD").split() == ["Change", "a", "work/a.py"]
    assert not mark.exists()
    refused = User(bare_context(work), answer="rejected")
    assert (await refused.call("git_commit", paths=["data/p.csv"], message="x")).is_error
    rules = (Rule(decide="deny", path="data/**"),)
    denied = User(bare_context(work), given=Permissions(rules=rules))
    assert (await denied.call("git_commit", paths=["a.py", "data/p.csv"], message="x")).is_error
    assert denied.asked == []
    with pytest.raises(CodemadError):
        await use(git_commit, bare_context(work), paths=[], message="x")


async def test_rules_and_levels_hold_for_differences(top: Path) -> None:
    work = top / "work"
    (work / "a.py").write_text("mine\n")
    (work / "data" / "p.csv").write_text("name\nGrace\n")
    rules = (Rule(decide="deny", path="data/**"),)
    denied = User(bare_context(work), given=Permissions(rules=rules))
    for call in ("git_diff", "git_status"):
        found = await denied.call(call)
        assert "a.py" in found.content
        assert "p.csv" not in found.content
    assert (await denied.call("git_diff", path="data/p.csv")).is_error
    low = User(bare_context(work), level="schema")
    told = (await low.call("git_diff")).content
    assert "Grace" not in told
    assert "mine" in told
    assert "Ada" not in (await low.call("git_blame", path="data/p.csv")).content.replace(
        '"author": "Test"', ""
    )


async def test_without_a_repository_or_a_commit(tmp_path: Path) -> None:
    with pytest.raises(CodemadError, match="no git repository"):
        await use(git_status, bare_context(tmp_path))
    git(tmp_path, "init", "-q", "-b", "main")
    assert (await use(git_status, bare_context(tmp_path)))["branch"].endswith("main")
    with pytest.raises(CodemadError, match="no commit"):
        await use(git_log, bare_context(tmp_path))
