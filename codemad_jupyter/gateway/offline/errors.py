"""Mends the last error: finds the failing cell, finds the cause, proposes the mended source.

The causes are in naming.py (names, keys, attributes), installs.py (modules, files) and
syntax.py; errors that no rule can mend are explained, and nothing is proposed.
"""

from collections.abc import Callable, Generator

from codemad_jupyter.gateway.offline import installs, naming, syntax
from codemad_jupyter.gateway.offline.causes import explain
from codemad_jupyter.gateway.offline.diagnosis import Diagnosis, Scene
from codemad_jupyter.gateway.offline.frames import inspected
from codemad_jupyter.gateway.offline.literals import shown
from codemad_jupyter.gateway.offline.proposing import propose_cell, propose_change
from codemad_jupyter.gateway.offline.reading import Look, Notebook, error_of, notebook_of, variables_of
from codemad_jupyter.gateway.offline.steps import Answer, Call, Plan, Result, Turn
from codemad_jupyter.protocol.kernels import Cell, LastError

Finding = Generator[tuple[Call, ...], tuple[Result, ...], Diagnosis]

_PLANS: dict[str, Callable[[Scene], Finding]] = {
    "ModuleNotFoundError": installs.missing_module,
    "FileNotFoundError": installs.missing_file,
}
_RULES: dict[str, Callable[[Scene], Diagnosis]] = {
    "NameError": naming.name_error,
    "UnboundLocalError": explain,
    "KeyError": naming.key_error,
    "AttributeError": naming.attribute_error,
    "ImportError": installs.import_error,
    "SyntaxError": syntax.diagnose,
    "IndentationError": syntax.diagnose,
    "TabError": syntax.diagnose,
}


def fix(turn: Turn) -> Plan:
    """Explain the last error and propose the mended cell."""
    scene = yield from _scene(turn)
    found = yield from _diagnosed(scene)
    start = f"{shown(scene.error.name)}{_where(scene)}: {found.cause}"
    if found.before:
        outcome = yield from propose_cell(
            found.before, title=found.title, before=scene.cell.id if scene.cell else None
        )
        return f"{start} {found.remedy} {outcome}"
    if found.mended is None or found.mended == scene.source:
        return f"{start} {found.remedy}".strip()
    if scene.cell:
        outcome = yield from propose_change(scene.cell.id, found.mended, title=found.title)
    else:
        outcome = yield from propose_cell(found.mended, title=found.title)
    return f"{start} {found.remedy} {outcome}"


def _scene(turn: Turn) -> Generator[tuple[Call, ...], tuple[Result, ...], Scene]:
    failed, listed, opened = yield (Call("last_error"), Call("list_variables"), Call("read_notebook"))
    if not failed.offered:
        raise Answer("I cannot see your errors: this place offers me no last_error tool.")
    if not failed.ok:
        raise Answer(f"I could not look at the last error: {' '.join(failed.content.split())[:300]}")
    error = error_of(failed)
    if error is None:
        raise Answer(
            "The kernel remembers no error, so there is nothing to mend. Run the failing cell again."
        )
    report = listed.data if listed.ok and isinstance(listed.data, dict) else {}
    found = Look(variables_of(report), notebook_of(opened), tuple(map(str, report.get("modules") or ())))
    found = yield from _in_depth(found, error)
    cell = failing_cell(found.notebook, error)
    return Scene(error, found, cell, error.cell_source or (cell.source if cell else ""))


def _in_depth(found: Look, error: LastError) -> Generator[tuple[Call, ...], tuple[Result, ...], Look]:
    """Frames whose columns were cut from the list are inspected, where columns matter."""
    if error.name not in ("KeyError", "AttributeError"):
        return found
    cut = [v.name for v in found.variables if v.more_columns and v.name in error.cell_source]
    if not cut:
        return found
    frames = {frame.name: frame for frame in (yield from inspected(found, cut))}
    variables = tuple(
        v.model_copy(update={"columns": frames[v.name].columns, "more_columns": 0}) if v.name in frames else v
        for v in found.variables
    )
    return Look(variables, found.notebook, found.modules)


def _diagnosed(scene: Scene) -> Finding:
    name = scene.error.name.rpartition(".")[2]
    if name in _PLANS:
        return (yield from _PLANS[name](scene))
    return _RULES.get(name, explain)(scene)


def failing_cell(notebook: Notebook | None, error: LastError) -> Cell | None:
    """The cell whose source raised the error; of equal ones the active, else the last one run."""
    if notebook is None or not error.cell_source.strip():
        return None
    wanted = error.cell_source.strip()
    same = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip() == wanted]
    if not same:
        return None
    active = next((cell for cell in same if cell.id == notebook.active), None)
    return active or max(same, key=lambda cell: cell.execution_count or 0)


def _where(scene: Scene) -> str:
    if scene.cell is None or scene.found.notebook is None:
        return f" (line {scene.error.line})" if scene.error.line else ""
    number = scene.found.notebook.cells.index(scene.cell) + 1
    line = f", line {scene.error.line}" if scene.error.line else ""
    return f" (cell {number}{line})"
