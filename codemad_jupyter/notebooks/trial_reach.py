"""Which objects the tried code can touch: what it names, what that holds, and what its functions name.

Runs inside a trial (Python 3.9 or newer, standard library alone). A name is worth comparing when it
leads to one of those objects; everything else is left unread.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from typing import Any

from codemad_jupyter.notebooks.probe_safe import module_of
from codemad_jupyter.notebooks.trial_values import ATOM_IDS, instance_dict, is_array, isinstance_of_type

NAMING = frozenset(
    {
        "LOAD_NAME",
        "LOAD_GLOBAL",
        "STORE_NAME",
        "STORE_GLOBAL",
        "DELETE_NAME",
        "DELETE_GLOBAL",
        "LOAD_FROM_DICT_OR_GLOBALS",
    }
)
WILD = frozenset(
    {
        "globals",
        "locals",
        "vars",
        "eval",
        "exec",
        "get_ipython",
        "sys",
        "gc",
        "inspect",
        "ctypes",
        "__import__",
    }
)
MOST_OBJECTS, MOST_HELD = 50_000, 20_000


def names_in(code: Any) -> set[str]:
    """Global names that compiled code and the functions in it read or write."""
    found: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in NAMING:
            found.add(str(step.argval))
    for inner in code.co_consts:
        if type(inner) is types.CodeType:
            found |= names_in(inner)
    return found


def held_by(value: Any, space: dict[str, Any]) -> list[Any]:
    """What a value leads to: elements, attributes, the memory it is a view of, names of a function."""
    kind = type(value)
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        return list(value) if len(value) <= MOST_HELD else []
    if kind is dict:
        return [*value.values()] if len(value) <= MOST_HELD else []
    if kind is types.FunctionType:
        return of_function(value, space)
    if kind is types.MethodType:
        return [value.__self__, value.__func__]
    if kind is functools.partial:
        return [value.func, *value.args, *value.keywords.values()]
    if kind is types.ModuleType:
        return []
    if isinstance_of_type(value):
        own = module_of(value) == "__main__"
        return list(type.__dict__["__dict__"].__get__(value).values()) if own else []
    root = module_of(kind).partition(".")[0]
    if root == "numpy" and is_array(value):
        return [value.base]
    if root == "pandas" and kind.__name__ in ("DataFrame", "Series"):
        manager = instance_dict(value).get("_mgr")
        return [block.values for block in getattr(manager, "blocks", ())]
    return list(instance_dict(value).values())


def of_function(function: Any, space: dict[str, Any]) -> list[Any]:
    """The variables a function names, its defaults and what its closure holds."""
    held: list[Any] = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for cell in function.__closure__ or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:
            continue
    wrapped = instance_dict(function).get("__wrapped__")
    held += [wrapped] if wrapped is not None else []
    if function.__globals__ is space:
        held += [space[name] for name in names_in(function.__code__) if name in space]
    return held


def reach(values: list[Any], space: dict[str, Any], most: int = MOST_OBJECTS) -> tuple[set[int], bool]:
    """The identities of all objects that these lead to; the second value says that it is all of them."""
    found: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if id(type(value)) in ATOM_IDS or id(value) in found or value is space:
            continue
        found.add(id(value))
        if len(found) > most:
            return found, False
        waiting += held_by(value, space)
    return found, True


def candidates(codes: list[Any], names: list[str], space: dict[str, Any]) -> tuple[list[str], bool]:
    """The names whose objects the code can touch, those it names first; the second value says whether
    that is certain. Code that reaches names by other ways can touch them all."""
    used: set[str] = set()
    for code in codes:
        used |= names_in(code)
    first = [name for name in names if name in used]
    rest = [name for name in names if name not in used]
    modules = sys.modules
    if used & WILD or any(
        type(space.get(name)) is types.ModuleType and space[name] is modules.get("__main__") for name in used
    ):
        return first + rest, True
    touched, complete = reach([space[name] for name in used if name in space], space)
    if not complete:
        return first + rest, False
    more = []
    for name in rest:
        own, whole = reach([space[name]], space, 2000)
        if not whole or not own.isdisjoint(touched):
            more.append(name)
    return first + more, True
