"""How bad things are, as a pure function of what is observed (plan.md lines 388-392)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class AlertLevel(IntEnum):
    """The plan's levels; the worst reason wins."""

    GREEN = 0
    YELLOW = 1
    ORANGE = 2
    RED = 3


@dataclass(frozen=True, slots=True)
class Situation:
    """What is observed. agents: identity to healthy or not, None where it could not be seen; sources: metrics source to fresh or not.

    degraded: a sentence for each thing that became worse and still is.
    """

    agents: Mapping[str, bool | None]
    sources: Mapping[str, bool]
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """A level and every reason for it; GREEN has none."""

    level: AlertLevel
    reasons: tuple[str, ...]


def alert_of(situation: Situation, system_wide: float) -> Alert:
    """The level of a situation. system_wide: share of unhealthy agents above which it is no single component's failure.

    What was not seen counts as not well: nothing is GREEN without evidence.
    """
    reasons = [(level, reason) for level, reason in (*_of_agents(situation, system_wide), *_of_sources(situation))]
    reasons += [(AlertLevel.YELLOW, sentence) for sentence in situation.degraded]
    return Alert(max((level for level, _ in reasons), default=AlertLevel.GREEN), tuple(reason for _, reason in sorted(reasons, key=_worst_first)))


def _worst_first(reason: tuple[AlertLevel, str]) -> tuple[int, str]:
    return -reason[0], reason[1]


def _of_agents(situation: Situation, system_wide: float) -> list[tuple[AlertLevel, str]]:
    if not situation.agents:
        return [(AlertLevel.RED, "no agent was observed")]
    unwell = sorted(agent for agent, healthy in situation.agents.items() if healthy is not True)
    if not unwell:
        return []
    of_machine = Counter(agent.partition("/")[0] for agent in situation.agents)
    lost = [machine for machine, count in Counter(agent.partition("/")[0] for agent in unwell).items() if count == of_machine[machine]]
    share = len(unwell) / len(situation.agents)
    level = AlertLevel.RED if lost or share > system_wide else AlertLevel.ORANGE
    where = f" (all of {', '.join(lost)})" if lost else ""
    named = ", ".join(unwell[:5]) + (f" and {len(unwell) - 5} more" if len(unwell) > 5 else "")
    return [(level, f"{len(unwell)} of {len(situation.agents)} agents are not seen well{where}: {named}")]


def _of_sources(situation: Situation) -> list[tuple[AlertLevel, str]]:
    silent = sorted(source for source, fresh in situation.sources.items() if not fresh)
    if len(silent) == len(situation.sources):
        return [(AlertLevel.RED, "no metrics source has fresh samples" + (f": {', '.join(silent)}" if silent else ""))]
    return [(AlertLevel.ORANGE, f"metrics source {source} has no fresh samples") for source in silent]
