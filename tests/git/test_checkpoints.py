"""Snapshots and restores with real git: byte-exact, private, and never running what a folder brings."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codemad_jupyter.git.checkpoints import Checkpoints

Make = Callable[[str], Checkpoints]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def tree(folder: Path) -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    for top, folders, names in os.walk(folder):
        if ".git" in folders:
            folders.remove(".git")
        for name in names:
            path = Path(top) / name
            key = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found[key] = ("link", os.fsencode(path.readlink()))
            else:
                found[key] = ("x" if path.stat().st_mode & 0o100 else "-", path.read_bytes())
    return found


@pytest.fixture(params=["repository", "folder", "filters", "subfolder", "empty repository"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder in each of the situations that are handled differently."""
    top = tmp_path / "top"
    folder = top / "inner" if request.param == "subfolder" else top
    folder.mkdir(parents=True)
    (folder / "old.txt").write_bytes(b"old\n")
    (folder / "keep.txt").write_bytes(b"keep\r\n")
    if request.param != "folder":
        git(top, "init", "-q")
    if request.param == "filters":
        (top / ".gitattributes").write_text("*.txt text eol=lf\n")
    if request.param in ("repository", "filters", "subfolder"):
        git(top, "add", "-A")
        git(top, "commit", "-qm", "first")
    return folder


@pytest.fixture
def checkpoints(root: Path, tmp_path: Path) -> Checkpoints:
    return Checkpoints(root, tmp_path / "data")


def change_everything(root: Path) -> None:
    (root / "old.txt").write_bytes(b"new \xff\x00 bytes\r\nno end")
    (root / "keep.txt").unlink()
    (root / "made").mkdir()
    odd = ["made/a b.txt", "-dash.txt", "ümlaut.txt", 'quo"ted.txt', "new\nline.txt", "*glob*.txt", ":(top)x"]
    for name in odd:
        (root / name).write_bytes(name.encode())
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("old.txt")


async def test_restore_is_exact_and_can_itself_be_undone(root: Path, checkpoints: Checkpoints) -> None:
    before = tree(root)
    first = await checkpoints.take("first")
    change_everything(root)
    after = tree(root)
    second = await checkpoints.take("second")
    assert first.kind != "none"
    changed = await checkpoints.changed(first, second)
    assert set(changed) == {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}

    back = await checkpoints.restore(first, changed, expect=second)
    assert back.conflicts == ()
    assert tree(root) == before
    assert not (root / "made").exists()
    forth = await checkpoints.restore(second, changed, expect=first)
    assert forth.conflicts == ()
    assert tree(root) == after


async def test_the_repository_looks_untouched(root: Path, checkpoints: Checkpoints, tmp_path: Path) -> None:
    top = tmp_path / "top"
    if not (top / ".git").exists():
        first = await checkpoints.take("first")
        assert first.kind == "own"
        assert not (root / ".git").exists()
        return
    (root / "staged.txt").write_bytes(b"staged\n")
    git(top, "add", "-A")
    (root / "staged.txt").write_bytes(b"and more\n")
    (root / "loose.txt").write_bytes(b"untracked\n")

    def look() -> tuple[bytes, ...]:
        index = (top / ".git" / "index").read_bytes()
        config = (top / ".git" / "config").read_bytes()
        head = (top / ".git" / "HEAD").read_bytes()
        return (
            index,
            config,
            head,
            git(top, "status", "--porcelain").encode(),
            git(top, "stash", "list").encode(),
        )

    before = look()
    first = await checkpoints.take("first")
    (root / "loose.txt").write_bytes(b"changed\n")
    second = await checkpoints.take("second")
    await checkpoints.restore(first, ("loose.txt",), expect=second)
    assert look() == before


async def test_only_what_is_named_is_restored_and_conflicts_stay(
    root: Path, checkpoints: Checkpoints
) -> None:
    first = await checkpoints.take("first")
    (root / "old.txt").write_bytes(b"by the run\n")
    (root / "keep.txt").write_bytes(b"by the person\n")
    second = await checkpoints.take("second")
    back = await checkpoints.restore(first, ("old.txt",), expect=second)
    assert back.restored == ("old.txt",)
    assert (root / "keep.txt").read_bytes() == b"by the person\n"

    (root / "old.txt").write_bytes(b"edited since\n")
    again = await checkpoints.restore(second, ("old.txt",), expect=first)
    assert again.conflicts == ("old.txt",)
    assert (root / "old.txt").read_bytes() == b"edited since\n"


async def test_reads_a_file_of_a_snapshot(root: Path, checkpoints: Checkpoints) -> None:
    first = await checkpoints.take("first")
    (root / "keep.txt").unlink()
    assert await checkpoints.read(first, "keep.txt") == b"keep\r\n"
    assert await checkpoints.read(first, "nope.txt") is None


async def test_a_restore_never_writes_through_a_link(
    root: Path, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "f.txt").write_bytes(b"1\n")
    first = await checkpoints.take("first")
    (root / "sub" / "f.txt").write_bytes(b"2\n")
    second = await checkpoints.take("second")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f.txt").write_bytes(b"2\n")
    (root / "sub" / "f.txt").unlink()
    (root / "sub").rmdir()
    (root / "sub").symlink_to(outside)
    back = await checkpoints.restore(first, ("sub/f.txt",), expect=second)
    assert back.conflicts == ("sub/f.txt",)
    assert (outside / "f.txt").read_bytes() == b"2\n"


async def test_takes_at_once_are_taken_one_after_the_other(root: Path, checkpoints: Checkpoints) -> None:
    taken = await asyncio.gather(*(checkpoints.take(f"n{i}") for i in range(5)))
    assert {snapshot.kind for snapshot in taken} != {"none"}
    await checkpoints.drop([snapshot.name for snapshot in taken])


ATTACKS = {
    "core.fsmonitor": "touch {mark}",
    "core.hooksPath": "{hooks}",
    "filter.evil.clean": "touch {mark}; cat",
    "filter.evil.smudge": "touch {mark}; cat",
    "filter.evil.process": "touch {mark}",
    "diff.evil.textconv": "touch {mark}; cat",
    "diff.external": "touch {mark}",
    "core.pager": "touch {mark}",
    "core.sshCommand": "touch {mark}",
    "gpg.program": "touch {mark}",
    "core.editor": "touch {mark}",
    "core.worktree": "/",
}


@pytest.mark.parametrize("key", list(ATTACKS))
async def test_what_a_folder_brings_is_never_run(tmp_path: Path, key: str) -> None:
    mark, hooks, root = tmp_path / "MARK", tmp_path / "hooks", tmp_path / "top"
    root.mkdir()
    hooks.mkdir()
    git(root, "init", "-q")
    (root / "a.txt").write_bytes(b"a\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    for folder in (hooks, root / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in (
            "reference-transaction",
            "post-index-change",
            "pre-commit",
            "post-checkout",
            "post-rewrite",
        ):
            (folder / hook).write_text(f"#!/bin/sh\ntouch {mark}\n")
            (folder / hook).chmod(0o755)
    (root / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(root, "config", key, ATTACKS[key].format(mark=mark, hooks=hooks))
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    (root / "a.txt").write_bytes(b"b\n")
    second = await checkpoints.take("second")
    assert (await checkpoints.changed(first, second)) == ("a.txt",)
    await checkpoints.restore(first, ("a.txt",), expect=second)
    assert (root / "a.txt").read_bytes() == b"a\n"
    assert not mark.exists()


async def test_nested_repositories_and_special_files_are_reported(tmp_path: Path) -> None:
    root = tmp_path / "top"
    (root / "nested").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a\n")
    git(root / "nested", "init", "-q")
    (root / "nested" / "b.txt").write_bytes(b"b\n")
    os.mkfifo(root / "pipe")
    first = await Checkpoints(root, tmp_path / "data").take("first")
    assert first.kind == "own"
    assert any("nested" in text and "repository" in text for text in first.skipped)


async def test_large_files_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "big.bin").write_bytes(b"x" * 2_000)
    first = await Checkpoints(tmp_path / "top", tmp_path / "data", max_bytes=1_000).take("first")
    assert any("big.bin" in text for text in first.skipped)


@pytest.mark.parametrize("wide", ["/", "home"])
async def test_home_and_root_are_not_covered(wide: str, tmp_path: Path) -> None:
    folder = Path.home() if wide == "home" else Path("/")
    snapshot = await Checkpoints(folder, tmp_path / "data").take("first")
    assert snapshot.kind == "none"
    assert "too wide" in snapshot.skipped[0]


async def test_no_git_is_said_not_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    snapshot = await Checkpoints(tmp_path / "top", tmp_path / "data").take("first")
    assert snapshot.kind == "none"
    assert "git is not installed" in snapshot.skipped[0]


async def test_a_repository_in_the_middle_of_a_merge_is_covered(tmp_path: Path) -> None:
    root = tmp_path / "top"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "a.txt").write_bytes(b"base\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    git(root, "checkout", "-qb", "other")
    (root / "a.txt").write_bytes(b"other\n")
    git(root, "commit", "-qam", "other")
    git(root, "checkout", "-q", "main")
    (root / "a.txt").write_bytes(b"main\n")
    git(root, "commit", "-qam", "main")
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "other")
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    assert first.kind == "ref"
    assert b"<<<<<<<" in (await checkpoints.read(first, "a.txt") or b"")


async def test_five_thousand_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "top"
    for number in range(5_000):
        path = root / f"d{number % 50}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    checkpoints = Checkpoints(root, tmp_path / "data")
    times = []
    for name in ("first", "second", "third"):
        (root / "d1" / "f1.txt").write_text(name)
        started = time.process_time() + sum(os.times()[2:4])
        snapshot = await checkpoints.take(name, deadline=60)
        times.append(time.process_time() + sum(os.times()[2:4]) - started)
        assert snapshot.files == 5_000
    with capsys.disabled():
        print("\ncheckpoint of 5,000 files, CPU s:", [round(t, 3) for t in times])  # noqa: T201


async def test_a_folder_named_git_that_is_no_repository_is_none(tmp_path: Path) -> None:
    root = tmp_path / "top"
    (root / ".git").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"kept\n")
    checkpoints = Checkpoints(root, tmp_path / "data")
    snapshot = await checkpoints.take("first")
    (root / "a.txt").write_bytes(b"changed\n")
    assert await checkpoints.read(snapshot, "a.txt") == b"kept\n"
    await checkpoints.drop(["first"])
