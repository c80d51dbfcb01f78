"""Files that are only added to: what was appended stands whoever died meanwhile, and what was not does not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from rollout.errors import InputError
from rollout.journal import Journal


def records(file: Path) -> list[Any]:
    """What another process reads."""
    return Journal(file).read(lambda record: record["n"], "a record")


def test_what_a_dead_writer_left_of_its_line_is_dropped_by_the_next(tmp_path: Path) -> None:
    """Nobody was told that it stands; the next record begins on a line of its own."""
    file = tmp_path / "new" / "journal.jsonl"
    Journal(file).append({"n": 1}, {"n": 2})
    with file.open("a") as stream:
        stream.write('{"n":3')
    assert records(file) == [1, 2]
    Journal(file).append({"n": 4})
    assert records(file) == [1, 2, 4]


def test_of_several_records_that_a_disk_refuses_none_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those whose lines were whole when there was no room for the next."""
    file = tmp_path / "journal.jsonl"
    Journal(file).append({"n": 1})
    room = [12, 0]

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if not (left := room.pop(0)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(descriptor, data[:left]) if os.lseek(descriptor, offset, os.SEEK_SET) == offset else 0

    with monkeypatch.context() as patched:
        patched.setattr("rollout.journal.os.pwrite", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            Journal(file).append({"n": 2}, {"n": 3})
    assert room == []
    assert file.read_text() == '{"n":1}\n'


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    """With file, number and what it should have been."""
    file = tmp_path / "journal.jsonl"
    file.write_text('{"n":1}\n{"m":1}\n')
    with pytest.raises(InputError, match=r"journal\.jsonl: line 2: not a record"):
        records(file)


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """And is no error: nothing was ever written."""
    assert Journal(tmp_path / "none.jsonl").empty
    assert records(tmp_path / "none.jsonl") == []
