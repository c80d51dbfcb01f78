"""Where the distribution's programs are: on PATH, or unpacked without root below the project's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.errors import LabError

PROJECT = Path(__file__).resolve().parents[1]
UNPACKED = PROJECT / ".debs" / "root" / "usr" / "bin"
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
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


def alertmanager() -> Path:
    """Alertmanager as it can be started from the project's folder.

    Debian's reads its templates from a folder that only root can fill, and dies without them; no option names another. Where it is only unpacked, a
    copy with that path replaced by one of the same length, relative to the project's folder, is started instead.
    """
    program = find("prometheus-alertmanager")
    if TEMPLATES.exists() or program.parent != UNPACKED:
        return program
    debs = UNPACKED.parents[2]
    copy, link = debs / "alertmanager-unpacked", debs / "templates"
    if not copy.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(UNPACKED.parent / TEMPLATES.relative_to("/usr"))
        old = str(TEMPLATES).encode()
        new = str(link.relative_to(PROJECT)).encode()
        fresh = copy.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(program.read_bytes().replace(old, new.ljust(len(old), b"/")))
        fresh.chmod(0o755)
        fresh.replace(copy)
    return copy
