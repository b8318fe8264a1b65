"""Scripts that mark their cells (``# %%``), and code cells with magics, as a parser can read them."""

import re

from codemad_jupyter.context.chunking.grammar import words
from codemad_jupyter.context.chunking.languages import language_of

MARK = re.compile(r"^#[ \t]*%%(?!\w)[ \t]*(\[(?:markdown|md|raw)\])?[ \t]*(.*)$")
MAGIC = re.compile(r"^([ \t]*)(?:%{1,2}[A-Za-z]|!|\?{1,2}\w)[^\n]*(?:(?<=\\)\n[^\n]*)*", re.MULTILINE)
ASSIGNED = re.compile(r"^([\w., \t]{1,200}=[ \t]{0,20})(?:%[A-Za-z]|!)[^\n]*", re.MULTILINE)
HELP = re.compile(r"^([ \t]*)[\w.]+\?{1,2}[ \t]*$", re.MULTILINE)
CELL = re.compile(r"\s*%%([A-Za-z]\w*)[ \t]*([^\n]*)")
IN_PYTHON = words("time timeit capture prun memit mprun lprun python python3 pypy snakeviz")
LANGUAGES = {
    "bash": "shell",
    "sh": "shell",
    "script": "shell",
    "R": "r",
    "sql": "sql",
    "bigquery": "sql",
    "js": "javascript",
    "javascript": "javascript",
    "julia": "julia",
    "markdown": "markdown",
}


def marked_cells(rows: list[str]) -> list[tuple[int, int, str]]:
    """First row, last row and title of each marked cell; none for a script without marks."""
    starts = [
        (number, match[2].strip()) for number, row in enumerate(rows) if (match := _mark(row)) is not None
    ]
    if not starts:
        return []
    if starts[0][0] > 0:
        starts.insert(0, (0, ""))
    ends = [number - 1 for number, _ in starts[1:]] + [len(rows) - 1]
    return [(first, last, title) for (first, title), last in zip(starts, ends, strict=True)]


def _mark(row: str) -> re.Match[str] | None:
    return MARK.match(row[:300].rstrip()) if row[:1] == "#" and "%%" in row[:12] else None


def readable_cell(source: str, language: str) -> tuple[str, str]:
    """The language of a cell, and its text with magics and shell lines replaced, row for row."""
    if language != "python":
        return language, source
    match = CELL.match(source)
    if match is None:
        return language, _without_magics(source) if any(mark in source for mark in "%!?") else source
    name = match[1]
    rest = "\n" * source.count("\n", 0, match.end()) + source[match.end() :]
    if name in IN_PYTHON:
        return language, _without_magics(rest)
    if name in ("writefile", "file"):
        return language_of(match[2].split()[-1] if match[2].split() else ""), rest
    return LANGUAGES.get(name, "text"), rest


def _without_magics(source: str) -> str:
    source = ASSIGNED.sub(r"\1None", source)
    source = MAGIC.sub(lambda match: f"{match[1]}pass" + "\n" * match[0].count("\n"), source)
    return HELP.sub(r"\1pass", source)
