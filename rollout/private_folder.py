"""Folders below a site's state folder: for their owner alone, whatever the umask says."""

from __future__ import annotations

from pathlib import Path

OWNER = 0o700


def private_folder(folder: Path) -> None:
    """Make it and all that is missing above it; one that exists keeps the mode that somebody gave it. Raises OSError.

    mkdir with parents gives its mode to the last folder alone, so that reports and ledgers of every run could be read by all.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=OWNER, exist_ok=True)
