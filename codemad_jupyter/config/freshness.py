"""Tells when settings, trust or keys were changed by whatever edge or hand, from their files alone."""

from pathlib import Path

from codemad_jupyter.config import access, key_store, mcp_approvals, mcp_definitions, trust
from codemad_jupyter.config.paths import data_dir, user_file

Fingerprint = tuple[tuple[int, int, int] | tuple[str, ...] | None, ...]


def fingerprint(root: Path) -> Fingerprint:
    """Differs once a file that the settings of the workspace ``root`` come from has changed, a key in memory
    has, or a sign-in is to be renewed."""
    data = data_dir()
    names = (trust.FILE, key_store.INDEX, key_store.SEALED, mcp_approvals.FOLDER)
    of_project = (root / trust.PROJECT_FILE, root / mcp_definitions.MCP_FILE)
    kept = (data / name for name in names)
    stamps = map(_stamp, (user_file(), *of_project, *kept))
    return (*stamps, access.ending(), (str(key_store.memory_changes()),))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
