"""Def-use of Python: walks a syntax tree in the order of execution and notes how names are used.

A function's body is not what its cell uses: it is kept as `Deferred` and counts where the function's
name is read. Comprehensions, functions and classes have their own scope. What only some path does is
noted as not certain. Calls of magics are left to the reader of magics that is passed in.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from codemad_jupyter.notebooks import hidden_state, trial_scan
from codemad_jupyter.notebooks.control_flow import ControlFlow
from codemad_jupyter.notebooks.mutations import (
    DYNAMIC,
    NAMESPACES,
    PROCESS_WIDE,
    USUAL_MODULES,
    mutation,
    root_of,
)
from codemad_jupyter.notebooks.sharing import is_stream, sharing
from codemad_jupyter.notebooks.syntax_names import (
    carried,
    changed_arguments,
    outside,
    parameter_names,
    returned_by,
    target_names,
    type_parameters,
)
from codemad_jupyter.notebooks.uses import Call, Carry, Deferred

MagicReader = Callable[["Flow", ast.Call], None]


class Flow(ControlFlow):
    """Notes what the syntax it visits does with names."""

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
            self.set_opaque(f"{base.func.id}()")
        if root_of(node):
            dotted = trial_scan.dotted(base, {}) if isinstance(base, ast.Attribute) else ""
            if dotted in ("os.environ", "plt.rcParams", "mpl.rcParams", "sys.path"):
                self.ambient = self.ambient or dotted
            said = why if isinstance(node.ctx, ast.Store) else "del"
            self.mutate(root_of(node), certain=True, why=said, deep=not isinstance(base, ast.Name))

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
            deep = not (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name))
            self.mutate(found.name, certain=found.certain, why=found.why, deep=deep)
            for part in (*node.args, *(word.value for word in node.keywords)):
                self.link(found.name, part, inside=True)
        self._effects(node, name, dropped=dropped and found is None)
        if name in DYNAMIC and name not in self.bound:
            self.set_opaque(f"{name}()")
        if "." in name and PROCESS_WIDE.match(name):
            self.ambient = self.ambient or name
        if isinstance(node.func, ast.Name):
            self._call(node, node.func.id)

    def _effects(self, node: ast.Call, name: str, *, dropped: bool) -> None:
        """What a call does beside what its name says: files, random numbers, methods, arguments."""
        reads, changes = hidden_state.of_call(node, name)
        for each in reads:
            self.load(each, certain=False)
        for each in changes:
            self.mutate(each, certain=False, why=f"{name}()")
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            root, method = node.func.value.id, node.func.attr
            self.methods.add((root, method))
            if root in self.deferred and method in self.deferred[root].alters:
                self.mutate(root, certain=False, why=f".{method}()", deep=True)
        if dropped and isinstance(node.func, ast.Name) and self.imports.get(node.func.id):
            for argument in node.args:
                if root_of(argument):
                    self.mutate(root_of(argument), certain=False, why=f"{name}()", deep=True)

    def _modules(self) -> frozenset[str]:
        return (USUAL_MODULES - self.stored) | set(self.imports)

    def _call(self, node: ast.Call, function: str) -> None:
        """What a function of the notebook changes in its arguments; one of another cell is noted."""
        names = tuple(root_of(argument) for argument in node.args)
        keywords = tuple((word.arg, root_of(word.value)) for word in node.keywords if word.arg)
        targets, self._targets = self._targets, ()
        call = Call(function, names, tuple(pair for pair in keywords if pair[1]), targets)
        if function in self.deferred:
            self.aliases += returned_by(call, self.deferred[function])
            for name in changed_arguments(call, self.deferred[function]):
                self.mutate(name, certain=False, why=f"in {function}()", deep=True)
        elif function not in self.bound and (any(names) or call.keywords or targets):
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
        bound = [name for target in targets for name in target_names(target)]
        self._targets = tuple(bound) if isinstance(value, ast.Call) else ()
        self.visit(value)
        self._targets = ()
        stream = is_stream(value) or any(name in self.streams for name in sharing(value).same)
        held, self._held = self._held, before
        plain, called = carried(value)
        own = [self.deferred[name] for name in sorted(plain) if name in self.deferred]
        own += [self.deferred[n] for n in sorted(called) if n in self.deferred and self.deferred[n].keeps]
        away = (plain | called) - self.bound
        for target in targets:
            self.visit(target)
            if root_of(target) and not isinstance(target, ast.Name):
                self.link(root_of(target), value, inside=True)
            for name in target_names(target):
                for deferred in (*held, *own):
                    self.deferred[name] = self.deferred.get(name, Deferred()).joined(deferred)
                if away:
                    self.carries.append(Carry(name, plain & away, called & away))
                self.link(name, value)
                (self.streams.add if stream else self.streams.discard)(name)

    def visit_Import(self, node: ast.Import) -> None:
        for item in node.names:
            name = item.asname or item.name.partition(".")[0]
            self.store(name)
            self.imports[name] = item.name if item.asname else name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for item in node.names:
            if item.name == "*":
                self.set_opaque(f"from {'.' * node.level}{node.module or ''} import *", defines=True)
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
            gives=tuple((at, name) for at, name in enumerate(parameters) if name in flow.returned),
            shares=frozenset(flow.returned - hidden),
        )

    def visit_Return(self, node: ast.Return) -> None:
        self.generic_visit(node)
        found = sharing(node.value)
        for name in found.same | found.held:
            self.returned |= self.related(name, deep=True)

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
        alters = frozenset(
            name for name, each in flow.deferred.items() if any(at == 0 for at, _ in each.changes)
        )
        deferred = Deferred(
            reads=frozenset(filter(None, map(root_of, node.bases))), keeps=True, alters=alters - {"__init__"}
        )
        for method in flow.deferred.values():
            deferred = deferred.joined(replace(method, changes=(), gives=()))
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
