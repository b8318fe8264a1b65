"""Names in syntax: which ones an expression may still be, a target binds, a signature declares. Pure."""

import ast

from codemad_jupyter.notebooks import trial_scan
from codemad_jupyter.notebooks.mutations import root_of
from codemad_jupyter.notebooks.uses import Call, Deferred


def carried(value: ast.expr) -> tuple[frozenset[str], frozenset[str]]:
    """Names that the value may still be, and names of what is called to make it."""
    plain, called, waiting = set(), set(), [value]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name():
                plain.add(node.id)
            case ast.Call(func=func):
                if trial_scan.dotted(func, {}).rpartition(".")[2] in (
                    "partial",
                    "cache",
                    "lru_cache",
                    "wraps",
                ):
                    waiting += [*node.args, *(word.value for word in node.keywords)]
                elif root_of(func):
                    called.add(root_of(func))
            case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await():
                waiting.append(node.value)
            case ast.IfExp():
                waiting += [node.body, node.orelse]
            case ast.BoolOp():
                waiting += node.values
            case ast.Tuple() | ast.List() | ast.Set():
                waiting += node.elts
            case ast.Dict():
                waiting += node.values
    return frozenset(plain), frozenset(called)


def changed_arguments(call: Call, deferred: Deferred) -> list[str]:
    """The names whose objects this call changes, as far as the function's text tells."""
    words = dict(call.keywords)
    places = [call.arguments[at] if at < len(call.arguments) else "" for at, _ in deferred.changes]
    places += [words.get(name, "") for _, name in deferred.changes]
    return [name for name in places if name]


def returned_by(call: Call, deferred: Deferred) -> list[tuple[str, str]]:
    """Pairs of a name that the result is bound to and one that it may share objects with."""
    words = dict(call.keywords)
    roots = [call.arguments[at] if at < len(call.arguments) else "" for at, _ in deferred.gives]
    roots += [words.get(name, "") for _, name in deferred.gives]
    roots += sorted(deferred.shares)
    return [(target, root) for target in call.targets for root in roots if root and root != target]


def target_names(target: ast.expr) -> list[str]:
    """The names that an assignment to this target binds."""
    return [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def parameter_names(arguments: ast.arguments) -> list[str]:
    """The names of the parameters, positional ones first."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [each.arg for each in (*every, *filter(None, [arguments.vararg, arguments.kwarg]))]


def outside(arguments: ast.arguments) -> list[ast.expr]:
    """Defaults and annotations: they are evaluated where the function is defined."""
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    defaults = [*arguments.defaults, *arguments.kw_defaults]
    return [part for part in (*defaults, *(each.annotation for each in every if each)) if part is not None]


def type_parameters(node: ast.AST) -> set[str]:
    """``T`` of ``def f[T]``."""
    return {each.name for each in getattr(node, "type_params", ())}


def is_main(test: ast.expr) -> bool:
    """``__name__ == "__main__"``, which holds in a notebook."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def is_wildcard(pattern: ast.pattern) -> bool:
    """A pattern that matches everything."""
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None
