"""Owns the measure of how random a word looks, for secrets that no maker's pattern names.

A random word changes between capitals, small letters and digits at every second character and repeats
little; identifiers, paths and numbered names do neither. Hexadecimal words are left alone: hashes of
commits, files and cells look the same as keys, and keys stand behind a telling name.
"""

import itertools
import math
import re
from collections import Counter

SHORTEST, LONGEST = 20, 256
"""Longer ones are images and other data."""

MIXED_ENTROPY = 0.80
"""Part of the entropy that so many different characters could have."""
MIXED_CHANGES = 0.40
PLAIN_CHANGES = 0.24
PLAIN_SHORTEST = 24

_WORD = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,256}={0,2}(?![A-Za-z0-9+/_-])")
_HEX = re.compile(r"(?:[0-9a-f]+|[0-9A-F]+)\Z")
_HASH = re.compile(r"[0-9a-f]{16,}\Z")
_PARTS = re.compile(r"[+/_-]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PUBLIC = re.compile(r"sha(?:1|224|256|384|512)[-_]|AAAA[BCE]|(?:iVBORw0KGgo|R0lGOD|/9j/4)")
"""Beginnings of what is no secret: checksums, public keys, images."""


def random_words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where words that look random stand between two places of the text."""
    return [
        found.span()
        for found in _WORD.finditer(text, start, end)
        if looks_random(found[0]) and not text.startswith("base64,", max(found.start() - 7, 0))
    ]


def looks_random(word: str) -> bool:
    """Whether nobody would have thought of this word."""
    bare = "/".join(part for part in word.rstrip("=").split("/") if not _HASH.match(part))
    if not SHORTEST <= len(bare) <= LONGEST or _PUBLIC.match(bare) or _UUID.search(bare):
        return False
    core = _PARTS.sub("", bare)
    if len(core) < SHORTEST - 2 or _HEX.match(core) or not any(map(str.isdigit, core)):
        return False
    if max(map(len, _PARTS.split(bare))) < 8 and len(_PARTS.split(bare)) > 4:
        return False  # many short words: a path or a title
    upper, lower = any(map(str.isupper, core)), any(map(str.islower, core))
    if upper and lower:
        return entropy(core) >= MIXED_ENTROPY * _most(len(core), 62) and changes(core) >= MIXED_CHANGES
    if len(core) < PLAIN_SHORTEST:
        return False
    return entropy(core) >= MIXED_ENTROPY * _most(len(core), 36) and changes(core) >= PLAIN_CHANGES


def entropy(word: str) -> float:
    """Shannon entropy in bits a character."""
    total = len(word)
    return -sum(n / total * math.log2(n / total) for n in Counter(word).values()) if total else 0.0


def changes(word: str) -> float:
    """How often two neighbours are of different kinds: capital, small letter, digit."""
    kinds = [0 if c.isdigit() else 1 if c.isupper() else 2 for c in word]
    return sum(a != b for a, b in itertools.pairwise(kinds)) / max(len(word) - 1, 1)


def _most(length: int, alphabet: int) -> float:
    return math.log2(min(length, alphabet))
