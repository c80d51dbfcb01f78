"""Loads the program's own modules with their imports deferred, and keeps the rewritten code beside the ordinary bytecode."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType

from lazyload.caution import Caution
from lazyload.deferred import Deferred

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

    from _typeshed import ReadableBuffer, StrPath

    from lazyload.program import Program
    from lazyload.settings import Settings

STANDS_FOR_IMPORT = "__lazyload__"
THE_MODULE = "__lazymodule__"
FORM = b"lazyload 1 "
"""Names the form of the rewritten code; a change of the rewriting changes it."""


def install(program: Program, settings: Settings) -> None:
    """From here on the program's own modules are loaded with their imports deferred."""
    sys.meta_path.insert(0, OwnFinder(program, Caution(program, settings)))
    if settings.warm is not None:
        from lazyload.warm import warm_after_listening  # noqa: PLC0415 (a start that warms nothing does without)

        warm_after_listening(settings.warm)


class OwnFinder:
    """Finds what the others find, and for own source files puts our loader in the place of the ordinary one."""

    def __init__(self, program: Program, caution: Caution) -> None:
        self._program = program
        self._caution = caution
        self._foreign: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of an own module from source, else None."""
        top = name.partition(".")[0]
        if top in self._foreign:
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((found for found in others if found is not None), None)
        if spec is None or not self._program.owns(name, spec):
            if name == top:
                self._foreign.add(top)
            return None
        if type(spec.loader) is SourceFileLoader:
            spec.loader = DeferringLoader(spec.loader.name, spec.loader.path, self._caution)
        return spec

    def script_loader(self, path: str) -> DeferringLoader:
        """What loads a script that is run by its path."""
        return DeferringLoader("__main__", path, self._caution)


class DeferringLoader(SourceFileLoader):
    """A source file whose imports wait for their first use."""

    def __init__(self, name: str, path: str, caution: Caution) -> None:
        super().__init__(name, path)
        self._caution = caution

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module, with what its rewritten code needs; made here so that no frame of ours stands in its tracebacks."""
        module = ModuleType(spec.name)
        self.prepare(module, self.get_code(spec.name))
        return module

    def prepare(self, module: ModuleType, code: CodeType) -> None:
        """Puts into the module what its code needs; nothing when nothing of it can wait."""
        if STANDS_FOR_IMPORT not in code.co_names:
            return
        deferred = Deferred(module, self._caution)
        if hasattr(sys, "set_lazy_imports"):
            module.__dict__[STANDS_FOR_IMPORT] = lambda candidates: NativelyLazy(candidates, self._caution)
            return
        module.__dict__.update({STANDS_FOR_IMPORT: deferred, THE_MODULE: module, "__getattr__": deferred.find, "__dir__": deferred.names})

    def get_code(self, fullname: str) -> CodeType:
        """The rewritten code, from its own cache file as long as the source has the same size and time."""
        path = self.get_filename(fullname)
        stats = self.path_stats(path)
        stamp = FORM + importlib.util.MAGIC_NUMBER + repr((stats["mtime"], stats["size"], sys.flags.optimize)).encode()
        cache = importlib.util.cache_from_source(path, optimization="lazyload")
        try:
            kept = self.get_data(cache)
        except OSError:
            kept = b""
        if kept.startswith(stamp):
            return marshal.loads(kept[len(stamp) :])  # type: ignore[no-any-return] # noqa: S302 (as trusted as any bytecode beside it)
        code = self.source_to_code(self.get_data(path), path)
        if not sys.dont_write_bytecode:
            self.set_data(cache, stamp + marshal.dumps(code))
        return code

    def source_to_code(self, data: ReadableBuffer | str, path: ReadableBuffer | StrPath = "<string>") -> CodeType:  # type: ignore[override]
        """Rewrites and compiles."""
        from lazyload.rewrite import rewritten  # noqa: PLC0415 (ast is loaded only where the cache has nothing)

        return compile(rewritten(bytes(data)), path, "exec", dont_inherit=True)  # type: ignore[arg-type]


class NativelyLazy:
    """Python 3.15's `__lazy_modules__` of one module: the interpreter asks it at each import statement (PEP 810)."""

    def __init__(self, candidates: dict[str, str], caution: Caution) -> None:
        self._candidates = candidates
        self._caution = caution

    def __contains__(self, module: str) -> bool:
        return module in self._candidates and not self._caution.against(module, None, self._candidates[module])
