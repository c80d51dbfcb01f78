"""Interpreters to run the launcher on: this one, and others of this machine that really run."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")
HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


@functools.cache
def interpreter(version: str) -> str | None:
    """The path of a Python of this version; None when there is none. A name on PATH proves nothing: version managers leave names that do not run."""
    for candidate in _candidates(version):
        asked = subprocess.run(
            [candidate, "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, timeout=60, check=False
        )
        if asked.returncode == 0 and asked.stdout.strip() == version:
            return candidate
    return None


def _candidates(version: str) -> Iterator[str]:
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        yield sys.executable
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(managed.glob(f"{version}.*/bin/python{version}")))
    found = shutil.which(f"python{version}")
    if found is not None:
        yield found


def run(python: str, *words: str, cache: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it without site-packages, with the launcher and the foreign modules in reach; bytecode only where `cache` says."""
    settings = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(HERE / "foreign")]), "LC_ALL": "C.UTF-8"}
    settings |= {"PYTHONPYCACHEPREFIX": str(cache)} if cache else {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([python, "-S", *words], env=settings | environment, capture_output=True, text=True, timeout=300, check=False)
