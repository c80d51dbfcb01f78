"""Which names code binds in its own scope, and where it reads some of them: while the module is imported, or later."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound_names(body: Iterable[ast.AST]) -> Counter[str]:
    """Every name that these statements bind in their own scope, and how often."""
    return Counter(name for node in _own_nodes(body) for name in _bound_by(node))


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of one scope: of functions and classes inside it only what is evaluated out here, of comprehensions only what they bind out here."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += [*getattr(node, "decorator_list", []), *_defaults(node)]
        elif isinstance(node, ast.ClassDef):
            waiting += [*node.decorator_list, *node.bases, *node.keywords]
        elif isinstance(node, COMPREHENSIONS):
            waiting += [inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)]
        else:
            waiting += ast.iter_child_nodes(node)


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from map(bound_by_import, aliases)


def bound_by_import(alias: ast.alias) -> str:
    """`a` for `import a.b`, the name itself in every other form."""
    return alias.asname or alias.name.partition(".")[0]


@dataclass
class Reads:
    """Where names of the module are read. early: name to the line and what reads it during the import; late: the nodes that read it afterwards.

    chains: for each name the dotted expressions that begin with it.
    """

    early: dict[str, tuple[int, str]] = field(default_factory=dict)
    late: dict[str, list[ast.Name]] = field(default_factory=dict)
    chains: dict[str, set[str]] = field(default_factory=dict)


def reads_of(tree: ast.Module, names: frozenset[str]) -> Reads:
    """Where `names`, as globals of this module, are read."""
    visitor = _Reader(names, future=_has_future_annotations(tree))
    visitor.visit(tree)
    return visitor.reads


class _Reader(ast.NodeVisitor):
    """Walks with three things in mind: is this evaluated during the import, which names are a function's own here, and which a class body's."""

    def __init__(self, names: frozenset[str], *, future: bool) -> None:
        self.reads = Reads()
        self._names = names
        self._future = future
        self._late = False
        self._local: frozenset[str] = frozenset()
        self._of_class: frozenset[str] = frozenset()

    def visit_Name(self, node: ast.Name) -> None:
        if node.id not in self._names or node.id in self._local or not isinstance(node.ctx, ast.Load):
            return
        if node.id in self._of_class:
            self._early(node.id, node, "a class body has the same name")
        elif self._late:
            self.reads.late.setdefault(node.id, []).append(node)
        else:
            self._early(node.id, node, "used while the module is imported")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        parts, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            parts.append(base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            self.reads.chains.setdefault(base.id, set()).add(".".join([base.id, *reversed(parts)]))
            self.visit_Name(base)
        else:
            self.visit(base)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outside in [*node.decorator_list, *_defaults(node), *getattr(node, "type_params", [])]:
            self.visit(outside)
        for annotation in _annotations(node):
            self._annotation(annotation)
        self._function(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (ast's own spelling)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in _defaults(node):
            self.visit(default)
        self._function(node, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in [*node.decorator_list, *node.bases, *node.keywords, *getattr(node, "type_params", [])]:
            self.visit(outside)
        before = self._of_class
        self._of_class = frozenset(bound_names(node.body))
        for statement in node.body:
            self.visit(statement)
        self._of_class = before

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        # Never evaluated in a function. Elsewhere dataclasses and their like read it, as text or not, before anybody uses the class.
        for name in _names_in(node.annotation) if not self._late else ():
            self._early(name, node, "in an annotation of a class or the module")
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        for name in _names_in(node):
            self._early(name, node, "in a type alias")

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)
        before = self._local
        self._local |= frozenset(bound_names(generator.target for generator in node.generators))
        for generator in node.generators:
            for part in [generator.target, *generator.ifs, *([generator.iter] if generator is not node.generators[0] else [])]:
                self.visit(part)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.visit(part)
        self._local = before

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def _function(self, node: Function, body: list[ast.stmt] | list[ast.expr]) -> None:
        before = self._late, self._local, self._of_class
        arguments = node.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
        self._late, self._of_class = True, frozenset()
        self._local |= frozenset(bound_names(body)) | {argument.arg for argument in given}
        for part in body:
            self.visit(part)
        self._late, self._local, self._of_class = before

    def _annotation(self, node: ast.expr) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                for name in self._names:
                    if name in inner.value:
                        self._early(name, inner, "named in a quoted annotation")
        before = self._late
        self._late |= self._future  # text by then: evaluated when somebody asks for it
        self.visit(node)
        self._late = before

    def _early(self, name: str, node: ast.AST, what: str) -> None:
        if name in self._names:
            self.reads.early.setdefault(name, (getattr(node, "lineno", 0), what))


def _defaults(node: Function) -> list[ast.expr]:
    return [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    arguments = node.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    return [annotation for annotation in (*(argument.annotation for argument in given), node.returns) if annotation is not None]


def _names_in(node: ast.AST) -> set[str]:
    """Names in an expression, those inside quoted parts of it too."""
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            found |= set(inner.value.replace("[", ".").replace("]", ".").replace(",", ".").replace("|", ".").replace(" ", "").split("."))
    return found


def _has_future_annotations(tree: ast.Module) -> bool:
    futures = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__")
    return any(alias.name == "annotations" for node in futures for alias in node.names)
