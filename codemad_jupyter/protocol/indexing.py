"""What front ends are told of the search index of a workspace: how far it is, and what it goes without."""

from typing import Literal

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.wording import counted

IndexState = Literal["none", "partial", "looking", "reading", "joining", "embedding", "ready", "failed"]
"""``none``: not begun; ``partial``: begun, and nobody is at it now; ``ready``: all that is in the folder is
found by its words; ``failed``: it could not be built, and why is its fault."""
IndexStep = Literal["looking", "reading", "joining", "embedding", "ready"]


class IndexProgress(Value):
    """What whoever builds an index does right now. ``done`` and ``total`` count files, segments or chunks;
    ``fault`` is what went wrong and when it is tried again."""

    state: IndexStep = "ready"
    done: int = 0
    total: int = 0
    fault: str = ""


class LeftOut(Value):
    """How many files are not in the index for one reason."""

    reason: str
    count: int


class IndexStatus(Value):
    """How far an index is. ``lacking`` are chunks without a vector, where there is a model; ``notice`` says
    what search goes without."""

    state: IndexState
    done: int = 0
    total: int = 0
    files: int = 0
    chunks: int = 0
    lacking: int = 0
    left_out: tuple[LeftOut, ...] = ()
    fault: str = ""
    notice: str = ""

    @property
    def sentence(self) -> str:
        """The same in words, with the fault first."""
        if self.state == "none":
            return "this folder has no index yet"
        said = f"{counted(self.files, 'file')} and {counted(self.chunks, 'place')} indexed{self._still()}"
        vectors = f"; {counted(self.lacking, 'place')} without a vector yet" if self.lacking else ""
        return " ".join(part for part in (self.fault, f"{said}{vectors}.", self.notice) if part)

    def _still(self) -> str:
        match self.state:
            case "reading" if self.total:
                return f" so far; {self.done} of {self.total} new or changed files are read"
            case "looking" | "reading" | "joining":
                return " so far; the folder is being read"
            case "partial" | "failed":
                return " so far; it is not whole"
            case _:
                return ""
