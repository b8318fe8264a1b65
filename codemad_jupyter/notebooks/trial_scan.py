"""What a piece of code would do, as far as its text tells: syntax errors, and effects a trial must not have.

Runs in the user's kernel and, where there is none, here; Python 3.9 or newer, standard library alone.
The scan spares pointless trials and gives plain reasons; what it misses is stopped by `trial_guard`.
"""

from __future__ import annotations

import ast
import re
from typing import Any

FILE = "<codemad trial>"
HARMLESS_MAGICS = re.compile(r"(?:time|timeit|capture|prun|matplotlib|precision|who(?:s|_ls)?|pinfo|pdoc)$")
CODE_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
WRITERS = re.compile(
    r"(?:to_(?:csv|parquet|excel|pickle|sql|hdf|feather|stata|gbq|xml|clipboard)|write_(?:text|bytes|csv|parquet"
    r"|json|ipc|excel|database|image|html)|savefig|imsave|savez?|savez_compressed|savetxt|save_model|unlink|rmtree"
    r"|rmdir|mkdir|makedirs|symlink_to|hardlink_to|touch|save_pretrained|push_to_hub)$"
)
FILES = re.compile(
    r"(?:os\.(?:remove|unlink|rename|renames|replace|mkdir|makedirs|rmdir|removedirs|chmod|chown|truncate|symlink|link"
    r"|mknod|mkfifo)|shutil\.\w+|(?:json|pickle|yaml|joblib|dill|cloudpickle|marshal)\.dump|torch\.save)$"
)
PROCESSES = re.compile(
    r"(?:subprocess\.\w+|os\.(?:system|popen|kill|killpg|fork|exec\w+|spawn\w+|posix_spawnp?|_exit)|signal\.\w+"
    r"|multiprocessing\.\w+|concurrent\.futures\.ProcessPoolExecutor|pty\.spawn)$"
)
NETWORK = re.compile(
    r"(?:(?:requests|httpx|aiohttp|urllib3|boto3|smtplib|ftplib|paramiko|websockets?|telnetlib)\.[\w.]+"
    r"|urllib\.request\.\w+|socket\.\w+|http\.client\.\w+|webbrowser\.\w+)$"
)
INPUT = frozenset({"input", "getpass.getpass", "breakpoint", "pdb.set_trace"})


def syntax_error(source: str, flags: int = 0) -> SyntaxError | None:
    """The error that compiling the transformed source gives; None when it compiles."""
    try:
        compile(source, FILE, "exec", flags=flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:
        return SyntaxError(str(error))
    return None


def effect(source: str, transform: Any) -> str:
    """The first thing in sight that must not happen in a trial; empty when there is none.

    ``source`` is Python as IPython's transformer leaves it, ``transform`` that transformer,
    for the bodies of cell magics.
    """
    tree = ast.parse(source)
    names = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found = call_effect(node, dotted(node.func, names), transform)
            if found:
                return found
    return ""


def imported_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, so that ``from os import remove`` is not overlooked."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({item.asname: item.name for item in node.names if item.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({item.asname or item.name: node.module + "." + item.name for item in node.names})
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """``a.b.c`` of a name or attribute; a leading dot where the beginning is another expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    root = names.get(node.id, node.id) if isinstance(node, ast.Name) else ""
    return ".".join([root, *reversed(parts)])


def call_effect(node: ast.Call, name: str, transform: Any) -> str:
    """Why this call must not be made in a trial; empty when nothing speaks against it."""
    if name.startswith(".") and isinstance(node.func, ast.Attribute) and is_shell(node.func.value):
        return magic_effect(node, transform)
    if name in INPUT:
        return "it asks for input"
    if PROCESSES.match(name):
        return "it starts or signals processes (" + name + ")"
    if NETWORK.match(name) or any(is_address(argument) for argument in node.args[:1]):
        return "it uses the network"
    if FILES.match(name) or WRITERS.match(name.rpartition(".")[2]) or opens_for_writing(node, name):
        return "it changes files (" + name.lstrip(".") + ")"
    return ""


def is_shell(node: ast.expr) -> bool:
    """Is it ``get_ipython()``?"""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def magic_effect(node: ast.Call, transform: Any) -> str:
    """Magics and shell lines, as the transformer writes them."""
    kind = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    texts = [item.value if isinstance(item, ast.Constant) else None for item in node.args]
    if kind in ("system", "getoutput", "getoutputs"):
        return "it runs a shell command"
    if kind not in ("run_line_magic", "run_cell_magic") or not texts:
        return ""
    name = texts[0]
    if not HARMLESS_MAGICS.match(str(name)):
        return "it uses the magic " + str(name)
    body = texts[-1]
    if (
        name not in CODE_MAGICS
        or not isinstance(body, str)
        or (kind == "run_line_magic" and name == "capture")
    ):
        return ""
    try:
        return effect(transform(body), transform)
    except SyntaxError:
        return ""  # options before the code; the trial itself will tell


def is_address(node: ast.expr) -> bool:
    """Is it a literal address of something remote?"""
    return isinstance(node, ast.Constant) and bool(re.match(r"(?:https?|ftp|s3|gs)://", str(node.value)))


def opens_for_writing(node: ast.Call, name: str) -> bool:
    """``open`` with a mode that writes."""
    if name not in ("open", "io.open", "gzip.open", "bz2.open", "lzma.open") and not name.endswith(".open"):
        return False
    place = 1 if name in ("open", "io.open") or not name.endswith("Path.open") else 0
    modes = [item.value for item in node.keywords if item.arg == "mode"] or node.args[place : place + 1]
    if not modes and name.startswith("."):
        modes = node.args[:1]
    mode = modes[0].value if modes and isinstance(modes[0], ast.Constant) else ""
    return isinstance(mode, str) and len(mode) <= 4 and bool(set(mode) & set("wax+"))
