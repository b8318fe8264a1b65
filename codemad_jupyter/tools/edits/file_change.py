"""What a proposal makes of one file or cell. How it is found is left to `plan`, how written to `writing`."""

from dataclasses import dataclass
from pathlib import Path

Address = tuple[str, str]
"""A notebook and the id of one of its cells."""


@dataclass
class FileChange:
    """A file before and after; None where it does not exist."""

    path: str
    real: Path
    before: bytes | None
    after: bytes | None
    executable: bool | None = None
    moved_from: str | None = None
    moved_to: str | None = None
    mode: int | None = None
    """The whole mode it gets, of the file that is moved here."""
    cell: Address | None = None
    """Not a file but the source of a cell."""
    unchanged_text: bool = False
    """Moved here as it is."""

    @property
    def action(self) -> str:
        """What happens to it, in one word."""
        if self.moved_from is not None:
            return "moved"
        if self.before is None:
            return "created"
        return "deleted" if self.after is None else "changed"
