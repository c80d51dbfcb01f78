"""An append-only file of JSON lines that outlives its writers: what was appended is on disk, and a line that was torn off counts as never written."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rollout.errors import InputError
from rollout.private_folder import private_folder

E = TypeVar("E")


class Journal:
    """One such file; it need not exist yet. Several processes may append to it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it, or no file at all."""
        return not self.file.exists() or not self.file.stat().st_size

    def read(self, entry_of: Callable[[Any], E], what: str) -> list[E]:
        """An entry of each whole line, oldest first; the writer of a torn last one died inside it, before anybody was told that it stands.

        entry_of: makes an entry of a line's JSON; what: the entries' name in the InputError for a line that is none.
        """
        if not self.file.exists():
            return []
        text = self.file.read_text(encoding="utf-8")
        entries = []
        for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), start=1):
            try:
                entries.append(entry_of(json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise InputError(self.file, f"line {number}", f"not {what} ({error})") from error
        return entries

    def append(self, *records: Mapping[str, Any]) -> None:
        """Have a line of each on disk before returning. Raises OSError, and then none of them stands."""
        private_folder(self.file.parent)
        created = not self.file.exists()
        lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            _write_after_last_line(stream.fileno(), self.file.read_bytes(), lines.encode())
        if created:
            _sync_folder(self.file.parent)


def _write_after_last_line(descriptor: int, content: bytes, lines: bytes) -> None:
    """Write where the last whole line ends: what a dead writer left of its own is dropped, and so is what a full disk leaves of these."""
    end = content.rfind(b"\n") + 1
    try:
        os.ftruncate(descriptor, end)
        while lines:
            written = os.pwrite(descriptor, lines, os.lseek(descriptor, 0, os.SEEK_END))
            lines = lines[written:]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _sync_folder(folder: Path) -> None:
    """A new file survives a power cut only when its folder is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
