"""Reads the blocks of a page that a person can run, and what the page says about them.

A comment right before a block says what a reader need not see: ``<!-- not run: REASON -->``, or
``<!-- ends with: 1 -->`` for a command whose exit code is not 0. A block of ``text`` right after one
that is run is what it shows: each of its lines must be in the output, in this order, and ``…`` stands for
whatever is there. A block with a caption is the content of that file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

SHELL, CELL = "sh", "ipython"
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence) *$", re.M | re.S)
_COMMENT = re.compile(r"<!-- (not run|ends with): (.*?) -->\s*\Z", re.S)
_CAPTION = re.compile(r"^:caption: (.+)\n+", re.M)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int
    caption: str = ""
    """The file that this is the content of."""
    not_run: str = ""
    """Why it is not run; empty: it is."""
    ends_with: int = 0
    shows: tuple[str, ...] = field(default=())

    @property
    def runs(self) -> bool:
        return self.language in (SHELL, CELL) and not self.caption


def blocks(text: str) -> list[Block]:
    """The blocks of a page, in order; what a block shows is part of it."""
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        between, end = text[end : match.start()], match.end()
        language = match["info"].removeprefix("{code-block}").strip()
        if language == "text" and not between.strip() and found and found[-1].runs:
            found[-1] = _showing(found[-1], match["body"])
            continue
        said = _COMMENT.search(between)
        caption = _CAPTION.match(match["body"])
        found.append(
            Block(
                language=language,
                text=match["body"][caption.end() if caption else 0 :],
                line=text.count("\n", 0, match.start()) + 1,
                caption=caption[1] if caption else "",
                not_run=" ".join(said[2].split()) if said and said[1] == "not run" else "",
                ends_with=int(said[2]) if said and said[1] == "ends with" else 0,
            )
        )
    return found


def _showing(block: Block, output: str) -> Block:
    lines = tuple(line.strip() for line in output.splitlines() if line.strip(" …"))
    return Block(**{**block.__dict__, "shows": lines})


def missing(shows: tuple[str, ...], output: str) -> str:
    """The first line a page shows that the output lacks, where it must come; "" where it has all."""
    output = " ".join(output.split())
    place = 0
    for line in shows:
        pattern = ".*?".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        found = re.compile(pattern, re.S).search(output, place)
        if found is None:
            return line
        place = found.end()
    return ""


def read(page: Path) -> list[Block]:
    return blocks(page.read_text(encoding="utf-8"))
