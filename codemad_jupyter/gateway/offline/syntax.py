"""Mends syntax errors: a colon, bracket or quote that is missing, and some close relatives.

Every repair is a guess that Python itself checks: only a source that parses is proposed.
"""

import re
from collections.abc import Callable, Iterator

from codemad_jupyter.gateway.offline.diagnosis import Diagnosis, Scene
from codemad_jupyter.gateway.offline.literals import shown
from codemad_jupyter.gateway.offline.sources import masked, syntax_error

MAX_REPAIRS = 6
MAX_GUESSES = 60
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = {closer: opener for opener, closer in _PAIRS.items()}
_BLOCK = re.compile(r"\s*(if|elif|else|for|while|def|class|try|except|finally|with|async|match|case)\b")
Guess = tuple[str, str]
"""A new source, and what was done in a few words."""


def diagnose(scene: Scene) -> Diagnosis:
    """The mended source, when repairs lead to one."""
    error = syntax_error(scene.source)
    if error is None:
        message = " ".join(scene.error.message.split())[:200]
        return Diagnosis(
            f"Python says {shown(message)}.", "The cell as I see it parses, so I propose no change."
        )
    start = f"in line {error.lineno} Python says {shown(error.msg or 'invalid syntax')}."
    mended, done = repaired(scene.source)
    if mended is None:
        return Diagnosis(start, "I know no repair that makes the cell parse, so I propose none.")
    return Diagnosis(
        start, f"The cause: {' and '.join(dict.fromkeys(done))}.", mended, title="Mend the syntax"
    )


def repaired(source: str) -> tuple[str | None, list[str]]:
    """Repair error after error; None when one cannot be repaired."""
    done: list[str] = []
    for _ in range(MAX_REPAIRS):
        error = syntax_error(source)
        if error is None:
            return source, done
        step = _best(source, error)
        if step is None:
            return None, done
        source = step[0]
        done.append(step[1])
    return (source, done) if syntax_error(source) is None else (None, done)


def _best(source: str, error: SyntaxError) -> Guess | None:
    """The first guess that parses, else the one that moves the error furthest down."""
    furthest: tuple[tuple[int, int], Guess] | None = None
    for _, guess in zip(range(MAX_GUESSES), _guesses(source, error), strict=False):
        left = syntax_error(guess[0])
        if left is None:
            return guess
        place = (left.lineno or 0, left.offset or 0)
        if place > _place(error) and (furthest is None or place > furthest[0]):
            furthest = (place, guess)
    return furthest[1] if furthest else None


def _place(error: SyntaxError) -> tuple[int, int]:
    return (error.lineno or 0, error.offset or 0)


def _guesses(source: str, error: SyntaxError) -> Iterator[Guess]:
    message = error.msg or ""
    for pattern, guesser in _GUESSERS:
        if re.search(pattern, message):
            yield from guesser(source, error)
            return
    yield from _anything(source, error)


def _line(source: str, error: SyntaxError) -> tuple[list[str], int]:
    lines = source.split("\n")
    return lines, min(max((error.lineno or 1) - 1, 0), len(lines) - 1)


def _with(lines: list[str], at: int, new: str) -> str:
    return "\n".join([*lines[:at], new, *lines[at + 1 :]])


def _code_end(line: str) -> int:
    """Where the code of a line ends, a trailing comment left aside."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote and line[at - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char == "#":
            return len(line[:at].rstrip())
    return len(line.rstrip())


def _colon(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    end = _code_end(lines[at])
    yield (
        _with(lines, at, lines[at][:end] + ":" + lines[at][end:]),
        "a colon is missing at the end of the line",
    )
    place = (error.offset or 1) - 1
    yield (
        _with(lines, at, lines[at][:place].rstrip() + ": " + lines[at][place:].lstrip()),
        "a colon is missing",
    )


def _bracket(source: str, error: SyntaxError) -> Iterator[Guess]:
    opener = next((c for c in (error.msg or "") if c in _PAIRS), "(")
    said = f"a bracket {opener} is never closed"
    lines, first = _line(source, error)
    closer = _PAIRS[opener]
    for at in range(first, min(first + 12, len(lines))):
        line, end = lines[at], _code_end(lines[at])
        if end and line[end - 1] == ":":
            yield _with(lines, at, f"{line[: end - 1]}{closer}{line[end - 1 :]}"), said
        trailing = len(line[:end]) - len(line[:end].rstrip(")]}"))
        for back in range(trailing + 1):
            place = end - back
            yield _with(lines, at, line[:place] + closer + line[place:]), said
        closers = _open_closers("\n".join(lines[first : at + 1]))
        for tail in (end, end - 1 if line[:end].endswith(":") else end):
            yield _with(lines, at, line[:tail] + closers + line[tail:]), "several brackets are never closed"


def _open_closers(text: str) -> str:
    """The closing brackets that the text still needs, texts in quotes left aside."""
    bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", text)
    stack: list[str] = []
    for char in bare:
        if char in _PAIRS:
            stack.append(_PAIRS[char])
        elif stack and char == stack[-1]:
            stack.pop()
    return "".join(reversed(stack))


def _quote(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    line = lines[at]
    place = min(max((error.offset or 1) - 1, 0), max(len(line) - 1, 0))
    quote = next((c for c in line[place:] if c in "'\""), "'")
    said = f"a text opened with {quote} has no closing quote"
    other = '"' if quote == "'" else "'"
    if line.rstrip().endswith(other) or re.search(rf"{other}[)\]}},]*$", line.rstrip()):
        swapped = re.sub(rf"{other}([)\]}},:]*)$", rf"{quote}\1", line.rstrip())
        yield _with(lines, at, swapped), "a text is closed with another quote than it was opened with"
    apostrophe = re.sub(rf"(?<=\w){quote}(?=\w)", rf"\\{quote}", line)
    if apostrophe != line and line.count(quote) > 1:
        yield _with(lines, at, apostrophe), "an apostrophe inside a text ends it"
    trailing = len(line) - len(line.rstrip(")]}:, "))
    for back in range(trailing, -1, -1):
        cut = len(line) - back
        yield _with(lines, at, line[:cut] + quote + line[cut:]), said


def _triple(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    quote = '"""' if '"""' in lines[at] else "'''"
    yield source.rstrip("\n") + quote, "a text opened with three quotes has no closing quotes"


def _print(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    end = _code_end(lines[at])
    new = re.sub(r"^(\s*)(print|exec)\s+(.*)$", r"\1\2(\3)", lines[at][:end]) + lines[at][end:]
    yield _with(lines, at, new), "print is a function and needs parentheses"


def _equals(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    start, end = (error.offset or 1) - 1, (error.end_offset or len(lines[at]) + 1) - 1
    part = re.sub(r"(?<![=!<>:])=(?!=)", "==", lines[at][start:end], count=1)
    yield _with(lines, at, lines[at][:start] + part + lines[at][end:]), "= assigns; a comparison needs =="


def _unmatched(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    place = (error.offset or 1) - 1
    yield _with(lines, at, lines[at][:place] + lines[at][place + 1 :]), "a closing bracket has no opening one"


def _mismatch(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    place = (error.offset or 1) - 1
    opener = next((c for c in reversed(error.msg or "") if c in _PAIRS), "(")
    said = "a bracket is closed by one of another kind"
    yield _with(lines, at, lines[at][:place] + _PAIRS[opener] + lines[at][place:]), "a bracket is not closed"
    yield _with(lines, at, lines[at][:place] + _PAIRS[opener] + lines[at][place + 1 :]), said


def _indent(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    above = next((line for line in reversed(lines[:at]) if line.strip()), "")
    margin = re.match(r"\s*", above)
    space = margin.group() if margin else ""
    said = "the block below the colon is not indented"
    stop = at
    while stop < len(lines) and lines[stop].strip():
        stop += 1
    for end in (at + 1, stop):
        inner = [f"{space}    {line.lstrip()}" for line in lines[at:end]]
        yield "\n".join([*lines[:at], *inner, *lines[end:]]), said


def _dedent(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    margins = {re.match(r"\s*", line).group() for line in lines[:at] if line.strip()} | {""}  # type: ignore[union-attr]
    for margin in sorted(margins, key=len, reverse=True):
        yield (
            _with(lines, at, margin + lines[at].lstrip()),
            "a line is indented by a different width than its block",
        )


def _comma(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    line = lines[at]
    for match in re.finditer(r"(?<=[\w'\")\]}])(?=\s+[\w'\"(\[{])|$", line):
        if match.start() >= (error.offset or 1) - 1:
            yield _with(lines, at, line[: match.start()] + "," + line[match.start() :]), "a comma is missing"


def _anything(source: str, error: SyntaxError) -> Iterator[Guess]:
    lines, at = _line(source, error)
    line = lines[at]
    if _BLOCK.match(line):
        for closer in ")]}":
            end = _code_end(line)
            open_more = masked(line).count(_CLOSERS[closer]) > line.count(closer)
            if open_more and line[:end].endswith(":"):
                yield (
                    _with(lines, at, f"{line[: end - 1]}{closer}:"),
                    f"a bracket {_CLOSERS[closer]} is never closed",
                )
        yield from _colon(source, error)


_GUESSERS: tuple[tuple[str, Callable[[str, SyntaxError], Iterator[Guess]]], ...] = (
    (r"expected ':'", _colon),
    (r"was never closed", _bracket),
    (r"unterminated triple-quoted", _triple),
    (r"unterminated (f-)?string|EOL while scanning", _quote),
    (r"Missing parentheses in call", _print),
    (r"instead of '='", _equals),
    (r"does not match opening", _mismatch),
    (r"^unmatched", _unmatched),
    (r"expected an indented block", _indent),
    (r"unexpected indent|unindent does not match|inconsistent use of tabs", _dedent),
    (r"forgot a comma", _comma),
)
