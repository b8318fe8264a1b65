"""Branches, loops, handlers and patterns: what only some path does is not certain."""

import ast

from codemad_jupyter.notebooks.mutations import root_of
from codemad_jupyter.notebooks.scopes import Scope
from codemad_jupyter.notebooks.syntax_names import is_main, is_wildcard, target_names

SWALLOWS = ("suppress", "raises", "assertRaises", "warns")


class ControlFlow(Scope):
    """Visits the statements that choose a path."""

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
        for name in target_names(node.target):
            self.link(name, node.iter)
        self.branch([node.target, *node.body], [])
        self.branch(node.orelse, [])

    visit_AsyncFor = visit_For

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
        targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
        for item in node.items:
            for name in target_names(item.optional_vars) if item.optional_vars is not None else ():
                self.link(name, item.context_expr)
        body = [*targets, *node.body]
        if any(_swallows(item.context_expr) for item in node.items):
            self.branch(body, [])
        else:
            for each in body:
                self.visit(each)

    visit_AsyncWith = visit_With

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


def _swallows(manager: ast.expr) -> bool:
    """Does the context manager go on after an exception in its body?"""
    called = manager.func if isinstance(manager, ast.Call) else manager
    name = called.attr if isinstance(called, ast.Attribute) else root_of(called)
    return name in SWALLOWS
