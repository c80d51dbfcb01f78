"""The imports of one module that wait for their first use."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from lazyload.caution import Caution

PATIENCE = 10.0
"""Seconds that a first use waits for another thread's, before it goes on beside it: a deadlock would be worse than what the lock is for."""
LOCK = _thread.RLock()
"""One for all modules: two threads in the first imports of two modules that import each other would each see half of the other."""
EVERY: list[Deferred] = []
"""All modules with imports that wait, for the warm-up."""


class Deferred:
    """Called in the place of each import that can move, with what it needs to run it later; answers for names that are not there yet.

    Rewritten functions read `__lazymodule__.np` for `np`. A name that waits is not in the module's dict, so the read comes to `find`, once. The dict
    stays the only truth: what others set in it, or patch, is what the functions see.
    """

    def __init__(self, module: ModuleType, caution: Caution) -> None:
        self._names = module.__dict__
        self._caution = caution
        self._waiting: dict[str, list[tuple[int, str]]] = {}
        self._ever: set[str] = set()

    def __call__(self, line: int, text: str, name: str, module: str, attribute: str | None, doubt: str) -> None:
        """Stands for the import `text` in this line, which binds `name`."""
        if self._caution.against(module, attribute, doubt) or name in self._names:
            if name in self._waiting:
                self._run(name)
            self._import(line, text, name)
            return
        if not self._ever:
            EVERY.append(self)
        self._ever.add(name)
        self._waiting.setdefault(name, []).append((line, text))

    def find(self, name: str) -> Any:  # noqa: ANN401 (whatever the module has by that name)
        """The module's `__getattr__`: runs the import that binds this name."""
        if name in self._ever:
            held = LOCK.acquire(timeout=PATIENCE)
            try:
                if name in self._waiting:
                    self._run(name)
                if name in self._names:
                    return self._names[name]
            finally:
                if held:
                    LOCK.release()
        elif name == "__all__":  # asked by `import *`, which then takes what the dict has
            self.run_all()
        raise AttributeError(f"module {self._names['__name__']!r} has no attribute {name!r}")

    def names(self) -> list[str]:
        """The module's `__dir__`."""
        return sorted({*self._names, *self._waiting})

    def waiting(self) -> list[str]:
        """The names whose imports have not run."""
        return list(self._waiting)

    def run_all(self) -> None:
        """Runs all that wait."""
        for name in self.waiting():
            if name not in self._names:
                self.find(name)

    def _run(self, name: str) -> None:
        for line, text in self._waiting[name]:
            try:
                self._import(line, text, name)
            except ImportError as error:
                error.add_note(f"The import stands in line {line} of {self._names.get('__file__')} and was deferred by lazyload until now.")
                raise
        self._waiting.pop(name, None)

    def _import(self, line: int, text: str, name: str) -> None:
        """Runs the statement as it stands in the file, so that a traceback shows it there."""
        scratch = {key: self._names.get(key) for key in ("__name__", "__package__", "__spec__", "__builtins__")}
        code = compile("\n" * (line - 1) + text, self._names.get("__file__") or "<lazyload>", "exec", dont_inherit=True)
        exec(code, scratch)  # noqa: S102 (an import statement of the program's own text)
        self._names[name] = scratch[name]
