"""A restore with merging keeps what the person changed elsewhere, and differences are drawn for people."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from codemad_jupyter.git import lines
from codemad_jupyter.git.checkpoints import Checkpoints, Restoration
from tests.git.gitlab import fill, manifest, repository

BASE = "".join(f"line {number}\n" for number in range(1, 31))
BOM = b"\xef\xbb\xbf"
RUN = BASE.replace("line 20\n", "line 20 by the run\n")


async def undo(root: Path, data: Path, old: bytes | str, run: bytes | str, now: bytes | str) -> Restoration:
    """The run makes the new text from the old one, the person makes another of that; undo the run."""
    fill(root, {"a.txt": old})
    checkpoints = Checkpoints(root, data)
    before = await checkpoints.take("before")
    fill(root, {"a.txt": run})
    after = await checkpoints.take("after")
    fill(root, {"a.txt": now})
    return await checkpoints.restore(before, ["a.txt"], expect=after, merge=True)


@pytest.mark.parametrize("kind", ["ref", "own"])
async def test_the_persons_lines_stay_and_the_runs_go(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "top"
    if kind == "ref":
        repository(root)
    done = await undo(root, tmp_path / "data", BASE, RUN, RUN.replace("line 3\n", "line 3 by me\n"))
    assert (done.restored, done.merged, done.conflicts) == ((), ("a.txt",), ())
    assert (root / "a.txt").read_text() == BASE.replace("line 3\n", "line 3 by me\n")


@pytest.mark.parametrize(
    ("old", "new", "now", "wanted"),
    [
        (b"a\r\nb\r\nc\r\nd\r\n", b"a\r\nb\r\nc\r\nD\r\n", b"A\r\nb\r\nc\r\nD\r\n", b"A\r\nb\r\nc\r\nd\r\n"),
        (b"a\nb\nc", b"a\nb\nC", b"A\nb\nC", b"A\nb\nc"),
        (
            b"\xef\xbb\xbfa\nb\nc\n",
            b"\xef\xbb\xbfa\nb\nC\n",
            b"\xef\xbb\xbfA\nb\nC\n",
            b"\xef\xbb\xbfA\nb\nc\n",
        ),
        (b"\xe4\nb\nc\n", b"\xe4\nb\nC\n", b"\xe4\xe4\nb\nC\n", b"\xe4\xe4\nb\nc\n"),
        (b"a\nb\nc\n", b"c\n", b"c\nd\n", None),
    ],
    ids=["crlf", "no end", "bom", "latin", "touching"],
)
async def test_bytes_are_kept(
    tmp_path: Path, old: bytes, new: bytes, now: bytes, wanted: bytes | None
) -> None:
    root = tmp_path / "top"
    root.mkdir()
    done = await undo(root, tmp_path / "data", old, new, now)
    merged = (root / "a.txt").read_bytes()
    if wanted is None:
        assert merged in (now, b"a\nb\nc\nd\n")
        assert (merged == now) == (done.conflicts == ("a.txt",))
    else:
        assert merged == wanted


async def test_a_conflict_leaves_the_file_and_names_the_lines(tmp_path: Path) -> None:
    root = tmp_path / "top"
    root.mkdir()
    now = RUN.replace("line 20 by the run\n", "mine\nand mine\n").replace("line 3\n", "line 3 by me\n")
    done = await undo(root, tmp_path / "data", BASE, RUN, now)
    assert done.conflicts == ("a.txt",)
    assert done.reasons["a.txt"] == "has changed since in the same lines: 20-21"
    assert (root / "a.txt").read_text() == now
    assert sorted(manifest(root)) == ["a.txt"]


@pytest.mark.parametrize("what", ["binary", "link", "deleted", "folder", "mode"])
async def test_what_cannot_be_merged_is_left_alone(tmp_path: Path, what: str) -> None:
    root = tmp_path / "top"
    fill(root, {"a.txt": BASE})
    checkpoints = Checkpoints(root, tmp_path / "data")
    before = await checkpoints.take("before")
    fill(root, {"a.txt": RUN})
    if what == "mode":
        (root / "a.txt").chmod(0o755)
    after = await checkpoints.take("after")
    if what == "binary":
        fill(root, {"a.txt": b"\0" + RUN.encode()})
    elif what == "mode":
        (root / "a.txt").chmod(0o600)
    else:
        (root / "a.txt").unlink()
    if what == "link":
        (root / "a.txt").symlink_to("elsewhere")
    elif what == "folder":
        (root / "a.txt").mkdir()
    state = manifest(root)
    done = await checkpoints.restore(before, ["a.txt"], expect=after, merge=True)
    assert (done.conflicts, done.merged, manifest(root)) == (("a.txt",), (), state)
    assert done.reasons["a.txt"].startswith("has")


text = some.lists(some.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"e\n", b"\n", b"x\r\n"]), max_size=8)


@settings(max_examples=200, deadline=None, database=None)
@given(base=text, ours=text, theirs=text, cut=some.booleans())
def test_merges_are_those_of_git(
    tmp_path_factory: pytest.TempPathFactory,
    base: list[bytes],
    ours: list[bytes],
    theirs: list[bytes],
    cut: bool,
) -> None:
    texts = [b"".join(part) for part in (base, ours, theirs)]
    if cut:
        texts = [part.removesuffix(b"\n") for part in texts]
    merged = lines.merge(*texts)
    if merged.conflicts:
        assert merged.text == texts[1]
        return
    if texts[0] == texts[2]:
        assert merged.text == texts[1]
    if texts[0] == texts[1]:
        assert merged.text == texts[2]
    folder = tmp_path_factory.mktemp("merge")
    for name, part in zip("bot", texts, strict=True):
        (folder / name).write_bytes(part)
    done = subprocess.run(
        ["git", "merge-file", "-p", "-q", "o", "b", "t"], cwd=folder, capture_output=True, timeout=60
    )
    if done.returncode == 0:
        assert merged.text == done.stdout


async def test_differences_are_drawn_and_bounded(tmp_path: Path) -> None:
    root = tmp_path / "top"
    big = {f"zmany/{number}.txt": "x\n" * 9_000 for number in range(20)}
    fill(root, {"a.txt": "one\ntwo\n", "bin": b"\0", "mode": "m", "gone": "g\n", "to-link": "t", **big})
    (root / "empty").mkdir()
    (root / "link").symlink_to("a")
    checkpoints = Checkpoints(root, tmp_path / "data")
    old = await checkpoints.take("old")
    fill(root, {"a.txt": "one\n2\n", "bin": b"\0\0", "new\n\x1b.txt": "n"})
    fill(root, {name: content.replace("x", "y") for name, content in big.items()})
    (root / "mode").chmod(0o600)
    (root / "empty").rmdir()
    for name in ("gone", "to-link", "link"):
        (root / name).unlink()
    (root / "link").symlink_to("b")
    (root / "to-link").symlink_to("b")
    (root / os.fsdecode(b"\xff")).mkdir()
    found = {each.path: each for each in await checkpoints.differences(old, await checkpoints.take("new"))}
    shown = {path: (each.status, each.detail) for path, each in found.items() if "zmany/" not in path}
    assert shown == {
        "a.txt": ("changed", ""),
        "bin": ("changed", "binary, 1 bytes became 2"),
        "mode": ("changed", "permission bits 0644 became 0600"),
        "gone": ("removed", ""),
        "to-link": ("changed", "a file became a link"),
        "link": ("changed", "the link's target changed"),
        "empty/": ("removed", "a folder without files"),
        "\\xff/": ("added", "a folder without files"),
        "new\\n\\x1b.txt": ("added", ""),
    }
    assert found["a.txt"].diff == "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert found["new\\n\\x1b.txt"].diff.endswith("+n\n\\ No newline at end of file\n")
    sizes = [len(each.diff) for path, each in found.items() if path.startswith("zmany/")]
    assert max(sizes) <= 20_000 < 20 * max(sizes)
    assert sum(len(each.diff) for each in found.values()) <= 200_000
    assert found["zmany/9.txt"].detail == "the diff is cut"
    assert [each.model_dump_json() for each in found.values()]
