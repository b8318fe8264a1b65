"""Which calls change an object in place, as far as a name and its arguments tell. Pure, mostly tables."""

import ast
import re
from typing import NamedTuple

CONTAINER_METHODS = frozenset(
    [
        "append",
        "appendleft",
        "extend",
        "extendleft",
        "insert",
        "add",
        "update",
        "setdefault",
        "remove",
        "discard",
        "pop",
        "popleft",
        "popitem",
        "clear",
        "sort",
        "reverse",
        "rotate",
        "intersection_update",
        "difference_update",
        "symmetric_difference_update",
    ]
)
LEARNING_METHODS = re.compile(
    r"(?:fit|partial_fit|fit_transform|fit_predict|fit_resample|train|learn|compile|step|zero_grad|backward|add_\w+"
    r"|set|set_\w+|update_\w+|push|put|put_nowait|write|writelines|seek|close|send|shuffle|seed|register\w*|load_state_dict"
    r"|resize|fill|setflags|setfield|itemset|drop_column|rename_column|execute|executemany|commit)$"
)
LOOKING_METHODS = re.compile(
    r"(?:apply|map|query|groupby|merge|drop\w*|to_\w+|as_\w+|is_\w+|has_\w+|get\w*|head|tail|info|describe|sample|plot\w*|hist|boxplot|show\w*|print\w*|display"
    r"|summary|savefig|save\w*|dump\w*|copy|items|keys|values|count|index|join|split\w*|format|predict\w*|score"
    r"|transform|evaluate|result|wait|startswith|endswith|lower|upper|strip)$"
)
FIRST_ARGUMENT = re.compile(
    r"(?:(?:np|numpy|random|np\.random|numpy\.random|\w*rng|rs)\.shuffle|shuffle|heapq\.heap\w+|heap(?:push|pop|ify"
    r"|replace|pushpop)|bisect\.insort\w*|insort\w*|setattr|delattr|next|(?:np|numpy)\.(?:copyto|fill_diagonal|put"
    r"|place|putmask|put_along_axis))$"
)
PROCESS_WIDE = re.compile(
    r"(?:.*\.)?(?:seed|manual_seed|set_seed|set_random_seed|chdir|putenv|set_option|reset_option|filterwarnings"
    r"|simplefilter|set_theme|set_style|set_context|set_palette|set_printoptions|basicConfig|setLevel|disable_warnings"
    r"|set_config|setlocale|set_matplotlib_formats|init_notebook_mode|register_cell_magic|set_default_\w+)$"
    r"|(?:plt|matplotlib)\.(?:style\.use|rc|rcdefaults|use|ion|ioff)$|(?:os\.environ|sys\.path)\.\w+$"
)
USUAL_MODULES = frozenset(
    ["np", "pd", "plt", "sns", "os", "sys", "random", "math", "time", "json", "logging", "warnings"]
)
DYNAMIC = frozenset({"exec", "eval", "execfile"})
NAMESPACES = frozenset({"globals", "locals"})


class Mutation(NamedTuple):
    """The object of a name is changed in place."""

    name: str
    certain: bool
    why: str


def root_of(node: ast.expr) -> str:
    """The name at the beginning of attributes and subscripts: ``df`` of ``df.loc[0].x``; else empty."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def chain_root(node: ast.expr) -> str:
    """As `root_of`, through calls too: ``fig`` of ``fig.gca().set_title``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def mutation(call: ast.Call, name: str, *, dropped: bool, module: bool) -> Mutation | None:
    """What the call changes in place.

    ``name`` is the dotted name of what is called, ``dropped`` says that nobody takes the result, so that
    the call was made for its effect, ``module`` that the root of the name is an imported one.
    """
    if FIRST_ARGUMENT.match(name) and call.args and root_of(call.args[0]):
        return Mutation(root_of(call.args[0]), name in ("setattr", "delattr"), f"{name}()")
    if not isinstance(call.func, ast.Attribute):
        return None
    root, method = root_of(call.func.value), call.func.attr
    if not root:
        if dropped and not module and LEARNING_METHODS.match(method) and chain_root(call.func):
            return Mutation(chain_root(call.func), False, f".{method}()")
        return None
    return in_place(call, root, method) or by_method(root, method, dropped=dropped, module=module, name=name)


def in_place(call: ast.Call, root: str, method: str) -> Mutation | None:
    """``inplace=True`` and its like."""
    for keyword in call.keywords:
        if keyword.arg == "inplace" and not is_false(keyword.value):
            return Mutation(root, isinstance(keyword.value, ast.Constant), f".{method}(inplace=…)")
        if keyword.arg == "out" and root_of(keyword.value):
            return Mutation(root_of(keyword.value), not isinstance(keyword.value, ast.Constant), "out=")
    return None


def by_method(root: str, method: str, *, dropped: bool, module: bool, name: str) -> Mutation | None:
    """What the name of a method says."""
    direct = name == f"{root}.{method}"
    if method in CONTAINER_METHODS and not (module and direct):
        return Mutation(root, dropped, f".{method}()")
    if module:
        return Mutation(root, False, f"{name}()") if dropped and PROCESS_WIDE.match(name) else None
    if LEARNING_METHODS.match(method):
        return Mutation(root, False, f".{method}()")
    if dropped and not LOOKING_METHODS.match(method):
        return Mutation(root, False, f".{method}()")
    return None


def is_false(node: ast.expr) -> bool:
    """Is it the literal False?"""
    return isinstance(node, ast.Constant) and not node.value
