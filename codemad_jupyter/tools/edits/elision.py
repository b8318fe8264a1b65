"""Lines that stand for text a model did not want to repeat."""

import re
from collections.abc import Iterable

_MARK = r"(?:#|//|--|/\*|<!--|;|%)?\s*"
_END = r"\s*(?:\*/|-->)?"
_DOTS = "(?:\\.\\.\\.|\u2026)"
_ELISION = re.compile(rf"\s*{_MARK}{_DOTS}(?:[^\n]{{0,60}}?{_DOTS})?{_END}\s*")
_PLACEHOLDER = re.compile(
    rf"\s*(?:#|//|--|/\*|<!--|;|%)?\s*\(?{_DOTS}\s*(?:the\s+)?"
    r"(?:existing|rest of|remaining|unchanged|other|same|previous)\b"
    r"[^\n]{0,60}",
    re.IGNORECASE,
)
_REST = re.compile(
    rf"\s*(?:#|//|--|/\*|<!--|;|%)\s*(?:the\s+)?(?:rest of|remaining|existing)\s"
    rf"[^\n]{{0,60}}(?:{_DOTS}|unchanged|here)"
    rf"[^\n]{{0,20}}{_END}\s*",
    re.IGNORECASE,
)


def is_elision(line: str) -> bool:
    """Whether a line is nothing but dots, or dots around a remark."""
    return _ELISION.fullmatch(line) is not None


def placeholder(new: str, known: Iterable[str]) -> str | None:
    """A line of the new text that stands for code which would be lost, and is not in the known texts."""
    texts = tuple(known)
    for line in new.split("\n"):
        if (_PLACEHOLDER.match(line) or _REST.fullmatch(line)) and not any(line.strip() in t for t in texts):
            return line.strip()
    return None
