"""A changed notebook as text in which the cells nobody touched are the very text they were.

Only the changed cells are written anew, which also is what makes an edit of a long notebook quick.
What cannot be done that way is left to `document.render`, by answering None.
"""

import json
from collections.abc import Callable

from codemad_jupyter.notebooks.cells import Notebook, cell_ids

Span = tuple[int, int]
_SPACE = " \t\r\n"
_decode = json.JSONDecoder().raw_decode


def rewritten(
    text: str, old: Notebook, made: Notebook, *, dump: Callable[[dict[str, object]], str]
) -> str | None:
    """The text of ``old`` with the cells of ``made``; ``dump`` writes a cell as it stands in the text.

    None where the text is laid out in another way than cell after cell, or more than cells was changed.
    """
    if len(old["cells"]) < 2 or not made["cells"] or not _same_but_cells(old, made):
        return None
    spans = _spans(text)
    if spans is None or len(spans) != len(old["cells"]):
        return None
    known = dict(zip(cell_ids(old), zip(old["cells"], spans, strict=True), strict=True))
    between = text[spans[0][1] : spans[1][0]]
    cells: list[str] = []
    for name, cell in zip(cell_ids(made), made["cells"], strict=True):
        before, span = known.get(name, (None, (0, 0)))
        kept = before is cell or before == cell
        cells.append(text[span[0] : span[1]] if kept else dump(cell))
    return text[: spans[0][0]] + between.join(cells) + text[spans[-1][1] :]


def _same_but_cells(old: Notebook, made: Notebook) -> bool:
    if list(old) != list(made):
        return False
    return all(old[name] is made[name] or old[name] == made[name] for name in old if name != "cells")


def _spans(text: str) -> list[Span] | None:
    """Where each cell stands in the text; None where that cannot be told for sure."""
    found: list[list[Span]] = []
    try:
        at = _skip(text, _skip(text, 0) + 1)
        while text[at] != "}":
            key, at = _decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
            if key == "cells":
                spans, at = _elements(text, at)
                found.append(spans)
            else:
                at = _decode(text, at)[1]
            at = _next(text, at)
    except (ValueError, IndexError, RecursionError):
        return None
    return found[0] if len(found) == 1 else None


def _elements(text: str, at: int) -> tuple[list[Span], int]:
    """The places of the elements of an array, and where it ends."""
    spans: list[Span] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _decode(text, at)[1]
        spans.append((at, end))
        at = _next(text, end)
    return spans, at + 1


def _next(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
