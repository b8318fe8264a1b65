"""A private copy of the folder around a notebook, so that a throw-away kernel finds the files it reads and
writes beside copies.

Small files are copied; what goes beyond the budget is linked, and so can be read. Writing through a
link is not stopped here but by `confined`. Own settings of repositories are left out.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

MOST_ENTRIES = 5_000
MOST_BYTES = 100_000_000
LARGEST = 20_000_000
LEFT_OUT = frozenset([".git", ".hg", "node_modules", ".venv", "venv", "__pycache__", ".ipynb_checkpoints"])


def base_of(folder: Path, root: Path | None) -> Path:
    """The folder to mirror: the workspace around the notebook's folder, but no home and no ``/``."""
    top = root if root is not None and folder.is_relative_to(root) else folder
    if root is None:
        found = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
        top = found
    return folder if top in (Path("/"), Path.home()) or len(top.parts) < 3 else top


def mirror(base: Path, private: Path) -> tuple[int, int]:
    """Make ``private`` look like ``base``; how many files were copied and how many entries linked."""
    copied = linked = size = 0
    waiting = [(base, private)]
    entries = 0
    while waiting:
        source, target = waiting.pop(0)
        target.mkdir(parents=True, exist_ok=True)
        for entry in _entries(source):
            entries += 1
            place = target / entry.name
            if entry.is_dir(follow_symlinks=False) and entry.name not in LEFT_OUT and entries < MOST_ENTRIES:
                waiting.append((Path(entry.path), place))
                continue
            bytes_ = entry.stat(follow_symlinks=False).st_size
            fits = bytes_ <= LARGEST and size + bytes_ <= MOST_BYTES and entries < MOST_ENTRIES
            if entry.is_file(follow_symlinks=False) and fits and _copied(entry.path, place):
                copied, size = copied + 1, size + bytes_
            else:
                place.symlink_to(Path(entry.path).resolve())
                linked += 1
    return copied, linked


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from sorted(found, key=lambda entry: entry.name)
    except OSError:
        return  # what cannot be read here cannot be read by the notebook either


def _copied(source: str, target: Path) -> bool:
    try:
        shutil.copy2(source, target, follow_symlinks=False)
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True
