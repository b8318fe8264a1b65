"""Keeps the audit log of a workspace: one line of JSON for each effect, and for each that was refused.

Lines are added by whichever process acts, so they are not in the workspace's store, which one process holds
alone.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from codemad_jupyter.disk import GrowingFile
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
        self._file = GrowingFile(folder / FILE, kept=KEPT)
        self._redact = redact
        self._largest = largest

    def record(self, line: AuditLine) -> None:
        """Write a line down. What cannot be written is told in the process's log."""
        shown = {name: self._redact(getattr(line, name))[:SHOWN] for name in ("action", "rule", "outcome")}
        data = f"{line.model_copy(update=shown).model_dump_json()}\n".encode()
        path = self._file.path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.add(data, largest=self._largest)
        except OSError as error:
            _log.error("An action is missing from the audit log %s: %s", path, error.strerror)

    def lines(self) -> Iterator[AuditLine]:
        """What was written down, oldest first; a line that a crash cut is left out."""
        for path in self._file.files():
            try:
                data = path.read_bytes()
            except OSError:
                continue
            for line in data.splitlines():
                try:
                    yield AuditLine.model_validate_json(line)
                except ValidationError:
                    _log.info("a line of %s could not be read", path)
