"""What would be deferred in a program and what not, each with its reason. Runs nothing of it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

from lazyload.caution import Caution, locate
from lazyload.plan import Imported, plan
from lazyload.program import Program
from lazyload.settings import Settings


def explain(program: Program, target: str, settings: Settings) -> Iterator[str]:
    """Lines for the program's main module and every own module that its imports reach."""
    caution = Caution(program, settings)
    if not settings.on:
        yield "LAZY_IMPORTS is not true: nothing is deferred; with it:"
    for name, file in _own_modules(program, target):
        found = plan(ast.parse(Path(file).read_bytes())).imports.values()
        yield f"{name}  ({file})"
        for each in found:
            reason = each.fixed or _runtime_reason(each, caution)
            yield f"  {'eager' if reason else 'deferred':8} {each.line:4}  {each.text}{f'  # {reason}' if reason else ''}"


def _runtime_reason(each: Imported, caution: Caution) -> str:
    if each.module.startswith("."):
        return each.doubt
    return caution.against(each.module, each.attribute, each.doubt)


def _own_modules(program: Program, target: str) -> Iterator[tuple[str, str]]:
    """(name, file) of the main module and what it reaches, each once, in the order of the imports."""
    if program.package:
        spec = locate(target)
        if spec is not None and spec.submodule_search_locations is not None:
            target, spec = f"{target}.__main__", locate(f"{target}.__main__")
        waiting = [] if spec is None else [*_parents(target), (target, spec)]
    else:
        waiting = [("__main__", importlib.util.spec_from_file_location("__main__", program.path))]  # type: ignore[list-item]
    seen: set[str] = set()
    while waiting:
        name, spec = waiting.pop(0)
        if name in seen or not isinstance(spec.loader, SourceFileLoader) or not (name == "__main__" or program.owns(name, spec)):
            continue
        seen.add(name)
        yield name, spec.loader.path
        package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
        for each in plan(ast.parse(Path(spec.loader.path).read_bytes())).imports.values():
            waiting += _reached(each, package)


def _reached(each: Imported, package: str) -> Iterator[tuple[str, ModuleSpec]]:
    level = len(each.module) - len(each.module.lstrip("."))
    base = package.rsplit(".", level - 1)[0] if level else ""
    module = ".".join(filter(None, (base, each.module.lstrip("."))))
    names = [module] if each.attribute is None else [module, f"{module}.{each.attribute}"]
    for name in filter(None, names):
        yield from _parents(name)
        spec = locate(name)
        if spec is not None:
            yield name, spec


def _parents(name: str) -> Iterator[tuple[str, ModuleSpec]]:
    parts = name.split(".")[:-1]
    for index in range(len(parts)):
        parent = ".".join(parts[: index + 1])
        spec = locate(parent)
        if spec is not None:
            yield parent, spec
