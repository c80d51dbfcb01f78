"""Quiet around a planned restart: for those agents only, for the alert that a restart may cause only, and for no longer than it may take.

Alertmanager down is "cannot know": restarting is put off, since what an unseen alert would have said cannot be heeded. The way back never waits
for it (docs/decisions/0061).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rollout.alert import AlertLevel
from rollout.alerting.rules import AGENT_UNWELL, DRILL, level_alert
from rollout.errors import SourceFault
from rollout.fleet import Agent
from rollout.observe.witness import by_machine
from rollout.services.alertmanager import Alerts, FiringAlert, Matcher

OWNER = "rollout"
"""In whose name a run silences."""


@contextmanager
def quiet(alerts: Alerts, agents: Sequence[Agent], begins: float, seconds: float, run: str, lost: Callable[[str], None]) -> Iterator[None]:
    """Silence these agents' AgentUnwell inside, one silence a machine. begins: Unix seconds; seconds: after which a silence ends by itself.

    It ends with the block, unless one of its alerts still rings: the next samples end that, and a message now would tell of what is over.
    Raises SourceFault before the block when it cannot be set; one that cannot be ended is told to `lost`.
    """
    set_here: dict[str, list[Agent]] = {}
    try:
        for machine, group in by_machine(agents).items():
            names = "|".join(agent.name for agent in group)
            matchers = [Matcher("alertname", AGENT_UNWELL), Matcher("machine", machine), Matcher("agent", names, regex=True)]
            reason = f"run {run} restarts {len(group)} agents of {machine}"
            set_here[alerts.silence(matchers, begins, begins + seconds, OWNER, reason)] = group
        yield
    finally:
        try:
            _end(alerts, set_here)
        except SourceFault as fault:
            lost(f"silences around a restart could not be ended and end by themselves after {seconds:.0f} s: {fault}")


def _end(alerts: Alerts, set_here: dict[str, list[Agent]]) -> None:
    """End those under which nothing rings."""
    ringing = {f"{a.labels.get('machine')}/{a.labels.get('agent')}" for a in alerts.firing() if a.name == AGENT_UNWELL} if set_here else set()
    for identity, group in set_here.items():
        if not ringing & {agent.id for agent in group}:
            alerts.end_silence(identity)


def unexpected(firing: Sequence[FiringAlert], accepted_until: float) -> tuple[FiringAlert, ...]:
    """Alerts beside which no rollout goes on. Expected: silenced ones, drills, GREEN, those that a person accepted by promoting after them.

    accepted_until: Unix seconds of that word, 0 without one.
    """
    green = level_alert(AlertLevel.GREEN)
    return tuple(
        alert for alert in firing if not alert.silenced and alert.labels.get(DRILL) != "yes" and alert.name != green and alert.began >= accepted_until
    )
