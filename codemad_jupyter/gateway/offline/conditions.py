"""Reads conditions such as "age > 30 and city is Oslo" into pandas masks over known columns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from codemad_jupyter.gateway.offline.columns import Mention, find
from codemad_jupyter.gateway.offline.frames import Chosen
from codemad_jupyter.gateway.offline.keys import date_source, is_date
from codemad_jupyter.gateway.offline.literals import literal, shown
from codemad_jupyter.gateway.offline.reading import Frame, kind_of
from codemad_jupyter.gateway.offline.steps import Answer
from codemad_jupyter.gateway.offline.wording import tokens
from codemad_jupyter.protocol.kernels import Column

_OPERATORS = (
    (r"(is |are )?not (missing|null|nan|empty|na)\b", "filled"),
    (r"(is |are )?(missing|null|nan|empty|na)\b", "missing"),
    (r"(is |are |lies |falls )?between\b", "between"),
    (r">=|≥|(is |are )?(at least|no less than|greater than or equal to|from)\b", ">="),
    (r"<=|≤|(is |are )?(at most|no more than|less than or equal to|up to)\b", "<="),
    (r"!=|<>|≠|(is not|are not|isn'?t|aren'?t|does not equal|other than)\b( equal to\b)?", "!="),
    (
        r">|(is |are )?(greater|more|larger|bigger|higher|older|later) than\b"
        r"|(is |are )?(over|above|after|exceeds)\b",
        ">",
    ),
    (
        r"<|(is |are )?(less|smaller|fewer|lower|younger|earlier) than\b|(is |are )?(under|below|before)\b",
        "<",
    ),
    (r"(do|does)( not|n'?t) contain\b", "lacks"),
    (r"contains?\b|includes?\b|containing\b", "contains"),
    (r"(starts?|begins?|starting|beginning) with\b", "starts"),
    (r"(ends?|ending) with\b", "ends"),
    (r"(is |are )?(one of|in|among)\b", "in"),
    (r"==?|equals?\b|(is|are|was|being)( equal to| exactly)?\b", "=="),
)
_COMPILED = tuple(
    (re.compile(rf"\W{{0,3}}(?:{pattern})", re.IGNORECASE), name) for pattern, name in _OPERATORS
)
_NUMBER = re.compile(r"[-+]?\d[\d_]*(?:[.,]\d+)?(?:e[-+]?\d+)?%?", re.IGNORECASE)
_END = re.compile(r"\s+(?:and|or|but)(?:\s+|$)|[;\n]|,\s+(?=and\b|or\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Condition:
    """One comparison; ``joined`` is how it follows the one before."""

    column: str
    operator: str
    values: tuple[str, ...]
    quoted: bool
    joined: str = "&"


def conditions(chosen: Chosen) -> tuple[Condition, ...]:
    """All comparisons in the words that name a column."""
    return tuple(_conditions(chosen))


def _conditions(chosen: Chosen) -> Iterator[Condition]:
    words, toks = chosen.words, tokens(chosen.words)
    heads: list[tuple[Mention, int, str, int]] = []
    for mention in chosen.mentions:
        after = toks[mention.last - 1].end
        operator, length = _operator(words[after : after + 80])
        if operator:
            heads.append((mention, toks[mention.first].start, operator, after + length))
    for at, (mention, start, operator, begin) in enumerate(heads):
        stop = heads[at + 1][1] if at + 1 < len(heads) else len(words)
        values, quoted = _values(words[begin:stop], operator)
        gap = words[heads[at - 1][3] : start].casefold() if at else ""
        joined = "|" if re.search(r"\bor\W*(the\W+)?$", gap) else "&"
        yield Condition(mention.column, operator, values, quoted, joined)


def _operator(text: str) -> tuple[str, int]:
    for pattern, name in _COMPILED:
        match = pattern.match(text)
        if match:
            return name, match.end()
    return "", 0


def _values(text: str, operator: str) -> tuple[tuple[str, ...], bool]:
    quoted = [token.text for token in tokens(text) if token.quoted]
    if quoted:
        return tuple(quoted), True
    if operator == "between":
        numbers = re.split(r"\s+(?:and|to)\s+|\s*-\s*(?=\d)", text.strip(), maxsplit=2)
        return tuple(_END.split(number.strip(" ."))[0] for number in numbers[:2]), False
    if operator == "in":
        items = re.split(r"\s*,\s*|\s+or\s+|\s+and\s+", text.strip(" .()[]?!"))
        return tuple(item.strip(" .()[]") for item in items if item.strip()), False
    if operator in ("==", "!="):
        listed = re.split(r"\s*,\s*(?:or\s+|and\s+)?|\s+(?:or|and|nor)(?:\s+|$)", text.strip())
        return tuple(value for item in listed if (value := _bare(item))) or ("",), False
    head = _END.split(text.strip(), maxsplit=1)[0]
    return (_bare(head),), False


def _bare(text: str) -> str:
    text = re.sub(r"\s+(?:in|from|of)\s+(?:the\s+)?\w+\s*$", "", text.strip())
    text = re.sub(r"\s+(?:only|please|rows?|years?|days?)\s*$", "", text, flags=re.IGNORECASE)
    return re.sub(r"^(?:the|a|an|than|to)\s+", "", text, flags=re.IGNORECASE).strip(" .,?!")


def mask(frame: Frame, condition: Condition) -> str:
    """Source of the boolean mask of one comparison."""
    column, ref = frame.column(condition.column), frame.ref(condition.column)
    if condition.operator in ("missing", "filled"):
        return f"{ref}.isna()" if condition.operator == "missing" else f"{ref}.notna()"
    if condition.operator in ("contains", "lacks", "starts", "ends"):
        return _textual(ref, condition)
    if condition.operator == "between":
        if len(condition.values) < 2:
            raise Answer(f"“Between” needs two values for {shown(column.name)}, such as between 1 and 5.")
        low, high = (_value(frame, column, value) for value in condition.values[:2])
        return f"{_subject(frame, column)}.between({low}, {high})"
    if condition.operator == "in" or len(condition.values) > 1:
        return _membership(frame, column, condition)
    return _comparison(frame, column, condition)


def _textual(ref: str, condition: Condition) -> str:
    method = {"starts": "startswith", "ends": "endswith"}.get(condition.operator)
    value = literal(condition.values[0].casefold() if not condition.quoted else condition.values[0])
    text = f"{ref}.astype(str)" if condition.quoted else f"{ref}.astype(str).str.casefold()"
    if method:
        return f"{text}.str.{method}({value})"
    found = f"{text}.str.contains({value}, regex=False)"
    return f"~{found}" if condition.operator == "lacks" else found


def _membership(frame: Frame, column: Column, condition: Condition) -> str:
    if kind_of(column) == "text" and not condition.quoted:
        values = literal([value.casefold() for value in condition.values])
        found = f"{frame.ref(column.name)}.astype(str).str.casefold().isin({values})"
        return f"~{found}" if condition.operator == "!=" else found
    inside = (
        f"{_subject(frame, column)}.isin([{', '.join(_value(frame, column, v) for v in condition.values)}])"
    )
    return f"~{inside}" if condition.operator == "!=" else inside


def _comparison(frame: Frame, column: Column, condition: Condition) -> str:
    text = condition.values[0]
    other = _column_value(frame, text)
    if other and not condition.quoted:
        return f"{frame.ref(column.name)} {condition.operator} {frame.ref(other)}"
    if not text:
        raise Answer(
            f"With what shall I compare {shown(column.name)}? Say, for example, “{column.name[:40]} > 5”."
        )
    if is_date(column) and re.fullmatch(r"\d{4}", text):
        return f"{date_source(frame, column)}.dt.year {condition.operator} {int(text)}"
    if kind_of(column) == "text" and not is_date(column) and not condition.quoted:
        if condition.operator in ("==", "!="):
            cased = f"{frame.ref(column.name)}.astype(str).str.casefold()"
            return f"{cased} {condition.operator} {literal(text.casefold())}"
        if _NUMBER.fullmatch(text):
            numbers = f'pd.to_numeric({frame.ref(column.name)}, errors="coerce")'
            return f"{numbers} {condition.operator} {_number(text)}"
    return f"{_subject(frame, column)} {condition.operator} {_value(frame, column, text)}"


def _column_value(frame: Frame, text: str) -> str | None:
    mentions = find(frame.names, text)
    whole = mentions and mentions[0].first == 0 and mentions[0].last == len(tokens(text))
    return mentions[0].column if whole and not _NUMBER.fullmatch(text) else None


def _subject(frame: Frame, column: Column) -> str:
    return date_source(frame, column) if is_date(column) else frame.ref(column.name)


def _value(frame: Frame, column: Column, text: str) -> str:
    if is_date(column):
        return f"pd.Timestamp({literal(text)})"
    if kind_of(column) == "flag":
        if text.casefold() in ("true", "yes", "1", "on"):
            return "True"
        if text.casefold() in ("false", "no", "0", "off"):
            return "False"
        raise Answer(f"{shown(column.name)} is true or false, and {shown(text)} is neither.")
    if kind_of(column) == "number":
        if not _NUMBER.fullmatch(text):
            raise Answer(f"{shown(column.name)} is numeric ({column.dtype}), and {shown(text)} is no number.")
        return _number(text)
    return literal(text)


def _number(text: str) -> str:
    plain = text.rstrip("%").replace("_", "")
    plain = plain.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3},\d{3}", plain) else plain.replace(",", ".")
    value = float(plain)
    return (
        repr(int(value))
        if value.is_integer() and abs(value) < 1e15 and "e" not in plain.lower()
        else repr(value)
    )
