"""Alert levels are a pure function of what is observed (plan.md lines 388-392)."""

from __future__ import annotations

import pytest

from rollout.alert import AlertLevel, Situation, alert_of

WELL: dict[str, bool | None] = {f"{machine}/Agent{index}": True for machine in ("east", "west") for index in range(10)}
BOTH = {"central": True, "edge": True}
SYSTEM_WIDE = 0.1


def without(*agents: str, seen: bool | None = False) -> dict[str, bool | None]:
    """All well but these."""
    return WELL | dict.fromkeys(agents, seen)


@pytest.mark.parametrize(
    ("situation", "level", "reason"),
    [
        (Situation(WELL, BOTH), AlertLevel.GREEN, None),
        (Situation(WELL, BOTH, ("latency is up by 12 %",)), AlertLevel.YELLOW, "latency is up by 12 %"),
        (Situation(without("east/Agent3"), BOTH), AlertLevel.ORANGE, "1 of 20 agents are not seen well: east/Agent3"),
        (Situation(without("east/Agent3", seen=None), BOTH), AlertLevel.ORANGE, "1 of 20 agents are not seen well: east/Agent3"),
        (Situation(WELL, BOTH | {"edge": False}), AlertLevel.ORANGE, "metrics source edge has no fresh samples"),
        (Situation(without("east/Agent1", "east/Agent2", "west/Agent3"), BOTH), AlertLevel.RED, "3 of 20 agents are not seen well"),
        (Situation({"east/A": True, **dict.fromkeys([f"east/{n}" for n in range(30)], True), "west/B": None}, BOTH), AlertLevel.RED, "all of west"),
        (Situation(WELL, {"central": False, "edge": False}), AlertLevel.RED, "no metrics source has fresh samples: central, edge"),
        (Situation(WELL, {}), AlertLevel.RED, "no metrics source has fresh samples"),
        (Situation({}, BOTH), AlertLevel.RED, "no agent was observed"),
    ],
)
def test_a_level_follows_from_what_is_seen(situation: Situation, level: AlertLevel, reason: str | None) -> None:
    """GREEN needs everything seen and well; one component is ORANGE, a machine, a tenth of the agents or all sources are RED."""
    alert = alert_of(situation, SYSTEM_WIDE)
    assert alert.level is level
    assert (reason is None and alert.reasons == ()) or any(reason is not None and reason in each for each in alert.reasons)


def test_the_worst_reason_decides_and_comes_first() -> None:
    """All reasons are told."""
    alert = alert_of(Situation(without("east/Agent3"), {"central": False}, ("memory is up",)), SYSTEM_WIDE)
    assert alert.level is AlertLevel.RED
    assert [reason.split()[0] for reason in alert.reasons] == ["no", "1", "memory"]
