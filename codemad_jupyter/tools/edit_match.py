"""How a proposed replacement finds its place: exactly once, or a refusal that says where to look.

Never guesses: a text that stands several times is an error naming the lines, and a text that is
not there is answered with the closest place.
"""

import difflib

from codemad_jupyter.protocol.errors import ToolError

MAX_SCAN = 20_000
"""Lines that are compared when looking for the closest place."""


def replace(text: str, old: str, new: str, *, every: bool = False, name: str = "the text") -> str:
    """``text`` with ``old`` replaced by ``new``, byte for byte elsewhere.

    Raises `ToolError` when ``old`` is empty, missing, or stands more than once and not ``every``.
    """
    if not old:
        raise ToolError("The text to replace is empty.", hint="Give the exact lines to replace.")
    if old == new:
        raise ToolError("Old and new text are the same.", hint="Nothing would change.")
    text_style, old, new = _with_line_ends(text, old, new)
    count = text_style.count(old)
    if count == 0:
        raise ToolError(_missing(text_style, old, new, name))
    if count > 1 and not every:
        lines = ", ".join(map(str, _line_numbers(text_style, old)))
        raise ToolError(
            f"The text to replace stands {count} times in {name}, at lines {lines}.",
            hint="Add lines around it until it is unique, or set replace_all.",
        )
    return text_style.replace(old, new)


def _with_line_ends(text: str, old: str, new: str) -> tuple[str, str, str]:
    # Models write \n; a document with \r\n throughout keeps them.
    if "\r\n" in text and "\r\n" not in old and text.count("\r\n") == text.count("\n"):
        return text, old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
    return text, old, new


def _line_numbers(text: str, old: str) -> list[int]:
    found: list[int] = []
    start = text.find(old)
    while start >= 0 and len(found) < 20:
        found.append(text.count("\n", 0, start) + 1)
        start = text.find(old, start + len(old))
    return found


def _missing(text: str, old: str, new: str, name: str) -> str:
    if new.strip() and new in text:
        return f"The new text stands in {name} already, at line {_line_numbers(text, new)[0]}: nothing to do."
    near = _closest(text.splitlines()[:MAX_SCAN], old.splitlines())
    if near is None:
        return f"The text to replace is not in {name}. Read it again and copy the lines exactly."
    line, shown = near
    return (
        f"The text to replace is not in {name}. The closest place is line {line}:\n{shown}\n"
        "Copy the lines exactly, blanks included."
    )


def _closest(lines: list[str], old: list[str]) -> tuple[int, str] | None:
    wanted = next((line.strip() for line in old if line.strip()), "")
    stripped = [line.strip() for line in lines]
    match = difflib.get_close_matches(wanted, stripped, n=1, cutoff=0.6) if len(lines) <= 2_000 else []
    if not match and wanted in stripped:
        match = [wanted]
    if not match:
        return None
    at = stripped.index(match[0])
    return at + 1, "\n".join(lines[at : at + min(len(old), 10)])
