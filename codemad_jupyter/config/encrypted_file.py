"""A file of secrets, encrypted with AES-GCM: the last resort where the system offers no key store.

With a passphrase (scrypt) the file alone tells nothing. Without one the key lies in a file of its own in the
configuration folder: that keeps copies of the data folder (backups, shared volumes) silent, not somebody who
can read the person's files.
"""

import base64
import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from codemad_jupyter.config.private_files import SPACE, read_bounded, write_private
from codemad_jupyter.protocol.errors import StoreError, UsageError

VARIABLE = "CODEMAD_PASSPHRASE"
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}
_PURPOSE = b"codemad-jupyter keys 1"


_taken: list[str] = []


def take_passphrase(environ: MutableMapping[str, str]) -> None:
    """Take the passphrase out of the environment, so that no program started from here gets it."""
    phrase = environ.pop(VARIABLE, "")
    if phrase:
        _taken[:] = [phrase]


def passphrase_of(environ: Mapping[str, str]) -> str | None:
    """The passphrase the person set, as long as this process knows one."""
    return environ.get(VARIABLE) or next(iter(_taken), None)


class EncryptedFile:
    """Texts by name. ``key_file`` is used where there is no passphrase."""

    def __init__(self, path: Path, *, key_file: Path, passphrase: str | None) -> None:
        self._path = path
        self._key_file = key_file
        self._passphrase = passphrase or None

    @property
    def protection(self) -> str:
        """What keeps the file, in words."""
        if self._passphrase:
            return f"encrypted with your passphrase ({VARIABLE})"
        return f"encrypted with {self._key_file}, so readable for whoever can read both files"

    def read(self) -> dict[str, str]:
        """All texts. Raises `UsageError` when they cannot be read."""
        data = read_bounded(self._path, follow_links=False)
        if data is None:
            return {}
        try:
            kept = json.loads(data)
            nonce, sealed = (base64.b64decode(kept[name], validate=True) for name in ("nonce", "data"))
            way = kept["way"]
            salt = base64.b64decode(kept.get("salt", ""), validate=True)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._damaged() from None
        return self._opened(self._secret(way, salt), nonce, sealed, way)

    def write(self, texts: Mapping[str, str]) -> None:
        """Keep exactly these texts, none: no file. Raises `StoreError`."""
        try:
            if texts:
                self._seal(texts)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            said = f"Keys could not be kept in {self._path}: {error.strerror}."
            raise StoreError(said, hint=SPACE) from error

    def _seal(self, texts: Mapping[str, str]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        way = "passphrase" if self._passphrase else "file"
        salt, nonce = os.urandom(16), os.urandom(12)
        secret = self._secret(way, salt, make=True)
        sealed = AESGCM(secret).encrypt(nonce, json.dumps(dict(texts)).encode(), _PURPOSE)
        parts = {"salt": salt, "nonce": nonce, "data": sealed}
        kept = {"way": way, **{name: base64.b64encode(part).decode() for name, part in parts.items()}}
        write_private(self._path, json.dumps(kept, indent=1).encode())

    def _opened(self, secret: bytes, nonce: bytes, sealed: bytes, way: str) -> dict[str, str]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            texts: Any = json.loads(AESGCM(secret).decrypt(nonce, sealed, _PURPOSE))
        except (InvalidTag, ValueError):
            if way == "passphrase":
                said = f"{VARIABLE} does not open {self._path}."
                raise UsageError(said, hint="Set the passphrase the keys were kept with.") from None
            raise self._damaged() from None
        return {str(name): str(text) for name, text in texts.items()}

    def _secret(self, way: str, salt: bytes, *, make: bool = False) -> bytes:
        if way == "passphrase":
            return self._derived(salt)
        data = read_bounded(self._key_file, follow_links=False)
        if data is None and make:
            data = os.urandom(32)
            write_private(self._key_file, data)
        if data is None or len(data) != 32:
            said = f"The keys in {self._path} cannot be read: {self._key_file} is missing or damaged."
            raise UsageError(said, hint="Bring it back, or delete the keys and set them anew.")
        return data

    def _derived(self, salt: bytes) -> bytes:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        if self._passphrase is None:
            said = f"The keys in {self._path} are locked."
            raise UsageError(said, hint=f"Set {VARIABLE} to the passphrase they were kept with.")
        return Scrypt(salt=salt, length=32, **_SCRYPT).derive(self._passphrase.encode())

    def _damaged(self) -> UsageError:
        return UsageError(f"{self._path} is damaged.", hint="Delete it and set the keys anew.")
