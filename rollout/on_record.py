"""What is not on record is not done: a run whose disk is full or read-only goes no further, and says which file it was and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rollout.errors import Held


@contextmanager
def on_record(what: str, file: Path) -> Iterator[None]:
    """Around the write of a file that a run is judged by. what: the file's name for people. Raises Held where it cannot be written."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise Held(f"{what} {file} cannot be written ({why}), so nothing more is done; settle the run when it can") from error
