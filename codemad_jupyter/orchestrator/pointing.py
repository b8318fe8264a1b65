"""What a prompt points at: the ``@`` names in its text, and the attachments they come to. Pure.

``@file:src/a.py``, ``@cell:ID``, ``@var:df`` and ``@session:ID`` say what they mean; a bare ``@name`` counts
only where something of that name is there. Mail addresses, decorators and what stands between fences are left
alone: a file that was dropped into the prompt must not name others.
"""

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

from codemad_jupyter.protocol.commands import Attachment

Kind = Literal["cell", "file", "variable", "session", "output"]
MOST = 20
"""Names that are looked at; the rest is text."""

_KINDS: dict[str, Kind] = {
    "file": "file",
    "cell": "cell",
    "var": "variable",
    "variable": "variable",
    "session": "session",
    "output": "output",
}
_POINTED = re.compile(
    r"(?<![\w@.`/])@(?:(?P<kind>file|cell|var|variable|session|output):)?"
    r"(?:\"(?P<quoted>[^\"\n]{1,400})\"|(?P<name>[\w][\w./\\-]{0,399}))"
)
_DECORATOR = re.compile(
    r"^[ \t]*@[\w.]+(?:\(.*\))?[ \t]*\r?\n(?:[ \t]*@.*\n)*[ \t]*(?:async[ \t]+)?(?:def|class)\b"
)
_FENCE = re.compile(r"`{3,}|~{3,}")


class Pointed(NamedTuple):
    """A name after ``@``; ``kind`` is None where the text does not say what it is."""

    kind: Kind | None
    name: str


def pointed(text: str) -> tuple[Pointed, ...]:
    """The names after ``@``, each once, in the order of the text."""
    found: dict[Pointed, None] = {}
    said = _unfenced(text)
    for match in _POINTED.finditer(said):
        line = said.rfind("\n", 0, match.start()) + 1
        if _DECORATOR.match(said[line : line + 2_000]):
            continue
        name = match["quoted"] or match["name"].rstrip(".-/")
        found[Pointed(_KINDS.get(match["kind"] or ""), name)] = None
        if len(found) >= MOST:
            break
    return tuple(found)


def _unfenced(text: str) -> str:
    """The text without what stands between fences; a fence that nobody closes goes to the end."""
    fence, lines = "", []
    for line in text.split("\n"):
        run = _FENCE.match(line)
        if fence:
            if run and run[0].startswith(fence) and not line[run.end() :].strip():
                fence = ""
        elif run and "`" not in line[run.end() :]:
            fence = run[0]
        else:
            lines.append(line)
    return "\n".join(lines)


def attachments_of(
    text: str, *, variables: Collection[str], cells: Collection[str], files: Collection[str]
) -> tuple[Attachment, ...]:
    """What the text points at. What a bare name may mean is given: variables win over cells, then files."""
    known: tuple[tuple[Kind, Collection[str]], ...] = (
        ("variable", variables),
        ("cell", cells),
        ("file", files),
    )
    found: list[Attachment] = []
    for kind, name in pointed(text):
        meant = kind or next((kind for kind, names in known if name in names), None)
        if meant is not None:
            found.append(Attachment(kind=meant, name=name))
    return tuple(found)
