"""A program as `python -m MODULE` or `python SCRIPT` runs it: what is its own code, and how it becomes `__main__`."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

INSTALLED = ("site-packages", "dist-packages")
STANDARD = os.path.dirname(os.path.realpath(os.__file__))  # noqa: PTH120 (pathlib costs a start 10 ms)


class Program:
    """Its own code: the package it is started from, and what lies in its folder and was not installed there."""

    __slots__ = ("folder", "package", "path")

    def __init__(self, package: str, folder: str, path: str) -> None:
        self.package = package
        self.folder = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118
        self.path = path

    @classmethod
    def of_module(cls, name: str) -> Program:
        """What `python -m NAME` starts; the folder is the one that has the top package."""
        top = name.partition(".")[0]
        spec = PathFinder.find_spec(top)
        if spec is None:
            return cls(top, sys.path[0], "")
        if spec.submodule_search_locations is None:
            return cls(top, os.path.dirname(spec.origin or ""), spec.origin or "")  # noqa: PTH120
        place = next(iter(spec.submodule_search_locations))
        return cls(top, os.path.dirname(place), place)  # noqa: PTH120

    @classmethod
    def of_script(cls, path: str) -> Program:
        """What `python PATH` starts. Puts its folder first on sys.path, as the interpreter does; SystemExit 2 when there is no such file."""
        if not os.path.isfile(path):  # noqa: PTH113
            sys.stderr.write(f"lazyload: {path}: no such file\n")
            raise SystemExit(2)
        folder = os.path.dirname(os.path.realpath(path))  # noqa: PTH120
        if not sys.flags.safe_path:
            sys.path[0] = folder
        return cls("", folder, os.path.abspath(path))  # noqa: PTH100

    def owns(self, name: str, spec: ModuleSpec) -> bool:
        """Whether a module that was found is of the program, and not of the interpreter or installed."""
        top = name.partition(".")[0]
        if top == "lazyload":  # lies in the program's folder when it is not installed
            return False
        if top == self.package:
            return True
        places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
        return bool(places) and all(self._in_folder(os.path.realpath(place)) for place in places)

    def _in_folder(self, path: str) -> bool:
        if not path.startswith(self.folder) or path.startswith(os.path.join(STANDARD, "")):  # noqa: PTH118
            return False
        return not any(f"{os.sep}{part}{os.sep}" in path for part in INSTALLED)


def load_module(name: str) -> tuple[CodeType, ModuleType]:
    """The code of `python -m NAME` and the module to run it in; SystemExit with the interpreter's own sentence when there is none."""
    spec = _spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        name = f"{name}.__main__"
        spec = _spec(name)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{sys.executable}: No module named {name}")
    code = spec.loader.get_code(name) if hasattr(spec.loader, "get_code") else None
    if code is None:
        raise SystemExit(f"{sys.executable}: No code object available for {name}")
    main = _main(spec.loader, spec.origin)
    main.__dict__.update(__spec__=spec, __package__=spec.parent, __cached__=spec.cached)
    return code, main


def load_script(path: str) -> tuple[CodeType, ModuleType]:
    """The code of `python PATH` and the module to run it in."""
    absolute = os.path.abspath(path)  # noqa: PTH100
    ours = next((finder.script_loader for finder in sys.meta_path if hasattr(finder, "script_loader")), None)
    loader = SourceFileLoader("__main__", absolute) if ours is None else ours(absolute)
    code = loader.get_code("__main__")
    if code is None:
        raise SystemExit(f"{sys.executable}: No code object available for {path}")
    main = _main(loader, absolute)
    main.__dict__["__cached__"] = None
    sys.argv[0] = path
    return code, main


def run(loaded: tuple[CodeType, ModuleType], arguments: list[str]) -> None:
    """Runs it as `__main__`; whatever it raises comes out."""
    code, main = loaded
    file = main.__file__ if main.__spec__ is not None else sys.argv[0]
    sys.argv[:] = [file or "", *arguments]
    prepare = getattr(main.__loader__, "prepare", None)
    if prepare is not None:
        prepare(main, code)
    sys.modules["__main__"] = main
    exec(code, main.__dict__)  # noqa: S102 (this is what a launcher does)


def _main(loader: object, file: str | None) -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__.update(__loader__=loader, __file__=file, __builtins__=sys.modules["builtins"])
    return main


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        # A parent that is not there; an import that fails inside one is its own affair.
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise
