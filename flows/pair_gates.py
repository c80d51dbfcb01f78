"""Gates on two hubs: is each what it has to be, does each get what the other scrapes, do both tell the same."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.plan import ChangeKind
from rollout.verdict import Evidence, Finding
from tasks.pair import compare_hubs, count_sent, measure_synchronisation


def validate_pair(run: DayRun) -> None:
    """The whole pair after all agents are routed (plan.md lines 134-139). Raises GateFailed and Held."""
    pair = run.site.hub_pair
    activation = run.executor_of(ChangeKind.HUBS).read_all([hub.agent for hub in pair.hubs])
    rows = pd.DataFrame([dict(reading.row) for reading in activation.readings])
    evidence = Evidence("supervisor, /proc, hubs", "getAllProcessInfo; GET /api/v1/status", activation.since, activation.verified_at, len(rows))
    hubs = [hub.agent.id for hub in pair.hubs]
    run.require("hub_health", run.judge("hub_health", rows, run.gate("hub_health").bounds, evidence, hubs, (), "both hubs"))
    run.require("hub_synchronisation", judge_synchronisation(run))
    run.require("hub_consistency", judge_consistency(run, [agent.id for agent in run.agents], "all agents"))


def judge_synchronisation(run: DayRun) -> tuple[Finding, ...]:
    """Count what the hubs send over a window, and compare it with what they scrape and with what arrived."""
    pair, bounds = run.site.hub_pair, run.gate("hub_synchronisation").bounds
    before, since = patiently(run, lambda: count_sent(pair)), run.site.clock.now()
    run.wait_until(since + bounds["window_seconds"])
    now = run.site.clock.now()
    frame = patiently(run, lambda: measure_synchronisation(pair, before, since, run.site.clock.now(), bounds["margin_seconds"]))
    run.keep_samples("synchronisation", frame)
    evidence = Evidence(run.site.sources.name, "prometheus_remote_storage_samples_total; count_over_time by scraped_by", since, now, len(frame))
    return run.judge("hub_synchronisation", frame, bounds, evidence, [hub.agent.id for hub in pair.hubs], (), "both hubs")


def judge_consistency(run: DayRun, agents: Sequence[str], what: str) -> tuple[Finding, ...]:
    """Compare the hubs' raw samples of these agents; what may still be on its way is waited for."""
    bounds = run.gate("hub_consistency").bounds
    end = run.site.clock.now()
    run.wait_until(end + bounds["margin_seconds"])
    frame = patiently(run, lambda: compare_hubs(run.site.hub_pair, agents, end, bounds["window_seconds"], len(agents)))
    run.keep_samples(f"consistency-{what.replace(' ', '-')}", frame)
    samples = int(frame["samples"].sum()) if len(frame) else 0
    evidence = Evidence(run.site.sources.name, f"raw samples of {len(agents)} agents at each hub", end - bounds["window_seconds"], end, samples)
    return run.judge("hub_consistency", frame, bounds, evidence, list(agents), (), what)
