"""The generator as its owner sees it: a child process that is started, asked to stop, and read when it has ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from rollout.errors import GeneratorFault
from rollout.load.measured import Measured, read_measured
from rollout.load.order import Order
from rollout.private_folder import private_folder

FAREWELL = 10.0
"""Seconds that a generator has to write its result after it was asked to stop; then it is killed."""


class GeneratorProcess:
    """One level at work. Leaving the `with` block ends the child, however it is left."""

    def __init__(self, order: Order, folder: Path) -> None:
        private_folder(folder)
        self._result = folder / f"{order.level}.json"
        self._result.unlink(missing_ok=True)
        self._log = folder / f"{order.level}.log"
        with self._log.open("wb") as log:
            # a session of its own, so that Ctrl-C in a terminal reaches its owner alone, who ends it by id
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rollout.load", str(self._result)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._tell(order.model_dump_json().encode() + b"\n")

    def __enter__(self) -> Self:
        """The child at work."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """The child is gone."""
        self.stop()

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    @property
    def at_work(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to stop at once; kill it when it does not."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended by itself
                self._process.stdin.close()
        try:
            self._process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def measured(self) -> Measured:
        """What it saw, after its end. Raises GeneratorFault with its own last words when it left nothing."""
        self.stop()
        try:
            return read_measured(self._result)
        except GeneratorFault as fault:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise GeneratorFault(f"the load generator ended with code {self._process.returncode}: {said[-1] if said else fault}") from fault

    def _tell(self, words: bytes) -> None:
        if self._process.stdin is None:
            raise GeneratorFault("the load generator takes no order")
        try:
            self._process.stdin.write(words)
            self._process.stdin.flush()
        except BrokenPipeError:
            self.stop()  # measured() says why it ended
