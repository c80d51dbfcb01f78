"""The two folders of a failover: what a hub would scrape for its peer, and what it scrapes for it now.

Both hold file_sd files, one a job: `<job>.json`. The takeover folder belongs to the watchdog alone: whatever else lies there as *.json is removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rollout.transports.local import replace_file


@dataclass(frozen=True, slots=True)
class Target:
    """One target of one job. labels: those that its file gives it."""

    job: str
    address: str
    labels: tuple[tuple[str, str], ...]


class TakeoverFolders:
    """standby: the peer's targets, written by whoever configures the hubs; takeover: read by this machine's hub besides its own targets."""

    def __init__(self, standby: Path, takeover: Path) -> None:
        self._standby = standby
        self._takeover = takeover
        self.unusable: tuple[str, ...] = ()
        """Names of standby files that were no file_sd at the last look; what was taken over by an earlier content stays."""

    def taken(self) -> tuple[Target, ...]:
        """What is taken over now. Raises OSError."""
        return tuple(target for file in self._files() for target in targets_of(file.stem, _text(file)))

    def is_taken(self) -> bool:
        """Whether anything lies in the takeover folder, as an earlier life of the watchdog left it."""
        return bool(self._files())

    def hold(self) -> None:
        """Make the takeover folder what the standby folder is; nothing is written when it is so already.

        Raises OSError, also when the standby folder itself is gone: that is no order to drop every target.
        """
        wanted = self._wanted()
        self._takeover.mkdir(parents=True, exist_ok=True)
        present = {file.name: _text(file) for file in self._files()}
        for name, text in wanted.items():
            if present.get(name) != text:
                replace_file(self._takeover / name, text)
        for name, text in present.items():
            if name not in wanted and not (name in self.unusable and _is_usable(name, text)):
                (self._takeover / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Empty the takeover folder. Raises OSError."""
        for file in self._files():
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._takeover.glob("*.json"))

    def _wanted(self) -> Mapping[str, str]:
        wanted, unusable = {}, []
        for file in sorted(path for path in self._standby.iterdir() if path.suffix == ".json"):
            text = _text(file)
            if _is_usable(file.name, text):
                wanted[file.name] = text
            else:
                unusable.append(file.name)
        self.unusable = tuple(unusable)
        return wanted


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _is_usable(name: str, text: str) -> bool:
    try:
        targets_of(name, text)
    except ValueError:
        return False
    return True


def targets_of(job: str, text: str) -> tuple[Target, ...]:
    """The targets of one file_sd file (prometheus.io, file_sd_config). Raises ValueError when it is none."""
    try:
        return tuple(
            Target(job, str(address), tuple(sorted((str(name), str(value)) for name, value in entry.get("labels", {}).items())))
            for entry in json.loads(text)
            for address in entry["targets"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{job}: no file_sd targets: {error!r}") from error
