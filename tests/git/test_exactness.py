"""A restore gives back what was there, to the byte, and takes nothing that was not saved."""

import os
import shutil
import sys
import time
import zlib
from pathlib import Path

import pytest

from codemad_jupyter.git.checkpoints import Checkpoints, Snapshot
from tests.git.gitlab import fill, git, manifest, repository


def change(root: Path) -> None:
    fill(root, {"a.py": "changed\n"})


async def undo_all(checkpoints: Checkpoints, first: Snapshot) -> tuple[str, ...]:
    second = await checkpoints.take("undo")
    back = await checkpoints.restore(first, await checkpoints.changed(first, second), expect=second)
    return back.conflicts


async def test_an_ignored_file_is_never_taken_for_one_that_did_not_exist(tmp_path: Path) -> None:
    """The run made git see a file of the person's that the checkpoint had not saved."""
    root = tmp_path / "top"
    fill(root, {".gitignore": "precious.csv\nout/\n", "a.py": "1\n"})
    repository(root)
    fill(root, {"precious.csv": "years of work\n", "out/more.csv": "and more\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    fill(root, {".gitignore": "", "a.py": "2\n"})
    conflicts = await undo_all(checkpoints, first)
    assert set(conflicts) == {"precious.csv", "out/more.csv"}
    assert (root / "precious.csv").read_text() == "years of work\n"
    assert (root / "out/more.csv").read_text() == "and more\n"
    assert (root / "a.py").read_text() == "1\n"
    assert (root / ".gitignore").read_text() == "precious.csv\nout/\n"


@pytest.mark.parametrize("reason", ["large", "nested", "special"])
async def test_what_was_skipped_is_never_taken_for_what_did_not_exist(tmp_path: Path, reason: str) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"a.py": "1\n"})
    if reason == "large":
        fill(root, {"thing": b"x" * 3000})
    elif reason == "nested":
        fill(repository(root / "thing"), {"x.py": "theirs"})
    else:
        os.mkfifo(root / "thing")
    checkpoints = Checkpoints(root, tmp_path / "data", max_bytes=2000)
    first = await checkpoints.take("first")
    assert first.skipped[0].startswith("thing: ")
    if reason == "large":
        fill(root, {"thing": "now small"})
    elif reason == "nested":
        shutil.rmtree(root / "thing" / ".git")
    else:
        (root / "thing").unlink()
        fill(root, {"thing": "now a file"})
    before = manifest(root)
    assert len(await undo_all(checkpoints, first)) == 1
    assert manifest(root) == before


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree", "intent to add", "ignoreStat"])
async def test_flags_in_the_index_do_not_hide_changes(tmp_path: Path, flag: str) -> None:
    root = tmp_path / "top"
    fill(root, {"a.py": "1\n"})
    repository(root)
    fill(root, {"new.py": "new\n"})
    if flag == "intent to add":
        git(root, "add", "-N", "new.py")
    elif flag == "ignoreStat":
        git(root, "config", "core.ignoreStat", "true")
    else:
        git(root, "update-index", flag, "a.py")
    index = (root / ".git" / "index").read_bytes()
    fill(root, {"a.py": "2\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    assert await checkpoints.read(first, "a.py") == b"2\n"
    assert await checkpoints.read(first, "new.py") == b"new\n"
    fill(root, {"a.py": "3\n", "new.py": "4\n"})
    second = await checkpoints.take("second")
    assert await checkpoints.changed(first, second) == ("a.py", "new.py")
    assert (root / ".git" / "index").read_bytes() == index


@pytest.mark.parametrize("kind", ["repository", "submodule", "folder"])
async def test_a_file_that_is_named_is_covered_in_a_nested_repository(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n", "inner/b.txt": "b\n", "inner/c.txt": "c\n"})
    inner = repository(root / "inner")
    if kind != "folder":
        repository(root, commit=False)
        git(root, "add", "a.txt", *(["inner"] if kind == "submodule" else []))
        git(root, "commit", "-q", "-m", "first")
    index = root / ".git" / "index"
    theirs = index.read_bytes() if index.exists() else b""
    checkpoints = Checkpoints(root, tmp_path / "data")
    named = ["inner/b.txt", "inner/.git/config"]
    first = await checkpoints.take("first", include=named)
    fill(inner, {"b.txt": "mine\n", "c.txt": "theirs\n", ".git/description": "another\n"})
    second = await checkpoints.take("second", include=named)
    assert tuple(await checkpoints.changed(first, second)) == ("inner/b.txt",)
    back = await checkpoints.restore(first, ["inner/b.txt"], expect=second)
    assert back.conflicts == ()
    assert (inner / "b.txt").read_bytes() == b"b\n"
    assert (inner / "c.txt").read_bytes() == b"theirs\n"
    third = await checkpoints.take("third")
    fourth = await checkpoints.take("fourth")
    assert tuple(await checkpoints.changed(third, fourth)) == ()
    assert theirs == (index.read_bytes() if index.exists() else b"")


@pytest.mark.parametrize("where", ["ignored", "deleted", "nested", "info", "parent"])
async def test_conversions_are_found_wherever_they_are_written(tmp_path: Path, where: str) -> None:
    top = tmp_path / "top"
    root = top / "inner"
    fill(root, {"sub/a.txt": "crlf\r\n", "b.txt": "crlf\r\n"})
    rule = "*.txt text eol=lf\n"
    if where == "ignored":
        fill(root, {".gitignore": ".gitattributes\n", ".gitattributes": rule})
    elif where in ("nested", "deleted"):
        fill(root, {"sub/.gitattributes": rule})
    elif where == "parent":
        fill(top, {".gitattributes": rule})
    repository(top)
    if where == "deleted":
        (root / "sub/.gitattributes").unlink()
    if where == "info":
        fill(top / ".git" / "info", {"attributes": rule})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    assert first.kind == "own"
    assert await checkpoints.read(first, "sub/a.txt") == b"crlf\r\n"
    before = manifest(root)
    fill(root, {"sub/a.txt": "lf\n", "b.txt": "lf\n"})
    assert await undo_all(checkpoints, first) == ()
    assert manifest(root) == before


async def test_attributes_without_conversions_need_no_folder_of_our_own(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {".gitattributes": "*.png binary\n*.lock -diff linguist-generated\n*.bin -text\n# text\n"})
    repository(root)
    assert (await Checkpoints(root, tmp_path / "data").take("first")).kind == "ref"


async def test_what_git_cleared_away_is_saved_again(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"loose.py": "only in checkpoints\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    await checkpoints.take("first")
    await checkpoints.drop(["first"])
    git(root, "gc", "-q", "--prune=now")
    second = await checkpoints.take("second")
    change(root)
    fill(root, {"loose.py": "changed\n"})
    assert await undo_all(checkpoints, second) == ()
    assert (root / "loose.py").read_text() == "only in checkpoints\n"


async def test_a_snapshot_survives_the_clearing_away_of_what_no_branch_has(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"loose.py": "only here\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    git(root, "gc", "-q", "--prune=now")
    assert await Checkpoints(root, tmp_path / "data").read(first, "loose.py") == b"only here\n"


async def test_damaged_content_is_refused_not_written(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.py": "good\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    change(root)
    second = await checkpoints.take("second")
    (good,) = (tmp_path / "data").rglob(git(root, "hash-object", "--stdin", data=b"good\n").strip()[2:])
    good.chmod(0o600)
    good.write_bytes(zlib.compress(b"blob 5\0evil\n"))
    back = await Checkpoints(root, tmp_path / "data").restore(first, ["a.py"], expect=second)
    assert back.conflicts == ("a.py",)
    assert (root / "a.py").read_text() == "changed\n"


async def test_folders_that_were_empty_stay_and_new_ones_go(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    (root / "out" / "deep").mkdir(parents=True)
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    fill(root, {"out/deep/x.txt": "x", "new/deep/y.txt": "y"})
    assert await undo_all(checkpoints, first) == ()
    assert sorted(path.relative_to(root).as_posix() for path in root.glob("[on]*/**")) == ["out", "out/deep"]


async def test_a_file_that_became_a_folder_and_back(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"thing": "a file\n", "dir/x": "x\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    before = manifest(root)
    (root / "thing").unlink()
    shutil.rmtree(root / "dir")
    fill(root, {"thing/inside": "now a folder\n", "dir": "now a file\n"})
    assert await undo_all(checkpoints, first) == ()
    assert manifest(root) == before


async def test_a_persons_file_keeps_a_folder_in_the_way(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"thing": "a file\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    (root / "thing").unlink()
    fill(root, {"thing/inside": "by the run\n"})
    second = await checkpoints.take("second")
    fill(root, {"thing/mine": "by the person\n"})
    back = await checkpoints.restore(first, await checkpoints.changed(first, second), expect=second)
    assert back.conflicts == ("thing",)
    assert (root / "thing/mine").read_text() == "by the person\n"


async def test_unsafe_paths_are_refused(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(tmp_path, {"outside.txt": "theirs"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    paths = [
        "../outside.txt",
        "/etc/hostname",
        ".git/config",
        "a/../../outside.txt",
        "",
        "x/.GIT/hooks/y",
        "a//b",
    ]
    back = await checkpoints.restore(first, paths, expect=first)
    assert back.conflicts == tuple(paths)
    assert (tmp_path / "outside.txt").read_text() == "theirs"
    assert git(root, "status", "--porcelain") == ""


async def test_an_ignored_file_is_covered_when_asked_for(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {".gitignore": ".env\nbuild/\n"})
    repository(root)
    fill(root, {".env": "A=1\n", "build/old.txt": "old\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    asked = (".env", "build/new.txt", "build/old.txt", "../outside", "no/such/file")
    first = await checkpoints.take("first", include=asked)
    fill(root, {".env": "A=2\n", "build/new.txt": "new\n", "build/old.txt": "newer\n"})
    second = await checkpoints.take("second", include=asked)
    changed = await checkpoints.changed(first, second)
    assert changed == (".env", "build/new.txt", "build/old.txt")
    assert (await checkpoints.restore(first, changed, expect=second)).conflicts == ()
    assert (root / ".env").read_text() == "A=1\n"
    assert sorted(path.name for path in (root / "build").iterdir()) == ["old.txt"]


async def test_permission_bits_alone_are_brought_back(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"secret": "s", "run.sh": "#!"})
    (root / "secret").chmod(0o600)
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    (root / "secret").chmod(0o644)
    (root / "run.sh").chmod(0o755)
    before = (root / "secret").stat().st_ino
    assert await undo_all(checkpoints, first) == ()
    assert [(root / name).stat().st_mode & 0o777 for name in ("secret", "run.sh")] == [0o600, 0o644]
    assert (root / "secret").stat().st_ino == before


async def test_snapshots_are_values_that_outlive_the_process(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"a.py": "1\n"})
    first = await Checkpoints(root, tmp_path / "data").take("first")
    change(root)
    second = await Checkpoints(root, tmp_path / "data").take("second")
    later = Checkpoints(root, tmp_path / "data")
    kept = [Snapshot.model_validate(snapshot.model_dump(mode="json")) for snapshot in (first, second)]
    assert (await later.restore(kept[0], ["a.py"], expect=kept[1])).restored == ("a.py",)
    assert (root / "a.py").read_text() == "1\n"


async def test_a_place_that_changes_between_snapshots_is_no_hindrance(tmp_path: Path) -> None:
    """First no repository, then a plain one, then one with conversions."""
    root = tmp_path / "top"
    fill(root, {"a.py": "1\r\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    repository(root)
    fill(root, {"a.py": "2\r\n"})
    second = await checkpoints.take("second")
    fill(root, {".gitattributes": "* text eol=lf\n", "a.py": "3\r\n"})
    third = await checkpoints.take("third")
    assert [snapshot.kind for snapshot in (first, second, third)] == ["own", "ref", "own"]
    assert await checkpoints.changed(first, third) == (".gitattributes", "a.py")
    assert (await checkpoints.restore(second, ["a.py"], expect=third)).conflicts == ()
    assert (root / "a.py").read_bytes() == b"2\r\n"
    assert (await checkpoints.restore(first, ["a.py"], expect=second)).conflicts == ()
    assert (root / "a.py").read_bytes() == b"1\r\n"


async def test_two_thousand_changed_files_come_back(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {f"d{number % 40}/f{number}.txt": f"{number}\n" for number in range(2_000)})
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first", deadline=60)
    fill(root, {f"d{number % 40}/f{number}.txt": f"other {number}\n" for number in range(2_000)})
    second = await checkpoints.take("second", deadline=60)
    begun = time.perf_counter()
    changed = await checkpoints.changed(first, second)
    back = await checkpoints.restore(first, changed, expect=second)
    sys.stdout.write(f"\n2,000 files restored in {time.perf_counter() - begun:.2f} s\n")
    assert (len(back.restored), back.conflicts) == (2_000, ())
    assert (root / "d0" / "f0.txt").read_text() == "0\n"


async def test_a_new_folder_goes_with_all_that_was_in_it(tmp_path: Path) -> None:
    """It held a file and a folder without files, which are removed in two steps."""
    root = repository(tmp_path / "top")
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    fill(root, {"new/files/x.txt": "x"})
    (root / "new" / "empty" / "deep").mkdir(parents=True)
    assert await undo_all(checkpoints, first) == ()
    assert manifest(root) == {}


async def test_empty_folders_and_permission_bits_of_folders_come_back(tmp_path: Path) -> None:
    root = repository(tmp_path / "top")
    fill(root, {"private/secret.txt": "s", "open/x.txt": "x"})
    (root / "private").chmod(0o700)
    (root / "empty" / "deep").mkdir(parents=True)
    checkpoints = Checkpoints(root, tmp_path / "data")
    first = await checkpoints.take("first")
    shutil.rmtree(root / "private")
    shutil.rmtree(root / "empty")
    (root / "open").chmod(0o700)
    assert await undo_all(checkpoints, first) == ()
    assert (root / "empty" / "deep").is_dir()
    assert (root / "private" / "secret.txt").read_text() == "s"
    modes = {name: (root / name).stat().st_mode & 0o777 for name in ("private", "open")}
    assert modes == {"private": 0o700, "open": 0o755}


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "restarted"])
@pytest.mark.parametrize("what", ["content", "mode", "both"])
async def test_an_edit_of_the_same_size_and_time_is_seen(tmp_path: Path, what: str, warm: bool) -> None:
    """Git compares times by the second only, and takes an old time of writing as a sign of rest."""
    root = tmp_path / "top"
    fill(root, {"a.py": "1\n", "b.py": "b\n"})
    os.utime(root / "a.py", (1_000_000_000, 1_000_000_000))
    repository(root)
    checkpoints = Checkpoints(root, tmp_path / "data")
    snapshots = [await checkpoints.take("n0")]
    for number in range(1, 6):
        if what != "mode":
            fill(root, {"a.py": f"{number + 1}\n"})
        if what != "content":
            (root / "a.py").chmod(0o600 if number % 2 else 0o640)
        os.utime(root / "a.py", (1_000_000_000, 1_000_000_000))
        later = checkpoints if warm else Checkpoints(root, tmp_path / "data")
        snapshots.append(await later.take(f"n{number}"))
        assert await later.changed(snapshots[-2], snapshots[-1]) == ("a.py",)
    back = await checkpoints.restore(snapshots[0], ["a.py"], expect=snapshots[-1])
    assert back.restored == ("a.py",)
    assert (root / "a.py").read_text() == "1\n"


async def test_a_user_who_staged_a_moment_ago_hides_nothing(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.py": "1\n"})
    os.utime(root / "a.py", (1_000_000_000, 1_000_000_000))
    repository(root)
    fill(root, {"a.py": "2\n"})
    os.utime(root / "a.py", (1_000_000_000, 1_000_000_000))
    first = await Checkpoints(root, tmp_path / "data").take("first")
    assert await Checkpoints(root, tmp_path / "data").read(first, "a.py") == b"2\n"


async def test_what_is_remembered_never_hides_a_change(tmp_path: Path) -> None:
    """Each kind of change, against an object that remembers and a new one: both must say the same."""
    root = tmp_path / "top"
    fill(
        root, {"a": "a", "d/b": "b", "d/e/c": "c", "old/x": "x", ".gitignore": "*.log\nbuild/\n", "big": "1"}
    )
    repository(root)
    os.mkfifo(root / "pipe")
    (root / "bare").mkdir()
    warm = Checkpoints(root, tmp_path / "warm", max_bytes=100)
    steps = [
        lambda: None,
        lambda: fill(root, {"d/new": "n", "d/x.log": "ignored"}),
        lambda: fill(root, {"build/out": "ignored", "fresh/deep/y": "y", "fresh/z.log": "ignored"}),
        lambda: fill(root, {".gitignore": "build/\n"}),
        lambda: fill(root, {"d/.gitignore": "new\nlater\n", "d/later": "ignored"}),
        lambda: (root / "d" / ".gitignore").unlink(),
        lambda: (shutil.rmtree(root / "old"), fill(root, {"old": "a file now"})),
        lambda: ((root / "d" / "b").unlink(), fill(root, {"d/b/inside": "a folder now"})),
        lambda: (shutil.rmtree(root / "d" / "e"), (root / "d" / "e").symlink_to("..")),
        lambda: fill(root, {"big": "1" * 200}),
        lambda: fill(root, {"big": "small again"}),
        lambda: ((root / "pipe").unlink(), fill(root, {"pipe": "a file now"})),
        lambda: (root / "bare").chmod(0o700),
        lambda: repository(root / "fresh" / "deep"),
        lambda: shutil.rmtree(root / "fresh" / "deep" / ".git"),
        lambda: (root / "a").rename(root / "d" / "a"),
        lambda: fill(root, {".git/info/exclude": "a\n"}),
        lambda: fill(root, {"d/loose/a": "ignored now", "d/loose/b": "not"}),
    ]
    for number, step in enumerate(steps):
        step()
        cold = Checkpoints(root, tmp_path / f"cold{number}", max_bytes=100)
        one, other = await warm.take(f"warm{number}"), await cold.take(f"cold{number}")
        assert one.kind == other.kind == "ref"
        said, meant = warm.manifest(one), cold.manifest(other)
        # What git has seen once it keeps looking at, although it is ignored by now.
        more = {path for path in await warm.changed(other, one) if path.rpartition("/")[2] in {"a", "new"}}
        assert {*await warm.changed(other, one)} <= more, number
        assert said.skipped == meant.skipped, number
        assert said.modes.items() >= meant.modes.items(), number
