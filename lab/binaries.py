"""Where the distribution's programs are: on PATH, or unpacked without root below the project's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.errors import LabError

PROJECT = Path(__file__).resolve().parents[1]
UNPACKED = PROJECT / ".debs" / "root" / "usr" / "bin"
PACKAGE_OF = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
}


def find(name: str) -> Path:
    """The program's path; LabError names the package that has it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{UNPACKED}")
    if found is None:
        raise LabError(f"{name} is neither on PATH nor in {UNPACKED}: install the package {PACKAGE_OF[name]}, or run ./demo once, which unpacks it")
    return Path(found)
