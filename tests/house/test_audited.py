"""What the lock's audit may claim."""

from __future__ import annotations

from typing import Any

import pytest

from tests.house.audited import sentence

FINE = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3)"}


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ([FINE], "PASS: 1 packages"),
        ([FINE, BAD, SKIPPED], "FAIL: b 2: PYSEC-1"),
        ([FINE, SKIPPED], "NOT MEASURED: 1 of 2 packages"),
        ([SKIPPED, SKIPPED], "NOT MEASURED: 2 of 2 packages"),
        ([], "NOT MEASURED: 0 of 0 packages"),
    ],
)
def test_only_a_lock_that_was_looked_up_passes(packages: list[dict[str, Any]], said: str) -> None:
    """A package that the database does not know, or no package at all, is no clean lock."""
    passed, told = sentence({"dependencies": packages})
    assert told.startswith(said)
    assert passed == said.startswith("PASS")
