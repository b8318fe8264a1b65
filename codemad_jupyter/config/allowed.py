"""Owns what the person allowed for good in one workspace: exact actions, by digest.

Kept with the person's data, never in the workspace. A file that cannot be read allows nothing.
"""

import json
import time
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from codemad_jupyter.config.private_files import SPACE, read_bounded, write_private
from codemad_jupyter.protocol.errors import NotFound, StoreError, UsageError
from codemad_jupyter.protocol.permissions import AllowedAction

FILE = "allowed-actions.json"
SHOWN = 2_000
"""Characters of an action that are kept to be shown."""
_ACTIONS = TypeAdapter(tuple[AllowedAction, ...])


class AllowedActions:
    """The exact actions that need no question any more. Read each time: a revocation holds at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def listed(self) -> tuple[AllowedAction, ...]:
        """All of them, oldest first."""
        try:
            return _ACTIONS.validate_json(read_bounded(self._path, follow_links=False) or b"[]")
        except (UsageError, ValidationError):
            return ()

    def digests(self) -> frozenset[str]:
        """What stands for them."""
        return frozenset(each.digest for each in self.listed())

    def keep(self, digest: str, *, tool: str, action: str) -> None:
        """Allow exactly this from now on. Raises `StoreError`."""
        kept = [each for each in self.listed() if each.digest != digest]
        new = AllowedAction(digest=digest, tool=tool, action=action[:SHOWN], at=time.time())
        self._write((*kept, new))

    def revoke(self, start: str) -> AllowedAction:
        """Ask about this one again; ``start`` is how its digest begins. Raises `NotFound`."""
        kept = self.listed()
        found = [each for each in kept if len(start) >= 4 and each.digest.startswith(start)]
        if len(found) != 1:
            said = f"{'No' if not found else 'More than one'} kept action begins with {start[:80]!r}."
            raise NotFound(said, hint="codemad permissions list shows them; give 4 letters or more.")
        self._write(tuple(each for each in kept if each is not found[0]))
        return found[0]

    def _write(self, actions: tuple[AllowedAction, ...]) -> None:
        data = json.dumps([each.model_dump() for each in actions], indent=1).encode()
        try:
            write_private(self._path, data)
        except OSError as error:
            said = f"What you allowed could not be kept in {self._path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error
