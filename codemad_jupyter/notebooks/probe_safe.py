"""What a look may touch: type names, secrets and short previews, without running anybody's code.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone); `inspect` sends its
text there together with the other ``probe_*`` files. ``isinstance``, ``repr``, ``len`` and attribute
access can all run code of a class, so types are compared by identity and read through descriptors.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import os
import pathlib
import re
import sys
import time
from typing import Any

MASK = "[masked]"
LONGEST_SCANNED = 4000
SECRET_NAME = re.compile(r"key|token|passw|passphrase|pwd|secret|credential|auth(?!or)|cookie", re.IGNORECASE)
PASSWORD_NAME = re.compile(r"passw|passphrase|pwd|secret", re.IGNORECASE)
SECRET_SHAPE = re.compile(
    r"sk-[\w-]{12,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{30,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|xox[abposr]-[\w-]{10,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=[Bb]earer )[\w.~+/=-]{12,}",
    re.DOTALL,
)
LONGEST_SECRET = 4000  # a private key of 4,096 bits has some 3,300 characters
URL_PASSWORD = re.compile(
    r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@'\"]{0,256}):[^\s'\"]{1,256}@"
)
ASSIGNED_SECRET = re.compile(
    r"((?:(?:api|access|private|signing|encryption|client|account|auth)[_-]?key|token|passw(?:or)?d|passphrase|pwd"
    r"|secret|credential)\w*['\"]?\]?\s*[:=]\s*[rbfu]{0,2})(['\"])(?:(?!\2)[^\n\\]|\\.)+\2",
    re.IGNORECASE,
)

ASSIGNED_NUMBER = re.compile(r"((?:passw|passphrase|pwd|secret)\w*['\"]?\]?\s*[:=]\s*)\d{3,}", re.IGNORECASE)

_QUALNAME: Any = type.__dict__["__qualname__"]
_MODULE: Any = type.__dict__["__module__"]
_MRO: Any = type.__dict__["__mro__"]

NUMBERS = (int, float, complex, bool)
CONTAINERS = (list, tuple, set, frozenset, dict)
PLAIN_TEXT = (*NUMBERS, str, type(None))
MOMENTS = (datetime.date, datetime.timedelta, decimal.Decimal, range, pathlib.PosixPath, pathlib.WindowsPath)


class Clock:
    """The time a look may take."""

    def __init__(self, seconds: float) -> None:
        self.start = time.monotonic()
        self.seconds = seconds

    def spent(self) -> float:
        """The part of the time that is gone, 1.0 and more when it is up."""
        return (time.monotonic() - self.start) / self.seconds if self.seconds > 0 else 1.0


def mro(value: Any) -> tuple[type, ...]:
    """The classes of a value. ``value.__class__`` may be somebody's property; ``type`` is not."""
    found: tuple[type, ...] = _MRO.__get__(type(value))
    return found


def is_a(value: Any, *kinds: Any) -> bool:
    """Like ``isinstance``, which falls back on ``__class__``; this never leaves the real type."""
    return any(base is kind for base in mro(value) for kind in kinds)


def one_of(value: Any, kinds: tuple[Any, ...]) -> bool:
    """Is the value exactly of one of these types? ``in`` would ask a metaclass's ``__eq__``."""
    cls = type(value)
    return any(cls is kind for kind in kinds)


def module_of(cls: type) -> str:
    """The module a class says it is from; empty when it says something odd."""
    try:
        module = _MODULE.__get__(cls)
    except AttributeError:
        return ""
    return module if type(module) is str else ""


def type_name(cls: type, *, full: bool = True) -> str:
    """``module.Name``, or the name alone for builtins and classes of the notebook."""
    name, module = str(_QUALNAME.__get__(cls)), module_of(cls)
    plain = not full or module in ("", "builtins", "__main__")
    return (name if plain else module + "." + name)[:200]


def own_attribute(value: Any, name: str) -> Any:
    """An entry of the instance's dictionary, found without asking the class; None when absent."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found.get(name) if type(found) is dict else None


def environment_secrets() -> tuple[str, ...]:
    """Values of environment variables whose names say that they are secret."""
    pairs = list(os.environ.items())
    return tuple(value for name, value in pairs if len(value) >= 8 and SECRET_NAME.search(name))


def mask(text: str, known: tuple[str, ...] = ()) -> str:
    """The text without secrets: known values, known shapes, and literals assigned to telling names."""
    for value in known:
        text = text.replace(value, MASK)
    text = SECRET_SHAPE.sub(MASK, text)
    text = URL_PASSWORD.sub(r"\1:" + MASK + "@", text)
    text = ASSIGNED_NUMBER.sub(r"\1" + MASK, text)
    return ASSIGNED_SECRET.sub(r"\1\2" + MASK + r"\2", text)


def masked(text: str, limit: int, known: tuple[str, ...]) -> str:
    """At most ``limit`` characters without secrets. Only what may be shown, and as much behind it as
    the longest secret takes, is searched: a cell of a megabyte costs no more than a page."""
    shown = cut(mask(text[: limit + LONGEST_SECRET], known), limit)
    return shown if shown.endswith("…") or len(text) <= limit + LONGEST_SECRET else shown + "…"


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def preview(value: Any, name: str, limit: int, known: tuple[str, ...]) -> str:
    """A short text for plain builtins, secrets masked; the type's name for anything else."""
    if hides(name, value):
        return MASK
    return cut(render(value, min(limit, 600), 0, known), limit)


def hides(name: str, value: Any) -> bool:
    """Does the name say that the value is a secret? Counts such as ``n_tokens`` are not."""
    if value is None or type(value) is bool:
        return False
    pattern = PASSWORD_NAME if one_of(value, NUMBERS) else SECRET_NAME
    return pattern.search(name) is not None


def render(value: Any, limit: int, depth: int, known: tuple[str, ...]) -> str:
    """Like ``repr`` for exact builtin types; elements of other types appear by type name."""
    if value is None or one_of(value, NUMBERS):
        return number_text(value)
    if type(value) is str:
        return repr(cut(mask(value[:LONGEST_SCANNED], known), limit))
    if type(value) is bytes or type(value) is bytearray:
        text = bytes(value[:LONGEST_SCANNED]).decode("latin-1")
        return "b" + repr(cut(mask(text, known), limit))
    if one_of(value, CONTAINERS):
        return container_text(value, limit, depth, known)
    if one_of(value, MOMENTS):
        return cut(mask(repr(value), known), limit)
    if type(value) is datetime.datetime and one_of(value.tzinfo, (type(None), datetime.timezone)):
        return repr(value)
    if is_numpy_scalar(value):
        item = value.item()
        known_type = one_of(item, (*NUMBERS, *MOMENTS, str, bytes))
        return render(item, limit, depth, known) if known_type else cut(str(value), limit)
    return "<" + type_name(type(value)) + ">"


def is_numpy_scalar(value: Any) -> bool:
    """Is it one of numpy's own scalars?"""
    numpy = sys.modules.get("numpy")
    return numpy is not None and module_of(type(value)) == "numpy" and is_a(value, numpy.generic)


def number_text(value: Any) -> str:
    """A number; a huge integer by its size, for its digits cost quadratic time."""
    if type(value) is int and value.bit_length() > 512:
        return "<int of " + str(value.bit_length()) + " bits>"
    return repr(value)


def container_text(value: Any, limit: int, depth: int, known: tuple[str, ...]) -> str:
    """The first elements of a list, tuple, set or dict."""
    size, inner = len(value), min(limit, 80)
    if depth >= 3:
        return "<" + type_name(type(value)) + " of " + str(size) + ">"
    shown = list(itertools.islice(value.items() if type(value) is dict else value, 6))
    if type(value) is dict:
        parts = [entry_text(key, item, inner, depth, known) for key, item in shown]
    else:
        parts = [render(item, inner, depth + 1, known) for item in shown]
    if size > len(shown):
        parts.append("… " + str(size - len(shown)) + " more")
    marks = "[]" if type(value) is list else "()" if type(value) is tuple else "{}"
    return marks[0] + ", ".join(parts) + marks[1]


def entry_text(key: Any, value: Any, limit: int, depth: int, known: tuple[str, ...]) -> str:
    """An entry of a dictionary; its value is masked when its key says so."""
    hidden = type(key) is str and hides(key, value)
    shown = repr(MASK) if hidden else render(value, limit, depth + 1, known)
    return render(key, limit, depth + 1, known) + ": " + shown
