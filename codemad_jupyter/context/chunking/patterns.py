"""Definitions and uses found by patterns, for languages with no grammar here and for broken texts.

Strings and comments are blanked first, so that what they hold is neither a definition nor a bracket.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from codemad_jupyter.context.chunking.grammar import words
from codemad_jupyter.context.chunking.reading import MOST_NAMES, Names
from codemad_jupyter.context.chunking.values import Definition, DefinitionKind


@dataclass(frozen=True)
class Pattern:
    """How a language shows its definitions: ``define`` has a group for the kind's word and the name."""

    define: re.Pattern[str]
    blank: re.Pattern[str]
    """Strings and comments; the group ``note`` is a comment."""
    use: re.Pattern[str]
    closed_by: str = "bracket"
    """What ends a definition: its last bracket, or a semicolon."""
    kinds: tuple[tuple[str, DefinitionKind], ...] = ()


STRINGS = r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"""
# Lengths are bounded, so that a text of one long word costs no more than another.
CALL = re.compile(r"(?<![\w.])(?:([A-Za-z][\w.]{0,80})(?:::|\$))?([A-Za-z_.][\w.]{0,80})(?=\s{0,20}\()")
R = Pattern(
    define=re.compile(
        r"^[ \t]*(?P<name>[A-Za-z.][\w.]*|`[^`\n]+`)[ \t]*(?:<<?-|=)[ \t]*"
        r"(?P<word>function|\\\(|(?:R6::)?R6Class|setRefClass|setClass|new_class)"
        r"|^[ \t]*(?P<set>setClass|setGeneric|setMethod|setRefClass|setValidity)"
        r"\([ \t]*[\"'](?P<called>[\w.\[<-]+)",
        re.MULTILINE,
    ),
    blank=re.compile(rf"{STRINGS}|(?P<note>#[^\n]*)", re.DOTALL),
    use=CALL,
    kinds=(("class", "class"), ("", "function")),
)
SQL = Pattern(
    define=re.compile(
        r"\bcreate\s+(?:or\s+replace\s+)?(?:global\s+|local\s+|temp\s+|temporary\s+|external\s+|unlogged\s+)*"
        r"(?P<word>table|view|materialized\s+view|function|procedure|index|unique\s+index|type|trigger|schema"
        r"|macro|sequence)\s+(?:if\s+not\s+exists\s+)?(?P<name>[\w.\"`\[\]]+)",
        re.IGNORECASE,
    ),
    blank=re.compile(
        r"(?P<note>--[^\n]*|/\*.*?(?:\*/|\Z))|'(?:''|[^'])*'|\$(\w*)\$.*?(?:\$\2\$|\Z)", re.DOTALL
    ),
    use=re.compile(
        r"\b(?:from|join|into|update|references|table)\s+(?:([\w\"`]+)\.)?([\w\"`]+)", re.IGNORECASE
    ),
    closed_by="semicolon",
    kinds=(("function", "function"), ("procedure", "function"), ("macro", "macro"), ("", "table")),
)
ANY = Pattern(
    define=re.compile(
        r"^[ \t]*(?:(?:export|default|public|private|protected|internal|static|async|abstract|final|pub|open"
        r"|override|inline|const|unsafe|local|data|sealed)\s+)*"
        r"(?P<word>def|class|function|func|fn|fun|interface|struct|trait|enum|module|macro|object|sub|type)"
        r"[ \t]+(?P<name>[A-Za-z_$][\w$]*)",
        re.MULTILINE,
    ),
    blank=re.compile(r"(?P<note>^[ \t]*(?:#|//|--|;)[^\n]*)", re.MULTILINE),
    use=re.compile(r"\b(?:([A-Za-z_]\w{0,80})(?:\.|::|->))?([A-Za-z_]\w{0,80})(?=\s{0,20}\()"),
    kinds=(
        *((word, "class") for word in ("class", "interface", "struct", "trait", "enum", "object")),
        ("type", "type"),
        ("module", "module"),
        ("", "function"),
    ),
)
MOST_NOTES = 20_000
PATTERNS = {"r": R, "sql": SQL}
BRACKET = re.compile(r"[()\[\]{}]|\n")
KEYWORDS = words(
    "if for while switch return catch function elif else match with sizeof and or not in repeat def class"
)


def find_names(text: str, rows: list[str], language: str) -> Names:
    """Definitions on top level with their rows, uses in their scopes, and comments."""
    pattern = PATTERNS.get(language, ANY)
    names = Names()
    starts = _row_starts(text.split("\n"))
    blanked = _blanked(pattern, text, names, starts)
    ends = _ends(blanked, starts, pattern) if pattern is not ANY else []
    for match in pattern.define.finditer(text):
        at = next(
            match.start(group)
            for group in ("name", "called")
            if match.re.groupindex.get(group) and match[group]
        )
        if blanked[at] != "\0" or (blanked[match.start() : at].strip("\0 \t\n(") and match["word"] is None):
            _define(names, match, pattern, rows, starts, ends)
    _uses(names, pattern, blanked, starts)
    return names


def _row_starts(rows: list[str]) -> list[int]:
    starts, at = [], 0
    for row in rows:
        starts.append(at)
        at += len(row) + 1
    return starts


def _row(starts: list[int], at: int) -> int:
    return bisect_right(starts, at) - 1


def _blanked(pattern: Pattern, text: str, names: Names, starts: list[int]) -> str:
    def blank(match: re.Match[str]) -> str:
        if match["note"] and len(names.prose) < MOST_NOTES:
            names.prose.append((_row(starts, match.start()), match["note"]))
        return re.sub(r"[^\n]", "\0", match[0])

    return pattern.blank.sub(blank, text)


def _ends(text: str, starts: list[int], pattern: Pattern) -> list[int]:
    """For each row, the row where what begins in it ends."""
    if pattern.closed_by == "semicolon":
        return _statement_ends(text, starts)
    ends, opened, depth, row = list(range(len(starts))), 0, 0, 0
    for match in BRACKET.finditer(text):
        mark = match[0]
        if mark == "\n":
            row += 1
            if depth <= 0:
                depth, opened = 0, row
        elif mark in "([{":
            depth += 1
        elif depth > 0:
            depth -= 1
            if depth == 0:
                ends[opened] = row
    if depth > 0:
        ends[opened] = len(starts) - 1
    return ends


def _statement_ends(text: str, starts: list[int]) -> list[int]:
    ends = [0] * len(starts)
    end = len(starts) - 1
    for row in range(len(starts) - 1, -1, -1):
        line = text[starts[row] : starts[row + 1] if row + 1 < len(starts) else len(text)]
        if ";" in line:
            end = row
        ends[row] = end
    return ends


def _define(
    names: Names, match: re.Match[str], pattern: Pattern, rows: list[str], starts: list[int], ends: list[int]
) -> None:
    groups = match.groupdict()
    name = (groups.get("called") or groups.get("name") or "").strip('`"[]')
    word = (groups.get("set") or groups.get("word") or "").lower()
    row = _row(starts, match.start("called" if groups.get("called") else "name"))
    if ends and names.definitions and pattern is not SQL and row + 1 <= names.definitions[-1].end_line:
        return  # inside another one: a local function
    kind = next(kind for part, kind in pattern.kinds if part in word)
    short = name.rpartition(".")[2] if pattern is SQL else name
    last = ends[row] if ends else row
    names.definitions.append(Definition(short, name, kind, row + 1, last + 1, rows[row].strip()[:160]))


def _uses(names: Names, pattern: Pattern, text: str, starts: list[int]) -> None:
    begins = [item.start_line - 1 for item in names.definitions]
    for count, match in enumerate(pattern.use.finditer(text)):
        if count >= MOST_NAMES:
            return
        name = match[2].strip('`"')
        if name.lower() in KEYWORDS:
            continue
        row = _row(starts, match.start(2))
        index = bisect_right(begins, row) - 1
        scope = ""
        if index >= 0 and row < names.definitions[index].end_line:
            scope = names.definitions[index].qualified
            if name == names.definitions[index].name and row == begins[index]:
                continue
        key = (name, scope, (match[1] or "").strip('`"'), True)
        names.uses.setdefault(key, []).append(row)
