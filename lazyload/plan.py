"""Which imports of a module can move to their first use, by its text alone, and why the others cannot."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lazyload.scopes import Reads, bound_by_import, bound_names, reads_of

READS_ITS_NAMESPACE = frozenset({"globals", "eval", "exec"})
OF_THE_MODULE = frozenset({"locals", "vars", "dir"})  # where they stand outside functions
Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that one statement imports. fixed: why it has to run where it stands; doubt: why it had better, though it could move."""

    line: int
    text: str
    name: str
    module: str
    attribute: str | None
    fixed: str = ""
    doubt: str = ""

    @property
    def can_move(self) -> bool:
        """Whether the rewritten module may run it later."""
        return not self.fixed


@dataclass(frozen=True, slots=True)
class Plan:
    """imports: every name that is imported outside functions, by its alias node; late: the nodes that read a name which may come late."""

    imports: dict[ast.alias, Imported]
    late: frozenset[ast.Name]


def plan(tree: ast.Module) -> Plan:
    """Decides for one parsed module."""
    found = list(_imports(tree.body, ""))
    names = frozenset(bound_by_import(alias) for _, alias, place in found if not place)
    reads = reads_of(tree, names)
    whole = _forbids_all(tree)
    bound = bound_names(tree.body)
    ours = Counter(bound_by_import(alias) for _, alias, place in found if not place)
    taken = {name for name in names if bound[name] != ours[name]} | {
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    }
    exported = _exported(tree)
    fixed_names: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for statement, alias, place in found:
        name = bound_by_import(alias)
        reason = place or whole or _fixed(statement, alias) or ("bound again in this module" if name in taken else "") or _early(reads, name)
        if place:
            continue
        # `import a.b` and `import a.c` bind one name: all of them wait, or none.
        if reason:
            fixed_names.setdefault(name, reason)
        doubts[name] = doubts.get(name) or _doubt(statement, alias, reads, exported)
    imports = {}
    for statement, alias, place in found:
        name = bound_by_import(alias)
        fixed = place or fixed_names.get(name, "")
        doubt = "" if fixed else doubts[name]
        imports[alias] = _imported(statement, alias, fixed, doubt)
    late = frozenset(node for each in imports.values() if each.can_move for node in reads.late.get(each.name, ()))
    return Plan(imports, late)


def _imports(body: list[ast.stmt], place: str) -> Iterator[tuple[Import, ast.alias, str]]:
    """Every import outside functions; place: what it stands in, empty for the module's own level."""
    for statement in body:
        if isinstance(statement, Import):
            yield from ((statement, alias, place) for alias in statement.names)
        elif isinstance(statement, ast.ClassDef):
            yield from _imports(statement.body, "in a class body")
        elif isinstance(statement, ast.If) and _is_type_checking(statement.test):
            yield from _imports(statement.body, "for type checkers: never runs")
            yield from _imports(statement.orelse, "in a branch")
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = "in a try: its failure decides what follows" if isinstance(statement, ast.Try | ast.TryStar) else "in a branch, loop or with"
            for part in ("body", "handlers", "orelse", "finalbody", "cases"):
                for inner in getattr(statement, part, ()):
                    yield from _imports(inner.body if isinstance(inner, ast.ExceptHandler | ast.match_case) else [inner], place or inside)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING")


def _forbids_all(tree: ast.Module) -> str:
    """Why no import of this module may move: something in it looks at the namespace itself."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}:
            return f"the module has a {node.name} of its own"
    reflects = set()
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Name) and inner.id in READS_ITS_NAMESPACE:
            return f"the module calls {inner.id}"
        if isinstance(inner, ast.Name) and inner.id == "vars":
            reflects.add("dict")
        elif isinstance(inner, ast.Attribute) and inner.attr in {"__dict__", "modules"}:
            reflects.add(inner.attr.strip("_"))
    if reflects >= {"dict", "modules"}:
        return "the module looks into the dict of a module"
    outside = [inner for inner in _outside_functions(tree) if isinstance(inner, ast.Name) and inner.id in OF_THE_MODULE]
    return f"the module calls {outside[0].id}" if outside else ""


def _outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _outside_functions(node)


def _fixed(statement: Import, alias: ast.alias) -> str:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return "the compiler's"
    if alias.name == "*":
        return "brings names that only it knows"
    if bound_by_import(alias).startswith("__"):
        return "its name would be mangled in classes"
    return ""


def _early(reads: Reads, name: str) -> str:
    if name not in reads.early:
        return ""
    line, what = reads.early[name]
    return f"{what}, line {line}"


def _doubt(statement: Import, alias: ast.alias, reads: Reads, exported: frozenset[str]) -> str:
    name = bound_by_import(alias)
    if isinstance(statement, ast.ImportFrom) and statement.level:
        return "the program's own: it runs at once, its imports are deferred"
    if name not in reads.late and name not in exported and alias.asname != alias.name:
        return "never used here: imported for its effect, perhaps"
    if "." in alias.name and alias.asname is None and isinstance(statement, ast.Import):
        used = reads.chains.get(name, set())
        if not any(chain == alias.name or chain.startswith(f"{alias.name}.") for chain in used):
            return f"{alias.name} is never used here: imported for its effect, perhaps"
    return ""


def _imported(statement: Import, alias: ast.alias, fixed: str, doubt: str) -> Imported:
    one = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
    name = bound_by_import(alias)
    if isinstance(statement, ast.Import):
        return Imported(statement.lineno, f"import {one}", name, alias.name, None, fixed, doubt)
    module = "." * statement.level + (statement.module or "")
    return Imported(statement.lineno, f"from {module} import {one}", name, module, alias.name, fixed, doubt)


def _exported(tree: ast.Module) -> frozenset[str]:
    """The names in a literal `__all__`."""
    names = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets):
            names |= {node.value for node in ast.walk(statement.value) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(names)
