"""Causes of NameError, KeyError and AttributeError: a missing import, or a name that is nearly right."""

import ast
import builtins
import difflib
import re
from collections.abc import Collection, Iterable

from codemad_jupyter.gateway.offline import causes
from codemad_jupyter.gateway.offline.columns import nearest
from codemad_jupyter.gateway.offline.diagnosis import Diagnosis, Scene
from codemad_jupyter.gateway.offline.known import ATTRIBUTES, IMPORTS, MOVED
from codemad_jupyter.gateway.offline.literals import listed, shown
from codemad_jupyter.gateway.offline.reading import Frame
from codemad_jupyter.gateway.offline.sources import assigned, replaced, with_first_line
from codemad_jupyter.gateway.offline.wording import squeezed

_NAME = re.compile(r"name '([^']{1,100})' is not defined")
_ATTRIBUTE = re.compile(
    r"(?:'([^']{1,100})' object|module '([^']{1,100})'|type object '([^']{1,100})')"
    r" has no attribute '([^']{1,100})'"
)


def name_error(scene: Scene) -> Diagnosis:
    """An import, a cell that was not run, or a name that is nearly right."""
    match = _NAME.search(scene.error.message)
    if not match:
        return causes.explain(scene)
    name = match.group(1)
    start = f"the name {shown(name)} is not defined."
    if name in IMPORTS:
        mended = with_first_line(scene.source, IMPORTS[name])
        return Diagnosis(
            start, f"It is usually imported by {shown(IMPORTS[name])}.", mended, title=f"Import {name}"
        )
    unrun = _defining_cell(scene, name)
    if unrun:
        return Diagnosis(
            start, f"Cell {unrun} defines it and has to run first; the code itself needs no change."
        )
    known = {v.name for v in scene.found.variables} | assigned(scene.source) | set(dir(builtins))
    near = _near(name, known - {name})
    nodes = (
        [n for n in ast.walk(scene.tree) if isinstance(n, ast.Name) and n.id == name] if scene.tree else []
    )
    if not near or not nodes:
        return Diagnosis(start, f"I see nothing of a similar name. {_seen(scene)}")
    mended = replaced(scene.source, nodes, near)
    return Diagnosis(start, f"The nearest name that exists is {shown(near)}.", mended, title=f"Use {near}")


def _seen(scene: Scene) -> str:
    frames = [v.name for v in scene.found.variables if v.kind == "dataframe"]
    return f"The tables are {listed(frames)}." if frames else "Define it in an earlier cell first."


def _defining_cell(scene: Scene, name: str) -> int | None:
    if scene.found.notebook is None:
        return None
    for number, cell in enumerate(scene.found.notebook.cells, start=1):
        mine = scene.cell is not None and cell.id == scene.cell.id
        if cell.cell_type == "code" and not mine and name in cell.source and name in assigned(cell.source):
            return number
    return None


def _near(name: str, known: Collection[str]) -> str | None:
    same = [other for other in sorted(known) if squeezed(other) == squeezed(name)]
    return next(iter(same or difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)), None)


def key_error(scene: Scene) -> Diagnosis:
    """The column that was nearly named."""
    missing = _missing_keys(scene.error.message)
    keys = [key for key in missing if isinstance(key, str)]
    constants = {key: _constants(scene, key) for key in keys}
    frames = _frames_used(scene)
    start = f"there is no {listed([str(key) for key in missing])}." if missing else "a key is not there."
    if not any(constants.values()):
        return Diagnosis(
            start, f"I cannot find the key in the cell's source, so I propose no change.{_columns(frames)}"
        )
    source = scene.source
    taken: list[str] = []
    for key in keys:
        frame, near = _best_column(frames, key)
        if near is None or frame is None:
            return Diagnosis(start, f"No column has a similar name.{_columns(frames)}")
        source = _with_constant(source, key, frame.label(near), scene)
        taken.append(f"{shown(near)} in {shown(frame.name)}")
    return Diagnosis(
        start, f"The nearest column is {' and '.join(taken)}.", source, title="Correct the column name"
    )


def _missing_keys(message: str) -> list[object]:
    """The keys in messages such as ``['a'] not in index`` and ``None of [Index(['a'], …)] …``."""
    text = message.strip()[:2000]
    inside = re.search(r"\[((?:'[^'\n]*'|\"[^\"\n]*\")(?:, (?:'[^'\n]*'|\"[^\"\n]*\"))*)\]", text)
    try:
        value = ast.literal_eval(f"[{inside.group(1)}]" if inside else text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return [text] if text and len(text) < 200 else []
    return list(value) if isinstance(value, list) else [value]


def _constants(scene: Scene, key: str) -> list[ast.Constant]:
    """Where the key stands in the source: in the failing line, or in square brackets anywhere."""
    if scene.tree is None:
        return []
    every = [n for n in ast.walk(scene.tree) if isinstance(n, ast.Constant) and n.value == key]
    inside = {
        id(constant)
        for node in ast.walk(scene.tree)
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Store)
        for constant in ast.walk(node.slice)
    }
    chosen = [n for n in every if id(n) in inside or n.lineno == scene.error.line]
    return chosen or every


def _with_constant(source: str, key: str, label: str, scene: Scene) -> str:
    current = Scene(scene.error, scene.found, scene.cell, source)
    return replaced(source, _constants(current, key), label)


def _frames_used(scene: Scene) -> tuple[Frame, ...]:
    names = {n.id for n in ast.walk(scene.tree) if isinstance(n, ast.Name)} if scene.tree else set()
    used = tuple(frame for frame in scene.found.frames if frame.name in names)
    return used or scene.found.frames


def _best_column(frames: Iterable[Frame], key: str) -> tuple[Frame | None, str | None]:
    for frame in frames:
        same = [name for name in frame.names if squeezed(name) == squeezed(key)]
        if same:
            return frame, same[0]
    for frame in frames:
        near = nearest(key, frame.names, limit=1)
        if near:
            return frame, near[0]
    return None, None


def _columns(frames: Collection[Frame]) -> str:
    said = [f"{shown(frame.name)} has {listed(frame.names)}" for frame in list(frames)[:2]]
    return f" {'; '.join(said)}." if said else ""


def attribute_error(scene: Scene) -> Diagnosis:
    """A column written as an attribute, a method that moved, or one that is nearly right."""
    match = _ATTRIBUTE.search(scene.error.message)
    if not match:
        return causes.explain(scene)
    owner, name = next(filter(None, match.groups()[:3])), match.group(4)
    start = f"{shown(owner)} has no attribute {shown(name)}."
    nodes = (
        [n for n in ast.walk(scene.tree) if isinstance(n, ast.Attribute) and n.attr == name]
        if scene.tree
        else []
    )
    if owner == "NoneType":
        return Diagnosis(
            start, "The value is None: often the result of a method that works in place, such as list.sort()."
        )
    if not nodes:
        return Diagnosis(start, "I cannot find it in the cell's source, so I propose no change.")
    near = _method(owner, name)
    if owner == "DataFrame" and (column := _column_attribute(scene, name, has_method=bool(near))):
        return _bracketed(scene, nodes, column, start)
    if not near:
        return Diagnosis(
            start,
            f"I know none of a similar name.{_columns(_frames_used(scene)) if owner == 'DataFrame' else ''}",
        )
    mended = _renamed(scene.source, nodes, near)
    return Diagnosis(start, f"What you mean is probably {shown(near)}.", mended, title=f"Use {near}")


def _column_attribute(scene: Scene, name: str, *, has_method: bool) -> tuple[Frame, str] | None:
    frames = _frames_used(scene)
    for frame in frames:
        same = next((each for each in frame.names if squeezed(each) == squeezed(name)), None)
        if same is not None:
            return frame, same
    best, near = (None, None) if has_method else _best_column(frames, name)
    return (best, near) if best is not None and near else None


def _bracketed(scene: Scene, nodes: list[ast.Attribute], column: tuple[Frame, str], start: str) -> Diagnosis:
    frame, name = column
    source = scene.source
    for node in sorted(nodes, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        value = ast.get_source_segment(source, node.value) or frame.name
        source = replaced(source, [node], f"{value}[{frame.label(name)}]")
    remedy = f"{shown(frame.name)} has a column {shown(name)}; in square brackets its name is always found."
    return Diagnosis(start, remedy, source, title=f"Use the column {name[:40]}")


def _method(owner: str, name: str) -> str | None:
    moved = MOVED.get((owner, name))
    if moved:
        return moved
    plain: dict[str, type] = {
        "str": str,
        "list": list,
        "dict": dict,
        "set": set,
        "tuple": tuple,
        "int": int,
        "float": float,
    }
    known = ATTRIBUTES.get(owner) or (dir(plain[owner]) if owner in plain else ())
    public = [each for each in known if not each.startswith("_")]
    return _near(name, public)


def _renamed(source: str, nodes: list[ast.Attribute], new: str) -> str:
    for node in sorted(nodes, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0), reverse=True):
        value = ast.get_source_segment(source, node.value)
        if value is not None:
            source = replaced(source, [node], f"{value}.{new}")
    return source
