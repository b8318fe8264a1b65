"""How a proposed replacement finds its place: the door to the edit engine for a single text.

Never guesses: a text that stands several times is an error naming the lines, and a text that is
not there is answered with the closest place. Files, formats and several edits are in `edits`.
"""

from collections.abc import Sequence
from dataclasses import replace as replaced

from codemad_jupyter.tools.edits.changes import Change, Refusal, Refused
from codemad_jupyter.tools.edits.document import Document
from codemad_jupyter.tools.edits.matching import splices

BOM = "\ufeff"


def replace(text: str, old: str, new: str, *, every: bool = False, name: str = "the text") -> str:
    """``text`` with ``old`` replaced by ``new``, byte for byte elsewhere.

    Raises `ToolError` when ``old`` is empty, missing, or stands more than once and not ``every``.
    """
    if not old:
        raise Refused("The text to replace is empty.", hint="Give the exact lines to replace.")
    return _changed(text, Change(old=old, new=new, every=every), name)


def replace_each(text: str, changes: Sequence[Change], *, name: str = "the text") -> str:
    """All changes in turn, or none: the refusal tells of each that fails, and which would have landed."""
    refusals: list[Refusal] = []
    landed: list[int] = []
    for number, change in enumerate(changes, 1):
        try:
            text = _changed(text, change, name)
            landed.append(number)
        except Refused as error:
            refusals.append(
                Refusal(path=name, cause=error.cause, message=str(error), lines=error.lines, edit=number)
            )
    if refusals:
        raise refused(refusals, [f"{name}: edit {number}" for number in landed], several=len(changes) > 1)
    return text


def refused(refusals: Sequence[Refusal], would_apply: Sequence[str], *, several: bool = True) -> Refused:
    """One error of several refusals."""
    told = [f"{r.path}, edit {r.edit}: {r.message}" if several and r.edit else r.message for r in refusals]
    if would_apply:
        told.append(f"Nothing was changed. These would have applied: {', '.join(would_apply)}.")
    elif several:
        told.append("Nothing was changed.")
    first = refusals[0]
    return Refused(
        "\n".join(told), cause=first.cause, lines=first.lines, refusals=refusals, would_apply=would_apply
    )


def _changed(text: str, change: Change, name: str) -> str:
    mark = BOM if text.startswith(BOM) else ""
    old, new = change.old.removeprefix(BOM), change.new.removeprefix(BOM)
    document = Document.parse(text.removeprefix(BOM))
    change = replaced(change, old=old, new=new)
    return mark + document.spliced(splices(document, change, name=name)).text
