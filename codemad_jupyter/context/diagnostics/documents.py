"""Documents as they are looked at: files and notebooks in a language, as they stand or would stand."""

from dataclasses import dataclass

from codemad_jupyter.context.diagnostics.servers import LANGUAGES, language_of
from codemad_jupyter.protocol.kernels import NotebookView


@dataclass(frozen=True)
class CodeCell:
    """A code cell."""

    id: str
    source: str


@dataclass(frozen=True)
class Document:
    """A file, or (with ``cells``) a notebook. ``path`` is relative to the workspace, POSIX."""

    path: str
    language: str
    text: str = ""
    cells: tuple[CodeCell, ...] | None = None

    @property
    def size(self) -> int:
        """Characters in it."""
        return len(self.text) + sum(len(cell.source) for cell in self.cells or ())


def text_document(path: str, text: str) -> Document | None:
    """A file; None where its language has no server."""
    language = language_of(path)
    return None if language is None else Document(path, language, text)


def notebook_document(view: NotebookView) -> Document | None:
    """A notebook's code cells; None where their language has no server."""
    language = view.language.lower()
    language = "python" if language == "ipython" else language
    if language not in LANGUAGES.values():
        return None
    cells = tuple(CodeCell(cell.id, cell.source) for cell in view.cells if cell.cell_type == "code")
    return Document(view.path, language, cells=cells)
