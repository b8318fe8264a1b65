"""Owns how text becomes words to search by: identifiers split, endings cut, texts and queries alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

TOKEN = re.compile(r"\w+", re.ASCII)
OTHER = re.compile(r"[^\W\d_]+")
PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LONGEST = 40
_STOP = """
a an and are as at be been but by can could did do does for from had has have how i if in into is it its
me my of on or our should so some such than that the their them then there these they this those to too
us was we were what when where which while who why will with would you your
"""
STOP = frozenset(_STOP.split())


@lru_cache(maxsize=400_000)
def terms(word: str) -> tuple[str, ...]:
    """The terms of one word as it stands in a text: its parts, and the whole where it has several."""
    if len(word) > LONGEST:
        # What is longer is a hash, a key or data; a long identifier is still worth its parts.
        if sum(map(str.isdigit, word)) * 4 > len(word):
            return ()
        return tuple(stem(part.lower()) for part in PART.findall(word[:200]) if 1 < len(part) <= LONGEST)
    if word.isdigit():
        return (word,) if len(word) <= 6 else ()
    parts = PART.findall(word) if word.isascii() else _foreign(word)
    if len(parts) <= 1:
        low = word.strip("_").lower()
        return (stem(low),) if low else ()
    found = [stem(part.lower()) for part in parts]
    return (*found, word.strip("_").lower())


def _foreign(word: str) -> list[str]:
    if CJK.search(word):  # written without spaces: pairs of letters stand for words
        return [word[at : at + 2] for at in range(max(len(word) - 1, 1))]
    return [word]


def split(text: str) -> list[str]:
    """All terms of a text, in order and repeated as they are."""
    found: list[str] = []
    for word in words(text):
        found += terms(word)
    return found


def words(text: str) -> Iterable[str]:
    """The words of a text, identifiers whole."""
    return TOKEN.findall(text) if text.isascii() else re.findall(r"\w+", text)


def query_terms(query: str) -> dict[str, float]:
    """The terms of a query with their weights; words that say nothing are left out where others stand."""
    counted: dict[str, float] = {}
    for word in list(words(query[:4_000]))[:200]:
        if word.lower() in STOP:
            continue
        for term in terms(word):
            counted[term] = min(counted.get(term, 0.0) + 1.0, 2.0)
    return counted or {term: 1.0 for word in words(query[:4_000]) for term in terms(word)}


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """A word without the usual English endings; short words and numbers stay as they are."""
    if len(word) <= 3 or not word.isalpha() or not word.isascii():
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and any(letter in "aeiouy" for letter in rest):
            return _undoubled(rest)
    if word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _undoubled(word: str) -> str:
    if word[-1] == word[-2] and word[-1] not in "lsz":
        return word[:-1]
    return word[:-1] if word.endswith("e") else word
