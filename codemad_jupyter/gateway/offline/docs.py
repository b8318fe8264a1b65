"""Writes a docstring from a function's signature, in Google or numpy style."""

import ast
import re

from codemad_jupyter.gateway.offline.functions import Found, Function, described, locate
from codemad_jupyter.gateway.offline.proposing import propose_change, propose_file_change
from codemad_jupyter.gateway.offline.steps import Plan, Turn

_VERBS = {
    "get": "Return",
    "is": "Tell whether",
    "has": "Tell whether",
    "calc": "Compute",
    "compute": "Compute",
}


def docstring(turn: Turn) -> Plan:
    """Propose the docstring where the function stands."""
    found = yield from locate(turn)
    node = found.node
    if ast.get_docstring(node) is not None:
        return f"{described(found)} has a docstring already, so I leave it alone."
    numpy = "numpy" in turn.words.casefold()
    text = docstring_of(node, numpy=numpy)
    source = with_docstring(found.source, node, text)
    title = f"Docstring for {node.name}"
    if found.cell:
        outcome = yield from propose_change(found.cell, source, title=title)
    else:
        old, new = _passage(found, source)
        outcome = yield from propose_file_change(found.path or "", old, new, title=title)
    style = "numpy" if numpy else "Google"
    return (
        f"I wrote a docstring for {described(found)} in {style} style from its signature. The descriptions "
        f"are a first draft: I know names and types, not what you mean by them. {outcome}"
    )


def docstring_of(node: Function, *, numpy: bool) -> str:
    """The text, without quotes and indentation."""
    sections = [
        ("Args", "Parameters", _arguments(node)),
        ("Yields" if _yields(node) else "Returns", "Yields" if _yields(node) else "Returns", _returned(node)),
        ("Raises", "Raises", _raised(node)),
    ]
    blocks = [_summary(node.name)]
    for google, numbered, entries in sections:
        if entries:
            blocks.append(_numpy(numbered, entries) if numpy else _google(google, entries))
    return "\n\n".join(blocks)


def _summary(name: str) -> str:
    words = [word for word in re.split(r"_+|(?<=[a-z])(?=[A-Z])", name) if word]
    if not words:
        return "Do what its name says."
    first = _VERBS.get(words[0].casefold(), words[0].capitalize())
    return " ".join([first, *(word.casefold() for word in words[1:])]) + "."


Entry = tuple[str, str, str]
"""Name, type, description."""


def _arguments(node: Function) -> list[Entry]:
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    defaults: dict[str, ast.expr] = {
        a.arg: d for a, d in zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True)
    }
    defaults |= {a.arg: d for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d is not None}
    entries = [_entry(a, defaults.get(a.arg)) for a in plain if a.arg not in ("self", "cls")]
    if args.vararg:
        entries.append(
            (f"*{args.vararg.arg}", _type(args.vararg.annotation), "Further positional arguments.")
        )
    entries += [_entry(a, defaults.get(a.arg)) for a in args.kwonlyargs]
    if args.kwarg:
        entries.append((f"**{args.kwarg.arg}", _type(args.kwarg.annotation), "Further keyword arguments."))
    return entries


def _entry(arg: ast.arg, default: ast.expr | None) -> Entry:
    kind = _type(arg.annotation) or (_type_of(default) if default else "")
    said = f"The {arg.arg.replace('_', ' ').strip() or 'value'}."
    if default is not None:
        said += f" Defaults to {_plain(ast.unparse(default))}."
    return arg.arg, kind + (", optional" if kind and default is not None else ""), said


def _type(annotation: ast.expr | None) -> str:
    return _plain(ast.unparse(annotation)) if annotation is not None else ""


def _type_of(default: ast.expr) -> str:
    known = isinstance(default, ast.Constant) and default.value is not None
    return type(default.value).__name__ if known and isinstance(default, ast.Constant) else ""


def _plain(source: str) -> str:
    """Source on one line that cannot end the docstring."""
    return " ".join(source.split()).replace("\\", "/").replace('"""', "'''").replace('"', "'")[:80]


def _own(node: Function) -> list[ast.AST]:
    """The nodes of the function without those of functions inside it."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(node.body)
    while todo:
        current = todo.pop(0)
        found.append(current)
        if not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo = [*ast.iter_child_nodes(current), *todo]
    return found


def _yields(node: Function) -> bool:
    return any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own(node))


def _returned(node: Function) -> list[Entry]:
    gives = _yields(node) or any(isinstance(n, ast.Return) and n.value is not None for n in _own(node))
    kind = _type(node.returns)
    if not gives or kind == "None":
        return []
    return [("", kind, "The next value." if _yields(node) else "The result.")]


def _raised(node: Function) -> list[Entry]:
    names = []
    for inner in _own(node):
        if isinstance(inner, ast.Raise) and inner.exc is not None:
            raised = inner.exc.func if isinstance(inner.exc, ast.Call) else inner.exc
            if isinstance(raised, ast.Name | ast.Attribute):
                names.append(_plain(ast.unparse(raised)))
    return [(name, "", "When the input does not allow a result.") for name in dict.fromkeys(names)]


def _google(title: str, entries: list[Entry]) -> str:
    lines = [f"{title}:"]
    for name, kind, said in entries:
        head = f"{name} ({kind}): " if name and kind else f"{name or kind}: " if name or kind else ""
        lines.append(f"    {head}{said}")
    return "\n".join(lines)


def _numpy(title: str, entries: list[Entry]) -> str:
    lines = [title, "-" * len(title)]
    for name, kind, said in entries:
        lines += [f"{name} : {kind}" if name and kind else name or kind or "object", f"    {said}"]
    return "\n".join(lines)


def with_docstring(source: str, node: Function, text: str) -> str:
    """The source with the docstring as the first statement of the function."""
    lines = source.split("\n")
    first = node.body[0]
    decorators: list[ast.expr] = getattr(first, "decorator_list", [])
    at = (decorators[0] if decorators else first).lineno - 1
    head = lines[at].encode("utf-8", "surrogatepass")[: first.col_offset].decode("utf-8", "surrogatepass")
    same_line = bool(head.strip())
    space = (_margin(lines[node.lineno - 1]) + "    ") if same_line else head
    quoted = text.replace("\n", f"\n{space}").replace(f"\n{space}\n", "\n\n")
    body = f'{space}"""{quoted}' + (f'\n{space}"""' if "\n" in text else '"""')
    if same_line:
        rest = lines[at][len(head) :]
        lines[at : at + 1] = [head.rstrip(), body, space + rest]
    else:
        lines[at:at] = [body]
    return "\n".join(lines)


def _margin(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _passage(found: Found, source: str) -> tuple[str, str]:
    """The function before and after, as passages of its file."""
    node = found.node
    start = (node.decorator_list[0].lineno if node.decorator_list else node.lineno) - 1
    end = node.end_lineno or node.lineno
    added = source.count("\n") - found.source.count("\n")
    old = "\n".join(found.source.split("\n")[start:end])
    return old, "\n".join(source.split("\n")[start : end + added])
