"""The far end of a machine that is reached by ssh: does there what the local transport does here, one JSON line for each question.

Its source is sent along (rollout/transports/far_end.py), so a machine needs Python 3.11 and nothing of ours. It ends with its connection.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import PurePath
from typing import IO, Any

from rollout.errors import ActFault, Unreachable
from rollout.transports.local import LocalChild, LocalTransport
from rollout.transports.port import Invocation

READY = "rollout: ready"
"""The first line of ours; whatever a login shell says before it is not."""


def serve(questions: IO[str], answers: IO[str], address: str) -> None:
    """Answer until the other end is gone; shadows that it left are ended."""
    far = FarEnd(address)
    try:
        print(READY, file=answers, flush=True)
        for line in questions:
            print(json.dumps(far.answer(json.loads(line))), file=answers, flush=True)
    finally:
        far.end_children()


class FarEnd:
    """One machine, asked in words. A question: [method, argument, ...]; an answer: {"is": value} or {"fault": kind, "why": text, "errno": number}."""

    def __init__(self, address: str) -> None:
        self._local = LocalTransport(address)
        self._children: list[LocalChild] = []
        same = ("make_folder", "remove", "end", "environment", "free_ports", "started")
        plain: dict[str, Callable[..., Any]] = {name: getattr(self._local, name) for name in same}
        self._methods = plain | {
            "files": lambda folder: [str(file) for file in self._local.files(PurePath(folder))],
            "read": lambda file: self._local.read(PurePath(file)),
            "replace": lambda file, text, private: self._local.replace(PurePath(file), text, private=private),
            "find": lambda program, folder: self._local.find(program, PurePath(folder)),
            "run": self._run,
            "processes": lambda: list(self._local.processes()),
            "listeners": lambda: list(self._local.listeners().items()),
            "holders": lambda ports, likely: list(self._local.holders(ports, likely).items()),
            "invocation": self._invocation,
            "spawn": self._spawn,
            "child": lambda number, name: getattr(self._children[number], name)(),
        }

    def answer(self, question: list[Any]) -> dict[str, Any]:
        """What the method gives, or why it cannot."""
        name, *arguments = question
        try:
            return {"is": self._methods[name](*arguments)}
        except (Unreachable, ActFault) as fault:
            return {"fault": type(fault).__name__, "why": str(fault)}
        except OSError as error:
            return {"fault": "OSError", "why": error.strerror or str(error), "errno": error.errno}

    def end_children(self) -> None:
        """None is left behind."""
        for child in self._children:
            child.end()

    def _run(self, command: list[str], timeout: float) -> list[Any]:
        finished = self._local.run(command, timeout)
        return [finished.status, finished.output]

    def _invocation(self, pid: int) -> list[Any] | None:
        found = self._local.invocation(pid)
        return None if found is None else [list(found.arguments), dict(found.environment), str(found.folder)]

    def _spawn(self, arguments: list[str], environment: dict[str, str], folder: str) -> int:
        self._children.append(self._local.spawn(Invocation(tuple(arguments), environment, PurePath(os.path.normpath(folder)))))
        return len(self._children) - 1
