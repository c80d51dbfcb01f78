"""Freeze windows of a fleet's file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollout.document import read_yaml
from rollout.errors import InputError
from rollout.fleet import fleet_of, load_fleet
from rollout.freeze import freeze_at

FILE = Path("fleet.yaml")
AGENT = {"east": {"group": {"A": {"port": 7000, "health_port": 8000}}}}


def fleet_with(**window: Any) -> dict[str, Any]:
    """The content of a fleet file with one window."""
    given = {"from": "2026-12-24T00:00:00Z", "to": "2026-12-27T00:00:00+01:00", "reason": "holidays"}
    return {"fleet": "f", "machines": AGENT, "freezes": [given | window]}


def at(text: str) -> float:
    """Unix seconds of a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_window_is_open_from_its_begin_until_before_its_end() -> None:
    """Time zones count, and an open window says until when and why."""
    freezes = fleet_of(fleet_with(), FILE).freezes
    assert freeze_at(freezes, at("2026-12-23T23:59:59")) is None
    assert str(freeze_at(freezes, at("2026-12-24T00:00:00"))) == "frozen until 2026-12-27T00:00:00+01:00: holidays"
    assert freeze_at(freezes, at("2026-12-26T22:59:59")) is not None
    assert freeze_at(freezes, at("2026-12-26T23:00:00")) is None


@pytest.mark.parametrize(
    ("window", "key"),
    [
        ({"to": "2026-12-24T00:00:00Z"}, "freezes.0"),
        ({"from": "2026-12-24T00:00:00"}, "freezes.0.from"),
        ({"reason": ""}, "freezes.0.reason"),
        ({"until": "never"}, "freezes.0.until"),
    ],
)
def test_an_impossible_window_is_refused_by_its_key(window: dict[str, str], key: str) -> None:
    """An end before the begin, a time without a zone, no reason, an unknown key."""
    with pytest.raises(InputError) as refusal:
        fleet_of(fleet_with(**window), FILE)
    assert refusal.value.key == key


def test_a_file_may_write_its_times_with_or_without_quotes(tmp_path: Path) -> None:
    """YAML reads a bare time as one."""
    file = tmp_path / "fleet.yaml"
    agents = "machines: {east: {group: {A: {port: 7000, health_port: 8000}}}}"
    file.write_text(f"fleet: f\n{agents}\nfreezes:\n  - {{from: 2026-12-24T00:00:00Z, to: 2026-12-27T00:00:00+01:00, reason: holidays}}\n")
    assert load_fleet(file).freezes[0].begins.timestamp() == at("2026-12-24T00:00:00"), read_yaml(file)
    assert load_fleet(file).freezes[0].ends.timestamp() == at("2026-12-26T23:00:00")
