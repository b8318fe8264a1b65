"""The cases that must hold, by id: how grave, which tests prove them, and what has no surface yet.

The tests of this folder name their cases by the mark ``case``; those elsewhere stand in ``cases.json``.
Nothing is run here.
"""

import ast
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
NO_SURFACE: dict[str, str] = {}
"""Cases about parts that the product does not have, each with the reason."""
PARTLY: dict[str, str] = {}
"""Cases of which a part has no surface yet: what is proved, and what is missing."""


@dataclass(frozen=True)
class Case:
    """A case with the node ids of the tests that prove it; ``boxed`` are those that depend on the sandbox."""

    id: str
    severity: str
    title: str
    proofs: tuple[str, ...]
    boxed: tuple[str, ...]


@cache
def cases() -> tuple[Case, ...]:
    """All cases, in their order."""
    marked = list(_marked())
    found = []
    for name, given in json.loads((HERE / "cases.json").read_text(encoding="utf-8")).items():
        own = [(node, boxed) for node, ids, boxed in marked if name in ids]
        elsewhere = [f"tests/{node}" for node in given["elsewhere"]]
        proofs = dict.fromkeys([*(node for node, _ in own), *elsewhere])
        boxed = tuple(dict.fromkeys(node for node, is_boxed in own if is_boxed))
        found.append(Case(name, given["severity"], given["title"], tuple(proofs), boxed))
    return tuple(found)


def _marked() -> Iterator[tuple[str, list[str], bool]]:
    """The tests of this folder with the cases they name, and whether they depend on the sandbox."""
    for path in sorted(HERE.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        boxed = any("mark.boxed" in ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                ids = [name for each in node.decorator_list for name in _ids(each)]
                own = any("mark.boxed" in ast.unparse(each) for each in node.decorator_list)
                yield f"tests/hostile/{path.name}::{node.name}", ids, boxed or own


def _ids(decorator: ast.expr) -> list[str]:
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.case":
        return []
    return [each.value for each in decorator.args if isinstance(each, ast.Constant)]


@functools.cache
def functions(path: Path) -> set[str]:
    """The names of the tests in a file, those in classes with the class before them."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        tests = (each for each in inner if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
        found |= {f"{before}{each.name}" for each in tests}
    return found
