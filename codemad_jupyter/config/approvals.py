"""Owns what the person has approved of what others define: exactly one definition, by its digest.

Kept with the person's data, never in a folder, a file for each name. A definition that changed since is as if
it had never been approved. What a definition and its digest are is for who asks.
"""

import hashlib
import time
from pathlib import Path

from pydantic import ValidationError

from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.config.private_files import SPACE, read_bounded, write_private
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import StoreError, UsageError
from codemad_jupyter.protocol.mcp import McpTool


class Approval(Value):
    """What was approved. ``tools`` are a server's as the person saw them."""

    definition: str
    since: float
    tools: tuple[McpTool, ...] = ()


class Approvals:
    """The person's approvals of one kind of thing. One that cannot be read means that there is none."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._folder = (folder or data_dir()) / name

    def of(self, key: str, digest: str) -> Approval | None:
        """The approval of exactly this definition; None where there is none."""
        found = self._read(self._path(key))
        return found if found is not None and found.definition == digest else None

    def known(self, key: str) -> bool:
        """Was some definition of this name approved?"""
        return self._path(key).exists()

    def approve(self, key: str, digest: str, *, tools: tuple[McpTool, ...] = ()) -> None:
        """Keep the approval of the definition with this digest. Raises `StoreError`."""
        entry = Approval(definition=digest, since=time.time(), tools=tools)
        path = self._path(key)
        try:
            write_private(path, entry.model_dump_json(indent=1).encode())
        except OSError as error:
            said = f"The approval could not be kept in {path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error

    def revoke(self, key: str) -> None:
        """Forget it."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _read(self, path: Path) -> Approval | None:
        try:
            data = read_bounded(path, follow_links=False)
            return None if data is None else Approval.model_validate_json(data)
        except (UsageError, ValidationError):
            return None


def key_of(name: str, root: Path, *, project: bool) -> str:
    """A name of the project's is that project's alone; the person's own is the same everywhere."""
    return f"{root.resolve() if project else 'own'}:{name}"
