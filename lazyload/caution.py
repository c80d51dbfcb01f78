"""What is known only in a running interpreter: whether an import that could move had better not."""

from __future__ import annotations

import importlib.util
import sys

from lazyload.settings import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    from lazyload.program import Program
    from lazyload.settings import Settings

HAVE_EFFECTS = (
    "antigravity", "coverage", "ddtrace", "encodings", "eventlet", "future", "gevent", "newrelic", "pkg_resources", "pyximport", "readline",
    "rlcompleter", "setuptools", "site", "sitecustomize", "this", "usercustomize",
    "threading",  # remembers the thread that imports it as the main one
)  # fmt: skip
"""Modules that change the interpreter, or others, by being imported. LAZY_IMPORTS_DENY names more, LAZY_IMPORTS_ALLOW takes one out."""


class Caution:
    """Answers for one program under one set of settings."""

    def __init__(self, program: Program, settings: Settings) -> None:
        self._program = program
        self._settings = settings

    def against(self, module: str, attribute: str | None, doubt: str) -> str:
        """Why `import module` or `from module import attribute` runs at once; empty when it may wait.

        doubt: why its text alone advises against it, empty when nothing does; the allow list overrules that, and every caution but the last two.
        """
        return next((reason for reason in self._reasons(module, attribute, doubt) if reason), "")

    def _reasons(self, module: str, attribute: str | None, doubt: str) -> Iterator[str]:
        """In the order of what they cost to find out."""
        allowed = matches(module, self._settings.allow)
        if matches(module, self._settings.deny):
            yield "denied by LAZY_IMPORTS_DENY"
        if not allowed:
            yield doubt
            yield "known to have an effect when imported" if matches(module, HAVE_EFFECTS) else ""
        if is_loaded(module, attribute):
            yield "loaded already"
        spec = locate(module)
        if spec is None or not _may_have(spec, module, attribute):
            yield "not found without importing it; if it is missing, that shows at once"
        elif not allowed and self._program.owns(module, spec):
            yield "the program's own: it runs at once, its imports are deferred"


def is_loaded(module: str, attribute: str | None) -> bool:
    """Whether the import would only bind what is there."""
    loaded = sys.modules.get(module)
    return loaded is not None and (attribute is None or attribute in vars(loaded))


def locate(module: str) -> ModuleSpec | None:
    """Where a module would come from, found without importing its parents; None when that cannot be seen."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # ValueError: a module in sys.modules without a spec
        return None
    name = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        places = spec.submodule_search_locations
        finders = (finder.find_spec(name, places) for finder in sys.meta_path)
        spec = next((found for found in finders if found is not None), None)
    return spec


def _may_have(spec: ModuleSpec, module: str, attribute: str | None) -> bool:
    """Whether `attribute` can be there: known only of a module that is loaded, and not of one that makes attributes on demand."""
    loaded = sys.modules.get(module)
    if attribute is None or loaded is None or hasattr(loaded, "__getattr__"):
        return True
    return spec.submodule_search_locations is not None and locate(f"{module}.{attribute}") is not None
