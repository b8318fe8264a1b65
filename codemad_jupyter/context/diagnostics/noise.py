"""Which problems are none in a notebook or in a folder as people keep it. Pure but for a look at the folder.

A name that lives in the kernel, what ``%run`` defines, a module beside the notebook, a name that
two servers complain about: the person and the model are to hear of what is wrong, once.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from codemad_jupyter.context.diagnostics.documents import Document
from codemad_jupyter.context.diagnostics.magics import magic_words, opaque
from codemad_jupyter.protocol.diagnostics import Problem

UNDEFINED = frozenset(
    [
        "F821",
        "undefined-name",
        "unresolved-reference",
        "possibly-unresolved-reference",
        "reportUndefinedVariable",
    ]
)
UNIMPORTED = frozenset(
    [
        "unresolved-import",
        "import-not-found",
        "reportMissingImports",
        "reportMissingModuleSource",
        "reportMissingTypeStubs",
    ]
)
SYNTAX = frozenset(["invalid-syntax", "syntax-error", "E999"])
AWAITING = frozenset(["F704", "PLE1142", "await-outside-async", "await-not-async", "yield-outside-function"])
UNUSED = frozenset(["F401", "F841", "B007"])
GIVEN = frozenset(
    [
        "get_ipython",
        "display",
        "In",
        "Out",
        "exit",
        "quit",
        "_",
        "__",
        "___",
        "_i",
        "_ii",
        "_iii",
        "_oh",
        "_ih",
        "_dh",
    ]
)
QUOTED = re.compile(r"[`\"'“](\w+(?:\.\w+)*)[`\"'”]")
NUMBERED = re.compile(r"_i?\d+$")


@dataclass(frozen=True)
class Known:
    """What else is known. ``names`` live in the kernel (``more`` of them than are listed); ``files`` are
    paths that are proposed in the same breath."""

    names: frozenset[str] = frozenset()
    more: bool = False
    files: frozenset[str] = frozenset()


def kept(
    problems: Iterable[Problem], document: Document, known: Known, root: Path, types: str | None
) -> list[Problem]:
    """The problems that are some, in the order of the document; ``types`` names the server for types."""
    real = _real(document, known, root)
    found = [problem for problem in problems if real(problem)]
    told = {(each.cell, each.line, family) for each in found if (family := _family(each, types))}
    order = {cell.id: number for number, cell in enumerate(document.cells or ())}
    chosen = [
        each
        for each in dict.fromkeys(found)
        if each.server == types or (each.cell, each.line, _kind(each.code)) not in told
    ]
    return sorted(chosen, key=lambda each: (order.get(each.cell or "", 0), each.line, each.column))


def _family(problem: Problem, types: str | None) -> str:
    return _kind(problem.code) if problem.server == types else ""


def _kind(code: str) -> str:
    if code in UNDEFINED:
        return "undefined"
    return "syntax" if code in SYNTAX else code or "none"


def _real(document: Document, known: Known, root: Path) -> Callable[[Problem], bool]:
    notebook = document.cells is not None
    used = {word for cell in document.cells or () for word in magic_words(cell.source)}
    anything = notebook and (known.more or any(opaque(cell.source) for cell in document.cells or ()))

    def real(problem: Problem) -> bool:
        name = _name(problem.text)
        if problem.code in UNDEFINED and notebook:
            return not (anything or name in known.names or name in GIVEN or NUMBERED.match(name))
        if problem.code in UNIMPORTED:
            return not _beside(name or problem.text, document, known, root)
        if problem.code in UNUSED and name.rpartition(".")[2] in used:
            return False
        return not (notebook and problem.code in AWAITING)

    return real


def _name(message: str) -> str:
    quoted = QUOTED.search(message)
    return quoted[1] if quoted else ""


def _beside(module: str, document: Document, known: Known, root: Path) -> bool:
    """Whether Python would find the module beside the document, or will once proposals are accepted."""
    first = module.partition(".")[0]
    if not first.isidentifier():
        return False
    folder = Path(document.path).parent
    proposed = {(each.parent, each.name) for each in map(Path, known.files)}
    for top in (folder, Path()):
        if (top, f"{first}.py") in proposed:
            return True
        if any(top / first in (here, *here.parents) for here, _ in proposed):
            return True
    return (root / folder / f"{first}.py").is_file() or (root / folder / first).is_dir()
