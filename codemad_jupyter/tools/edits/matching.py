"""One change on one document: its splices, or a refusal that names cause, lines and closest place."""

from codemad_jupyter.tools.edits.changes import Change, Refused
from codemad_jupyter.tools.edits.closest import closest, shown, standing
from codemad_jupyter.tools.edits.document import Document, Splice, feeds
from codemad_jupyter.tools.edits.elision import placeholder
from codemad_jupyter.tools.edits.headings import heading_lines
from codemad_jupyter.tools.edits.ladder import places
from codemad_jupyter.tools.edits.text_places import MOST_PLACES

MOST_NAMED = 20


def splices(document: Document, change: Change, *, name: str) -> tuple[Splice, ...]:
    """What the change does to the document's lines. Raises `Refused` when it does not land exactly once."""
    if not change.old:
        return _inserted(document, change, name)
    _sensible(document, change, name)
    for heading in change.under:
        if not heading_lines(document, heading):
            raise Refused(
                f"{name} has no line {heading.strip()!r}, which the patch names above its lines.",
                hint="Copy the line after @@ exactly from the file.",
                cause="not_found",
            )
    found = places(document, change)
    if not found:
        raise _missing(document, change, name)
    if len(found) > 1 and not change.every:
        raise _ambiguous(tuple(place.lo + 1 for place in found), name)
    return tuple(splice for place in found for splice in place.splices)


def _sensible(document: Document, change: Change, name: str) -> None:
    if feeds(change.old) == feeds(change.new) and change.final_newline is None:
        raise Refused("Old and new text are the same.", hint="Nothing would change.", cause="no_change")
    lost = placeholder(change.new, (change.old, document.flat))
    if lost is not None:
        raise Refused(
            f"The new text for {name} stands for code with a remark ({lost!r}), which would be lost.",
            hint="Write the code out, or leave it out of both texts.",
            cause="placeholder",
        )


def _inserted(document: Document, change: Change, name: str) -> tuple[Splice, ...]:
    """Lines without any old ones beside them: only at a place that cannot be mistaken."""
    end = len(document.texts)
    lines = tuple(feeds(change.new).removesuffix("\n").split("\n"))
    if not change.new:
        raise Refused("A change is empty.", hint="Nothing would change.", cause="no_change")
    if not end:
        newline = change.new.endswith("\n") if not change.whole_lines else None
        return (Splice(0, 0, lines, newline),)
    if not change.whole_lines:
        hint = "Give the exact lines to replace."
        raise Refused("The text to replace is empty.", hint=hint, cause="not_found")
    if change.under:
        return (_under(document, change, lines, name),)
    if change.at_end:
        return (Splice(end, end, lines),)
    raise Refused(
        f"A hunk for {name} adds lines without saying where.",
        hint="Give at least one unchanged line beside them.",
        cause="not_found",
    )


def _under(document: Document, change: Change, lines: tuple[str, ...], name: str) -> Splice:
    # The heading's own line stands for the place.
    heading = change.under[-1] + "\n"
    below = Change(old=heading, new=heading + change.new, whole_lines=True, under=change.under[:-1])
    return splices(document, below, name=name)[0]


def _ambiguous(lines: tuple[int, ...], name: str) -> Refused:
    named = ", ".join(map(str, lines[:MOST_NAMED])) + (", …" if len(lines) > MOST_NAMED else "")
    often = len(lines) if len(lines) < MOST_PLACES else f"at least {MOST_PLACES}"
    return Refused(
        f"The text to replace stands {often} times in {name}, at lines {named}.",
        hint="Add lines around it until it is unique, or set replace_all.",
        cause="ambiguous",
        lines=lines[:MOST_NAMED],
    )


def _missing(document: Document, change: Change, name: str) -> Refused:
    there = standing(document, change.new)
    if there:
        return Refused(
            f"The new text stands in {name} already, at line {there[0]}: already applied, nothing to do.",
            cause="already_applied",
            lines=there,
        )
    near = closest(document, change.old)
    if near is None:
        return Refused(
            f"The text to replace is not in {name}, nor anything like it.",
            hint="Read it again and copy the lines exactly.",
            cause="not_found",
        )
    lo, hi = near
    span = f"line {lo + 1}" if hi - lo == 1 else f"line {lo + 1} to {hi}"
    drawn = shown(document, near, change.old)
    return Refused(
        f"The text to replace is not in {name}. The closest place is {span}:\n{drawn}",
        hint="\nCopy the lines exactly, blanks included.",
        cause="not_found",
        lines=(lo + 1, hi),
    )
