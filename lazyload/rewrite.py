"""The rewriting of a module: imports that can move become calls that note them, and late reads go through the module."""

from __future__ import annotations

import ast
import sys

from lazyload.loader import STANDS_FOR_IMPORT, THE_MODULE
from lazyload.plan import Imported, Plan, plan


def rewritten(source: bytes) -> ast.Module:
    """The tree to compile. SyntaxError as the compiler would raise it."""
    tree = ast.parse(source)
    decided = plan(tree)
    if hasattr(sys, "set_lazy_imports"):
        return named_lazy(tree, decided)
    tree.body = [new for statement in tree.body for new in _replacement(statement, decided)]
    _LateReads(decided).visit(tree)
    return ast.fix_missing_locations(tree)


def named_lazy(tree: ast.Module, decided: Plan) -> ast.Module:
    """For interpreters with lazy imports of their own (PEP 810): nothing is rewritten, the modules are named to the interpreter.

    Per module, not per statement: one is named only when all its imports here can move.
    """
    moving: dict[str, str] = {}
    for each in decided.imports.values():
        if each.can_move and not each.module.startswith("."):
            moving[each.module] = moving.get(each.module) or each.doubt
    for each in decided.imports.values():
        if not each.can_move:
            moving.pop(each.module, None)
    if not moving:
        return tree
    names = ast.Dict(keys=[ast.Constant(key) for key in moving], values=[ast.Constant(doubt) for doubt in moving.values()])
    call = ast.Call(func=ast.Name(STANDS_FOR_IMPORT, ast.Load()), args=[names], keywords=[])
    assignment = ast.Assign(targets=[ast.Name("__lazy_modules__", ast.Store())], value=call)
    first = next(index for index, statement in enumerate(tree.body) if not _has_to_lead(statement))
    tree.body.insert(first, ast.copy_location(assignment, tree.body[first]))
    return ast.fix_missing_locations(tree)


def _has_to_lead(statement: ast.stmt) -> bool:
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return docstring or (isinstance(statement, ast.ImportFrom) and statement.module == "__future__")


def _replacement(statement: ast.stmt, decided: Plan) -> list[ast.stmt]:
    """The statement itself, or one for each name that it imports, in its place."""
    if not isinstance(statement, ast.Import | ast.ImportFrom) or not any(decided.imports[alias].can_move for alias in statement.names):
        return [statement]
    parts: list[ast.stmt] = []
    for alias in statement.names:
        each = decided.imports[alias]
        if each.can_move:
            parts.append(ast.Expr(_noted(each)))
        elif isinstance(statement, ast.Import):
            parts.append(ast.Import(names=[alias]))
        else:
            parts.append(ast.ImportFrom(module=statement.module, names=[alias], level=statement.level))
    return [ast.copy_location(part, statement) for part in parts]


def _noted(each: Imported) -> ast.Call:
    values = (each.line, each.text, each.name, each.module, each.attribute, each.doubt)
    return ast.Call(func=ast.Name(STANDS_FOR_IMPORT, ast.Load()), args=[ast.Constant(value) for value in values], keywords=[])


class _LateReads(ast.NodeTransformer):
    """`np` becomes `__lazymodule__.np` where the plan says so."""

    def __init__(self, decided: Plan) -> None:
        self._late = decided.late

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node not in self._late:
            return node
        return ast.copy_location(ast.Attribute(value=ast.copy_location(ast.Name(THE_MODULE, ast.Load()), node), attr=node.id, ctx=ast.Load()), node)
