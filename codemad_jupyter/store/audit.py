"""Keeps the audit log of a workspace: one line of JSON for each effect, and for each that was refused.

Lines are only added, each in one write, by whichever process acts; the file is rotated by size. Not in the
workspace's store, which one process holds alone.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from codemad_jupyter.protocol.permissions import AuditLine

FILE = "audit.jsonl"
LARGEST = 4_000_000
"""Bytes after which a new file is begun."""
KEPT = 5
"""Former files that are kept."""
SHOWN = 2_000
"""Characters of an action that are written down."""
_log = logging.getLogger(__name__)


class AuditLog:
    """The audit log in one folder; ``redact`` masks what must not be written down."""

    def __init__(self, folder: Path, *, redact: Callable[[str], str], largest: int = LARGEST) -> None:
        self._path = folder / FILE
        self._redact = redact
        self._largest = largest
        self._lock = threading.Lock()

    def record(self, line: AuditLine) -> None:
        """Write a line down. What cannot be written is told in the process's log."""
        shown = {name: self._redact(getattr(line, name))[:SHOWN] for name in ("action", "rule", "outcome")}
        data = f"{line.model_copy(update=shown).model_dump_json()}\n".encode()
        with self._lock:
            try:
                self._rotate(len(data))
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
                descriptor = os.open(self._path, flags, 0o600)
                try:
                    os.write(descriptor, data)
                finally:
                    os.close(descriptor)
            except OSError as error:
                _log.error("An action is missing from the audit log %s: %s", self._path, error.strerror)

    def lines(self) -> Iterator[AuditLine]:
        """What was written down, oldest first; a line that a crash cut is left out."""
        for number in range(KEPT, -1, -1):
            path = self._numbered(number)
            try:
                data = path.read_bytes()
            except OSError:
                continue
            for line in data.splitlines():
                try:
                    yield AuditLine.model_validate_json(line)
                except ValidationError:
                    _log.info("a line of %s could not be read", path)

    def _numbered(self, number: int) -> Path:
        return self._path.with_suffix(f".{number}.jsonl") if number else self._path

    def _rotate(self, more: int) -> None:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size + more <= self._largest:
            return
        for number in range(KEPT - 1, -1, -1):
            former = self._numbered(number)
            if former.exists():
                former.replace(self._numbered(number + 1))
