"""Causes of missing modules and missing files.

A package is only named for installation when it is well known: an unknown name may belong to a
stranger's package, and a misspelt one often does.
"""

import ast
import difflib
import posixpath
import re
import sys
from collections.abc import Generator

from codemad_jupyter.gateway.offline import causes
from codemad_jupyter.gateway.offline.diagnosis import Diagnosis, Scene
from codemad_jupyter.gateway.offline.known import DISTRIBUTIONS, IMPORTS
from codemad_jupyter.gateway.offline.literals import listed, literal, shown
from codemad_jupyter.gateway.offline.sources import replaced
from codemad_jupyter.gateway.offline.steps import Call, Result, ask

Finding = Generator[tuple[Call, ...], tuple[Result, ...], Diagnosis]
_MODULE = re.compile(r"No module named '?([\w.]{1,100})'?")
_PATH = re.compile(r"No such file or directory: (b?(?:'[^'\n]{1,1000}'|\"[^\"\n]{1,1000}\"))")
_IMPORT = re.compile(r"cannot import name '(\w{1,100})' from '([\w.]{1,100})'")


def missing_module(scene: Scene) -> Finding:
    """Install what is well known, correct what is misspelt, find what is the person's own."""
    match = _MODULE.search(scene.error.message)
    if not match:
        return causes.explain(scene)
    whole = match.group(1)
    top = whole.partition(".")[0]
    start = f"Python finds no module {shown(whole)}."
    if top in DISTRIBUTIONS and (whole == top or "is not a package" not in scene.error.message):
        line = f"%pip install {DISTRIBUTIONS[top]}"
        remedy = (
            f"It comes with the package {shown(DISTRIBUTIONS[top])}; install it, then run the cell again."
        )
        if whole == top or top not in scene.found.modules:
            return Diagnosis(start, remedy, before=line, title=f"Install {DISTRIBUTIONS[top]}")
    near = _similar(top)
    if near and near != top:
        mended = _with_module(scene, top, near)
        remedy = f"It looks like a misspelt {shown(near)}; I install nothing by such a name."
        return Diagnosis(start, remedy, mended, title=f"Import {near}")
    own = yield from ask("list_files", pattern=f"{top}.py")
    files = paths_of(own)
    if files:
        return Diagnosis(
            start, f"The workspace has {listed(files)}; put its folder on sys.path or start the kernel there."
        )
    return Diagnosis(
        start,
        "I do not know which package brings it, and an unknown name may be somebody else's package, so I "
        f"propose no installation. If you are sure, run {shown('%pip install <the right name>')}.",
    )


def _similar(name: str) -> str | None:
    known = sorted({*DISTRIBUTIONS, *sys.stdlib_module_names})
    cased = next((each for each in known if each.casefold() == name.casefold()), None)
    return cased or next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), None)


def _with_module(scene: Scene, wrong: str, right: str) -> str | None:
    """The source with the import corrected; a name that the code goes on using stays bound."""
    if scene.tree is None:
        return None
    lines = scene.source.split("\n")
    for node in ast.walk(scene.tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for at in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[at] = re.sub(rf"(?<![\w.]){re.escape(wrong)}(?!\w)", right, lines[at])
    source = "\n".join(lines)
    uses = [n for n in ast.walk(scene.tree) if isinstance(n, ast.Name) and n.id == wrong]
    imports = (n for n in ast.walk(scene.tree) if isinstance(n, ast.Import))
    bare = any(
        alias.name.partition(".")[0] == wrong and not alias.asname for n in imports for alias in n.names
    )
    return replaced(source, uses, right) if uses and bare else source


def import_error(scene: Scene) -> Diagnosis:
    """A name that a module does not have."""
    match = _IMPORT.search(scene.error.message)
    if not match:
        return causes.explain(scene)
    name, module = match.groups()
    start = f"the module {shown(module)} has no {shown(name)}."
    known = IMPORTS.get(name)
    if known and not known.startswith(f"from {module} "):
        return Diagnosis(start, f"It is usually imported by {shown(known)}; change the import to that.")
    return Diagnosis(start, causes.NO_RULE)


def missing_file(scene: Scene) -> Finding:
    """The path in the workspace that is nearest to the missing one."""
    match = _PATH.search(scene.error.message)
    missing = _literal_path(match.group(1)) if match else None
    if missing is None:
        return causes.explain(scene)
    start = f"there is no file {shown(missing)}."
    suffix = posixpath.splitext(missing)[1]
    result = yield from ask(
        "list_files", pattern=f"*{suffix}" if re.fullmatch(r"\.\w{1,10}", suffix) else "*"
    )
    files = paths_of(result)
    near = nearest_path(missing, files)
    if near is None:
        seen = (
            f"Files of that kind: {listed(files)}."
            if files
            else f"The workspace has no {suffix or 'such'} files."
        )
        return Diagnosis(start, f"Nothing in the workspace has a similar name. {seen}")
    nodes = (
        [n for n in ast.walk(scene.tree) if isinstance(n, ast.Constant) and n.value == missing]
        if scene.tree
        else []
    )
    if not nodes:
        return Diagnosis(
            start,
            f"The workspace has {shown(near)}; the path is not written out in the cell, so I change nothing.",
        )
    notebook = scene.found.notebook.path if scene.found.notebook else ""
    path = posixpath.relpath(near, posixpath.dirname(notebook) or ".")
    mended = replaced(scene.source, nodes, literal(path))
    return Diagnosis(
        start, f"The nearest file in the workspace is {shown(near)}.", mended, title="Correct the path"
    )


def _literal_path(text: str) -> str | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def paths_of(result: Result) -> list[str]:
    """The paths that list_files gave."""
    data = result.data if result.ok else None
    listed_paths = data.get("files") if isinstance(data, dict) else data
    return [path for path in listed_paths if isinstance(path, str)] if isinstance(listed_paths, list) else []


def nearest_path(missing: str, paths: list[str]) -> str | None:
    """A path of the same file name, else of a similar one."""
    wanted = posixpath.basename(missing.replace("\\", "/"))
    same = [path for path in paths if posixpath.basename(path).casefold() == wanted.casefold()]
    if same:
        return max(same, key=lambda path: difflib.SequenceMatcher(None, path, missing).ratio())
    by_name = {posixpath.basename(path): path for path in reversed(paths)}
    close = difflib.get_close_matches(wanted, list(by_name), n=1, cutoff=0.6)
    return by_name[close[0]] if close else None
