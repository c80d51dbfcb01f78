"""Where a machine keeps the configuration of its programs: one file each in a folder, or one file with all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import PurePath
from typing import TypeVar

from rollout.errors import ActFault
from rollout.services.program_file import ProgramFile, UnsafeEdit
from rollout.transports.port import Transport

Answer = TypeVar("Answer")

SCRATCH = ".rollout-scratch"
"""No program's file: supervisord includes those that end in .conf."""


class ProgramFolder:
    """The files of one supervisord. programs: its configuration file, or the folder with one file per program."""

    def __init__(self, transport: Transport, programs: PurePath) -> None:
        self._transport = transport
        self._programs = programs

    def read(self, name: str, ask: Callable[[ProgramFile, str], Answer]) -> Answer:
        """What the program's file says. Raises ActFault naming the program when its file is not safe to read or edit."""
        return _asked(self._file_of(name)[1], name, ask)

    def edit(self, name: str, change: Callable[[ProgramFile, str], str]) -> None:
        """Give the program's file the changed text; what says the same already is not written. Raises ActFault as `read` does."""
        file, before = self._file_of(name)
        if (after := _asked(before, name, change)) != before:
            self._transport.replace(file, after)

    def prove_writable(self) -> None:
        """Where the files lie a new one can be put, as an edit does it, and removed. Raises ActFault."""
        one_file = self._transport.files(self._programs) == (self._programs,)
        scratch = (self._programs.parent if one_file else self._programs) / SCRATCH
        self._transport.replace(scratch, "")
        self._transport.remove(scratch)

    def own(self, name: str) -> str | None:
        """The text of the program's own file; None where it has none."""
        try:
            return self._transport.read(self._own_file(name))
        except FileNotFoundError:
            return None

    def put(self, name: str, words: str | None) -> None:
        """The program's own file: written, for its owner alone, or removed."""
        if words is None:
            self._transport.remove(self._own_file(name))
        else:
            self._transport.replace(self._own_file(name), words, private=True)

    def _own_file(self, name: str) -> PurePath:
        return self._programs / f"{name}.conf"

    def _file_of(self, name: str) -> tuple[PurePath, str]:
        """The file that holds the program, with its text."""
        header = re.compile(rf"^\[program:{re.escape(name)}\]", re.MULTILINE)
        for file, text in self._texts(name):
            if header.search(text):
                return file, text
        raise ActFault(f"no [program:...] section below {self._programs}", [name])

    def _texts(self, name: str) -> Iterator[tuple[PurePath, str]]:
        """Every file with its text; the program's own goes first, so that the folder is seldom listed."""
        own = self._own_file(name)
        with suppress(FileNotFoundError, NotADirectoryError):
            yield own, self._transport.read(own)
        for file in self._transport.files(self._programs):
            if file != own:
                yield file, self._transport.read(file)


def _asked(text: str, name: str, ask: Callable[[ProgramFile, str], Answer]) -> Answer:
    """The answer of a file with that text. Raises ActFault."""
    try:
        return ask(ProgramFile(text), name)
    except UnsafeEdit as error:
        raise ActFault(str(error), [name]) from error
