"""Owns which folders the person trusts: kept with the person's data, never in the folder.

Trust is of one folder at one resolved path, not of those below it. For what steers CodeMAD itself, the
settings and roles of the project, it is bound to the content the person saw; advice to the model
(`context.rules`) is not, for permissions never depend on it.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codemad_jupyter.config.paths import data_dir
from codemad_jupyter.config.private_files import SPACE, read_bounded, write_private
from codemad_jupyter.protocol.configuring import FolderTrust
from codemad_jupyter.protocol.errors import Conflict, StoreError, UsageError

PROJECT_FILE = "codemad.toml"
ROLES = ".codemad/roles"
"""Where a folder keeps its roles."""
HOOKS = ".codemad/hooks"
"""Where a folder keeps the programs that its settings name as hooks."""
FILE = "trusted-folders.json"
VARIABLE = "CODEMAD_TRUST"
"""Absolute paths of folders that are trusted in this process and those it starts, whatever they hold."""


class TrustedFolders:
    """The person's trusted folders. A file that cannot be read means that none is."""

    def __init__(self, folder: Path | None = None, *, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._path = (folder or data_dir()) / FILE

    def advises(self, root: Path) -> bool:
        """Whether the rules files of this folder may be shown to a model."""
        root = root.resolve()
        return self._by_environment(root) or str(root) in self._read()

    def steers(self, root: Path, settings: bytes) -> bool:
        """Whether exactly these settings of the folder may count."""
        root = root.resolve()
        entry = self._read().get(str(root))
        return self._by_environment(root) or (entry is not None and entry["settings"] == digest(settings))

    def lends(self, root: Path) -> bool:
        """Whether the roles of this folder may count, exactly as they are now."""
        root = root.resolve()
        entry = self._read().get(str(root))
        return self._by_environment(root) or (
            entry is not None and entry.get("roles", "") == roles_digest(root)
        )

    def runs(self, root: Path) -> bool:
        """Whether the hook scripts of this folder may run, exactly as they and its settings are now."""
        root = root.resolve()
        entry = self._read().get(str(root))
        same = entry is not None and entry.get("hooks", "") == hooks_digest(root)
        return self._by_environment(root) or (
            same and entry is not None and entry["settings"] == _settings_digest(root)
        )

    def look(self, root: Path) -> FolderTrust:
        """How things stand with a folder."""
        root = root.resolve()
        present = _steering(root)
        entry = self._read().get(str(root))
        told: dict[str, Any] = {"folder": str(root), "digest": _together(present)}
        if self._by_environment(root):
            return FolderTrust(**told, state="trusted", by="environment")
        if entry is None:
            return FolderTrust(**told, state="untrusted")
        same = all(now in ("", entry.get(name, "")) for name, now in present.items())
        return FolderTrust(**told, state="trusted" if same else "changed", by="you", since=entry["since"])

    def trust(self, root: Path, *, seen: str | None = None) -> FolderTrust:
        """Trust the folder with what it has now; ``seen`` is the digest of what the person was shown."""
        root = root.resolve()
        if not root.is_dir():
            raise UsageError(f"{root} is no folder.", hint="Name the folder that holds the project.")
        present = _steering(root)
        if seen is not None and seen != _together(present):
            said = f"{PROJECT_FILE}, a role or a hook of {root} has changed since it was shown."
            raise Conflict(said, hint="Look at it again, then trust the folder.")
        self._write({**self._read(), str(root): {**present, "since": time.time()}})
        return self.look(root)

    def revoke(self, root: Path) -> FolderTrust:
        """Trust the folder no longer."""
        root = root.resolve()
        kept = self._read()
        if kept.pop(str(root), None) is not None:
            self._write(kept)
        return self.look(root)

    def folders(self) -> tuple[str, ...]:
        """All folders the person trusts."""
        return tuple(sorted(self._read()))

    def _by_environment(self, root: Path) -> bool:
        named = (Path(part) for part in self._environ.get(VARIABLE, "").split(os.pathsep) if part)
        return any(path.is_absolute() and path.resolve() == root for path in named)

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(read_bounded(self._path, follow_links=False) or b"{}")
        except (UsageError, ValueError, RecursionError):
            return {}  # nothing is trusted; trusting a folder anew begins the file anew
        return kept if isinstance(kept, dict) and all(map(_is_entry, kept.values())) else {}

    def _write(self, kept: Mapping[str, Any]) -> None:
        try:
            write_private(self._path, json.dumps(kept, indent=1, sort_keys=True).encode())
        except OSError as error:
            said = f"Trust could not be kept in {self._path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error


def digest(data: bytes | None) -> str:
    """What stands for the content of a file; empty where there is none."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def role_files(root: Path) -> tuple[Path, ...]:
    """The files of a folder that would be roles."""
    folder = root / ROLES
    if folder.is_symlink() or not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.glob("*.md") if not path.is_symlink()))


def hook_files(root: Path) -> tuple[Path, ...]:
    """The files of a folder beside which its hook scripts run, each of them included."""
    folder = root / HOOKS
    if folder.is_symlink() or not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file()))


def roles_digest(root: Path) -> str:
    """What stands for the content of all roles of a folder; empty where there are none."""
    return _files_digest(root / ROLES, role_files(root))


def hooks_digest(root: Path) -> str:
    """The same of its hook scripts."""
    return _files_digest(root / HOOKS, hook_files(root))


def _files_digest(folder: Path, files: tuple[Path, ...]) -> str:
    parts: list[str] = []
    for path in files:
        try:
            data = read_bounded(path, follow_links=False)
        except UsageError as error:
            data = error.message.encode()
        parts.append(f"{path.relative_to(folder).as_posix()} {digest(data)}")
    return digest("\n".join(parts).encode()) if parts else ""


def _steering(root: Path) -> dict[str, str]:
    """What stands for each of the things that steer CodeMAD itself, or run."""
    return {
        "settings": _settings_digest(root),
        "roles": roles_digest(root),
        "hooks": hooks_digest(root),
    }


def _together(present: Mapping[str, str]) -> str:
    """What stands for all of it; empty where there is nothing."""
    return digest(json.dumps(present, sort_keys=True).encode()) if any(present.values()) else ""


def _settings_digest(root: Path) -> str:
    try:
        return digest(read_bounded(root / PROJECT_FILE, follow_links=False))
    except UsageError as error:
        return digest(error.message.encode())  # cannot be read, so it cannot count either


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("settings"), str)
        and isinstance(entry.get("since"), int | float)
    )
