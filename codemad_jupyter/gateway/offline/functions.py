"""Finds the function that is meant: in the notebook's cells, else in the workspace's files."""

import ast
import re
from collections.abc import Generator
from dataclasses import dataclass

from codemad_jupyter.gateway.offline.files import hits_of
from codemad_jupyter.gateway.offline.literals import listed, shown
from codemad_jupyter.gateway.offline.reading import Notebook, notebook_of
from codemad_jupyter.gateway.offline.sources import parsed
from codemad_jupyter.gateway.offline.steps import Answer, Call, Result, Turn, ask
from codemad_jupyter.gateway.offline.wording import names, word_list

Function = ast.FunctionDef | ast.AsyncFunctionDef
MAX_FILES = 3
_STOP = frozenset(
    word_list(
        """
        a an the for of function method def write add create make generate please me my this that
        docstring docstrings pytest test tests unit case cases skeleton google numpy style with in file
        document documentation to and it is some can you could give need want missing notebook cell code
        doc string strings using called named which one its their active current last new py update
        replace rewrite improve good proper
        """
    )
)


@dataclass(frozen=True)
class Found:
    """A function and where it stands: in a cell, or in a file."""

    node: Function
    source: str
    cell: str | None = None
    path: str | None = None
    owner: str = ""


def locate(turn: Turn) -> Generator[tuple[Call, ...], tuple[Result, ...], Found]:
    """The one function that the words name, or the only one in the active cell or notebook."""
    opened = yield from ask("read_notebook")
    notebook = notebook_of(opened)
    here = _in_notebook(notebook) if notebook else []
    wanted = [name for name in names(turn.words) if name.casefold() not in _STOP]
    named = [found for found in here if found.node.name in wanted]
    if named:
        return named[-1]
    quoted = re.findall(r"`(\w{1,100})(?:\(\))?`|\b(\w{1,100})\(\)", turn.words)
    sure = [name for pair in quoted for name in pair if name]
    candidates = [*sure, *(name for name in wanted if "_" in name or name not in sure)]
    for name in list(dict.fromkeys(candidates))[:3]:
        found = yield from _in_files(name)
        if found:
            return found
    if candidates:
        raise Answer(_not_found(candidates, here))
    return _only(here, notebook)


def _only(here: list[Found], notebook: Notebook | None) -> Found:
    active = [found for found in here if notebook and found.cell == notebook.active]
    if len(active) == 1 or len(here) == 1:
        return (active or here)[0]
    if here:
        raise Answer(f"Which function do you mean: {listed([found.node.name for found in here])}?")
    raise Answer("Which function do you mean? I see none in the notebook; name one, such as `my_function`.")


def _not_found(candidates: list[str], here: list[Found]) -> str:
    seen = f" The notebook has {listed([found.node.name for found in here])}." if here else ""
    wanted = listed(list(dict.fromkeys(candidates))[:3])
    return f"I find no function {wanted} in the notebook or the workspace.{seen}"


def _in_notebook(notebook: Notebook) -> list[Found]:
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and "def " in cell.source and not cell.source.endswith(" […]"):
            found += [Found(n, cell.source, cell=cell.id, owner=o) for n, o in functions(cell.source)]
    return found


def functions(source: str) -> list[tuple[Function, str]]:
    """Functions of the top level and methods of its classes, with the class's name."""
    tree = parsed(source)
    found: list[tuple[Function, str]] = []
    for node in tree.body if tree else []:
        if isinstance(node, Function):
            found.append((node, ""))
        elif isinstance(node, ast.ClassDef):
            found += [(inner, node.name) for inner in node.body if isinstance(inner, Function)]
    return found


def _in_files(name: str) -> Generator[tuple[Call, ...], tuple[Result, ...], Found | None]:
    hits = yield from ask("search_workspace", query=f"def {name}")
    paths = [
        str(hit["path"])
        for hit in (hits_of(hits) if hits.ok else [])
        if str(hit.get("path", "")).endswith(".py")
    ]
    for path in list(dict.fromkeys(paths))[:MAX_FILES]:
        text = yield from ask("read_file", path=path, start=1, lines=5000)
        if not text.ok:
            continue
        for node, owner in functions(text.content):
            if node.name == name:
                return Found(node, text.content, path=path, owner=owner)
    return None


def described(found: Found) -> str:
    """The function and its place, for people."""
    name = f"{found.owner}.{found.node.name}" if found.owner else found.node.name
    return f"{shown(name)} in {shown(found.path)}" if found.path else shown(name)
