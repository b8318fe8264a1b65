"""Nothing a folder, an environment or a name brings is run, and nothing of the person's is touched."""

import asyncio
import hashlib
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.git.repo import Deadline, Git, program
from codemad_jupyter.git.trust import danger
from codemad_jupyter.protocol.errors import GitError, UsageError
from tests.git.gitlab import fill, git, manifest, repository
from tests.waiting import LIMIT, until


async def cycle(root: Path, data: Path) -> str:
    """Everything the room does, once; returns where the snapshots were kept."""
    checkpoints = Checkpoints(root, data)
    first = await checkpoints.take("first")
    original = (root / "a.txt").read_bytes()
    fill(root, {"a.txt": "by the run\n", "made.txt": "made\n"})
    second = await checkpoints.take("second")
    assert await checkpoints.changed(first, second) == ("a.txt", "made.txt")
    back = await checkpoints.restore(first, ["a.txt", "made.txt"], expect=second)
    assert back.conflicts == ()
    assert (root / "a.txt").read_bytes() == original
    await checkpoints.drop(["first", "second"])
    return first.kind


def script(path: Path, mark: Path) -> str:
    path.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    path.chmod(0o755)
    return str(path)


CONFIGURATIONS = [
    ("core.fsmonitor", "{evil}"),
    ("core.hooksPath", "{folder}"),
    ("filter.evil.clean", "{evil}"),
    ("filter.evil.smudge", "{evil}"),
    ("filter.evil.process", "{evil}"),
    ("filter.evil.required", "true"),
    ("diff.evil.textconv", "{evil}"),
    ("diff.evil.command", "{evil}"),
    ("diff.external", "{evil}"),
    ("merge.evil.driver", "{evil}"),
    ("core.attributesFile", "{folder}/attributes"),
    ("core.excludesFile", "{folder}/excludes"),
    ("core.alternateRefsCommand", "{evil}"),
    ("core.askPass", "{evil}"),
    ("core.gitProxy", "{evil}"),
    ("core.worktree", "/"),
    ("core.bare", "true"),
    ("core.autocrlf", "true"),
    ("core.symlinks", "false"),
    ("core.sparseCheckout", "true"),
    ("core.checkStat", "minimal"),
    ("core.trustctime", "false"),
    ("core.splitIndex", "true"),
    ("core.untrackedCache", "true"),
    ("include.path", "{folder}/included"),
    ("includeIf.gitdir:/.path", "{folder}/included"),
    ("extensions.worktreeConfig", "true"),
    ("extensions.partialClone", "origin"),
    ("extensions.somethingNew", "true"),
    ("remote.origin.uploadpack", "{evil}"),
    ("remote.origin.vcs", "evil"),
    ("uploadpack.packObjectsHook", "{evil}"),
    ("alias.add", "!{evil}"),
    ("alias.write-tree", "!{evil}"),
    ("gpg.program", "{evil}"),
    ("credential.helper", "!{evil}"),
    ("trace2.eventTarget", "{folder}/trace"),
    ("pager.ls-files", "{evil}"),
]


@pytest.mark.parametrize(("key", "value"), CONFIGURATIONS, ids=[key for key, _ in CONFIGURATIONS])
async def test_no_configuration_runs_anything(tmp_path: Path, key: str, value: str) -> None:
    mark, folder = tmp_path / "MARK", tmp_path / "evil"
    folder.mkdir()
    evil = script(folder / "evil", mark)
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\r\n", ".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    repository(root)
    for hooks in (folder, root / ".git" / "hooks"):
        for name in (
            "reference-transaction",
            "post-index-change",
            "pre-commit",
            "post-checkout",
            "pre-auto-gc",
        ):
            script(hooks / name, mark)
    fill(folder, {"included": f'[core]\n\tfsmonitor = {evil}\n[filter "evil"]\n\tclean = {evil}\n'})
    fill(folder, {"attributes": "* filter=evil\n", "excludes": "*\n"})
    git(root, "config", key, value.format(evil=evil, folder=folder))
    assert danger(root, deadline=Deadline(10))
    assert await cycle(root, tmp_path / "data") == "own"
    assert not mark.exists()
    assert not (folder / "trace").exists()


@pytest.mark.parametrize("kind", ["plain", "own"])
async def test_hooks_of_a_plain_repository_do_not_run(tmp_path: Path, kind: str) -> None:
    root, mark = tmp_path / "top", tmp_path / "MARK"
    fill(root, {"a.txt": "a\n"})
    if kind == "own":
        fill(root, {".gitattributes": "* text=auto\n"})
    repository(root)
    for name in ("reference-transaction", "post-index-change", "pre-commit", "post-commit", "post-checkout"):
        script(root / ".git" / "hooks" / name, mark)
    assert await cycle(root, tmp_path / "data") == {"plain": "ref", "own": "own"}[kind]
    assert not mark.exists()


async def test_a_submodule_with_a_hostile_configuration_is_left_alone(tmp_path: Path) -> None:
    mark = tmp_path / "MARK"
    evil = script(tmp_path / "evil", mark)
    library = tmp_path / "library"
    fill(library, {"x.txt": "x\n", ".gitattributes": "* filter=evil\n"})
    repository(library)
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    repository(root)
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "sub")
    git(root, "commit", "-q", "-m", "with a submodule")
    for key in ("core.fsmonitor", "filter.evil.clean"):
        git(root / "sub", "config", key, evil)
    fill(root, {"sub/x.txt": "changed\n"})
    mark.unlink(missing_ok=True)
    assert await cycle(root, tmp_path / "data") == "ref"
    first = await Checkpoints(root, tmp_path / "data").take("again")
    assert first.skipped == ("sub: is a repository of its own",)
    assert not mark.exists()


async def test_a_pointer_to_another_repository_is_not_followed(tmp_path: Path) -> None:
    mark = tmp_path / "MARK"
    evil = script(tmp_path / "evil", mark)
    other = repository(tmp_path / "other")
    git(other, "config", "core.fsmonitor", evil)
    before = manifest(other, without=())
    for number, pointer in enumerate(("file", "link")):
        root = tmp_path / f"top{number}"
        fill(root, {"a.txt": "a\n"})
        if pointer == "file":
            fill(root, {".git": f"gitdir: {other}/.git\n"})
        else:
            (root / ".git").symlink_to(other / ".git")
        assert await cycle(root, tmp_path / f"data{number}") == "own"
    assert manifest(other, without=()) == before
    assert not mark.exists()


async def test_a_folder_that_is_itself_made_like_a_repository(tmp_path: Path) -> None:
    mark = tmp_path / "MARK"
    root = tmp_path / "top"
    git(tmp_path, "init", "-q", "--bare", str(root))
    git(root, "config", "core.fsmonitor", script(tmp_path / "evil", mark))
    git(root, "config", "core.bare", "false")
    git(root, "config", "core.worktree", ".")
    fill(root, {"a.txt": "a\n"})
    mark.unlink(missing_ok=True)
    assert await cycle(root, tmp_path / "data") == "own"
    assert not mark.exists()


async def test_the_environment_of_git_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "MARK"
    evil = script(tmp_path / "evil", mark)
    other = tmp_path / "other"
    fill(other, {"o.txt": "other\n"})
    repository(other)
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    repository(root)
    before = manifest(other, without=())
    for name, value in {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": evil,
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='{evil}'",
        "GIT_EXTERNAL_DIFF": evil,
        "GIT_SSH_COMMAND": evil,
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_ATTR_SOURCE": "HEAD",
    }.items():
        monkeypatch.setenv(name, value)
    assert await cycle(root, tmp_path / "data") == "ref"
    assert manifest(other, without=()) == before
    assert not mark.exists()
    assert not (tmp_path / "trace").exists()


async def test_a_program_called_git_in_the_workspace_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, mark = tmp_path / "top", tmp_path / "MARK"
    fill(root, {"a.txt": "a\n", "bin/x": ""})
    script(root / "bin" / "git", mark)
    script(root / "git", mark)
    monkeypatch.setenv("PATH", os.pathsep.join((str(root / "bin"), ".", "", os.environ["PATH"])))
    monkeypatch.chdir(root)
    await cycle(root, tmp_path / "data")
    assert not mark.exists()
    assert not Path(program(outside=root)).is_relative_to(root)


BAD_NAMES = [
    "",
    "-x",
    "--output=x",
    "a/b",
    "../x",
    "a..b",
    "a.lock",
    "HEAD@{1}",
    "a b",
    "new\nline",
    "ü",
    "x" * 101,
]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_names_that_git_could_misread_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        await Checkpoints(repository(tmp_path / "top"), tmp_path / "data").take(name)
    await Checkpoints(tmp_path / "top", tmp_path / "data").drop([name])


async def test_the_repository_has_no_trace_but_private_refs_and_objects(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n", "b/c.txt": "c\n"})
    repository(root)
    fill(root, {"a.txt": "stashed\n"})
    git(root, "stash", "-q")
    fill(root, {"staged.txt": "s\n"})
    git(root, "add", "staged.txt")
    fill(root, {"staged.txt": "and changed\n", "loose.txt": "l\n"})

    def state() -> tuple[object, ...]:
        files = manifest(root / ".git", without=("objects", "refs/codemad"))
        said = [
            git(root, *words.split())
            for words in ("status --porcelain=v2", "stash list", "reflog", "branch -a")
        ]
        return files, said

    before = state()
    checkpoints = Checkpoints(root, tmp_path / "data")
    for number in range(12):
        taken = await checkpoints.take(f"n{number}")
        fill(root, {"loose.txt": f"{number}\n"})
        after = await checkpoints.take(f"after{number}")
        await checkpoints.restore(taken, ["loose.txt"], expect=after)
    assert state() == before
    assert len(git(root, "for-each-ref", "refs/codemad").splitlines()) == 24
    await checkpoints.drop([f"{kind}{number}" for kind in ("n", "after") for number in range(12)])
    assert git(root, "for-each-ref", "refs/codemad") == ""
    assert git(root, "fsck", "--no-dangling", "--strict") == ""


async def test_nothing_of_ours_is_in_a_folder_without_a_repository(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    before = manifest(root, without=())
    assert await cycle(root, tmp_path / "data") == "own"
    assert manifest(root, without=()) == before


async def test_our_data_inside_the_workspace_is_no_part_of_it(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    assert await cycle(root, root / "data") == "own"
    snapshot = await Checkpoints(root, root / "data").take("again")
    assert snapshot.files == 1
    assert "holds CodeMAD's own data" in snapshot.skipped[0]


async def test_a_linked_worktree_is_covered_from_outside(tmp_path: Path) -> None:
    main = tmp_path / "main"
    fill(main, {"a.txt": "a\n"})
    repository(main)
    git(main, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    assert await cycle(tmp_path / "tree", tmp_path / "data") == "own"
    assert git(tmp_path / "tree", "status", "--porcelain") == ""


async def test_a_workspace_in_an_ignored_folder_is_covered(tmp_path: Path) -> None:
    top = tmp_path / "top"
    fill(top, {".gitignore": "build/\n", "build/work/a.txt": "a\n"})
    repository(top)
    assert await cycle(top / "build" / "work", tmp_path / "data") == "own"


async def test_a_conflict_elsewhere_in_the_repository_does_not_matter(tmp_path: Path) -> None:
    top = tmp_path / "top"
    fill(top, {"else.txt": "base\n", "work/a.txt": "a\n"})
    repository(top)
    git(top, "checkout", "-q", "-b", "other")
    fill(top, {"else.txt": "other\n"})
    git(top, "commit", "-q", "-am", "other")
    git(top, "checkout", "-q", "main")
    fill(top, {"else.txt": "main\n"})
    git(top, "commit", "-q", "-am", "main")
    git(top, "merge", "other", check=False)
    index = (top / ".git" / "index").read_bytes()
    assert await cycle(top / "work", tmp_path / "data") == "ref"
    assert (top / ".git" / "index").read_bytes() == index


async def test_too_many_files_and_too_little_time_give_no_snapshot_but_a_reason(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {f"f{number}": "x" for number in range(50)})
    few = await Checkpoints(root, tmp_path / "data", max_files=20).take("few")
    assert (few.kind, few.files) == ("none", 0)
    assert "more than 20 files" in few.skipped[0]
    checkpoints = Checkpoints(root, tmp_path / "data")
    quick = await checkpoints.take("quick", deadline=0.001)
    assert quick.kind == "none"
    assert "longer than 0.001 seconds" in quick.skipped[0]
    whole = await checkpoints.take("whole")
    assert whole.files == 50
    assert await checkpoints.changed(quick, whole) == ()
    back = await checkpoints.restore(quick, ["f1"], expect=whole)
    assert back.conflicts == ("f1",)
    assert "was not saved" in back.reasons["f1"]


async def test_a_git_that_hangs_is_stopped_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that keeps the pipe open must not keep us."""
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text(f"#!/bin/sh\nsleep 3000 &\necho $! > {tmp_path}/pid\nsleep 3000\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}{os.pathsep}{os.environ['PATH']}")
    root = repository_without_git(tmp_path / "top")
    snapshot = await Checkpoints(root, tmp_path / "data").take("x", deadline=4.0)
    assert snapshot.kind == "none"
    state = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    await until(lambda: not runs(state), "the end of the child")


def runs(state: Path) -> bool:
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def repository_without_git(root: Path) -> Path:
    fill(root, {"a.txt": "a\n"})
    return root


HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


async def test_another_process_at_work_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    lock = tmp_path / "data" / "checkpoints" / "lock"
    lock.parent.mkdir(parents=True)
    holder = await asyncio.to_thread(
        subprocess.Popen, [sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    try:
        await asyncio.to_thread(holder.stdout.readline)
        snapshot = await Checkpoints(root, tmp_path / "data").take("x", deadline=0.5)
        assert snapshot.kind == "none"
    finally:
        holder.kill()
        holder.communicate(timeout=LIMIT)
    assert (await Checkpoints(root, tmp_path / "data").take("x")).kind == "own"


async def test_two_objects_on_one_folder_take_turns(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    repository(root)
    many = [Checkpoints(root, tmp_path / "data") for _ in range(4)]
    taken = await asyncio.gather(*(one.take(f"n{number}", deadline=LIMIT) for number, one in enumerate(many)))
    assert {snapshot.kind for snapshot in taken} == {"ref"}


async def test_a_cancelled_take_does_not_let_the_next_one_in_too_early(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {f"f{number}": f"{number}" for number in range(300)})
    checkpoints = Checkpoints(root, tmp_path / "data")
    for number in range(5):
        task = asyncio.create_task(checkpoints.take(f"c{number}"))
        await asyncio.sleep(0.02 * number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    whole = await checkpoints.take("whole", deadline=LIMIT)
    assert whole.files == 300


async def test_what_a_killed_process_left_is_tidied_up(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n", "deep/b.txt": "b\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    await checkpoints.take("first")
    data = tmp_path / "data" / "checkpoints"
    fill(root, {".codemad-restore-1": "half", "deep/.codemad-restore-2": "half"})
    fill(
        data,
        {
            "restoring.json": '["", "deep", "gone", "../outside"]',
            "own.git/index.lock": "",
            "ref-index.lock": "",
        },
    )
    second = await checkpoints.take("second")
    assert second.files == 2
    assert sorted(manifest(root)) == ["a.txt", "deep", "deep/b.txt"]


def loose_objects(store: Path, count: int) -> list[Path]:
    """Old objects that nothing refers to, in the folder whose size is looked at."""
    made: list[Path] = []
    number = 0
    while len(made) < count:
        number += 1
        data = b"blob %d\0%d" % (len(str(number)), number)
        name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        if name.startswith("17"):
            path = store / "objects" / "17" / name[2:]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(data))
            os.utime(path, (1_000_000_000, 1_000_000_000))
            made.append(path)
    return made


async def test_our_own_git_folder_is_packed_when_it_has_grown(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    checkpoints = Checkpoints(root, tmp_path / "data")
    kept = await checkpoints.take("kept")
    await checkpoints.take("gone")
    made = loose_objects(tmp_path / "data" / "checkpoints" / "own.git", 70)
    await checkpoints.drop(["gone"])
    assert not any(path.exists() for path in made)
    assert await Checkpoints(root, tmp_path / "data").read(kept, "a.txt") == b"a\n"


async def test_unreadable_and_odd_files_are_named(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n", ".GIT/config": "odd\n"})
    os.mkfifo(root / "pipe")
    snapshot = await Checkpoints(root, tmp_path / "data").take("first")
    assert snapshot.kind == "own"
    reasons = dict(text.split(": ", 1) for text in snapshot.skipped)
    assert reasons == {"pipe": "is a pipe, a socket or a device", ".GIT": "has a name git cannot keep"}


def test_git_is_stopped_when_it_says_too_much(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {f"file-number-{number}": "" for number in range(200)})
    repository(root)
    with pytest.raises(GitError, match="wrote more than 100 bytes"):
        Git(root / ".git", root).run("ls-files", deadline=Deadline(20), limit=100)
    with pytest.raises(GitError, match="git ls-tree failed") as failure:
        Git(root / ".git", root).run("ls-tree", "nothing-of-that-name", deadline=Deadline(20))
    assert failure.value.hint


def test_importing_the_room_is_light() -> None:
    code = "import sys, codemad_jupyter.git.checkpoints; sys.exit(bool({'git', 'pygit2'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_the_mode_of_our_folder_is_private(tmp_path: Path) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": "a\n"})
    asyncio.run(Checkpoints(root, tmp_path / "data").take("first"))
    assert stat.S_IMODE((tmp_path / "data" / "checkpoints").stat().st_mode) == 0o700
