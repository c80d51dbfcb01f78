"""Secrets from a file of KEY=VALUE lines, for sites whose processes do not inherit them."""

from __future__ import annotations

from pathlib import Path

from rollout.errors import InputError

OTHERS = 0o077
"""Permission bits of group and others: a file of secrets that they can read is not secret."""


def read_secrets(file: Path | None) -> dict[str, str]:
    """The pairs of the file; none without a file or while it does not exist (its site may not be up yet).

    Raises InputError for a line that is no pair, and for a file that others than its owner may read. A value never appears in an error.
    """
    if file is None or not file.exists():
        return {}
    if file.stat().st_mode & OTHERS:
        raise InputError(file, "", "others may read it; make it private with chmod 600")
    pairs = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            key, equals, value = line.partition("=")
            if not equals:
                raise InputError(file, f"line {number}", "is not KEY=VALUE")
            pairs[key.strip()] = value.strip()
    return pairs
