"""Folders that are too wide are refused, under whatever name; what is dropped really goes."""

import os
import pwd
from pathlib import Path

import pytest

from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.repo import Deadline, Git
from codemad_jupyter.protocol.errors import GitError
from tests.git.gitlab import fill, git, repository


async def refused(folder: Path, data: Path) -> str:
    snapshot = await Checkpoints(folder, data).take("first")
    assert snapshot.kind == "none"
    assert "too wide" in snapshot.skipped[0]
    return snapshot.skipped[0]


@pytest.mark.parametrize("with_git", [True, False])
async def test_home_is_refused_by_every_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_git: bool
) -> None:
    home = tmp_path / "homes" / "me"
    fill(home, {"a.txt": "a"})
    if with_git:
        repository(home)
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "link").symlink_to(home)
    (tmp_path / "up").symlink_to(tmp_path / "homes")
    for name in (home, tmp_path / "link", tmp_path / "up" / "me", home / "." / ".." / "me"):
        assert "home folder" in await refused(name, tmp_path / "data")
    for name in (tmp_path, tmp_path / "homes", tmp_path / "up"):
        assert "a home folder is in it" in await refused(name, tmp_path / "data")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    await refused(home, tmp_path / "data")
    (home / "project").mkdir()
    assert (await Checkpoints(home / "project", tmp_path / "data").take("x")).kind != "none"


@pytest.mark.parametrize("home", [None, "", "relative", "/nowhere"])
async def test_without_a_home_in_the_environment_the_users_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    await refused(Path(pwd.getpwuid(os.geteuid()).pw_dir), tmp_path / "data")
    fill(tmp_path / "top", {"a.txt": "a"})
    monkeypatch.chdir(tmp_path / "top")
    assert (await Checkpoints(tmp_path / "top", tmp_path / "data").take("x")).kind == "own"


@pytest.mark.parametrize("folder", ["/", "/home", "/usr", "/tmp", "/etc", "/mnt", "/proc/self", "/dev/shm"])
async def test_folders_of_the_system_are_refused(tmp_path: Path, folder: str) -> None:
    await refused(Path(folder), tmp_path / "data")


async def test_the_home_that_an_image_declares_to_be_a_repository_is_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "jovyan"
    fill(home, {"a.txt": "a"})
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("REPO_DIR", str(home))
    await refused(home, tmp_path / "data")
    repository(home)
    assert (await Checkpoints(home, tmp_path / "data").take("x")).kind == "ref"


async def test_dropping_frees_the_space_of_our_own_folder(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a", "big": os.urandom(5_000_000)})
    checkpoints = Checkpoints(root, tmp_path / "data")
    big = await checkpoints.take("big")
    (root / "big").unlink()
    small = await checkpoints.take("small")
    assert await checkpoints.size([]) == 0
    assert await checkpoints.size([small]) > 5_000_000
    await checkpoints.drop(["big"])
    assert await checkpoints.size([small]) < 500_000
    assert await checkpoints.read(small, "a.txt") == b"a"
    with pytest.raises(GitError, match="cannot be read"):
        await Checkpoints(root, tmp_path / "data").restore(big, ["big"], expect=small)


async def test_dropping_takes_only_our_references_from_the_persons_repository(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a"})
    repository(root)
    git(root, "tag", "mine")
    before = git(root, "for-each-ref")
    checkpoints = Checkpoints(root, tmp_path / "data")
    fill(root, {"loose": "l"})
    taken = await checkpoints.take("one")
    assert await checkpoints.size([taken]) == 0
    objects = {path for path in (root / ".git" / "objects").rglob("*") if path.is_file()}
    await checkpoints.drop(["one", "never"])
    assert git(root, "for-each-ref") == before
    assert {path for path in (root / ".git" / "objects").rglob("*") if path.is_file()} == objects


KINDS_OF_REPOSITORY = {
    "sha256": "own",
    "shallow": "ref",
    "sparse": "own",
    "split index": "ref",
    "replaced": "ref",
    "grafts": "own",
    "alternates": "ref",
    "many packed refs": "ref",
    "inner bare": "ref",
}


@pytest.mark.parametrize("kind", KINDS_OF_REPOSITORY)
async def test_unusual_repositories_are_covered_and_untouched(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n", "d/b.txt": "b\n"})
    prepare(kind, root, tmp_path)
    index = root / ".git" / "index"
    before = (index.read_bytes(), index.stat().st_mtime_ns, (root / ".git" / "HEAD").read_bytes())
    told = git(root, "--no-optional-locks", "status", "--porcelain")
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    assert first.kind == KINDS_OF_REPOSITORY[kind]
    assert await checkpoints.read(first, "a.txt") == b"a\n"
    fill(root, {"a.txt": "changed\n", "new.txt": "n\n"})
    second = await checkpoints.take("second")
    changed = await checkpoints.changed(first, second)
    assert changed == ("a.txt", "new.txt")
    assert (await checkpoints.restore(first, changed, expect=second)).conflicts == ()
    assert (index.read_bytes(), index.stat().st_mtime_ns, (root / ".git" / "HEAD").read_bytes()) == before
    assert git(root, "--no-optional-locks", "status", "--porcelain") == told
    await checkpoints.drop(["first", "second"])


def prepare(kind: str, root: Path, beside: Path) -> None:
    if kind == "sha256":
        git(root, "init", "-q", "--object-format=sha256")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "x")
        return
    repository(root)
    blob = git(root, "rev-parse", "HEAD:a.txt").strip()
    commit = git(root, "rev-parse", "HEAD").strip()
    if kind == "shallow":
        (root / ".git" / "shallow").write_text(f"{commit}\n")
    elif kind == "sparse":
        git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/d/")
    elif kind == "split index":
        git(root, "update-index", "--split-index")
    elif kind == "replaced":
        other = git(root, "hash-object", "-w", "--stdin", data=b"evil\n").strip()
        git(root, "replace", blob, other)
    elif kind == "grafts":
        (root / ".git" / "info").mkdir(exist_ok=True)
        (root / ".git" / "info" / "grafts").write_text(f"{commit}\n")
    elif kind == "alternates":
        other_root = beside / "other"
        fill(other_root, {"x": "x\n"})
        repository(other_root)
        (root / ".git" / "objects" / "info" / "alternates").write_text(f"{other_root}/.git/objects\n")
    elif kind == "many packed refs":
        lines = [f"{commit} refs/tags/t{number:06}\n" for number in range(50_000)]
        (root / ".git" / "packed-refs").write_text("# pack-refs with: peeled sorted \n" + "".join(lines))
    else:
        git(root, "init", "-q", "--bare", "inner.git")


async def test_an_inner_bare_repository_runs_nothing_and_is_saved_as_files(tmp_path: Path) -> None:
    root, mark = tmp_path / "top", tmp_path / "MARK"
    fill(root, {"a.txt": "a\n"})
    repository(root)
    git(root, "init", "-q", "--bare", "inner.git")
    git(root / "inner.git", "config", "core.fsmonitor", f"touch {mark}")
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    assert b"fsmonitor" in (await checkpoints.read(first, "inner.git/config") or b"")
    assert not mark.exists()


def test_a_path_that_git_leaves_out_is_an_error(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    (root / ".gitmodules").symlink_to("elsewhere")
    place = Git(root / ".git", root, index=tmp_path / "index")
    with pytest.raises(Exception, match="Ignoring path"):
        place.run("update-index", "-z", "--add", "--stdin", data=b".gitmodules\0", deadline=Deadline(20))
