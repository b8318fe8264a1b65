"""Writes first pytest tests for a function: it is called with example values, and what its source
promises (type of the result, errors it raises) is checked."""

import ast
import re

from codemad_jupyter.gateway.offline.functions import Found, Function, described, locate
from codemad_jupyter.gateway.offline.installs import paths_of
from codemad_jupyter.gateway.offline.literals import is_name, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell, propose_file
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn, ask

FRAME = 'pd.DataFrame({"a": [1, 2, 3], "b": [2.0, 4.0, 6.0]})'
_BY_TYPE = (
    (r"DataFrame", FRAME),
    (r"Series", "pd.Series([1.0, 2.0, 3.0])"),
    (r"ndarray|array", "np.array([1.0, 2.0, 3.0])"),
    (r"^(list|List|Sequence|Iterable|Collection|tuple|Tuple|set)\b.*\bstr\b", '["a", "b", "c"]'),
    (r"^(list|List|Sequence|Iterable|Collection)\b", "[1, 2, 3]"),
    (r"^(tuple|Tuple)\b", "(1, 2, 3)"),
    (r"^(set|frozenset)\b", "{1, 2, 3}"),
    (r"^(dict|Dict|Mapping)\b", '{"a": 1}'),
    (r"\bPath\b", "tmp_path"),
    (r"\bbool\b", "True"),
    (r"\bstr\b", '"text"'),
    (r"\bfloat\b", "2.0"),
    (r"\bint\b", "2"),
)
_BY_NAME = (
    (r"^(df|frame|table|data)$|_df$", FRAME),
    (r"series|column", "pd.Series([1.0, 2.0, 3.0])"),
    (r"path|file|folder|directory", "tmp_path"),
    (r"text|name|word|string|title|label|message|^s$", '"text"'),
    (r"items|values|numbers|list|xs|ys|seq|rows|array", "[1, 2, 3]"),
    (r"dict|mapping|options|config", '{"a": 1}'),
    (r"flag|^is_|verbose", "True"),
    (r"func|callback|^f$|^fn$", "(lambda value: value)"),
)
_CHECKED = {"int", "float", "str", "bool", "list", "dict", "tuple", "set", "bytes"}


def pytest_skeleton(turn: Turn) -> Plan:
    """Propose tests beside the function: a cell for a cell, a file for a file."""
    found = yield from locate(turn)
    if found.owner:
        raise Answer(f"{described(found)} is a method; I write tests for plain functions only.")
    node = found.node
    if isinstance(node, ast.AsyncFunctionDef):
        raise Answer(f"{described(found)} is asynchronous; I write tests for plain functions only.")
    body, guesses = tests_of(node)
    if found.path is None:
        outcome = yield from propose_cell(_in_cell(node, body), title=f"Tests for {node.name}")
    else:
        taken = paths_of((yield from ask("list_files", pattern=f"test_{node.name}*.py")))
        path = _free_path(node.name, taken)
        content = f"{_import_of(found)}\n\n\n{body}\n"
        outcome = yield from propose_file(path, _imports(body) + content, title=f"Tests for {node.name}")
    guess = (
        f" The example values ({', '.join(map(shown, guesses))}) are guesses: put in yours."
        if guesses
        else ""
    )
    return (
        f"I wrote first tests for {described(found)}.{guess} They check what its source says, not what you "
        f"mean by it. {outcome}"
    )


def tests_of(node: Function) -> tuple[str, list[str]]:
    """The test functions, and the example values that had to be guessed."""
    call, fixtures, guesses = _call(node)
    parameters = ", ".join(fixtures)
    name = f"test_{node.name.lstrip('_')}"
    blocks = [f"def {name}_runs({parameters}):\n    result = {call}\n    {_check(node)}"]
    if not fixtures and not _changes(node):
        blocks.append(f"def {name}_is_repeatable():\n    assert repr({call}) == repr({call})")
    required = _required(node)
    if required:
        missing = f"    with pytest.raises(TypeError):\n        {node.name}()"
        blocks.append(f"def {name}_needs_its_arguments():\n{missing}")
    return "\n\n\n".join(blocks), guesses


def _required(node: Function) -> list[ast.arg]:
    args = [*node.args.posonlyargs, *node.args.args]
    needed = args[: len(args) - len(node.args.defaults)]
    keyword = [a for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is None]
    return [*needed, *keyword]


def _call(node: Function) -> tuple[str, list[str], list[str]]:
    keyword = {a.arg for a in node.args.kwonlyargs}
    parts, guesses, fixtures = [], [], []
    for arg in _required(node):
        value = _example(arg)
        if value == "tmp_path":
            fixtures = ["tmp_path"]
        guesses.append(value)
        parts.append(f"{arg.arg}={value}" if arg.arg in keyword else value)
    return f"{node.name}({', '.join(parts)})", fixtures, list(dict.fromkeys(guesses))


def _example(arg: ast.arg) -> str:
    if arg.annotation is not None:
        kind = ast.unparse(arg.annotation).strip("'\"")
        found = next((value for pattern, value in _BY_TYPE if re.search(pattern, kind)), None)
        if found:
            return found
    return next((value for pattern, value in _BY_NAME if re.search(pattern, arg.arg.casefold())), "2")


def _check(node: Function) -> str:
    kind = ast.unparse(node.returns).strip("'\"") if node.returns is not None else ""
    base = kind.partition("[")[0]
    if kind == "None":
        return "assert result is None"
    if base in _CHECKED:
        return f"assert isinstance(result, {base})"
    if re.fullmatch(r"(pd|pandas)\.(DataFrame|Series)", kind):
        return f"assert isinstance(result, pd.{kind.rpartition('.')[2]})"
    gives = any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))
    gives = gives or any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node))
    return "assert result is not None" if gives else "assert result is None"


def _changes(node: Function) -> bool:
    """Whether calling twice may differ by design: random numbers, time, generators."""
    text = ast.unparse(node)
    return bool(re.search(r"\brandom|\brng|\btime\b|\bnow\(|\byield\b|uuid|global |nonlocal ", text))


def _imports(code: str) -> str:
    known = (("np.", "import numpy as np"), ("pd.", "import pandas as pd"), ("pytest.", "import pytest"))
    lines = [line for mark, line in known if re.search(rf"(?<!\w){re.escape(mark)}", code)]
    return "\n".join(lines) + "\n" if lines else ""


def _in_cell(node: Function, body: str) -> str:
    """Tests for a notebook: written for pytest, and called here so that the cell says at once what holds."""
    lines = []
    head = _imports(body)
    if "tmp_path" in body:
        head = "import tempfile\nfrom pathlib import Path\n\n" + head
    for name in re.findall(r"^def (test_\w+)\(", body, re.MULTILINE):
        argument = "Path(tempfile.mkdtemp())" if f"def {name}(tmp_path)" in body else ""
        lines.append(f"{name}({argument})")
    passed = f'print("{len(lines)} tests of {node.name} passed")'
    return f"{head}\n\n{body}\n\n\n".lstrip("\n") + "\n".join([*lines, passed])


def _import_of(found: Found) -> str:
    parts = (found.path or "").removesuffix(".py").split("/")
    parts = parts[1:] if parts[0] in ("src", "lib") and len(parts) > 1 else parts
    if not all(is_name(part) for part in parts):
        raise Answer(f"{shown(found.path or '')} cannot be imported by that name, so a test cannot reach it.")
    return f"from {'.'.join(parts)} import {found.node.name}"


def _free_path(name: str, taken: list[str]) -> str:
    stem = f"tests/test_{name.lstrip('_')}"
    candidates = [f"{stem}.py", *(f"{stem}_{number}.py" for number in range(2, 100))]
    return next(path for path in candidates if path not in taken)
