"""Secrets from a file: private, complete, and never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.errors import InputError
from rollout.secrets import read_secrets


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A file with that text and mode."""
    file = folder / "site.env"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_pairs_are_read_around_comments_and_blanks(tmp_path: Path) -> None:
    """Everything behind the first equals sign is the value."""
    assert read_secrets(write(tmp_path, "# login\n\nUSER=lab\n PASSWORD = a=b \n")) == {"USER": "lab", "PASSWORD": "a=b"}


def test_no_file_is_no_secrets(tmp_path: Path) -> None:
    """A site that is not up yet has none; a site may name no file at all."""
    assert read_secrets(None) == read_secrets(tmp_path / "none") == {}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """It is not secret any more; the way to make it so is told."""
    with pytest.raises(InputError, match="chmod 600"):
        read_secrets(write(tmp_path, "PASSWORD=hunter2\n", mode))


def test_a_line_that_is_no_pair_is_named_by_its_number_only(tmp_path: Path) -> None:
    """It may be half of a password."""
    with pytest.raises(InputError, match="line 2") as refused:
        read_secrets(write(tmp_path, "USER=lab\nhunter2\n"))
    assert "hunter2" not in str(refused.value)
