"""Owns which data level holds for a notebook: what the person chose, else the default of the settings.

Kept in a file of the person's own data, never in the notebook, which a stranger may have written. Every
process of the workspace reads it, also one that could not get the store.
"""

import json
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from codemad_jupyter.config.private_files import write_private
from codemad_jupyter.protocol.errors import SetByAdministrator, StoreError
from codemad_jupyter.protocol.policy import NO_POLICY, Policy
from codemad_jupyter.protocol.privacy import DataLevel

FILE = "data-levels.json"
EVERY = ""
"""The entry for notebooks without one of their own."""
_LEVELS = get_args(DataLevel)
STRICTEST: DataLevel = "schema"
_LARGEST = 4_000_000


class Levels:
    """The levels of one workspace, none above what the ``policy`` says. A file that cannot be read counts as
    the strictest level."""

    def __init__(self, folder: Path, *, default: DataLevel, policy: Policy = NO_POLICY) -> None:
        self._path = folder / FILE
        self._default: DataLevel = default
        self._policy = policy
        self._unsaved: dict[str, DataLevel] = {}

    def of(self, notebook: str | None, *, kernel: bool = False) -> DataLevel:
        """What may be sent of this notebook (None: of anything else). A ``kernel`` whose notebook nobody
        knows may be that of any: the strictest choice holds."""
        found = self._chosen(notebook, kernel=kernel)
        return min(found, self._policy.data_level or found, key=_LEVELS.index)

    def _chosen(self, notebook: str | None, *, kernel: bool) -> DataLevel:
        try:
            chosen = {**self._read(), **self._unsaved}
        except (OSError, ValueError):
            return STRICTEST
        usual: DataLevel = chosen.get(EVERY, self._default)
        if notebook:
            return chosen.get(_key(notebook), usual)
        strictest: DataLevel = min((usual, *chosen.values()), key=_LEVELS.index)
        return strictest if kernel else usual

    def choose(self, level: DataLevel, notebook: str | None) -> None:
        """Keep the choice. Raises `StoreError` when it cannot be kept; it holds in this process then."""
        most = self._policy.data_level
        if most is not None and _LEVELS.index(level) > _LEVELS.index(most):
            said = f"The data level {level} is more than {most}: {self._policy.by}."
            raise SetByAdministrator(said, hint=f"Choose {most} or less.")
        key = _key(notebook)
        self._unsaved[key] = level
        try:
            self._write({**self._readable(), **self._unsaved})
        except OSError as error:
            raise StoreError(
                f"The data level holds for now, but could not be kept in {self._path}: {error.strerror}.",
                hint="Check the folder's permissions and the space on the disk, then choose it again.",
            ) from error
        del self._unsaved[key]

    def _readable(self) -> dict[str, DataLevel]:
        try:
            return self._read()
        except ValueError:  # damaged: the choice that is made now begins it anew, strictly
            return {EVERY: STRICTEST}

    def _read(self) -> dict[str, DataLevel]:
        try:
            with self._path.open("rb") as file:
                kept = json.loads(file.read(_LARGEST))
        except FileNotFoundError:
            return {}
        if not isinstance(kept, dict) or not set(map(str, kept.values())) <= set(_LEVELS):
            raise ValueError("not a table of levels")
        return kept

    def _write(self, levels: Mapping[str, DataLevel]) -> None:
        data = json.dumps(levels, indent=1, sort_keys=True).encode()
        write_private(self._path, data, make_folder=False)


def _key(notebook: str | None) -> str:
    return posixpath.normpath(notebook).removeprefix("/") if notebook else EVERY
