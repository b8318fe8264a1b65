"""What a folder takes on the disk, and taking a folder away with all that is in it."""

import contextlib
import os
import shutil
from pathlib import Path


def bytes_below(folder: Path) -> int:
    """Bytes that a folder takes on the disk."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # git replaces files while we count
                total += (Path(top) / name).lstat().st_blocks * 512
    return total


def clear_away(folder: Path) -> None:
    """Remove a folder of ours, also what is in folders that may not be written. Links are not followed."""
    for top, names, _ in os.walk(folder):
        for path in (Path(top), *(Path(top) / name for name in names)):
            if not path.is_symlink() and path.stat().st_mode & 0o700 != 0o700:
                path.chmod(0o700)
    shutil.rmtree(folder)
