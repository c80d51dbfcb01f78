"""The metric families of our own state. Of runs the last that claimed the fleet; labels machine and agent are those of all other series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from rollout.alert import Alert, AlertLevel
from rollout.fleet import Fleet
from rollout.incident import IncidentStep
from rollout.judgement_file import StoredJudgements
from rollout.ledger import Ledger
from rollout.observe.run_view import RunState, batch_times, changed_agents, planned_restarts, run_state
from rollout.observe.state_folder import State
from rollout.rollbacks import last_rollback


def gauge(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    """A family of ours."""
    return GaugeMetricFamily(f"rollout_{name}", help_text, labels=labels)


def families(state: State, fleet: Fleet, now: float, within: float) -> Iterator[Metric]:
    """All families but those of the alert level. within: seconds of a planned restart."""
    readable = gauge("state_file_readable", "Whether a file of the state folder could be read.", "file")
    for file, fine in state.readable.items():
        readable.add_metric([file], fine)
    yield readable
    yield from of_agents(state.claim.run if state.claim else "", state.ledger, fleet, now, within)
    yield from of_run(state, now)
    yield from of_incident(state, now)
    said = CounterMetricFamily("rollout_audit_entries", "Words of people on record.", labels=["said"])
    for word, count in sorted(Counter(entry.said.value for entry in state.audit).items()):
        said.add_metric([word], count)
    yield said
    if state.judgements is not None:
        yield from of_judgements(state.judgements)


def of_alert(alert: Alert, fresh: Mapping[str, bool], degraded: int) -> Iterator[Metric]:
    """The level as seen at the last look, and what of it no hub can know by itself."""
    level = gauge("alert_level", "0 GREEN, 1 YELLOW, 2 ORANGE, 3 RED, as rollout status says it.")
    level.add_metric([], alert.level)
    sources = gauge("source_fresh", "Whether a metrics source answers with fresh samples.", "source")
    for source, fine in fresh.items():
        sources.add_metric([source], fine)
    worse = gauge("degraded", "Checks that found something worse that still is so.")
    worse.add_metric([], degraded)
    yield from (level, sources, worse)


def of_agents(run: str, ledger: Ledger | None, fleet: Fleet, now: float, within: float) -> Iterator[Metric]:
    """Every agent of the fleet, so that one that is not seen at all is missed."""
    members = gauge("fleet_agent", "1 for each agent that the fleet has.", "machine", "agent")
    changed = gauge("agent_changed", "Whether the agent carries the run's change.", "machine", "agent")
    carries = gauge("agent_carries", "1; the labels say in which batch of which run the agent was changed, and whether it carries the change.",
                    "machine", "agent", "run", "batch", "change")  # fmt: skip
    batches = gauge("agent_batch", "The batch in which the agent was changed; 0: found so, or not changed.", "machine", "agent")
    planned = gauge("agent_restart_planned", "1 while the run is restarting the agent.", "machine", "agent")
    carrying = changed_agents(ledger) if ledger else {}
    for agent in fleet.agents:
        labels = [agent.machine, agent.name]
        members.add_metric(labels, 1)
        changed.add_metric(labels, agent.id in carrying)
        batch = str(carrying.get(agent.id, 0))
        carries.add_metric([*labels, run, batch, "yes" if agent.id in carrying else "no"], 1)
        batches.add_metric(labels, carrying.get(agent.id, 0))
    for identity in planned_restarts(ledger, now, within) if ledger else ():
        planned.add_metric(identity.split("/"), 1)
    yield from (members, changed, carries, batches, planned)


def of_run(state: State, now: float) -> Iterator[Metric]:
    """Ownership, state, batches and clocks of the run that last claimed the fleet."""
    if state.claim is None:
        return
    run, alive = state.claim.run, state.claim.alive(now)
    owned = gauge("fleet_owned", "Whether an open run owns the fleet.", "run")
    leased = gauge("fleet_lease_seconds", "Seconds until the owner's lease lapses; 0 without a process.", "run")
    leased.add_metric([run], max(state.claim.expires - now, 0.0) if alive else 0.0)
    if state.ledger is not None and state.ledger.exists:
        owned.add_metric([run], not state.ledger.settled)
        yield from of_ledger(run, state.ledger, alive=alive, now=now)
    yield from (owned, leased)
    if state.report is not None:
        clocks = gauge("rollback_clock_seconds", "The reported clocks of the run's rollback.", "run", "clock")
        if state.report.rollback is not None:
            clocks.add_metric([run, "restored"], state.report.rollback.seconds_to_restored)
            if state.report.rollback.seconds_to_healthy is not None:
                clocks.add_metric([run, "healthy"], state.report.rollback.seconds_to_healthy)
        criteria = gauge("criteria", "Criteria of the run's day by what its report says.", "day", "standing")
        for standing, count in Counter(criterion.verdict.value for criterion in state.report.criteria).items():
            criteria.add_metric([str(state.report.day), standing], count)
        yield from (clocks, criteria)


def of_ledger(run: str, ledger: Ledger, *, alive: bool, now: float) -> Iterator[Metric]:
    """State, batch timings and the running clock."""
    opened = ledger.opened
    info = gauge("run_opened_timestamp_seconds", "When the run opened its ledger.", "run", "day", "change")
    info.add_metric([run, str(opened.facts["day"]), opened.facts["change"]], opened.at)
    states = gauge("run_state", "1 for the state that the run is in.", "run", "state")
    present = run_state(ledger, alive=alive)
    for each in RunState:
        states.add_metric([run, each.value], each is present)
    yield from (info, states)
    began = gauge("batch_began_timestamp_seconds", "When the batch was first acted on.", "run", "batch")
    verified = gauge("batch_verified_timestamp_seconds", "When its last agent was read back.", "run", "batch")
    ended = gauge("batch_decided_timestamp_seconds", "When its bake was over.", "run", "batch", "decision")
    verdicts = gauge("batch_verdict", "Worst check: 0 PASS, 1 INCONCLUSIVE, 2 ERROR, 3 FAIL.", "run", "batch")
    sizes = gauge("batch_agents", "Agents of the batch.", "run", "batch")
    for index, times in batch_times(ledger).items():
        labels = [run, str(index)]
        began.add_metric(labels, times.began)
        sizes.add_metric(labels, times.agents)
        if times.verified is not None:
            verified.add_metric(labels, times.verified)
        if times.ended is not None:
            ended.add_metric([*labels, times.decision], times.ended)
        if times.verdict is not None:
            verdicts.add_metric(labels, times.verdict)
    yield from (began, verified, ended, verdicts, sizes)
    rollback = last_rollback(ledger)
    seconds = gauge("rollback_seconds", "From the decision to the last agent read back, or until now.", "run")
    budget = gauge("rollback_budget_seconds", "What the plan allows for it.", "run")
    started = gauge("rollback_began_timestamp_seconds", "When the last rollback was decided.", "run")
    if rollback is not None:
        seconds.add_metric([run], rollback.seconds(now))
        budget.add_metric([run], rollback.budget)
        started.add_metric([run], rollback.began)
    yield from (seconds, budget, started)


def of_judgements(judgements: StoredJudgements) -> Iterator[Metric]:
    """The judge's last word on each metric of each batch: verdict, value and bounds, on the scale that the metric is shown in."""
    labels = ("batch", "metric", "votes")
    verdict = gauge("judgement_verdict", "0 PASS, 1 INCONCLUSIVE, 2 ERROR, 3 FAIL.", *labels)
    estimate = gauge("judgement_estimate", "What the batch has more than its neighbours.", *labels)
    upper = gauge("judgement_upper", "One-sided 95 % upper bound of it.", *labels)
    bound = gauge("judgement_bound", "The plan's bound.", *labels)
    for index, judged in judgements.batches.items():
        for metric in judged.metrics:
            names = [str(index), metric.metric, "yes" if metric.votes else "no"]
            verdict.add_metric(names, metric.verdict)
            bound.add_metric(names, metric.bound)
            if metric.figures is not None:
                estimate.add_metric(names, metric.figures.estimate)
                upper.add_metric(names, metric.figures.upper)
    yield from (verdict, estimate, upper, bound)


def of_incident(state: State, now: float) -> Iterator[Metric]:
    """The open incident and a drill's, each by its begin; always there: whether one is open, how many there were."""
    last = state.incidents[-1] if state.incidents else None
    going = last is not None and last.step is IncidentStep.OPENED
    total = CounterMetricFamily("rollout_incidents", "Incidents ever opened.")
    total.add_metric([], sum(entry.step is IncidentStep.OPENED for entry in state.incidents))
    present = gauge("incident_open", "Whether an incident is open.")
    present.add_metric([], going)
    opened = gauge("incident_opened_timestamp_seconds", "When the open incident began.", "incident", "run", "drill")
    if last is not None and going:
        opened.add_metric([last.incident, last.run, "no"], last.at)
    played = gauge("drill_level", "The alert levels that a drill plays.", "drill", "level")
    if state.drill is not None and now < state.drill.until:
        opened.add_metric([state.drill.name, "", "yes"], state.drill.opened)
        for level in AlertLevel:
            played.add_metric(["yes", level.name], level)
    yield from (total, present, opened, played)
