"""Explains a cell, or pasted code, from its syntax tree. The code is read, never run."""

import ast
import builtins
import re
from collections.abc import Iterable

from codemad_jupyter.gateway.offline.literals import listed, shown
from codemad_jupyter.gateway.offline.reading import Notebook, notebook_of
from codemad_jupyter.gateway.offline.sources import assigned, parsed, syntax_error
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn, ask
from codemad_jupyter.gateway.offline.wording import names
from codemad_jupyter.protocol.kernels import Cell

MAX_STEPS = 15
_FENCE = re.compile(r"```(?:\w{0,20})\n(.{1,3500}?)```", re.DOTALL)
_NUMBER = re.compile(r"\b(?:cell|number|no\.?|#)\s*(?:number\s*|#\s*)?\[?(\d{1,5})\]?", re.IGNORECASE)
_ORDINAL = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_READERS = ("read_", "load", "open")
_WRITERS = (
    "to_csv",
    "to_excel",
    "to_parquet",
    "to_json",
    "to_pickle",
    "savefig",
    "to_sql",
    "dump",
    "write_text",
)


def explain(turn: Turn) -> Plan:
    """Say what the meant code does."""
    pasted = _FENCE.search(turn.words)
    if pasted:
        return explained(pasted.group(1), "The code")
    result = yield from ask("read_notebook")
    if not result.offered:
        raise Answer("I cannot read the notebook here. Paste the code between ``` lines and I explain that.")
    if not result.ok:
        raise Answer(f"I could not read the notebook: {' '.join(result.content.split())[:300]}")
    notebook = notebook_of(result)
    if notebook is None or not notebook.cells:
        raise Answer("The notebook has no cells to explain.")
    cell = chosen_cell(turn.words, notebook)
    number = notebook.cells.index(cell) + 1
    if cell.cell_type != "code":
        return f"Cell {number} is {cell.cell_type}, not code; it has nothing to run."
    return explained(cell.source, f"Cell {number}")


def chosen_cell(words: str, notebook: Notebook) -> Cell:
    """The cell by id, by position, by the function it defines, else the active one."""
    ids = {cell.id: cell for cell in notebook.cells}
    tokens = [word.strip("`'\".,?!:;()[]") for word in words.split()]
    by_id = next((ids[word] for word in tokens if word in ids), None)
    if by_id:
        return by_id
    number = _NUMBER.search(words)
    if number:
        return _at(int(number.group(1)) - 1, notebook)
    ordinal = re.search(r"\b(first|second|third|fourth|fifth|last)\s+cell\b", words, re.IGNORECASE)
    if ordinal:
        return _at(_ORDINAL[ordinal.group(1).casefold()], notebook)
    wanted = set(names(words))
    active = notebook.active_cell
    for cell in notebook.cells:
        if any(name in wanted and re.search(rf"\b{re.escape(name)}\b", words) for name in _defined(cell)):
            return cell
    if active:
        return active
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(codes) == 1:
        return codes[0]
    raise Answer(
        f"Which cell? The notebook has {len(notebook.cells)}; say “explain cell 3”, or click into one."
    )


def _at(position: int, notebook: Notebook) -> Cell:
    if position >= len(notebook.cells) or position < -1:
        raise Answer(f"There is no cell {position + 1}; the notebook has {len(notebook.cells)}.")
    return notebook.cells[position]


def _defined(cell: Cell) -> list[str]:
    tree = parsed(cell.source) if cell.cell_type == "code" and "def " in cell.source else None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in (tree.body if tree else []) if isinstance(node, kinds)]


def explained(source: str, subject: str) -> str:
    """The explanation as Markdown."""
    if not source.strip():
        return f"{subject} is empty."
    tree = parsed(source)
    if tree is None:
        error = syntax_error(source)
        why = f": {shown(error.msg)} in line {error.lineno}" if error and error.msg else ""
        return f"{subject} cannot be read as Python{why}."
    steps = [_step(node) for node in tree.body[:MAX_STEPS]]
    more = len(tree.body) - len(steps)
    lines = [f"{subject}, step by step:", "", *(f"{n}. {step}" for n, step in enumerate(steps, start=1))]
    lines += [f"\nand {more} more statements."] if more else []
    facts = _facts(tree, source)
    return "\n".join([*lines, "", *facts]).strip()


def _facts(tree: ast.Module, source: str) -> list[str]:
    bound = assigned(source)
    mutated = _mutated(tree)
    rows = (
        ("It imports", _imports(tree)),
        ("It reads these names from earlier cells", _read(tree, bound)),
        ("It sets", sorted(bound - set(_imported(tree)))),
        ("It changes in place", mutated),
        ("It calls", _calls(tree)),
        ("Files it reads", _files(tree, _READERS)),
        ("Files it writes", _files(tree, _WRITERS)),
    )
    facts = [f"- {said}: {listed(values, limit=10)}" for said, values in rows if values]
    loops = sum(isinstance(node, ast.For | ast.While | ast.AsyncFor) for node in ast.walk(tree))
    branches = sum(isinstance(node, ast.If | ast.Try) for node in ast.walk(tree))
    if loops or branches:
        facts.append(f"- It has {loops} loops and {branches} branches (if, try).")
    magics = [line.strip() for line in source.split("\n") if line.lstrip().startswith(("%", "!"))]
    return [*facts, f"- Magics: {listed(magics)}"] if magics else facts


def _imports(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module or '.'}.{alias.name}" for alias in node.names]
    return list(dict.fromkeys(found))


def _imported(tree: ast.Module) -> list[str]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return [alias.asname or alias.name.partition(".")[0] for node in nodes for alias in node.names]


def _read(tree: ast.Module, bound: Iterable[str]) -> list[str]:
    inner = {arg.arg for arg in ast.walk(tree) if isinstance(arg, ast.arg)}
    every = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored: dict[str, tuple[int, int]] = {}
    for name in every:
        if isinstance(name.ctx, ast.Store):
            place = (name.lineno, name.col_offset)
            stored[name.id] = min(stored.get(name.id, place), place)
    known = set(dir(builtins)) | inner | set(_imported(tree)) | (set(bound) - set(stored))
    reads = [
        name.id
        for name in every
        if isinstance(name.ctx, ast.Load)
        and name.id not in known
        and (name.id not in stored or name.lineno < stored[name.id][0] or _updates(tree, name))
    ]
    inside = {
        n.id
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension)
        for n in ast.walk(node.target)
        if isinstance(n, ast.Name)
    }
    return [name for name in dict.fromkeys(reads) if name not in inside]


def _updates(tree: ast.Module, name: ast.Name) -> bool:
    """Whether the name is read on the right of its own first assignment, as in ``df = df.dropna()``."""
    first = next(
        (
            n
            for n in ast.walk(tree)
            if isinstance(n, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == name.id for t in n.targets)
        ),
        None,
    )
    return first is not None and first.lineno <= name.lineno <= (first.end_lineno or 0)


def _mutated(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        elif isinstance(node, ast.Delete):
            targets = node.targets
        found += [_root(target) for target in targets if isinstance(target, ast.Subscript | ast.Attribute)]
        if isinstance(node, ast.Call) and any(
            k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in node.keywords
        ):
            found.append(_root(node.func))
    return [name for name in dict.fromkeys(found) if name]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _calls(tree: ast.Module) -> list[str]:
    found = [_dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [name for name in dict.fromkeys(found) if name]


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else f"….{node.attr}"
    return ""


def _files(tree: ast.Module, methods: tuple[str, ...]) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        last = _dotted(node.func).rpartition(".")[2]
        if last.startswith(methods) and isinstance(node.args[0].value, str):
            found.append(node.args[0].value)
    return list(dict.fromkeys(found))


def _step(node: ast.stmt) -> str:
    """One top-level statement in a sentence."""
    lines = (
        f"line {node.lineno}"
        if node.end_lineno == node.lineno
        else f"lines {node.lineno} to {node.end_lineno}"
    )
    return f"{_sentence(node)} ({lines})"


def _sentence(node: ast.stmt) -> str:
    match node:
        case ast.Import() | ast.ImportFrom():
            return f"imports {listed(_imported(ast.Module([node], [])))}"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            takes = ", ".join(a.arg for a in node.args.args) or "nothing"
            return f"defines the function {shown(node.name)}, which takes {shown(takes)}"
        case ast.ClassDef():
            methods = sum(isinstance(inner, ast.FunctionDef) for inner in node.body)
            return f"defines the class {shown(node.name)} with {methods} methods"
        case ast.Assign():
            return f"sets {listed([_short(t) for t in node.targets])} to {shown(_short(node.value))}"
        case ast.AnnAssign():
            return f"sets {shown(_short(node.target))} ({shown(_short(node.annotation))})"
        case ast.AugAssign():
            return f"updates {shown(_short(node.target))} with {shown(_short(node.value))}"
        case ast.For() | ast.AsyncFor():
            each = shown(_short(node.target))
            return f"loops over {shown(_short(node.iter))} with {each}: {_inner(node.body)}"
        case ast.While():
            return f"repeats while {shown(_short(node.test))}: {_inner(node.body)}"
        case ast.If():
            return f"if {shown(_short(node.test))}: {_inner(node.body)}" + (
                "; otherwise something else" if node.orelse else ""
            )
        case ast.With() | ast.AsyncWith():
            return f"within {listed([_short(item.context_expr) for item in node.items])}: {_inner(node.body)}"
        case ast.Try():
            return f"tries: {_inner(node.body)}; and handles {len(node.handlers)} kinds of errors"
        case ast.Expr(value=ast.Call() as call):
            return f"calls {shown(_short(call))}"
        case ast.Expr():
            return f"shows {shown(_short(node.value))}"
        case _:
            return shown(_short(node))


def _inner(body: list[ast.stmt]) -> str:
    said = "; ".join(shown(_short(node)) for node in body[:3])
    return said + (f" and {len(body) - 3} more statements" if len(body) > 3 else "")


def _short(node: ast.AST) -> str:
    try:
        return " ".join(ast.unparse(node).split())
    except (ValueError, RecursionError):
        return type(node).__name__
