"""The rule files for Prometheus, rendered from the plan: levels on the inputs of rollout/alert.py as a hub sees them, tiers on the incident's age.

A tier's minutes stand in its expression and not in `for:`, since Prometheus forgets how long something was pending when it restarts, and a short
gap of the exporter would start it anew. `for:` says how long a level has to stand. YAML anchors are never used: Prometheus takes an alias for a
metric of that name, and promtool finds nothing wrong with it. An agent whose restart is planned is silenced under its own alert by the run; the
levels, which name no agent, leave it out by themselves.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from rollout.alert import AlertLevel
from rollout.plan import Escalation, Plan

Group = dict[str, Any]

LEVELS, ESCALATION = "levels", "escalation"
AGENT_UNWELL = "AgentUnwell"
DRILL = "drill"
TITLE = "# Rendered from the plan by rollout/alerting/rules.py; a test compares them. Edit the plan.\n"

FLEET = "max by (machine, agent) (rollout_fleet_agent)"
WELL = "(max by (machine, agent) (probe_success) == 1)"
PLANNED = "max by (machine, agent) (rollout_agent_restart_planned)"
MEANS = {
    AlertLevel.GREEN: "Normal operations, no intervention required.",
    AlertLevel.YELLOW: "Something became worse: monitor more closely.",
    AlertLevel.ORANGE: "A single component fails.",
    AlertLevel.RED: "The system as a whole is in trouble: emergency protocols.",
}
"""Plan.md lines 389-392."""


def level_alert(level: AlertLevel) -> str:
    """The alert's name."""
    return f"Level{level.name.capitalize()}"


def tier_alert(row: Escalation) -> str:
    """The alert's name."""
    return f"Escalation{row.tier.value}"


def tier_seconds(row: Escalation, pace: float) -> float:
    """The age of an incident at which the tier joins."""
    return 60 * row.after / pace


def rule_files(plan: Plan) -> dict[str, str]:
    """File name to content. At a rehearsal the tiers' minutes are compressed by its pace, which every report prints."""
    return {f"{name}.yaml": rendered(group) for name, group in ((LEVELS, levels(plan)), (ESCALATION, escalation(plan)))}


def levels(plan: Plan) -> Group:
    """Recording rules for each input, the level, and one alert for each level and for each agent."""
    inputs = {
        "rollout:agents:unwell": f"{FLEET} unless {WELL}",
        "rollout:agents:missed": f"rollout:agents:unwell unless {PLANNED}",
        "rollout:agents:missed_count": "count(rollout:agents:missed) or vector(0)",
        "rollout:agents:missed_share": f"rollout:agents:missed_count / (count({FLEET}) or vector(1))",
        "rollout:machines:lost": f"count(count by (machine) (rollout:agents:missed) == count by (machine) ({FLEET})) or vector(0)",
        "rollout:sources:silent": "count(max by (source) (rollout_source_fresh) == 0) or vector(0)",
        "rollout:sources:count": "count(max by (source) (rollout_source_fresh)) or vector(0)",
        "rollout:alert_level": " or ".join(_level_terms(plan.system_wide)),
    }
    agent = _alert(
        AGENT_UNWELL,
        "rollout:agents:unwell",
        plan.alerting.agent_unwell,
        {"severity": "agent"},
        "{{ $labels.machine }}/{{ $labels.agent }} is not seen well",
    )
    alerts = [
        _alert(
            level_alert(level),
            f"rollout:alert_level == {level:d} or rollout_drill_level == {level:d}",
            plan.alerting.levels.of(level),
            {"level": level.name},
            f"{level.name}: {MEANS[level]}",
        )
        for level in AlertLevel
    ]
    return _group(LEVELS, [{"record": name, "expr": expr} for name, expr in inputs.items()] + [agent, *alerts])


def _level_terms(system_wide: float) -> list[str]:
    """The worst comes first: `or` keeps the first that holds. A fleet that is not exported at all was not observed, which is RED."""
    return [
        f"3 * absent({FLEET})",
        "3 * (rollout:machines:lost > bool 0 == 1)",
        f"3 * (rollout:agents:missed_share > bool {system_wide:g} == 1)",
        "3 * (rollout:sources:silent == bool rollout:sources:count == 1)",
        "2 * (rollout:agents:missed_count > bool 0 == 1)",
        "2 * (rollout:sources:silent > bool 0 == 1)",
        "max(rollout_degraded) > bool 0 == 1",
        "vector(0)",
    ]


def escalation(plan: Plan) -> Group:
    """One alert for each tier; each goes on firing when the next one joins it, since the incident is not over then."""
    return _group(ESCALATION, [_tier(row, tier_seconds(row, plan.pace)) for row in plan.escalation])


def _tier(row: Escalation, seconds: float) -> Group:
    expr = f"time() - max by (incident, run, drill) (rollout_incident_opened_timestamp_seconds) >= {seconds:g}"
    summary = f"{row.tier.value}, {row.role}: {{{{ $labels.incident }}}} is open for {{{{ $value | humanizeDuration }}}}"
    return _alert(tier_alert(row), expr, 0.0, {"tier": row.tier.value, "role": row.role}, summary)


def _group(name: str, rules: list[Group]) -> Group:
    return {"groups": [{"name": f"rollout-{name}", "rules": rules}]}


def _alert(name: str, expr: str, stands: float, labels: dict[str, str], summary: str) -> Group:
    """stands: seconds of `for:`, none for 0."""
    waits = {"for": f"{stands:g}s"} if stands else {}
    drill = '{{ if eq $labels.drill "yes" }}Drill. {{ end }}'
    return {"alert": name, "expr": expr, **waits, "labels": labels, "annotations": {"summary": drill + summary}}


def rendered(group: Group) -> str:
    """As YAML, whatever value stands in it twice written out twice."""
    yaml = YAML()
    yaml.representer.ignore_aliases = lambda _: True
    yaml.width = 1000
    stream = StringIO()
    yaml.dump(group, stream)
    return TITLE + stream.getvalue()
