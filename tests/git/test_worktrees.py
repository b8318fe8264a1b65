"""Agents' worktrees: exact, apart, accounted for, and never lost."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.registry import Owner, this_process
from codemad_jupyter.git.worktrees import Worktrees
from codemad_jupyter.protocol.errors import Conflict, NotFound, UsageError
from tests.git.gitlab import fill, git, manifest, repository

FILES = {"a.py": "x = 1\n", "d/b.txt": "b\n", "w.txt": "one\r\ntwo\r\n", ".gitignore": "data/\n*.log\n"}


def worktrees(root: Path, data: Path) -> Worktrees:
    return Worktrees(root, data, Checkpoints(root, data))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with uncommitted work of every kind."""
    folder = tmp_path / "work"
    fill(folder, FILES)
    repository(folder)
    fill(folder, {"d/b.txt": "not committed\n", "new.txt": "untracked\n", "data/big.csv": "1\n"})
    git(folder, "mv", "w.txt", "staged.txt")
    (folder / "a.py").chmod(0o750)
    (folder / "link").symlink_to("a.py")
    (folder / "empty").mkdir()
    return folder


def persons(root: Path) -> dict[str, object]:
    """What is the person's of a repository: all but objects and our own private refs."""
    kept = manifest(root, without=(".git/objects", ".git/refs/codemad"))
    return {**kept, "refs": git(root, "for-each-ref", "refs/heads", "refs/tags", "refs/stash")}


async def test_it_begins_as_the_workspace_is_and_goes_without_a_trace(root: Path, tmp_path: Path) -> None:
    before, trees = persons(root), worktrees(root, tmp_path / "data")
    made = await trees.make("one", task="try")
    folder = trees.folder(made)
    wanted = {path: what for path, what in manifest(root).items() if not path.startswith("data")}
    assert manifest(folder) == wanted
    assert not folder.is_relative_to(root)
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "--format=%s").splitlines()[1:] == ["first"]
    assert git(folder, "branch", "--show-current").strip() == "codemad/one"
    assert "data/: is ignored" in made.left_out
    standing = await trees.look(made)
    assert (standing.changed, standing.besides, standing.trouble) == ((), (), "")
    assert 0 < standing.bytes < 200_000
    await trees.remove(made)
    assert await trees.every() == ()
    assert persons(root) == before
    assert not (root / ".git/refs/codemad/checkpoints/agent-one").exists()
    assert not list((tmp_path / "data" / "agents").iterdir())


async def test_what_is_done_there_stays_there(root: Path, tmp_path: Path) -> None:
    before, trees = persons(root), worktrees(root, tmp_path / "data")
    made = await trees.make("one", carried=["data"])
    folder = trees.folder(made)
    fill(folder, {"a.py": "x = 2\n", "out.txt": "made\n"})
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "work")
    git(folder, "branch", "-D", "codemad/one", check=False)
    git(folder, "config", "user.name", "agent")
    git(folder, "gc", "-q", "--prune=now")
    (folder / "d/b.txt").unlink()
    standing = await trees.look(made)
    assert standing.changed == ("a.py", "d/b.txt", "out.txt")
    drawn = {each.path: each.status for each in await trees.differences(made)}
    assert drawn == {"a.py": "changed", "d/b.txt": "removed", "out.txt": "added"}
    assert persons(root) == before
    assert git(root, "fsck", "--strict").strip() == ""


async def test_what_no_review_shows_is_named_before_it_could_be_lost(root: Path, tmp_path: Path) -> None:
    trees = worktrees(root, tmp_path / "data")
    made = await trees.make("one", carried=["data"])
    folder = trees.folder(made)
    fill(folder, {"__pycache__/m.pyc": "c", ".gitignore": "data/\n*.log\n__pycache__/\n"})
    assert (await trees.look(made)).besides == ()
    fill(folder, {"data/result.csv": "2\n", "run.log": "said\n"})
    fill(folder, {"kept.txt": "only in a commit\n"})
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more")
    git(folder, "reset", "-q", "--hard", "HEAD~1")
    git(folder, "tag", "mine", "HEAD@{1}")
    assert (await trees.look(made)).besides == (
        "data/ is ignored by git",
        "run.log is ignored by git",
        "refs/tags/mine holds commits with other content",
    )


async def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    root = tmp_path / "plain"
    fill(root, {"a.txt": "a\r\n", ".gitattributes": "* text eol=lf\n", "sub/b.txt": "b\n"})
    before, trees = manifest(root), worktrees(root, tmp_path / "data")
    made = await trees.make("one")
    assert manifest(trees.folder(made)) == before == manifest(root)
    (trees.folder(made) / "a.txt").write_bytes(b"changed\r\n")
    assert (await trees.look(made)).changed == ("a.txt",)
    await trees.remove(made)
    assert not (root / ".git").exists()


async def test_a_workspace_inside_a_repository(root: Path, tmp_path: Path) -> None:
    trees = worktrees(root / "d", tmp_path / "data")
    made = await trees.make("one")
    folder = trees.folder(made)
    assert (folder.name, (folder / "b.txt").read_text()) == ("d", "not committed\n")
    assert (folder.parent / "a.py").exists()
    (folder / "b.txt").write_text("changed\n")
    standing = await trees.look(made)
    assert (standing.changed, standing.besides, standing.trouble) == (("b.txt",), (), "")


@pytest.mark.parametrize(
    "name", ["", "-x", "--output=x", "..", "../up", "a/b", "A", "a\nb", "HEAD", "a" * 41, "@{"]
)
async def test_names_that_are_none(root: Path, tmp_path: Path, name: str) -> None:
    trees = worktrees(root, tmp_path / "data")
    with pytest.raises(UsageError):
        await trees.make(name)
    with pytest.raises(UsageError):
        trees.find(name)
    assert not (tmp_path / "data" / "agents").exists()


async def test_a_name_is_taken_once(root: Path, tmp_path: Path) -> None:
    trees = worktrees(root, tmp_path / "data")
    made = await asyncio.gather(*(trees.make("one") for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in made) == ["Conflict", "Conflict", "Worktree"]
    assert [each.id for each in await trees.every()] == ["one"]
    assert (await trees.look(trees.find("one"))).trouble == ""
    with pytest.raises(NotFound):
        trees.find("two")


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "nothing", ".git", "way/x"])
async def test_only_what_is_in_the_workspace_is_copied(root: Path, tmp_path: Path, path: str) -> None:
    fill(tmp_path, {"outside": "secret", "far/x": "secret"})
    (root / "way").symlink_to(tmp_path / "far")
    trees = worktrees(root, tmp_path / "data")
    with pytest.raises(UsageError):
        await trees.make("one", carried=[path])
    assert await trees.every() == ()
    assert not list((tmp_path / "data" / "agents").iterdir())


HOSTILE = {
    "core.fsmonitor": "touch MARK",
    "filter.evil.clean": "touch MARK; cat",
    "core.worktree": "/",
    "diff.external": "touch MARK",
    "alias.status": "!touch MARK",
}


@pytest.mark.parametrize("how", ["config", "hooks", "pointer", "gone"])
async def test_what_an_agent_makes_of_its_git_folder_runs_nowhere(
    root: Path, tmp_path: Path, how: str
) -> None:
    trees = worktrees(root, tmp_path / "data")
    made = await trees.make("one")
    folder, mark = trees.folder(made), tmp_path / "MARK"
    fill(folder, {"a.py": "x = 3\n", ".gitattributes": "* filter=evil\n"})
    evil = tmp_path / "evil"
    hook = f"#!/bin/sh\ntouch {mark}\n"
    git_dir = folder / ".git"
    if how == "pointer":
        repository(evil)
        git_dir.rename(tmp_path / "was")
        git_dir.write_text(f"gitdir: {evil}/.git\n")
        git_dir = evil / ".git"
    if how in ("config", "pointer"):
        for key, value in HOSTILE.items():
            git(folder, "config", "--file", str(git_dir / "config"), key, value.replace("MARK", str(mark)))
    if how == "hooks":
        for name in ("post-checkout", "post-index-change", "reference-transaction"):
            fill(git_dir, {f"hooks/{name}": hook})
            (git_dir / "hooks" / name).chmod(0o755)
    if how == "gone":
        git_dir.rename(tmp_path / "was")
    standing = await trees.look(made)
    assert standing.changed == (".gitattributes", "a.py")
    assert bool(standing.trouble) == (how != "hooks")
    assert len(await trees.differences(made)) == 2
    await trees.remove(made)
    assert not mark.exists()
    assert how != "pointer" or (evil / ".git/config").exists()


async def test_a_hostile_repository_runs_nothing(tmp_path: Path) -> None:
    root, mark = tmp_path / "work", tmp_path / "MARK"
    fill(root, {"a.txt": "a\n", ".gitattributes": "* filter=evil\n"})
    repository(root)
    for key, value in HOSTILE.items():
        git(root, "config", "--file", str(root / ".git/config"), key, value.replace("MARK", str(mark)))
    for name in ("post-checkout", "post-index-change", "reference-transaction", "post-commit"):
        fill(root, {f".git/hooks/{name}": f"#!/bin/sh\ntouch {mark}\n"})
        (root / ".git/hooks" / name).chmod(0o755)
    before = manifest(root, without=())
    trees = worktrees(root, tmp_path / "data")
    made = await trees.make("one")
    (trees.folder(made) / "a.txt").write_text("changed\n")
    assert (await trees.look(made)).changed == ("a.txt",)
    await trees.remove(made)
    assert not mark.exists()
    assert manifest(root, without=()) == before


def _other_process() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


async def test_who_is_at_work_is_known(root: Path, tmp_path: Path) -> None:
    trees = worktrees(root, tmp_path / "data")
    made = await trees.make("one")
    with _other_process() as other:
        began = this_process().began
        assert not Owner(pid=other.pid, began=began).alive
        record = tmp_path / "data/agents/one/record.json"
        record.write_text(json.dumps({**made.model_dump(), "owner": {"pid": other.pid}}))
        with pytest.raises(Conflict, match=str(other.pid)):
            await trees.remove(trees.find("one"))
        other.communicate(b"\n")
    assert not trees.find("one").at_work
    assert [each.id for each in await trees.every()] == ["one"]
    await trees.remove(trees.find("one"))


KILLED = """
import asyncio, os, sys, threading
from pathlib import Path
from codemad_jupyter.git import worktrees as room
from codemad_jupyter.git.checkpoints import Checkpoints

root, data, left, armed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), False

def tracer(frame, event, argument):
    global left
    if armed and event == "call" and "codemad_jupyter/git/" in frame.f_code.co_filename:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

async def go():
    global armed
    trees = room.Worktrees(root, data, Checkpoints(root, data))
    await trees.make("kept")
    (trees.folder(trees.find("kept")) / "a.py").write_text("mine")
    armed = True
    await trees.remove(await trees.make("one"))
    print(left)

threading.setprofile(tracer)
sys.setprofile(tracer)
asyncio.run(go())
"""


def _killed(root: Path, data: Path, at: int) -> None:
    command = [sys.executable, "-c", KILLED, str(root), str(data), str(at)]
    subprocess.run(command, check=False, timeout=120)


async def test_a_kill_at_any_moment_leaves_nothing_unaccounted_for(root: Path, tmp_path: Path) -> None:
    before = persons(root)
    for number, at in enumerate((30, 160, 300, 440, 580)):
        data = tmp_path / f"data{number}"
        _killed(root, data, at)
        trees = worktrees(root, data)
        found = {each.id: each for each in await trees.every()}
        assert found.keys() <= {"kept", "one"}
        assert (await trees.look(found["kept"])).changed == ("a.py",)
        if "one" in found:
            standing = await trees.look(found["one"])
            assert (standing.changed, standing.trouble) == ((), "")
        for each in found.values():
            await trees.remove(each)
        assert not list((data / "agents").iterdir())
        assert "agent-" not in git(root, "for-each-ref")
        assert persons(root) == before
