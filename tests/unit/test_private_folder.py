"""Folders of a site's state are their owner's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rollout.journal import Journal
from rollout.private_folder import private_folder


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_every_folder_that_is_made_is_private(tmp_path: Path, umask: int) -> None:
    """Also those above the one that is wanted, and whatever the umask permits."""
    before = os.umask(umask)
    try:
        private_folder(tmp_path / "state" / "runs" / "a-run")
        Journal(tmp_path / "state" / "weeks" / "a-week" / "checkpoints.jsonl").append({"day": 1})
    finally:
        os.umask(before)
    made = [folder for folder in tmp_path.rglob("*") if folder.is_dir()]
    assert len(made) == 5
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in made} == {0o700}


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """Who has opened a folder to a group has done so on purpose; what is made below it is private all the same."""
    (tmp_path / "state").mkdir(mode=0o750)
    private_folder(tmp_path / "state" / "runs")
    private_folder(tmp_path / "state" / "runs")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "state" / "runs").stat().st_mode) == 0o700
