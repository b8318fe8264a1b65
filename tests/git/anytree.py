"""Random folders for the tests of the git room: every kind of entry, every sort of name and content."""

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hypothesis import strategies as some

NAMES = [
    *("a", "A", "b", "c.txt", "sp ace", "new\nline", "-dash", "--output=x", "ünï", "q\"'q", "back\\slash"),
    *("*", ":(top)", "#x", "!y", "\udcff\udcfe", "tab\t", "aux", "git~1", ".hidden", "\u202egnp", "x" * 255),
    *("e\u0301", "\u00e9", ".gitmodules", ".codemad-restore", "trailing ", "\x1b[31m"),
]
CONTENTS = [
    *(b"", b"text\n", b"crlf\r\nline\r\n", b"mixed\r\nand\nlone\r", b"\x00\xff\xfe binary", b"$Id$ ident\n"),
    *("bom".encode("utf-16"), b"\xef\xbb\xbfbom\n", b"no end", b"<<<<<<< a\n=======\n", b"x" * 100_000),
    *(b"one\ntwo\nthree\nfour\nfive\nsix\n", b"one\ntwo\nthree\nfour\nfive\nSIX\n", b"ONE\ntwo\nthree\n"),
]
IGNORES = [b"a\n", b"*.txt\n", b"b/\n", b"/c.txt\n*\n!a\n", b"#x\n\\!y\n"]
MODES = [0o644, 0o755, 0o600, 0o444, 0o640, 0o777, 0o000]
FOLDERS = [0o755, 0o700, 0o775]
TARGETS = [b"a", b"../nowhere", b"/etc/passwd", b".", b"b", b"\xff\n"]

Node = tuple[str, bytes, int]
Tree = dict[str, Node]

name = some.sampled_from(NAMES)
path = some.lists(name, min_size=1, max_size=3).map("/".join)
node = some.one_of(
    some.tuples(some.just("file"), some.sampled_from(CONTENTS), some.sampled_from(MODES)),
    some.tuples(some.just("link"), some.sampled_from(TARGETS), some.just(0)),
    some.tuples(some.just("folder"), some.just(b""), some.sampled_from(FOLDERS)),
)
odd = some.one_of(
    node,
    some.tuples(some.sampled_from(["pipe", "socket"]), some.just(b""), some.just(0o600)),
    some.tuples(some.sampled_from(["nested", "pointer", "unborn"]), some.just(b""), some.just(0)),
    some.tuples(some.just("ignore"), some.sampled_from(IGNORES), some.just(0o644)),
)


def trees(nodes: some.SearchStrategy[Node], *, size: int = 5) -> some.SearchStrategy[Tree]:
    return some.dictionaries(path, nodes, max_size=size)


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder in memory where there is such a place: waiting for a disk would take minutes."""
    memory = Path("/dev/shm")
    place = tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(place)
    finally:
        shutil.rmtree(place, onerror=lambda *_: None)


def remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            place.unlink()


def make(root: Path, tree: Tree) -> list[str]:
    """Put the nodes there, whatever is in the way; the paths of all that was written."""
    written: list[str] = []
    for key, (kind, content, mode) in tree.items():
        place = root
        for part in key.split("/")[:-1]:
            place = place / part
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                place.unlink()
            place.mkdir(exist_ok=True)
        place = root / key
        if kind == "ignore":
            place = place.parent / ".gitignore"
        if not (kind == "folder" and place.is_dir() and not place.is_symlink()):
            remove(place)
            _put(place, kind, content)
        if kind in ("file", "folder"):
            place.chmod(mode)
        written.append(place.relative_to(root).as_posix())
    return written


def _put(place: Path, kind: str, content: bytes) -> None:
    if kind == "link":
        place.symlink_to(os.fsdecode(content))
    elif kind == "folder":
        place.mkdir()
    elif kind in ("pipe", "socket"):
        os.mknod(place, 0o600 | (stat.S_IFIFO if kind == "pipe" else stat.S_IFSOCK))
    elif kind == "pointer":
        place.mkdir()
        (place / ".git").write_text("gitdir: ../elsewhere\n")
        (place / "inside").write_text("theirs\n")
    elif kind in ("nested", "unborn"):
        shutil.copytree(template(born=kind == "nested"), place)
    else:
        place.write_bytes(content)


@cache
def template(*, born: bool) -> Path:
    """A small repository to copy."""
    folder = Path(tempfile.mkdtemp())
    subprocess.run(["git", "init", "-q", "--template="], cwd=folder, check=True, timeout=60)
    (folder / "inside").write_text("theirs\n")
    if born:
        for words in (("add", "-A"), ("commit", "-qm", "x")):
            subprocess.run(["git", *words], cwd=folder, check=True, timeout=60)
    return folder


def contents(root: Path, folder: str = "") -> dict[str, tuple[str, int, bytes]]:
    """All there is below, but for the repository itself: type, permission bits and content."""
    found: dict[str, tuple[str, int, bytes]] = {}
    for entry in os.scandir(root / folder):
        key = f"{folder}/{entry.name}" if folder else entry.name
        status = entry.stat(follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode)
        if key == ".git":
            continue
        if entry.is_symlink():
            found[key] = ("link", 0, os.fsencode(Path(entry).readlink()))
        elif entry.is_dir():
            found[key] = ("folder", mode, b"")
            found |= contents(root, key)
        elif stat.S_ISREG(status.st_mode):
            data = Path(entry).read_bytes() if os.access(entry, os.R_OK) else b"?"
            found[key] = ("file", mode, data)
        else:
            found[key] = ("special", mode, b"")
    return found
