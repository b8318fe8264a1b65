"""The look itself: all variables (or some in more depth), the last error, what runs.

Runs inside the user's kernel, of any environment with Python 3.9 or newer, on the standard library
alone. It imports nothing for the user, adds no name to the namespace, leaves ``_``, ``In`` and ``Out``
alone, and ends within its time and size. The host's half is `inspect`.
"""

from __future__ import annotations

import json
import sys
import types
from typing import Any

from codemad_jupyter.notebooks.probe_busy import busy
from codemad_jupyter.notebooks.probe_safe import (
    CONTAINERS,
    MOMENTS,
    NUMBERS,
    Clock,
    cut,
    environment_secrets,
    is_a,
    is_numpy_scalar,
    mask,
    one_of,
    preview,
    type_name,
)
from codemad_jupyter.notebooks.probe_state import history, imports, last_error
from codemad_jupyter.notebooks.probe_tables import table

MOST_CHARACTERS = 200_000
USUAL_FACT = 160
KEPT_BACK = 60_000  # for the error, the history and the imports
MOST_VARIABLES = 1000
TEXTS = (str, bytes, bytearray)


def report(names: tuple[str, ...] = (), deadline: float = 0.5, shell: Any = None) -> str:
    """JSON text of a KernelReport."""
    clock = Clock(deadline)
    if shell is None:
        shell = sys.modules["IPython.core.getipython"].get_ipython()
    known = environment_secrets()
    space = list(shell.user_ns.items())
    found = {
        "language": "python",
        "version": sys.version.split()[0],
        "busy": busy(shell),
        "last_error": attempt(last_error, shell, known),
        "history": attempt(history, shell, known) or [],
        "modules": imports(space),
    }
    chosen = [pair for pair in space if wanted(shell, pair, names)]
    chosen.sort(key=lambda pair: is_a(pair[1], type, types.FunctionType, types.BuiltinFunctionType))
    found["variables"], found["truncated"] = variables(chosen, bool(names), clock, known)
    found["seconds"] = round(clock.spent() * clock.seconds, 4)
    return to_json(found)


def attempt(look: Any, *arguments: Any) -> Any:
    """The result of a look, or None: a shell that keeps things elsewhere must not hide the variables."""
    try:
        return look(*arguments)
    except Exception:
        return None


def wanted(shell: Any, pair: tuple[Any, Any], names: tuple[str, ...]) -> bool:
    """Is it a variable of the user's, or one that was asked for?"""
    name, value = pair
    if type(name) is not str:
        return False
    if names:
        return name in names
    if name.startswith("_") or is_a(value, types.ModuleType):
        return False
    hidden = shell.user_ns_hidden
    return name not in hidden or hidden[name] is not value


def variables(
    chosen: list[tuple[str, Any]], deep: bool, clock: Clock, known: tuple[str, ...]
) -> tuple[list[dict[str, Any]], bool]:
    """Facts about each until time, number or size is used up; the second value says that it was."""
    facts: list[dict[str, Any]] = []
    left = MOST_CHARACTERS - KEPT_BACK
    for at, (name, value) in enumerate(chosen):
        if clock.spent() >= 1 or at == MOST_VARIABLES:
            return facts, True
        others = min(len(chosen) - at - 1, MOST_VARIABLES)
        fact = fitted(safe_facts(name, value, deep, clock, known), left - USUAL_FACT * others)
        left -= len(to_json(fact))
        if left < 0:
            return facts, True
        facts.append(fact)
    return facts, False


def fitted(fact: dict[str, Any], room: int) -> dict[str, Any]:
    """The fact with as many columns as there is room for; a wide table must not hide what follows it."""
    size, columns = len(to_json(fact)), fact.get("columns", [])
    if size <= room or len(columns) <= 5:
        return fact
    kept = max(int(len(columns) * max(room, 0) / size), 5)
    return {
        **fact,
        "columns": columns[:kept],
        "more_columns": fact.get("more_columns", 0) + len(columns) - kept,
    }


def to_json(value: Any) -> str:
    """JSON text without lone surrogates, which no other program would take."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        .encode("utf-8", "replace")
        .decode("utf-8")
    )


def safe_facts(name: str, value: Any, deep: bool, clock: Clock, known: tuple[str, ...]) -> dict[str, Any]:
    """Facts about one variable; only its type where the rest fails, as when a cell changes it just now."""
    base = {"name": cut(name, 200), "type": type_name(type(value)), "kind": "other"}
    try:
        return {**base, **(table(value, deep, clock) or plain_facts(name, value, deep, known))}
    except Exception:
        return base


def plain_facts(name: str, value: Any, deep: bool, known: tuple[str, ...]) -> dict[str, Any]:
    """Facts about anything that is not a table."""
    limit = 2000 if deep else 200
    if type(value) is types.FunctionType:
        doc = first_line(value.__doc__, known)
        return {"kind": "function", "signature": signature(value, known), "doc": doc}
    if is_a(value, type):
        return {"kind": "class", "doc": first_line(class_doc(value), known)}
    if is_a(value, types.ModuleType):
        return {"kind": "module"}
    if one_of(value, (*TEXTS, *CONTAINERS)):
        kind = "text" if one_of(value, TEXTS) else "collection"
        shown = preview(value, name, limit, known)
        return {"kind": kind, "shape": [len(value)], "memory": sys.getsizeof(value), "preview": shown}
    if one_of(value, NUMBERS) or is_numpy_scalar(value):
        return {"kind": "number", "preview": preview(value, name, limit, known)}
    if value is None or one_of(value, MOMENTS):
        return {"kind": "other", "preview": preview(value, name, limit, known)}
    return {"kind": "other"}


def signature(function: types.FunctionType, known: tuple[str, ...]) -> str:
    """The parameters as written. ``inspect.signature`` would call the ``repr`` of every default."""
    code, defaults = function.__code__, function.__defaults__ or ()
    plain = list(code.co_varnames[: code.co_argcount])
    keyword = list(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
    rest = list(code.co_varnames[code.co_argcount + code.co_kwonlyargcount :])
    given = dict(zip(plain[len(plain) - len(defaults) :], defaults))  # noqa: B905
    given.update(function.__kwdefaults__ or {})
    parts = [parameter(function, name, given, known) for name in plain]
    if code.co_posonlyargcount:
        parts.insert(code.co_posonlyargcount, "/")
    if code.co_flags & 0x04:
        parts.append("*" + rest.pop(0))
    elif keyword:
        parts.append("*")
    parts += [parameter(function, name, given, known) for name in keyword]
    if code.co_flags & 0x08:
        parts.append("**" + rest.pop(0))
    return cut("(" + ", ".join(parts) + ")", 400)


def parameter(function: types.FunctionType, name: str, given: dict[str, Any], known: tuple[str, ...]) -> str:
    """One parameter with a plain annotation and its default."""
    hint = "" if sys.version_info >= (3, 14) else annotation(function.__annotations__.get(name))
    default = preview(given[name], name, 60, known) if name in given else ""
    return name + (": " + hint if hint else "") + ("=" + default if default else "")


def annotation(value: Any) -> str:
    """An annotation that is a name or an ordinary class; others may have a ``repr`` of their own."""
    if type(value) is str:
        return value
    return type_name(value) if is_a(value, type) else ""


def class_doc(cls: Any) -> Any:
    """The class's own docstring, from its dictionary."""
    return type.__dict__["__dict__"].__get__(cls).get("__doc__")


def first_line(doc: Any, known: tuple[str, ...]) -> str:
    """The first line of a docstring."""
    if type(doc) is not str:
        return ""
    lines = doc.strip().splitlines()
    return cut(mask(lines[0], known), 200) if lines else ""
