"""Def-use of Python: walks a syntax tree in the order of execution and notes how names are used.

A function's body is not what its cell uses: it is kept as `Deferred` and counts where the function's
name is read. Comprehensions, functions and classes have their own scope. What only some path does is
noted as not certain. Calls of magics are left to the reader of magics that is passed in.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from codemad_jupyter.notebooks import trial_scan
from codemad_jupyter.notebooks.mutations import (
    DYNAMIC,
    NAMESPACES,
    PROCESS_WIDE,
    mutation,
    root_of,
)
from codemad_jupyter.notebooks.uses import Call, Carry, CellUse, Deferred, Use, UseKind

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MagicReader = Callable[["Flow", ast.Call], None]


class Flow(ast.NodeVisitor):
    """The uses of one scope, gathered in the order in which it runs."""

    def __init__(self, magics: MagicReader, *, parameters: Sequence[str] = ()) -> None:
        self.magics = magics
        self.parameters = tuple(parameters)
        self.bound: set[str] = set(parameters)
        self.maybe: set[str] = set()
        self.stored: set[str] = set()
        self.changed: set[str] = set()
        self.hidden: list[set[str]] = []
        self.outer: set[str] = set()
        self.nests = False
        self.uses: dict[tuple[str, UseKind], Use] = {}
        self.deferred: dict[str, Deferred] = {}
        self.calls: list[Call] = []
        self.carries: list[Carry] = []
        self.aliases: list[tuple[str, str]] = []
        self.imports: dict[str, str] = {}
        self.opaque = self.ambient = ""
        self.line = self.magic_depth = 0
        self._branches = 0
        self._held: list[Deferred] | None = None
        self._dropped: ast.expr | None = None
        self._expanding: set[str] = set()

    def result(self) -> CellUse:
        """What was gathered; a write is certain when every path binds the name."""
        found = [
            replace(use, certain=use.certain and use.name in self.bound) if use.kind == "write" else use
            for use in self.uses.values()
        ]
        return CellUse(
            uses=tuple(found),
            deferred=self.deferred,
            calls=tuple(self.calls),
            carries=tuple(self.carries),
            aliases=tuple(self.aliases),
            imports=frozenset(self.imports.items()),
            opaque=self.opaque,
            ambient=self.ambient,
        )

    def note(self, name: str, kind: UseKind, *, certain: bool = True, why: str = "") -> None:
        """Keep the first such use, or the first that is certain."""
        known = self.uses.get((name, kind))
        if known is None or (certain and not known.certain):
            self.uses[name, kind] = Use(name, kind, certain, why, self.line)

    def load(self, name: str, *, certain: bool = True) -> None:
        """The name's value is needed; and with it what a function of this name uses."""
        if any(name in names for names in self.hidden):
            return
        if name not in self.bound:
            self.note(name, "read", certain=certain and name not in self.maybe)
        if name in self.deferred and name not in self._expanding:
            self._expanding.add(name)
            self.apply(self.deferred[name])
            self._expanding.discard(name)

    def apply(self, deferred: Deferred) -> None:
        """A function or class of this scope is used here."""
        for name in sorted(deferred.reads):
            self.load(name)
        for name in sorted(deferred.mutates):
            self.mutate(name, certain=False, why="in a function")
        for name in sorted(deferred.writes):
            self.note(name, "write", certain=False, why="global in a function")
            self.maybe.add(name)

    def store(self, name: str) -> None:
        """The name is bound."""
        self.stored.add(name)
        self.bound.add(name)
        self.deferred.pop(name, None)
        self.imports.pop(name, None)
        self.uses.pop((name, "delete"), None)
        self.note(name, "write")

    def mutate(self, name: str, *, certain: bool, why: str) -> None:
        """The object of this name is changed in place; one made in this cell is its own affair."""
        if any(name in names for names in self.hidden):
            return
        self.load(name)
        if name not in self.stored:
            self.changed.add(name)
        if name not in self.bound:
            self.note(name, "mutate", certain=certain and not self._branches, why=why)

    def delete(self, name: str) -> None:
        """``del name``."""
        self.load(name)
        self.bound.discard(name)
        self.note(name, "delete", certain=not self._branches, why="del")

    def branch(self, *bodies: Sequence[ast.AST]) -> None:
        """Of these paths one is taken; a path that raises does not go on."""
        before, ends, union = set(self.bound), [], set(self.bound)
        self._branches += 1
        for body in bodies:
            self.bound = set(before)
            for node in body:
                self.visit(node)
            union |= self.bound
            if not (body and isinstance(body[-1], ast.Raise)):
                ends.append(self.bound)
        self._branches -= 1
        self.bound = set.intersection(*ends) if ends else before
        self.maybe |= union - self.bound

    @contextmanager
    def names_hidden(self, names: set[str]) -> Iterator[None]:
        """These names belong to an inner scope for the while."""
        self.hidden.append(names)
        try:
            yield
        finally:
            self.hidden.pop()

    def visit(self, node: ast.AST) -> None:
        self.line = getattr(node, "lineno", self.line)
        super().visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.load(node.id)
        elif isinstance(node.ctx, ast.Del):
            self.delete(node.id)
        elif not any(node.id in names for names in self.hidden):
            self.store(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._changing(node, f".{node.attr} = …")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._changing(node, "[…] = …")
        self.generic_visit(node)

    def _changing(self, node: ast.Attribute | ast.Subscript, why: str) -> None:
        if isinstance(node.ctx, ast.Load):
            return
        base = node.value
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id in NAMESPACES:
            self.opaque = self.opaque or f"{base.func.id}()"
        if root_of(node):
            dotted = trial_scan.dotted(base, {}) if isinstance(base, ast.Attribute) else ""
            if dotted in ("os.environ", "plt.rcParams", "mpl.rcParams", "sys.path"):
                self.ambient = self.ambient or dotted
            self.mutate(root_of(node), certain=True, why=why if isinstance(node.ctx, ast.Store) else "del")

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        self._dropped = value
        self.visit(node.value)
        self._dropped = None

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and trial_scan.is_shell(node.func.value):
            self.magics(self, node)
            return
        dropped, held, self._held = self._dropped is node, self._held, None
        self.generic_visit(node)
        self._held = held
        name = trial_scan.dotted(node.func, {})
        found = mutation(node, name, dropped=dropped, module=name.partition(".")[0] in self._modules())
        if found is not None:
            self.mutate(found.name, certain=found.certain, why=found.why)
        if name in DYNAMIC and name not in self.bound:
            self.opaque = self.opaque or f"{name}()"
        if "." in name and PROCESS_WIDE.match(name):
            self.ambient = self.ambient or name
        if isinstance(node.func, ast.Name):
            self._call(node, node.func.id)

    def _modules(self) -> set[str]:
        usual = {
            "np",
            "pd",
            "plt",
            "sns",
            "os",
            "sys",
            "random",
            "math",
            "time",
            "json",
            "logging",
            "warnings",
        }
        return (usual - self.stored) | set(self.imports)

    def _call(self, node: ast.Call, function: str) -> None:
        """What a function of the notebook changes in its arguments; one of another cell is noted."""
        names = tuple(root_of(argument) for argument in node.args)
        keywords = tuple((word.arg, root_of(word.value)) for word in node.keywords if word.arg)
        call = Call(function, names, tuple(pair for pair in keywords if pair[1]))
        if function in self.deferred:
            for name in changed_arguments(call, self.deferred[function]):
                self.mutate(name, certain=False, why=f"in {function}()")
        elif function not in self.bound and (any(names) or call.keywords):
            self.calls.append(call)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assign(node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self._assign([node.target], node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._assign([node.target], node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.load(node.target.id)
        self.visit(node.target)

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr) -> None:
        """Bind the targets; what the value uses when it is called goes with them."""
        before, self._held = self._held, []
        self.visit(value)
        held, self._held = self._held, before
        plain, called = carried(value)
        own = [self.deferred[name] for name in sorted(plain) if name in self.deferred]
        own += [self.deferred[n] for n in sorted(called) if n in self.deferred and self.deferred[n].keeps]
        away = (plain | called) - self.bound
        root = root_of(value)
        for target in targets:
            self.visit(target)
            for name in target_names(target):
                for deferred in (*held, *own):
                    self.deferred[name] = self.deferred.get(name, Deferred()).joined(deferred)
                if away:
                    self.carries.append(Carry(name, plain & away, called & away))
                if root and root != name:
                    self.aliases.append((name, root))

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        if is_main(node.test):
            for each in node.body:
                self.visit(each)
        else:
            self.branch(node.body, node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self.branch([node.body], [node.orelse])

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self.branch(node.values[1:], [])

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.branch([node.target, *node.body], [])
        self.branch(node.orelse, [])

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self.branch(node.body, [])
        self.branch(node.orelse, [])

    def visit_Try(self, node: ast.Try) -> None:
        self.branch([*node.body, *node.orelse], *([handler] for handler in node.handlers))
        for each in node.finalbody:
            self.visit(each)

    def visit_TryStar(self, node: "ast.TryStar") -> None:
        self.branch([*node.body, *node.orelse], *([handler] for handler in node.handlers))
        for each in node.finalbody:
            self.visit(each)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        with self.names_hidden({node.name} if node.name else set()):
            for each in node.body:
                self.visit(each)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        cases: list[list[ast.AST]] = [
            [case.pattern, *([case.guard] if case.guard else []), *case.body] for case in node.cases
        ]
        last = node.cases[-1] if node.cases else None
        total = last is not None and last.guard is None and is_wildcard(last.pattern)
        self.branch(*cases, *([] if total else [[]]))

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.generic_visit(node)
        if node.name:
            self.store(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.store(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.store(node.rest)

    def visit_Import(self, node: ast.Import) -> None:
        for item in node.names:
            name = item.asname or item.name.partition(".")[0]
            self.store(name)
            self.imports[name] = item.name if item.asname else name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for item in node.names:
            if item.name == "*":
                self.opaque = self.opaque or f"from {'.' * node.level}{node.module or ''} import *"
                continue
            self.store(item.asname or item.name)
            self.imports[item.asname or item.name] = f"{'.' * node.level}{node.module}.{item.name}"

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        self.outer.update(node.names)

    visit_Nonlocal = visit_Global

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        types = type_parameters(node)
        with self.names_hidden(types):
            for part in (*node.decorator_list, *outside(node.args), *filter(None, [node.returns])):
                self.visit(part)
        deferred = self.inner(node.args, node.body, types)
        self.nests = True
        self.store(node.name)
        self.deferred[node.name] = deferred
        if node.decorator_list:  # a decorator may call it at once
            for name in sorted(deferred.reads - {node.name}):
                self.load(name, certain=False)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in outside(node.args):
            self.visit(part)
        deferred = self.inner(node.args, [node.body], set())
        if self._held is None:
            self.apply(deferred)
        else:
            self._held.append(deferred)
        self.nests = True

    def inner(self, arguments: ast.arguments, body: Sequence[ast.AST], types: set[str]) -> Deferred:
        """What a function's body uses of the names around it."""
        parameters = parameter_names(arguments)
        flow = Flow(self.magics, parameters=[*parameters, *types])
        for node in body:
            flow.visit(node)
        own = (flow.stored - flow.outer) | set(flow.parameters)
        reads, mutates = flow.needs()
        hidden = own | set().union(*self.hidden)
        return Deferred(
            reads=frozenset(reads - hidden),
            writes=frozenset(flow.outer & flow.stored),
            mutates=frozenset(mutates - hidden),
            changes=tuple((at, name) for at, name in enumerate(parameters) if name in flow.changed),
            keeps=flow.nests,
        )

    def needs(self) -> tuple[set[str], set[str]]:
        """Names that this scope and the functions in it read, and that they change."""
        parts = self.deferred.values()
        reads = {name for name, kind in self.uses if kind in ("read", "mutate", "delete")}
        mutates = {name for name, kind in self.uses if kind == "mutate"}
        return reads.union(*(d.reads for d in parts)), mutates.union(*(d.mutates for d in parts))

    def visit_Yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        self.nests = True
        self.generic_visit(node)

    visit_YieldFrom = visit_Yield

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        with self.names_hidden(type_parameters(node)):
            for part in (*node.decorator_list, *node.bases, *(word.value for word in node.keywords)):
                self.visit(part)
        flow = Flow(self.magics)
        for each in node.body:
            flow.visit(each)
        for (name, kind), use in flow.uses.items():
            if kind == "read":
                self.load(name, certain=use.certain)
            elif kind == "mutate":
                self.mutate(name, certain=use.certain, why=use.why)
        deferred = Deferred(reads=frozenset(filter(None, map(root_of, node.bases))), keeps=True)
        for method in flow.deferred.values():
            deferred = deferred.joined(replace(method, changes=()))
        self.store(node.name)
        self.deferred[node.name] = deferred

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self.visit(node.generators[0].iter)
        names = {name for each in node.generators for name in target_names(each.target)}
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        held, self._held = self._held, None
        with self.names_hidden(names):
            for at, each in enumerate(node.generators):
                for part in ([each.iter] if at else []) + each.ifs:
                    self.visit(part)
            for part in parts:
                self.visit(part)
        self._held = held

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp


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
