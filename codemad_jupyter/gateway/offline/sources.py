"""Python source of a cell: parsed with magics masked, and changed at exact places. Never run."""

import ast
import re
import warnings
from collections.abc import Iterable

MAX_SOURCE = 60_000
_MAGIC = re.compile(r"^(\s*)([%!?].*|.*\?)$")


def masked(source: str) -> str:
    """The source with magic and shell lines made into ``pass``, so that Python can read the rest."""
    lines = source.split("\n")
    if lines and lines[0].lstrip().startswith("%%"):
        lines[0] = "pass" if lines[0].split()[0] in ("%%time", "%%timeit", "%%capture", "%%prun") else "#"
    return "\n".join(_without_magic(line) for line in lines)


def _without_magic(line: str) -> str:
    match = _MAGIC.match(line) if len(line) < 2000 else None
    if match and match.group(2).startswith(("%", "!", "?")):
        return f"{match.group(1)}pass"
    return line


def parsed(source: str) -> ast.Module | None:
    """The tree, or None where the source is no Python or too long."""
    if len(source) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(masked(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def syntax_error(source: str) -> SyntaxError | None:
    """What Python says about the source; None when it is fine."""
    if len(source) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(masked(source))
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def replaced(source: str, nodes: Iterable[ast.AST], text: str) -> str:
    """The source with every node replaced by the text, wherever it stands."""
    lines = source.split("\n")
    places = sorted({_place(node) for node in nodes}, reverse=True)
    for line, start, end_line, end in places:
        head, tail = _bytes_cut(lines[line - 1], start)[0], _bytes_cut(lines[end_line - 1], end)[1]
        lines[line - 1 : end_line] = [head + text + tail]
    return "\n".join(lines)


def _place(node: ast.AST) -> tuple[int, int, int, int]:
    return (
        getattr(node, "lineno", 1),
        getattr(node, "col_offset", 0),
        getattr(node, "end_lineno", 1),
        getattr(node, "end_col_offset", 0),
    )


def _bytes_cut(line: str, at: int) -> tuple[str, str]:
    """AST columns count UTF-8 bytes."""
    raw = line.encode("utf-8", "surrogatepass")
    return raw[:at].decode("utf-8", "surrogatepass"), raw[at:].decode("utf-8", "surrogatepass")


def with_first_line(source: str, line: str) -> str:
    """The source with a line put before the first statement, behind a cell magic and future imports."""
    lines = source.split("\n")
    at = 1 if lines and lines[0].lstrip().startswith("%%") else 0
    while at < len(lines) and re.match(r"\s*from __future__ ", lines[at]):
        at += 1
    return "\n".join([*lines[:at], line, *lines[at:]])


def assigned(source: str) -> frozenset[str]:
    """Names that the source binds at its top level: variables, functions, classes, imports."""
    tree = parsed(source)
    found: set[str] = set()
    for node in _top_level(tree.body if tree else []):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        else:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
            found.update(name.id for name in stored)
    return frozenset(found)


def _top_level(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """Statements that run in the cell's own scope, those inside if, for, with and try among them."""
    found: list[ast.stmt] = []
    for node in body:
        found.append(node)
        for inner in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found += _top_level(getattr(node, inner, []))
    return found
