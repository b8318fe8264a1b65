"""How far an index is, as plain text for a cell or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codemad_jupyter.protocol.indexing import IndexStatus, LeftOut


def index_text(status: IndexStatus) -> str:
    """The status in lines: how far, what is left out, what search goes without."""
    return "\n".join(filter(None, [f"Index: {status.sentence}", left_out_text(status.left_out)]))


def left_out_text(left_out: Iterable[LeftOut]) -> str:
    """What is not in the index and why, "" where all is."""
    reasons = sorted(left_out, key=lambda each: each.reason)
    why = ", ".join(f"{each.count} {each.reason}" for each in reasons)
    return f"Left out: {sum(each.count for each in reasons)} ({why})." if reasons else ""
