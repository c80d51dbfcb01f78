"""The validation step after the last batch: is everything really collected (plan.md lines 69-75)."""

from __future__ import annotations

from collections.abc import Sequence

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.fleet import Agent
from tasks.validate import collect_metrics


def validate_collection(run: DayRun, agents: Sequence[Agent]) -> None:
    """Wait until the hub has scraped the last activated agents often enough, then ask all of these agents and the hub."""
    bounds = run.gate("collection").bounds | run.gate("collection_time").bounds
    window = int(bounds["min_scrapes"] * bounds["scrape_seconds"] + bounds["discovery_seconds"])
    run.wait_until(run.last_activation + window)
    findings = patiently(run, lambda: collect_metrics(run.site, agents, bounds, window, len(agents)))
    timing = [finding for finding in findings if finding.check.startswith("collection_time")]
    run.keep("collection_time", timing)
    collected = run.keep("collection", [finding for finding in findings if finding not in timing])
    run.stop_unless_passed("collection_time", timing)
    run.stop_unless_passed("collection", collected)
