"""The person's words as tokens: words, and quoted names kept whole. Bounded, so that no prompt is slow."""

import re
from dataclasses import dataclass

MAX_WORDS = 4_000
"""Characters of a prompt that are read: the first three quarters of this, and the last quarter."""

_TOKEN = re.compile(
    r"""`(?P<tick>[^`]{1,300})`"""
    r"""|"(?P<double>[^"]{1,300})"|“(?P<curly>[^”]{1,300})”"""
    r"""|(?<!\w)'(?P<single>[^'\n]{1,300})'(?!\w)"""
    r"""|(?P<word>[^\W_]+)"""
)
_NAME = re.compile(r"[^\W\d]\w{0,99}")


@dataclass(frozen=True)
class Token:
    """A word in lower case, or quoted text as it stands; ``start`` and ``end`` are places in the words."""

    text: str
    start: int
    end: int
    quoted: bool = False


def bounded(text: str) -> tuple[str, bool]:
    """The part of a prompt that is read, and whether anything was left out."""
    text = text.strip()
    if len(text) <= MAX_WORDS:
        return text, False
    head = MAX_WORDS * 3 // 4
    return f"{text[:head]}\n{text[head - MAX_WORDS :]}", True


def tokens(words: str) -> tuple[Token, ...]:
    """The words as tokens, in order."""
    found = []
    for match in _TOKEN.finditer(words):
        text = match.group(match.lastgroup or 0)
        quoted = match.lastgroup != "word"
        found.append(Token(text if quoted else text.casefold(), match.start(), match.end(), quoted))
    return tuple(found)


def names(words: str) -> tuple[str, ...]:
    """Everything in the words that could be a Python name, in order, as written."""
    return tuple(match.group() for match in _NAME.finditer(words))


def word_list(text: str) -> tuple[str, ...]:
    """The words of a vocabulary written as plain lines."""
    return tuple(text.split())


def squeezed(text: str) -> str:
    """Letters and digits alone, lower case: ``Mean_Radius`` and ``mean radius`` come out the same."""
    return "".join(c for c in text.casefold() if c.isalnum())


def singular(word: str) -> str:
    """The word without a plural ending; both sides of a comparison pass through here."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
