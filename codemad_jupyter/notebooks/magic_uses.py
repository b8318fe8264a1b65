"""What magics and shell lines use of a notebook's names, as IPython's transformer writes them.

Magics that wrap code are looked into; those that run something else may define anything (`opaque`).
"""

import ast
import re
import warnings

from codemad_jupyter.notebooks import trial_scan
from codemad_jupyter.notebooks.bindings import Flow
from codemad_jupyter.notebooks.uses import CellUse

DEEPEST = 4
MOST_SOURCE = 500_000
MOST_TRANSFORMED = 2_000_000
"""Characters times lines with magics that IPython's transformer is given: its time grows with both."""
WRAPPERS = trial_scan.CODE_MAGICS | {"memit", "lprun", "mprun", "snakeviz", "pyinstrument"}
TEXT_CELLS = frozenset(
    [
        "html",
        "HTML",
        "latex",
        "javascript",
        "js",
        "markdown",
        "svg",
        "SVG",
        "writefile",
        "file",
        "codemad",
        "mermaid",
    ]
)
PROCESS_CELLS = frozenset(["bash", "sh", "script", "perl", "ruby", "system", "sx", "cmd", "pypy", "python2"])
AMBIENT = frozenset(
    [
        "load_ext",
        "reload_ext",
        "matplotlib",
        "config",
        "cd",
        "env",
        "set_env",
        "pushd",
        "popd",
        "autoreload",
        "pip",
        "conda",
    ]
)
EXPANDED = re.compile(r"(?<!\$)\$\{?([A-Za-z_]\w*)|\{\{?\s*([A-Za-z_]\w*)|(?<![\w:]):([A-Za-z_]\w*)")
SPECIAL = re.compile(r"(?m)^\s*[%!?/,;]|=\s*[%!]|\?\s*$")
OPTIONS = re.compile(r"(?:\s*-(?:[nrpstlTDf]\s*\S+|-?\w+))*\s*")
ARGUMENT = re.compile(r"(-{1,2}[a-z]+)[ =]+(\S+)")
MADE = re.compile(r"\s*(?:--\S+\s+)*([A-Za-z_]\w*)\s*<<")


def uses(source: str) -> CellUse:
    """The uses of a cell's names; a text that cannot be understood is `unknown`, with the reason."""
    if len(source) > MOST_SOURCE:
        return CellUse(unknown="it is too long", opaque="a text that was not read")
    try:
        flow = Flow(read_magic)
        walk(flow, source)
    except (SyntaxError, ValueError) as error:
        return CellUse(unknown=f"{type(error).__name__}: {str(error).splitlines()[0]}"[:200])
    except (RecursionError, MemoryError):
        return CellUse(unknown="it is nested too deeply", opaque="a text nested too deeply")
    return flow.result()


def walk(flow: Flow, source: str) -> None:
    """Note the uses of Python with magics. Raises `SyntaxError` or `ValueError`."""
    for statement in parsed(source).body:
        flow.visit(statement)


def parsed(source: str) -> ast.Module:
    """The tree; IPython's transformer, which is slower, is asked where it is not plain Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError:
            return ast.parse(transformed(source))


def transformed(source: str) -> str:
    """The source as IPython makes it. Raises `SyntaxError` where it cannot."""
    lines = 1 + len(SPECIAL.findall(source)) if not source.startswith("%%") else 1
    if len(source) * lines > MOST_TRANSFORMED:
        raise MemoryError("too many magics")
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    except (SyntaxError, RecursionError, MemoryError):
        raise
    except Exception as error:  # its tokenizer and token transforms raise many kinds on broken text
        raise SyntaxError(f"not understood ({type(error).__name__})") from error


def read_magic(flow: Flow, call: ast.Call) -> None:
    """Note what one call of ``get_ipython()`` uses."""
    kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    texts = [
        item.value if isinstance(item, ast.Constant) and isinstance(item.value, str) else ""
        for item in call.args
    ]
    if kind in ("system", "getoutput", "getoutputs"):
        expanded(flow, " ".join(texts))
    elif kind == "run_line_magic" and texts:
        line_magic(flow, texts[0], " ".join(texts[1:]))
    elif kind == "run_cell_magic" and len(texts) > 1:
        cell_magic(flow, texts[0], texts[1], texts[2] if len(texts) > 2 else "")
    else:
        for item in call.args:
            flow.visit(item)


def expanded(flow: Flow, text: str) -> None:
    """``$name`` and ``{name}``, where a variable of that name would be put in."""
    for match in EXPANDED.finditer(text[:20_000]):
        flow.load(match[1] or match[2] or match[3], certain=False)


def line_magic(flow: Flow, name: str, line: str) -> None:
    """One ``%magic``."""
    if name in WRAPPERS - {"capture"}:
        code(flow, OPTIONS.sub("", line, count=1), leaks=name not in ("timeit", "memit"))
        return
    if name in ("run", "load", "macro", "pylab", "rerun", "recall", "edit", "loadpy"):
        flow.set_opaque(f"%{name}")
    elif name == "store":
        names = re.findall(r"(?:^|\s)([A-Za-z_]\w*)", line.partition(">")[0])
        for each in names:
            flow.store(each) if "-r" in line.split() else flow.load(each)
        if "-r" in line.split() and not names:
            flow.set_opaque("%store -r", defines=True)
        return
    elif name == "xdel":
        flow.delete(line.split()[-1] if line.split() else "_")
        return
    elif name in ("pinfo", "pinfo2", "psource", "pdoc", "pfile", "pdef"):
        flow.load(re.split(r"\W", line.strip(), maxsplit=1)[0] or "_", certain=False)
        return
    elif name in AMBIENT:
        flow.ambient = flow.ambient or f"%{name}"
    query(flow, name, line)


def query(flow: Flow, name: str, line: str) -> None:
    """Arguments of other magics: ``name << query``, ``-i in -o out``, and variables put in."""
    made = MADE.match(line)
    if made:
        flow.store(made[1])
    if name in ("R", "Rpush", "Rpull", "octave", "julia", "bigquery"):
        for option, value in ARGUMENT.findall(line):
            for each in filter(str.isidentifier, value.split(",")):
                flow.load(each) if option in ("-i", "--input") else flow.store(each)
    expanded(flow, line)


def cell_magic(flow: Flow, name: str, line: str, body: str) -> None:
    """One ``%%magic`` with the cell below it."""
    if name == "capture":
        code(flow, body, leaks=True)
        for word in [word for word in line.split() if word.isidentifier()][:1]:
            flow.store(word)
    elif name in WRAPPERS:
        code(flow, OPTIONS.sub("", line, count=1) + "\n" + body, leaks=name not in ("timeit", "memit"))
    elif name in PROCESS_CELLS:
        for option, value in ARGUMENT.findall(line):
            if option in ("--out", "--err", "--proc") and value.isidentifier():
                flow.store(value)
        expanded(flow, line)
    elif name not in TEXT_CELLS:
        query(flow, name, line)
        expanded(flow, body)
        if name not in ("sql", "R", "bigquery"):
            flow.set_opaque(f"%%{name}")


def code(flow: Flow, source: str, *, leaks: bool) -> None:
    """Python that a magic runs; what ``%timeit`` binds stays in it."""
    source = source.strip("\n").strip() if "\n" not in source.strip("\n") else source.strip("\n")
    depth = flow.magic_depth
    if depth >= DEEPEST:
        raise SyntaxError("magics nested too deeply")
    if leaks:
        flow.magic_depth = depth + 1
        walk(flow, source)
        flow.magic_depth = depth
        return
    inner = Flow(read_magic)
    inner.magic_depth = depth + 1
    walk(inner, source)
    reads, mutates = inner.needs()
    for name in sorted(reads - inner.stored):
        flow.load(name)
    for name in sorted(mutates - inner.stored):
        flow.mutate(name, certain=False, why="in %timeit")
