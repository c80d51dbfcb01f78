"""A machine that is reached by ssh: the system's own client, keys and known hosts; everything else is asked of a helper at the far end."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from rollout.errors import ActFault, Unreachable
from rollout.transports.far_end import sources
from rollout.transports.port import Finished, Invocation
from rollout.transports.remote import READY

FAREWELL = 1.0
"""Seconds for a far end to end by itself."""


class SshTransport:
    """One machine over one connection, made when it is first needed and again after it broke.

    command: starts the far end with its input and output on ours; address: where the machine's agents listen; timeout: seconds for one answer.
    Every method raises Unreachable when the machine does not answer in time; what was asked may have happened then.
    """

    def __init__(self, name: str, command: Sequence[str], address: str, timeout: float) -> None:
        self._name = name
        self._command = list(command)
        self._address = address
        self._timeout = timeout
        self._lock = threading.Lock()
        self._far: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def close(self) -> None:
        """End the connection; the next question makes another."""
        with self._lock:
            self._drop()

    def files(self, folder: PurePath) -> tuple[PurePath, ...]:
        """See Transport."""
        return tuple(PurePath(file) for file in self._ask("files", str(folder)))

    def read(self, file: PurePath) -> str:
        """See Transport."""
        return str(self._ask("read", str(file)))

    def replace(self, file: PurePath, text: str, *, private: bool = False) -> None:
        """See Transport."""
        self._ask("replace", str(file), text, private)

    def remove(self, file: PurePath) -> None:
        """See Transport."""
        self._ask("remove", str(file))

    def make_folder(self, folder: PurePath) -> None:
        """See Transport."""
        self._ask("make_folder", str(folder))

    def find(self, program: str, folder: PurePath) -> str:
        """See Transport."""
        return str(self._ask("find", program, str(folder)))

    def run(self, command: Sequence[str], timeout: float) -> Finished:
        """See Transport."""
        status, output = self._ask("run", list(command), timeout, patience=timeout + self._timeout)
        return Finished(status, output)

    def processes(self) -> Collection[int]:
        """See Transport."""
        return [int(pid) for pid in self._ask("processes")]

    def environment(self, pid: int) -> Mapping[str, str] | None:
        """See Transport."""
        found: Mapping[str, str] | None = self._ask("environment", pid)
        return found

    def started(self, pid: int) -> float | None:
        """See Transport; by the machine's own clock."""
        found: float | None = self._ask("started", pid)
        return found

    def listeners(self) -> Mapping[int, int]:
        """See Transport."""
        return dict(self._ask("listeners"))

    def holders(self, ports: Collection[int], likely: Iterable[int]) -> Mapping[int, int]:
        """See Transport."""
        return dict(self._ask("holders", list(ports), list(likely)))

    def end(self, pid: int) -> None:
        """See Transport."""
        self._ask("end", pid)

    def invocation(self, pid: int) -> Invocation | None:
        """See Transport."""
        found = self._ask("invocation", pid)
        return None if found is None else Invocation(tuple(found[0]), found[1], PurePath(found[2]))

    def free_ports(self, count: int) -> tuple[int, ...]:
        """See Transport."""
        return tuple(self._ask("free_ports", count))

    def spawn(self, invocation: Invocation) -> RemoteChild:
        """See Transport; it ends with the connection."""
        number = self._ask("spawn", list(invocation.arguments), dict(invocation.environment), str(invocation.folder))
        return RemoteChild(self, number)

    def of_child(self, number: int, name: str) -> Any:  # noqa: ANN401 (as the child's method has it)
        """What a child says to that question."""
        return self._ask("child", number, name)

    def _ask(self, *question: Any, patience: float | None = None) -> Any:  # noqa: ANN401 (JSON)
        """One question and its answer. A connection that broke while it lay idle is made anew once; one that breaks now is the caller's to repeat."""
        line = json.dumps(question).encode() + b"\n"
        with self._lock:
            deadline = time.monotonic() + (patience or self._timeout)
            far = self._connected(deadline)
            try:
                self._send(far, line, deadline)
                answer = json.loads(self._line(far, deadline))
            except (OSError, ValueError) as error:
                self._drop()
                raise self._unreachable(str(error)) from error
        if "is" in answer:
            return answer["is"]
        if answer["fault"] == "OSError":
            raise OSError(answer["errno"], answer["why"])
        raise ActFault(answer["why"], ()) if answer["fault"] == "ActFault" else Unreachable(answer["why"])

    def _connected(self, deadline: float) -> subprocess.Popen[bytes]:
        if self._far is not None and self._far.poll() is None:
            return self._far
        self._drop()
        try:
            far = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)
        except OSError as error:
            raise self._unreachable(str(error)) from error
        self._far = far
        try:
            self._send(far, json.dumps({"modules": sources(), "address": self._address}).encode() + b"\n", deadline)
            while self._line(far, deadline).strip() != READY:
                pass
        except (OSError, ValueError) as error:
            said = self._last_words(far)
            self._drop()
            raise self._unreachable(said or str(error)) from error
        return far

    def _send(self, far: subprocess.Popen[bytes], line: bytes, deadline: float) -> None:
        """All of it, in pieces: a far end that has stopped reading must not hold us. Raises OSError when it is gone or the time is over."""
        if far.stdin is None:
            raise OSError("there is no way to ask")
        pipe, left = far.stdin.fileno(), memoryview(line)
        os.set_blocking(pipe, False)
        while left:
            if not select.select([], [pipe], [], max(deadline - time.monotonic(), 0))[1]:
                raise TimeoutError(f"no answer within {self._timeout:g} s")
            left = left[os.write(pipe, left) :]

    def _line(self, far: subprocess.Popen[bytes], deadline: float) -> str:
        """The next line of the far end. Raises OSError when it is gone or the time is over."""
        if far.stdout is None:
            raise OSError("there is no way to listen")
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([far.stdout], [], [], left)[0]:
                raise TimeoutError(f"no answer within {self._timeout:g} s")
            read = os.read(far.stdout.fileno(), 1 << 16)
            if not read:
                raise OSError("the connection was closed")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def _drop(self) -> None:
        far, self._far, self._unread = self._far, None, b""
        if far is None:
            return
        for stream in (far.stdin, far.stdout, far.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        with suppress(subprocess.TimeoutExpired):  # it ends by itself when nobody asks any more, and ends its children first
            far.wait(FAREWELL)
        far.kill()
        far.wait()

    @staticmethod
    def _last_words(far: subprocess.Popen[bytes]) -> str:
        """What ssh said before it ended; nothing of one that still runs."""
        try:
            far.wait(1.0)
        except subprocess.TimeoutExpired:
            return ""
        return " ".join(far.stderr.read().decode(errors="replace").split()) if far.stderr else ""

    def _unreachable(self, why: str) -> Unreachable:
        return Unreachable(f"machine {self._name} does not answer by ssh: {why}")


class RemoteChild:
    """A process that the far end has started for us."""

    def __init__(self, transport: SshTransport, number: int) -> None:
        self._transport = transport
        self._number = number

    def resident(self) -> int | None:
        """See Child."""
        found: int | None = self._transport.of_child(self._number, "resident")
        return found

    def ended(self) -> bool:
        """See Child."""
        return bool(self._transport.of_child(self._number, "ended"))

    def said(self) -> str:
        """See Child."""
        return str(self._transport.of_child(self._number, "said"))

    def end(self) -> None:
        """See Child."""
        self._transport.of_child(self._number, "end")
