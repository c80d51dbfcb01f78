"""The six dashboards of the week: fleet, batches, treated against control, rollback clocks, hubs, escalation."""

from __future__ import annotations

from dashboards.build import Board, Panel, Shape
from rollout.observe.dashboards import Needs

LATENCY = "(sum by (machine, agent) (rate(load_request_seconds_sum[1m])) / sum by (machine, agent) (rate(load_request_seconds_count[1m])))"
CPU = "sum by (machine, agent) (rate(rollout_process_cpu_seconds_total[1m]))"
MEMORY = "sum by (machine, agent) (rollout_process_resident_bytes)"
ERRORS = "(sum by (machine, agent) (rate(load_errors_total[1m])) / sum by (machine, agent) (rate(load_requests_total[1m])))"


def compared(title: str, metric: str, unit: str) -> Panel:
    """One impact metric: the agents that carry the change against those that do not, machine by machine."""
    # The newest of each agent: for five minutes after a hub has restarted it still has the series of before.
    carries = "max by (machine, agent, change) (topk by (machine, agent) (1, timestamp(rollout_agent_carries)) > bool 0)"
    query = f"avg by (machine, change) ({metric} * on (machine, agent) group_left (change) {carries})"
    return Panel(title, {"{{machine}}, changed: {{change}}": query}, Needs.RUN, unit=unit)


def judged(title: str, metric: str) -> Panel:
    """The judge's estimate of one metric with its upper bound, beside the plan's bound."""
    queries = {
        "batch {{batch}} estimate": f'max by (batch) (rollout_judgement_estimate{{metric="{metric}"}})',
        "batch {{batch}} upper": f'max by (batch) (rollout_judgement_upper{{metric="{metric}"}})',
        "bound": f'max(rollout_judgement_bound{{metric="{metric}"}})',
    }
    return Panel(title, queries, Needs.RUN)


FLEET = Board(
    "rollout-fleet",
    "Rollout: fleet",
    (
        Panel("Agents of the fleet", {"agents": "count(max by (machine, agent) (rollout_fleet_agent))"}, shape=Shape.NUMBER, span=6),
        Panel("Agents that answer their probe", {"answer": "count(max by (machine, agent) (probe_success) == 1)"}, shape=Shape.NUMBER, span=6),
        Panel("Agents that carry the change", {"carry": "sum(max by (machine, agent) (rollout_agent_changed))"}, shape=Shape.NUMBER, span=6),
        Panel("Alert level (0 GREEN to 3 RED)", {"level": "max(rollout_alert_level)"}, shape=Shape.NUMBER, span=6),
        Panel("Each agent's probe", {"{{machine}}/{{agent}}": "max by (machine, agent) (probe_success)"}, shape=Shape.STATES, span=24),
        Panel("Each agent's batch", {"{{machine}}/{{agent}}": "max by (machine, agent) (rollout_agent_batch)"}, shape=Shape.TABLE, span=12),
        Panel("Sources with fresh samples", {"{{source}}": "max by (source) (rollout_source_fresh)"}, shape=Shape.STATES, span=12),
    ),
)
BATCHES = Board(
    "rollout-batches",
    "Rollout: batches",
    (
        Panel("State of the run", {"{{state}}": "max by (state) (rollout_run_state)"}, Needs.RUN, Shape.STATES, span=16),
        Panel("Fleet owned", {"{{run}}": "max by (run) (rollout_fleet_owned)"}, Needs.RUN, Shape.NUMBER, span=8),
        Panel(
            "Seconds from first act to last read-back",
            {"batch {{batch}}": "max by (batch) (rollout_batch_verified_timestamp_seconds - on (run, batch) rollout_batch_began_timestamp_seconds)"},
            Needs.RUN,
            unit="s",
        ),
        Panel(
            "Seconds from read-back to decision",
            {
                "batch {{batch}}": "max by (batch) (max without (decision) (rollout_batch_decided_timestamp_seconds)"
                " - on (run, batch) rollout_batch_verified_timestamp_seconds)"
            },
            Needs.RUN,
            unit="s",
        ),
        Panel("Worst check of each batch (0 PASS to 3 FAIL)", {"batch {{batch}}": "max by (batch) (rollout_batch_verdict)"}, Needs.RUN, Shape.STATES),
        Panel("Agents of each batch", {"batch {{batch}}": "max by (batch) (rollout_batch_agents)"}, Needs.RUN, Shape.TABLE),
    ),
)
IMPACT = Board(
    "rollout-impact",
    "Rollout: changed against unchanged",
    (
        compared("Latency, client side", LATENCY, "s"),
        judged("Latency: excess over the neighbours", "latency"),
        compared("CPU", CPU, "short"),
        judged("CPU: excess over the neighbours", "cpu"),
        compared("Memory", MEMORY, "bytes"),
        judged("Memory: excess over the neighbours", "memory"),
        compared("Errors, client side", ERRORS, "percentunit"),
        Panel("Verdicts (0 PASS to 3 FAIL)", {"{{metric}}, batch {{batch}}": "max by (metric, batch) (rollout_judgement_verdict)"}, Needs.RUN),
    ),
)
ROLLBACK = Board(
    "rollout-clocks",
    "Rollout: rollback clocks",
    (
        Panel(
            "Seconds to all read back, against the budget",
            {"{{run}}": "max by (run) (rollout_rollback_seconds)", "budget": "max(rollout_rollback_budget_seconds)"},
            Needs.ROLLBACK,
            unit="s",
            span=16,
        ),
        Panel(
            "Share of the budget",
            {"{{run}}": "max by (run) (rollout_rollback_seconds / on (run) rollout_rollback_budget_seconds)"},
            Needs.ROLLBACK,
            Shape.NUMBER,
            "percentunit",
            8,
        ),
        Panel("Reported clocks", {"{{clock}}": "max by (clock) (rollout_rollback_clock_seconds)"}, Needs.ROLLBACK, Shape.TABLE, "s", 12),
        Panel("Words of people", {"{{said}}": "max by (said) (rollout_audit_entries_total)"}, Needs.INCIDENT, Shape.TABLE),
    ),
)
HUBS = Board(
    "rollout-hubs",
    "Rollout: hubs",
    (
        Panel("Targets up", {"{{job}} {{machine}}": "sum by (job, machine) (max without (scraped_by) (up))"}, shape=Shape.TABLE),
        Panel("Samples scraped a second", {"{{job}}": "sum by (job) (max without (scraped_by) (scrape_samples_scraped))"}, unit="short"),
        Panel(
            "Samples sent to the other hub a second",
            {"{{instance}}": "sum by (instance) (rate(prometheus_remote_storage_samples_total[1m]))"},
            Needs.BOTH_HUBS,
        ),
        Panel(
            "Lag behind the other hub",
            {
                "{{instance}}": "max by (instance) (prometheus_remote_storage_highest_timestamp_in_seconds"
                " - ignoring (remote_name, url) group_right () prometheus_remote_storage_queue_highest_sent_timestamp_seconds)"
            },
            Needs.BOTH_HUBS,
            unit="s",
        ),
        Panel("Watchdogs", {"{{__name__}} {{machine}}": '{__name__=~"rollout_watchdog_.+"}'}, Needs.BOTH_HUBS, Shape.TABLE, span=24),
    ),
    change_lines=False,
)
ESCALATION = Board(
    "rollout-escalation",
    "Rollout: alerts and escalation",
    (
        Panel("Incident open", {"open": "max(rollout_incident_open)"}, shape=Shape.NUMBER, span=6),
        Panel("Incidents so far", {"incidents": "max(rollout_incidents_total)"}, shape=Shape.NUMBER, span=6),
        Panel("Level by the rules (0 GREEN to 3 RED)", {"level": "max(rollout:alert_level)"}, Needs.RULES, Shape.NUMBER, span=6),
        Panel("Agents missed", {"agents": "max(rollout:agents:missed_count)"}, Needs.RULES, Shape.NUMBER, span=6),
        Panel(
            "Age of the open incident",
            {"{{incident}}": "time() - max by (incident) (rollout_incident_opened_timestamp_seconds)"},
            Needs.INCIDENT,
            unit="s",
        ),
        Panel(
            "Tiers told",
            {"{{alertname}}": 'max by (alertname) (ALERTS{alertname=~"Escalation.+", alertstate="firing"})'},
            Needs.INCIDENT,
            Shape.STATES,
        ),
        Panel("Levels told", {"{{alertname}}": 'max by (alertname) (ALERTS{alertname=~"Level.+"})'}, Needs.RULES, Shape.STATES, span=24),
    ),
)
BOARDS = (FLEET, BATCHES, IMPACT, ROLLBACK, HUBS, ESCALATION)
