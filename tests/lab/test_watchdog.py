"""The watchdog beside real hubs: a hub is killed, its peer takes over, and gives back when it scrapes again."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.two_hubs import Hub, Rule, pair, until
from tests.lab.world_of_six import eventually

pytestmark = pytest.mark.lab

RULE = Rule(targets=3)
BOUND = 2.0
"""Seconds from death to takeover at a check every half second (issue 5)."""


def count(hub: Hub, kind: str) -> float:
    """Transitions of that kind since the watchdog's start."""
    return float(re.findall(rf'^rollout_watchdog_transitions_total{{kind="{kind}"}} (\S+)$', hub.told(), re.MULTILINE)[0])


def scraped(hub: Hub, machine: str) -> bool:
    """Whether the hub itself scrapes all targets of that machine now."""
    return len(hub.query(f'up{{machine="{machine}",scraped_by="{hub.name}"}} == 1')) == RULE.targets


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Hub]]:
    """Central and edge with their watchdogs, both scraping; nothing of them is left afterwards."""
    folder: Path = tmp_path_factory.mktemp("hubs")
    central, edge = Hub("central", "127.0.10.1", folder / "central"), Hub("edge", "127.0.20.1", folder / "edge")
    with pair(central, edge, RULE):
        for hub in (central, edge):
            eventually(lambda hub=hub: scraped(hub, hub.name))
        yield central, edge


def test_a_killed_hub_is_taken_over_in_time_and_gets_its_targets_back(hubs: tuple[Hub, Hub]) -> None:
    """Within two seconds; the survivor has the dead hub's targets until that scrapes again, and no longer; nothing counts twice."""
    central, edge = hubs
    central.signal("hub", signal.SIGKILL)
    died = time.time()
    assert until(lambda: edge.taken_over, 10) - died <= BOUND
    eventually(lambda: scraped(edge, "central"))
    eventually(lambda: (edge.state, central.state) == ("taken_over", "hub_down"))
    assert not central.taken_over
    central.start_hub()
    eventually(lambda: not edge.taken_over, 30)
    assert scraped(central, "central")
    eventually(lambda: (edge.state, central.state) == ("watching", "watching"))
    assert (count(edge, "take_over"), count(edge, "hand_back"), count(central, "take_over")) == (1, 1, 0)
    for hub in hubs:
        assert len(hub.query("max without (scraped_by) (up)")) == 2 * RULE.targets


def test_a_hub_that_accepts_and_never_answers_is_dead_too(hubs: tuple[Hub, Hub]) -> None:
    """Within the same bound, and a watchdog that is killed in between finds what it had taken over."""
    central, edge = hubs
    central.signal("hub", signal.SIGSTOP)
    died = time.time()
    assert until(lambda: edge.taken_over, 10) - died <= BOUND
    edge.signal("watchdog", signal.SIGKILL)
    edge.start_watchdog(central, RULE)
    eventually(lambda: edge.state == "taken_over")
    central.signal("hub", signal.SIGCONT)
    eventually(lambda: not edge.taken_over, 30)
    assert count(edge, "take_over") == 0
    assert count(edge, "hand_back") == 1
