"""Which objects a value may share with names: the same object or a part of it, or held inside. Pure."""

import ast
from typing import NamedTuple

from codemad_jupyter.notebooks.mutations import root_of

COPIES = frozenset(
    ["DataFrame", "Series", "Path", "PurePath", "Decimal", "Fraction", "Counter", "Image", "Timestamp"]
)
KEEPERS = frozenset(
    [
        "list",
        "tuple",
        "dict",
        "set",
        "iter",
        "zip",
        "enumerate",
        "map",
        "filter",
        "reversed",
        "sorted",
        "deque",
        "chain",
        "OrderedDict",
        "defaultdict",
        "partial",
        "cycle",
        "islice",
        "product",
        "copy",
        "vars",
        "concat",
        "next",
        "memoryview",
        "asarray",
        "atleast_1d",
        "atleast_2d",
        "frombuffer",
        "getattr",
        "nditer",
        "broadcast_to",
        "as_strided",
    ]
)
SELVES = frozenset(
    [
        "reshape",
        "ravel",
        "view",
        "transpose",
        "swapaxes",
        "squeeze",
        "fit",
        "partial_fit",
        "get",
        "setdefault",
        "pop",
        "popitem",
        "values",
        "items",
        "keys",
        "to_numpy",
        "train",
        "eval",
        "to",
        "cuda",
        "cpu",
        "pipe",
        "popleft",
        "groupby",
        "rolling",
        "itertuples",
        "iterrows",
        "__iter__",
        "most_common",
        "add_subplot",
        "subplots",
        "gca",
    ]
)
STREAMS = frozenset(
    [
        "iter",
        "map",
        "filter",
        "zip",
        "enumerate",
        "reversed",
        "open",
        "reader",
        "DictReader",
        "chain",
        "islice",
    ]
)


class Sharing(NamedTuple):
    """Names of what the value may be or be a part of, and of what it may hold."""

    same: set[str]
    held: set[str]


def sharing(value: ast.expr | None) -> Sharing:
    """What the value of the expression may share; what is computed anew shares nothing."""
    found = Sharing(set(), set())
    waiting: list[tuple[ast.expr | None, bool]] = [(value, False)]
    while waiting:
        node, inside = waiting.pop()
        kept = found.held if inside else found.same
        match node:
            case ast.Name():
                kept.add(node.id)
            case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await() | ast.NamedExpr():
                waiting.append((node.value, inside))
            case ast.IfExp():
                waiting += [(node.body, inside), (node.orelse, inside)]
            case ast.BoolOp():
                waiting += [(each, inside) for each in node.values]
            case ast.BinOp():
                waiting += [(node.left, True), (node.right, True)]
            case ast.Tuple() | ast.List() | ast.Set():
                waiting += [(each, True) for each in node.elts]
            case ast.Dict():
                waiting += [(each, True) for each in node.values]
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                waiting += [(each.iter, True) for each in node.generators]
            case ast.Call():
                waiting += _of_call(node, inside)
    return found


def _of_call(node: ast.Call, inside: bool) -> list[tuple[ast.expr | None, bool]]:
    arguments: list[ast.expr | None] = [*node.args, *(word.value for word in node.keywords)]
    if isinstance(node.func, ast.Name):
        name, found = node.func.id, []
    elif isinstance(node.func, ast.Attribute):
        name = node.func.attr
        found = [(node.func.value, inside)] if name in SELVES else []
    else:
        return []
    keeps = name in KEEPERS or (name[:1].isupper() and name not in COPIES)
    return [*found, *((each, True) for each in arguments if keeps)]


def is_stream(value: ast.expr) -> bool:
    """Is it something that reading uses up?"""
    if isinstance(value, ast.GeneratorExp):
        return True
    if not isinstance(value, ast.Call):
        return False
    name = value.func.attr if isinstance(value.func, ast.Attribute) else root_of(value.func)
    return name in STREAMS
