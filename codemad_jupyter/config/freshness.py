"""Tells when settings, trust or keys were changed by whatever edge or hand, from their files alone."""

from pathlib import Path

from codemad_jupyter.config import access, key_store, trust
from codemad_jupyter.config.paths import data_dir, user_file

Fingerprint = tuple[tuple[int, int, int] | tuple[str, ...] | None, ...]


def fingerprint(root: Path) -> Fingerprint:
    """Differs once a file that the settings of the workspace ``root`` come from has changed, or a sign-in is
    to be renewed."""
    data = data_dir()
    kept = (data / name for name in (trust.FILE, key_store.INDEX, key_store.SEALED))
    return (*map(_stamp, (user_file(), root / trust.PROJECT_FILE, *kept)), access.ending())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
