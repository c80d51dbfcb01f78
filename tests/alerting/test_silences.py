"""A planned restart is quiet for its own agents only and for its own time only, and what rings beside it is not overheard."""

from __future__ import annotations

import pytest

from rollout.alerting.rules import AGENT_UNWELL
from rollout.alerting.silences import quiet, unexpected
from rollout.errors import ActFault, SourceFault
from rollout.fleet import Agent
from rollout.services.alertmanager import FiringAlert, Matcher
from tests.fakes.alerts import MemoryAlerts

A, B, C = Agent("east", "g", "A", 1, 2), Agent("east", "g", "B", 3, 4), Agent("west", "g", "C", 5, 6)
UNWELL = FiringAlert(AGENT_UNWELL, {"machine": "west", "agent": "C"}, 100.0, True, ("operators",))


def test_one_silence_a_machine_names_agents_alert_and_end() -> None:
    """Only AgentUnwell of just these agents, until the restart may have taken its time; nothing is left when the block is over."""
    alerts = MemoryAlerts()
    with quiet(alerts, [A, B, C], 100.0, 60.0, "run-1", pytest.fail):
        kept = [(set(matchers), begins, ends) for matchers, begins, ends in alerts.silences.values()]
    wanted = [
        {Matcher("alertname", AGENT_UNWELL), Matcher("machine", machine), Matcher("agent", names, regex=True)}
        for machine, names in (("east", "A|B"), ("west", "C"))
    ]
    assert kept == [(matchers, 100.0, 160.0) for matchers in wanted]
    assert alerts.silences == {}


def test_a_silence_ends_when_the_restart_fails_too() -> None:
    """Whatever happens inside."""
    alerts = MemoryAlerts()
    with pytest.raises(ActFault), quiet(alerts, [A], 100.0, 60.0, "run-1", pytest.fail):
        raise ActFault("spawn error", ["east/A"])
    assert alerts.silences == {}


def test_what_still_rings_is_left_to_end_by_itself() -> None:
    """An alert that the next sample ends is not told in between; the other machine's silence is over at once."""
    alerts = MemoryAlerts()
    alerts.ringing = [UNWELL]
    with quiet(alerts, [A, C], 100.0, 60.0, "run-1", pytest.fail):
        pass
    (left,) = alerts.silences.values()
    assert Matcher("machine", "west") in left[0]


def test_without_an_answer_nothing_is_restarted_and_a_lost_end_is_told() -> None:
    """A silence that cannot be set raises before the block; one that cannot be ended is said and stops nothing."""
    alerts = MemoryAlerts()
    alerts.down = True
    with pytest.raises(SourceFault), quiet(alerts, [A], 100.0, 60.0, "run-1", pytest.fail):
        pytest.fail("restarted blindly")
    alerts.down = False
    lost: list[str] = []
    with quiet(alerts, [A], 100.0, 60.0, "run-1", lost.append):
        alerts.refusing_ends = True
    assert "end by themselves after 60 s" in lost[0]


@pytest.mark.parametrize(
    ("alert", "accepted_until", "holds"),
    [
        (FiringAlert("LevelRed", {"level": "RED"}, 100.0, False, ()), 0.0, True),
        (FiringAlert("LevelRed", {"level": "RED"}, 100.0, False, ()), 101.0, False),
        (FiringAlert("LevelRed", {"level": "RED"}, 102.0, False, ()), 101.0, True),
        (FiringAlert("LevelRed", {"level": "RED", "drill": "yes"}, 100.0, False, ()), 0.0, False),
        (FiringAlert("LevelGreen", {"level": "GREEN"}, 100.0, False, ()), 0.0, False),
        (FiringAlert("SomethingElse", {}, 100.0, False, ()), 0.0, True),
        (UNWELL, 0.0, False),
    ],
)
def test_which_alert_holds_a_rollout(alert: FiringAlert, accepted_until: float, holds: bool) -> None:
    """Every alert that nobody silenced holds, also one that is not ours; GREEN and drills do not, nor what a person has promoted past."""
    assert bool(unexpected([alert], accepted_until)) is holds
