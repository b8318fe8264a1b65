"""What is shown to a language server: documents of ours as texts with addresses, and the way back.

A notebook is shown as such where the server takes notebooks; else its cells follow one another in one
text (a shadow) whose lines are mapped back to cells. Pure.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codemad_jupyter.context.diagnostics.documents import CodeCell, Document
from codemad_jupyter.context.diagnostics.magics import plain
from codemad_jupyter.protocol.diagnostics import Problem

SUFFIXES = {"python": ".py", "r": ".R", "julia": ".jl"}
MOST_MESSAGE = 500
UNNECESSARY = 1


@dataclass(frozen=True)
class Part:
    """One text that a server is shown."""

    uri: str
    language: str
    text: str


@dataclass(frozen=True)
class Sheet:
    """All that a server is shown of one document. ``places`` has, for each part, the cell and the line
    in it (from 0) of each line; None where lines are those of the document."""

    document: Document
    uri: str
    parts: tuple[Part, ...]
    notebook: bool = False
    places: tuple[tuple[str, int], ...] | None = None

    def problems(self, found: dict[str, list[dict[str, Any]]], server: str) -> list[Problem]:
        """What a server said, in terms of the document; what is no diagnostic is left out."""
        problems = []
        for number, part in enumerate(self.parts):
            lines = part.text.split("\n")
            for item in found.get(part.uri, ()):
                problem = self._problem(item, number, lines, server)
                if problem is not None:
                    problems.append(problem)
        return problems

    def _problem(self, item: dict[str, Any], part: int, lines: list[str], server: str) -> Problem | None:
        severity = item.get("severity", 1)
        tags = item.get("tags")
        unused = isinstance(tags, list) and UNNECESSARY in tags
        if severity not in (1, 2):
            return None  # hints and information are for an editor's margin
        try:
            start = item["range"]["start"]
            line, column = int(start["line"]), int(start["character"])
        except (KeyError, TypeError, ValueError):
            line, column = 0, 0
        text = lines[line] if 0 <= line < len(lines) else ""
        cell, shown = self._place(part, line)
        return Problem(
            path=self.document.path,
            cell=cell,
            line=shown + 1,
            column=_characters(text, column) + 1,
            severity="error" if severity == 1 else "warning",
            code=_code(item.get("code")),
            server=server,
            text=_text(item.get("message")),
            unused=unused,
        )

    def _place(self, part: int, line: int) -> tuple[str | None, int]:
        cells = self.document.cells
        if cells is None:
            return None, max(line, 0)
        if self.places is None:
            return cells[part].id, max(line, 0)
        if not self.places:
            return None, 0
        return self.places[min(max(line, 0), len(self.places) - 1)]


def sheet(document: Document, root: Path, *, notebooks: bool) -> Sheet:
    """What a server is shown of a document; ``notebooks`` says whether it takes notebooks."""
    uri = (root / document.path).as_uri()
    if document.cells is None:
        return Sheet(document, uri, (Part(uri, document.language, document.text),))
    sources = [_shown(cell, document.language) for cell in document.cells]
    if notebooks and document.language == "python":
        address = "vscode-notebook-cell" + uri.removeprefix("file")
        parts = tuple(
            Part(f"{address}#c{number}", document.language, source) for number, source in enumerate(sources)
        )
        return Sheet(document, uri, parts, notebook=True)
    return _shadow(document, sources, uri + SUFFIXES.get(document.language, ".txt"))


def _shown(cell: CodeCell, language: str) -> str:
    source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    return plain(source) if language == "python" else source


def _shadow(document: Document, sources: list[str], uri: str) -> Sheet:
    lines: list[str] = []
    places: list[tuple[str, int]] = []
    for cell, source in zip(document.cells or (), sources, strict=True):
        for number, line in enumerate(source.rstrip("\n").split("\n")):
            lines.append(line)
            places.append((cell.id, number))
    text = "\n".join(lines) + "\n"
    return Sheet(document, uri, (Part(uri, document.language, text),), places=tuple(places))


def _characters(line: str, units: int) -> int:
    """How many characters the first UTF-16 units of a line are."""
    if line.isascii():
        return min(max(units, 0), len(line))
    return len(line.encode("utf-16-le", "surrogatepass")[: 2 * max(units, 0)].decode("utf-16-le", "ignore"))


def _text(value: Any) -> str:
    """What is wrong. The lines below the first tell how a server came to it, with paths of this machine."""
    first = str(value or "").strip().split("\n", 1)[0]
    return " ".join(first.split())[:MOST_MESSAGE]


def _code(value: Any) -> str:
    return str(value)[:80] if isinstance(value, str | int) else ""
