"""Trees of texts, within limits of time and size, or the reason why there is none.

A parser may need seconds for a megabyte of garbage, and for some texts of one short pattern repeated
thousands of times memory that grows with the square of their length: both are given up on here.
"""

import importlib
import re
import threading
import time
import zlib
from typing import TYPE_CHECKING

from codemad_jupyter.context.chunking.grammar import Grammar

if TYPE_CHECKING:
    from tree_sitter import Language, Tree

MOST_BYTES = 1_500_000
SECONDS = 1.0
PIECE = 65_536
SHORT = 4_096
"""A text below this size cannot do harm."""
_languages: dict[tuple[str, str], "Language"] = {}
_lock = threading.Lock()
_PLAIN = bytes(byte for byte in range(256) if chr(byte).isalnum() or byte > 127 or byte <= 32)
_HARMLESS = _PLAIN + b"_,.;:=+-\"'"
_PAIRS = re.compile(rb"\(\)|\[\]|\{\}")
_REPEATED = re.compile(rb"(.{1,6}?)\1{999}", re.DOTALL)


class NotParsed(Exception):
    """There is no tree; the text says why."""


def encoded(text: str) -> bytes:
    """The text for a parser: lone surrogates and NULs replaced, rows as before."""
    return text.replace("\0", " ").encode("utf-8", "replace")


def parse(source: bytes, grammar: Grammar, *, seconds: float = SECONDS) -> "Tree":
    """The syntax tree. Raises `NotParsed`."""
    if len(source) > MOST_BYTES:
        raise NotParsed(f"larger than {MOST_BYTES} bytes")
    if repeats(source):
        raise NotParsed("one pattern is repeated all over")
    from tree_sitter import Parser

    end = time.monotonic() + seconds
    try:
        return Parser(language_for(grammar)).parse(
            lambda offset, _: source[offset : offset + PIECE],
            progress_callback=lambda _offset, _failed: time.monotonic() > end,
        )
    except ImportError as error:
        raise NotParsed(f"no grammar is installed ({error})") from error
    except ValueError as error:
        raise NotParsed(f"not parsed within {seconds:g} s") from error


def repeats(source: bytes) -> bool:
    """Is some short pattern of marks repeated a thousand times, as nobody writes it?"""
    if len(source) < SHORT:
        return False
    marks = source.translate(None, _HARMLESS)
    for _ in range(2):
        marks = _PAIRS.sub(b"", marks)
    if len(zlib.compress(marks, 1)) * 8 > len(marks):
        return False
    return _REPEATED.search(marks) is not None


def language_for(grammar: Grammar) -> "Language":
    """The compiled language of a grammar, loaded once; `ImportError` where it is not installed."""
    key = (grammar.package, grammar.entry)
    with _lock:
        if key not in _languages:
            from tree_sitter import Language

            _languages[key] = Language(getattr(importlib.import_module(grammar.package), grammar.entry)())
        return _languages[key]
