"""Owns what is shown of a place that was found: its lines as they stand in the folder now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.context.ignoring import Rules
from codemad_jupyter.context.walking import Limits, look_at, read_text
from codemad_jupyter.context.words import query_terms, split

if TYPE_CHECKING:
    from codemad_jupyter.context.search import Hit

LINES, LETTERS = 8, 500


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines; ``line`` is the number of the first, in the cell for a notebook."""

    line: int
    text: str


class Excerpts:
    """Reads excerpts for the places of one query; a file is read once."""

    def __init__(self, root: Path, query: str) -> None:
        self._root = root
        self._phrase = query.strip().casefold()
        self._terms = frozenset(query_terms(query))
        self._rules = Rules(root)
        self._texts: dict[str, str | None] = {}

    def of(self, hit: Hit) -> Excerpt | None:
        """The lines from the one that fits best on; None where the place is gone."""
        text = self._text(hit.path)
        if text is None:
            return None
        source = text if hit.cell is None else _cell(text, hit)
        lines = (source or "").split("\n")[hit.start - 1 : hit.end]
        if not lines:
            return None
        best = max(range(len(lines)), key=lambda at: (self._fit(lines[at]), -at))
        return Excerpt(hit.start + best, "\n".join(lines[best : best + LINES]).strip()[:LETTERS])

    def _fit(self, line: str) -> tuple[bool, int]:
        said = self._phrase in line.casefold() if self._phrase else False
        return said, len(self._terms.intersection(split(line[:1_000])))

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            # Looked at anew: since it was indexed it may have become a link, or been shut out by a rule.
            there = look_at(self._root, path, rules=self._rules) is not None
            self._texts[path] = read_text(self._root / path, limit=Limits().notebook) if there else None
        return self._texts[path]


def _cell(text: str, hit: Hit) -> str | None:
    """The source of the hit's cell: by its id, and where it has none by its place."""
    try:
        cells = json.loads(text)["cells"]
        known = [cell for cell in cells if hit.cell_id and cell.get("id") == hit.cell_id]
        source = (known or [cells[hit.cell or 0]])[0].get("source", "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return source if isinstance(source, str) else "".join(map(str, source))
