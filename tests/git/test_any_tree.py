"""Whatever a workspace holds and whatever is done to it: undo gives it back, and redo takes it again."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from codemad_jupyter.git.checkpoints import Checkpoints
from tests.git.gitlab import manifest, repository

NAMES = [
    "a",
    "b",
    "c.txt",
    "sp ace",
    "new\nline",
    "-dash",
    "--output=x",
    "ünï",
    "q\"'q",
    "back\\slash",
    "*",
    ":(top)",
]
NAMES += ["\udcff\udcfe", "tab\t", "aux", "git~1", ".hidden", "x" * 255]
CONTENTS = [
    b"",
    b"text\n",
    b"crlf\r\nline\r\n",
    b"mixed\r\nand\nlone\r",
    b"\x00\xff\xfe binary",
    b"$Id$ ident\n",
]
CONTENTS += ["bom".encode("utf-16"), b"no end", b"x" * 100_000]

Node = tuple[str, bytes, int]

MODES = [0o644, 0o755, 0o600, 0o444]
TARGETS = [b"a", b"../nowhere", b"/etc/passwd"]

name = some.sampled_from(NAMES)
path = some.lists(name, min_size=1, max_size=3).map("/".join)
node = some.one_of(
    some.tuples(some.just("file"), some.sampled_from(CONTENTS), some.sampled_from(MODES)),
    some.tuples(some.just("link"), some.sampled_from(TARGETS), some.just(0)),
)
trees = some.dictionaries(path, node, max_size=6)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make(root: Path, tree: dict[str, Node]) -> None:
    """Put the nodes there, whatever is in the way."""
    for key, (kind, content, mode) in tree.items():
        place = root
        for part in key.split("/")[:-1]:
            place = place / part
            if place.is_symlink() or place.is_file():
                place.unlink()
            place.mkdir(exist_ok=True)
        remove(root / key)
        if kind == "link":
            (root / key).symlink_to(os.fsdecode(content))
        else:
            (root / key).write_bytes(content)
            (root / key).chmod(mode)


def remove_empty(root: Path) -> None:
    """Git knows no empty folders; that these are not brought back is tested elsewhere."""
    for folder in sorted((p for p in root.rglob("*") if p.is_dir() and not p.is_symlink()), reverse=True):
        if ".git" not in folder.relative_to(root).parts and not any(folder.iterdir()):
            folder.rmdir()


def files(root: Path) -> dict[str, tuple[str, int, bytes]]:
    return {key: found for key, found in manifest(root).items() if found[0] != "folder"}


async def there_and_back(root: Path, data: Path, damage: dict[str, Node], deleted: set[str]) -> str:
    checkpoints = Checkpoints(root, data)
    wanted, wanted_files = manifest(root), files(root)
    first = await checkpoints.take("first", deadline=60)
    for gone in deleted:
        remove(root / gone)
    make(root, damage)
    remove_empty(root)
    damaged, damaged_files = manifest(root), files(root)
    second = await checkpoints.take("second", deadline=60)
    changed = await checkpoints.changed(first, second)
    both = {*wanted_files, *damaged_files}
    assert set(changed) == {key for key in both if wanted_files.get(key) != damaged_files.get(key)}
    for _ in range(2):  # a second restore changes nothing
        back = await checkpoints.restore(first, changed, expect=second)
        assert back.conflicts == ()
        assert manifest(root) == wanted
    forth = await checkpoints.restore(second, changed, expect=first)
    assert forth.conflicts == ()
    assert manifest(root) == damaged
    return first.kind


KINDS = {"repository": "ref", "subfolder": "ref", "no commit": "ref", "folder": "own", "conversions": "own"}


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=int(os.environ.get("TREES", "6")),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=trees, damage=trees, deleted=some.sets(name))
def test_any_tree_survives_any_damage(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, Node],
    damage: dict[str, Node],
    deleted: set[str],
) -> None:
    top = tmp_path_factory.mktemp("top")
    root = top / "inner" if kind == "subfolder" else top
    root.mkdir(exist_ok=True)
    make(root, before)
    if kind == "conversions":
        (top / ".gitattributes").write_text("* text=auto eol=lf ident\n")
    if kind != "folder":
        repository(top, commit=kind != "no commit")
    data = tmp_path_factory.mktemp("data")
    assert asyncio.run(asyncio.wait_for(there_and_back(root, data, damage, deleted), 100)) == KINDS[kind]
