"""Owns the keys a person gave CodeMAD to keep: in the system's key store, else in an encrypted file; where
``CODEMAD_KEYS=memory`` says so (a shared demo), in the memory of this process alone.

A small table beside them says which provider's key lies where, so that nothing is unlocked or asked for
where no key was kept.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from codemad_jupyter.config.encrypted_file import EncryptedFile, passphrase_of
from codemad_jupyter.config.paths import data_dir, user_file
from codemad_jupyter.config.private_files import SPACE, read_bounded, write_private
from codemad_jupyter.config.providers import CARDS, card
from codemad_jupyter.protocol.errors import CodemadError, StoreError, UsageError

Place = Literal["keyring", "file", "memory"]
VARIABLE = "CODEMAD_KEYS"
SERVICE = "codemad-jupyter"
INDEX, SEALED, KEY_FILE = "keys.json", "keys.sealed", "keys.secret"
LIMIT = 15.0
"""Seconds the system's key store may take: it may be waiting for a person who unlocks it."""

T = TypeVar("T")
_memory: dict[Path, dict[str, str]] = {}
_changes = 0


def memory_changes() -> int:
    """How often a key in this process's memory was set or forgotten: what watches files cannot see that."""
    return _changes


class KeyStore:
    """The kept keys of one person. Calls block; no method returns a key but `get`."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        passphrase: str | None = None,
        limit: float = LIMIT,
    ) -> None:
        environ = os.environ if environ is None else environ
        self._folder = folder or data_dir()
        self._limit = limit
        self._in_memory = environ.get(VARIABLE) == "memory"
        self._file = EncryptedFile(
            self._folder / SEALED,
            key_file=user_file().parent / KEY_FILE,
            passphrase=passphrase or passphrase_of(environ),
        )

    def places(self) -> dict[str, Place]:
        """Where the key of each provider lies that has one here."""
        try:
            kept = json.loads(read_bounded(self._folder / INDEX, follow_links=False) or b"{}")
        except (UsageError, ValueError, RecursionError):
            kept = {}
        known = kept.items() if isinstance(kept, dict) else ()
        places = {name: place for name, place in known if name in CARDS and place in ("keyring", "file")}
        return places | dict.fromkeys(_memory.get(self._folder, ()), "memory")

    def usual(self) -> tuple[Place, str]:
        """Where a new key would go, and what is to be said about it."""
        if self._in_memory:
            return "memory", "Keys stay in the memory of this server: they are gone when it stops."
        why = self._unusable()
        if not why:
            return "keyring", ""
        return "file", f"The system offers no key store ({why}): keys lie in a file, {self._file.protection}."

    def get(self, provider: str) -> str | None:
        """The provider's key. Raises a `CodemadError` that says why it cannot be read."""
        place = self.places().get(provider)
        if place is None:
            return None
        if place == "memory":
            return _memory[self._folder].get(provider)
        if place == "file":
            return self._file.read().get(provider)
        kept: str | None = self._in_time(lambda: _backend().get_password(SERVICE, provider))
        return kept

    def set(self, provider: str, key: str, *, place: Place | None = None) -> Place:
        """Keep a key that was found usable, and say where."""
        card(provider)
        chosen, former = place or self.usual()[0], self.places()
        if chosen == "memory":
            self._remember(provider, key)
        elif chosen == "keyring":
            self._in_time(lambda: _backend().set_password(SERVICE, provider, key))
        else:
            self._file.write({**self._file.read(), provider: key})
        self._note({**former, provider: chosen})
        if former.get(provider, chosen) != chosen:
            self._forget(provider, former[provider])
        return chosen

    def delete(self, provider: str) -> bool:
        """Forget the provider's key; False where none was kept."""
        card(provider)
        places = self.places()
        place = places.pop(provider, None)
        if place is None:
            return False
        self._forget(provider, place)
        self._note(places)
        return True

    def _remember(self, provider: str, key: str | None) -> None:
        global _changes
        mine = _memory.setdefault(self._folder, {})
        if key is None:
            mine.pop(provider, None)
        else:
            mine[provider] = key
        _changes += 1

    def _forget(self, provider: str, place: Place) -> None:
        if place == "memory":
            self._remember(provider, None)
            return
        if place == "keyring":
            if self._in_time(lambda: _backend().get_password(SERVICE, provider)) is not None:
                self._in_time(lambda: _backend().delete_password(SERVICE, provider))
            return
        texts = self._file.read()
        texts.pop(provider, None)
        self._file.write(texts)

    def _note(self, places: Mapping[str, Place]) -> None:
        path = self._folder / INDEX
        places = {name: place for name, place in places.items() if place != "memory"}
        if not places and not path.exists():
            return
        try:
            write_private(path, json.dumps(places, indent=1, sort_keys=True).encode())
        except OSError as error:
            said = f"Where the keys are could not be kept in {path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error

    def _unusable(self) -> str:
        try:
            self._in_time(_backend)
        except CodemadError as error:
            return error.message.rstrip(".")
        return ""

    def _in_time(self, work: Callable[[], T]) -> T:
        """Do it in a thread of its own, for a limited time: a locked store waits for a person."""
        done: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                done.append(work())
            except BaseException as error:  # handed to the thread that waits
                failed.append(error)

        thread = threading.Thread(target=run, name="codemad-keys", daemon=True)
        thread.start()
        thread.join(self._limit)
        if failed and isinstance(failed[0], CodemadError):
            raise failed[0]
        if failed:  # what a backend says may quote what it was given
            said = f"The system's key store failed ({type(failed[0]).__name__})."
            raise StoreError(said, hint="Unlock it, or keep the key in the file: codemad keys set --in file")
        if not done:
            said = f"The system's key store did not answer in {self._limit:g} seconds."
            raise StoreError(said, hint="Unlock it, then try again.")
        return done[0]


def _backend() -> Any:
    """The system's key store. Raises `UsageError` for those that keep nothing, or keep it in plain text."""
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend
    except ImportError:
        raise UsageError("the package keyring is not installed", hint="Install keyring.") from None
    found: Any = keyring.get_keyring()
    options = found.backends if isinstance(found, ChainerBackend) else [found]
    for backend in options:
        # Below 1 are those which keyring itself does not recommend: null, fail, files in plain text.
        if backend.priority >= 1:
            return backend
    said = f"{type(found).__module__}.{type(found).__name__} is none that keeps secrets"
    raise UsageError(said, hint="Start the desktop's key store, or go on with the encrypted file.")
