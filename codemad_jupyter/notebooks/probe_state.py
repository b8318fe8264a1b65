"""What went wrong last in the kernel, what ran before, what is imported.

Runs inside the user's kernel (Python 3.9 or newer, standard library alone).
"""

from __future__ import annotations

import linecache
import re
import sys
import types
from typing import Any

from codemad_jupyter.notebooks.probe_safe import (
    PLAIN_TEXT,
    cut,
    is_a,
    masked,
    module_of,
    mro,
    one_of,
    type_name,
)

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
CELL_FILE = re.compile(r"^<ipython-input-|ipykernel_\d+[/\\]")
LONGEST_SOURCE = 6000
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]
_FIELDS: Any = vars(types.ModuleType)["__dict__"]
_CLASS_FIELDS: Any = type.__dict__["__dict__"]
_ARGS: Any = BaseException.__dict__["args"]


def last_error(shell: Any, known: tuple[str, ...]) -> dict[str, Any] | None:
    """The last exception a cell ended with; None when there was none."""
    error = getattr(sys, "last_value", None)
    if error is None:
        error = getattr(sys, "last_exc", None)
    if error is None or not is_a(error, BaseException):
        return None
    name = type_name(type(error), full=False)
    steps = cell_steps(shell, error)
    filename, line = failing_place(shell, error, steps)
    source, count = cell_source(shell, filename)
    return {
        "name": name,
        "message": masked(message(shell, error, name, count), 2000, known),
        "cell_source": masked(source, LONGEST_SOURCE, known),
        "line": line,
        "frames": [masked(frame_text(shell, *step), 300, known) for step in shorten(steps)],
        "detail": when(shell, count),
    }


def message(shell: Any, error: Any, name: str, count: int | None) -> str:
    """The message, if possible as the kernel has kept it: asking the exception could run user code."""
    if is_a(error, SyntaxError):
        text = SyntaxError.__dict__["msg"].__get__(error)
        return text if type(text) is str else ""
    kept = getattr(shell.history_manager, "exceptions", {}).get(count, {})
    if kept.get("ename") == name and type(kept.get("evalue")) is str:
        return ANSI.sub("", kept["evalue"])
    arguments = _ARGS.__get__(error)
    owner = next(base for base in mro(error) if "__str__" in _CLASS_FIELDS.__get__(base))
    if module_of(owner) == "builtins" and all(one_of(item, PLAIN_TEXT) for item in arguments):
        return str(error)
    shown = getattr(shell, "_last_traceback", None)
    if type(shown) is list and shown and type(shown[-1]) is str:
        text = ANSI.sub("", shown[-1]).strip()
        if text.startswith(name + ":"):
            return text[len(name) + 1 :].strip()
    return ", ".join(item for item in arguments if type(item) is str)


def cell_steps(shell: Any, error: Any) -> list[tuple[str, int, str]]:
    """(file, line, function) from the outermost frame of a cell inwards."""
    steps: list[tuple[str, int, str]] = []
    trace = _TRACEBACK.__get__(error)
    while trace is not None and len(steps) < 2000:
        code = trace.tb_frame.f_code
        if steps or is_cell(shell, code.co_filename):
            steps.append((code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return steps


def shorten(steps: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """The ends of a deep stack."""
    return steps if len(steps) <= 20 else steps[:8] + steps[-12:]


def is_cell(shell: Any, filename: str) -> bool:
    """Is it the name under which the shell compiled a cell?"""
    names = getattr(shell.compile, "_filename_map", {})
    return filename in names or CELL_FILE.search(filename) is not None


def failing_place(shell: Any, error: Any, steps: list[tuple[str, int, str]]) -> tuple[str, int | None]:
    """The cell that was run and its line; for a syntax error where the parser stopped."""
    if steps:
        return steps[0][0], steps[0][1]
    if is_a(error, SyntaxError):
        filename = SyntaxError.__dict__["filename"].__get__(error)
        line = SyntaxError.__dict__["lineno"].__get__(error)
        if type(filename) is str and is_cell(shell, filename):
            return filename, line if type(line) is int else None
    return "", None


def cell_source(shell: Any, filename: str) -> tuple[str, int | None]:
    """What was typed into the cell, and its execution count where that is sure."""
    compiled = "".join(cached_lines(filename))
    count = getattr(shell.compile, "_filename_map", {}).get(filename)
    history = shell.history_manager
    if type(count) is not int or not 0 < count < len(history.input_hist_parsed):
        return compiled, None
    same = history.input_hist_parsed[count].strip() == compiled.strip()
    return (history.input_hist_raw[count], count) if same else (compiled, None)


def cached_lines(filename: str) -> list[str]:
    """The lines of a cell that Python keeps for tracebacks."""
    entry: Any = linecache.cache.get(filename, ())
    return list(entry[2]) if len(entry) == 4 else []


def frame_text(shell: Any, filename: str, line: int, function: str) -> str:
    """One frame as a line of text; only cells are quoted, files are not opened."""
    if not is_cell(shell, filename):
        return filename + ":" + str(line) + " in " + function
    lines = cached_lines(filename)
    quoted = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    count = getattr(shell.compile, "_filename_map", {}).get(filename)
    return "cell [" + str(count or "?") + "] line " + str(line) + " in " + function + ": " + quoted


def when(shell: Any, count: int | None) -> dict[str, Any]:
    """Which run failed, and how many came after it."""
    if count is None:
        return {}
    runs = len(shell.history_manager.input_hist_raw) - 1
    return {"execution_count": count, "runs_since": max(runs - count, 0)}


def history(shell: Any, known: tuple[str, ...]) -> list[str]:
    """The last inputs, oldest first."""
    inputs = [text for text in shell.history_manager.input_hist_raw[-10:] if text]
    return [masked(text, 2000, known) for text in inputs]


def imports(space: list[tuple[Any, Any]]) -> list[str]:
    """``alias = module version`` of every module the notebook imported by name."""
    return [
        module_text(name, module)
        for name, module in space
        if type(name) is str and not name.startswith("_") and is_a(module, types.ModuleType)
    ][:200]


def module_text(alias: str, module: Any) -> str:
    """A module and its version, read from its dictionary: its ``__getattr__`` may import things."""
    fields = _FIELDS.__get__(module)
    name = fields.get("__name__")
    if type(name) is not str:
        return alias
    version = fields.get("__version__")
    if type(version) is not str:
        root = sys.modules.get(name.partition(".")[0])
        version = _FIELDS.__get__(root).get("__version__") if is_a(root, types.ModuleType) else None
    return cut(alias + " = " + name + (" " + version if type(version) is str else ""), 200)
