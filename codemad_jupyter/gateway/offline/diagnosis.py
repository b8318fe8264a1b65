"""The values around an error: what is known when looking for its cause, and what was found."""

import ast
from dataclasses import dataclass

from codemad_jupyter.gateway.offline.reading import Look
from codemad_jupyter.gateway.offline.sources import parsed
from codemad_jupyter.protocol.kernels import Cell, LastError


@dataclass(frozen=True)
class Scene:
    """The error, what the kernel and notebook hold, and the failing source."""

    error: LastError
    found: Look
    cell: Cell | None
    source: str

    @property
    def tree(self) -> ast.Module | None:
        return parsed(self.source)


@dataclass(frozen=True)
class Diagnosis:
    """``cause`` and ``remedy`` are sentences; ``mended`` is the whole new source, ``before`` a cell to put
    in front of the failing one."""

    cause: str
    remedy: str = ""
    mended: str | None = None
    before: str = ""
    title: str = "Mend the error"
