"""A small fleet, the plan's bounds and a good frame for every suite."""

from __future__ import annotations

import pandas as pd

from rollout.verdict import Evidence

AGENTS = ("mainpc/ServiceRegistry", "mainpc/SystemDigitalTwin", "mainpc/ObservabilityHub", "pc2/ObservabilityHub", "pc2/TutorAgent")
METRICS = ("latency", "cpu", "memory", "errors")
BOUNDS = {
    "min_samples": 20,
    "max_age_seconds": 30.0,
    "max_cv": 0.5,
    "min_families": 4,
    "min_probe_success": 0.99,
    "max_error_ratio": 0.005,
    "min_scrape_success": 0.99,
    "min_scrapes": 8,
    "max_collection_seconds": 30.0,
    "max_lag_seconds": 6.0,
    "min_send_ratio": 0.5,
    "max_send_ratio": 1.5,
    "max_skew_seconds": 1.0,
    "min_identical": 1.0,
    "max_gap_seconds": 12.0,
    "min_backfill": 1.0,
    "max_detection_seconds": 2.0,
    "max_median_gap_seconds": 6.0,
    "max_return_seconds": 45.0,
    "min_requests": 12,
    "max_remaining_share": 0.6,
    "max_p99_seconds": 0.5,
    "max_hub_lag_seconds": 5.0,
    "max_agent_error_ratio": 0.02,
    "max_agent_p99_seconds": 1.0,
    "max_growth_mib": 8.0,
    "max_recovery_ratio": 1.25,
    "max_failed_share": 0.2,
    "max_lookup_seconds": 0.5,
    "max_series": 150,
    "max_samples_per_scrape": 150,
    "max_scrape_seconds": 1.0,
    "max_series_added": 200,
    "max_samples_added": 15.0,
}
EVIDENCE = Evidence(source="central", query="up", start=100.0, end=160.0, samples=300)


def good_frame(suite: str) -> pd.DataFrame:  # noqa: C901 (one case a suite)
    """A frame of that suite in which everything is as it should be."""
    agents = pd.DataFrame({"agent": AGENTS})
    match suite:
        case "readiness" | "alive":
            frame = agents.assign(supervisor_running=True, health_status=200, metrics_capable=True, port_owner_matches=True, start_age_seconds=3600.5)
        case "baseline":
            rows = pd.MultiIndex.from_product([AGENTS, METRICS], names=["agent", "metric"]).to_frame(index=False)
            frame = rows.assign(samples=30, newest_age_seconds=1.5, mean=0.02, sd=0.001)
        case "activation" | "flag":
            frame = agents.assign(
                running=True,
                pid_matches_port=True,
                started_after_act=True,
                environment_matches=True,
                health_status=200,
                health_pid_matches=True,
                metrics_status=200,
                exposition_valid=True,
                families=6,
                health_feature_matches=True,
            )
        case "feature":
            frame = good_frame("activation").drop(columns=["metrics_status", "exposition_valid", "families"])
        case "regression":
            frame = agents.assign(asked=12, different=0)
        case "improvement_confirmed":
            frame = agents.assign(before_seconds=0.6, after_seconds=0.12, remaining_share=0.2)
        case "batch_health":
            frame = agents.assign(probe_success_ratio=1.0, restarts=0, processes=1)
        case "batch_errors":
            frame = agents.assign(error_ratio=0.0, ratio_but_for_one=0.0, share_of_one=0.002)
        case "collection":
            frame = agents.assign(
                metrics_status=200,
                exposition_valid=True,
                health_feature_matches=True,
                scrape_success_ratio=1.0,
                scrapes=12,
                target_up=True,
                scrape_duration_seconds=0.004,
            )
        case "collection_time":
            frame = pd.DataFrame({"collection_seconds": [2.5]})
        case "impact":
            frame = pd.DataFrame({"metric": METRICS, "estimate": 0.002, "upper": 0.01, "bound": 0.02})
        case _:
            frame = good_load_frame(suite)
    return frame


def _good_pair(suite: str, agents: pd.DataFrame) -> pd.DataFrame:
    """The same of the suites about two hubs."""
    match suite:
        case "hub_health":
            frame = agents.assign(
                running=True,
                pid_matches_port=True,
                as_defined=True,
                watchdog_running=True,
                ready=True,
                protected=True,
                receives=True,
                configuration_matches=True,
            )
        case "hub_routing":
            frame = agents.assign(routed=True, standby=True, scraped=True)
        case "discovery":
            frame = agents.assign(hubs=1, own_hub=True, labelled=True, up=True)
        case "hub_synchronisation":
            frame = agents.assign(received_ratio=1.0, lag_seconds=1.2, send_ratio=1.0, skew_seconds=0.01)
        case "hub_consistency":
            frame = agents.assign(samples=300, identical_series=1.0, identical_samples=1.0)
        case "failover":
            frame = agents.assign(gap_seconds=4.5, backfill_ratio=1.0)
        case "failover_time":
            frame = pd.DataFrame({"detection_seconds": [1.4], "median_gap_seconds": [4.5], "return_seconds": [21.0]})
        case _:
            raise AssertionError(f"no good frame for {suite}")
    return frame


def good_load_frame(suite: str) -> pd.DataFrame:
    """The same for the suites of a load test and of what collecting costs."""
    agents = pd.DataFrame({"agent": AGENTS})
    match suite:
        case "load_level":
            frame = pd.DataFrame({"error_ratio": [0.001], "p99_seconds": [0.08], "p99_upper_seconds": [0.09], "hub_lag_seconds": [1.2]})
        case "load_agents":
            frame = agents.assign(
                requests=900,
                error_ratio=0.001,
                p99_seconds=0.09,
                probe_success_ratio=1.0,
                scrape_success_ratio=1.0,
                restarts=0,
                cpu_cores=0.02,
                resident_mib=26.5,
            )
        case "load_memory":
            frame = agents.assign(growth_lower_mib=-0.2, growth_upper_mib=0.4)
        case "cost":
            frame = agents.assign(series=36, samples_per_scrape=31, scrape_seconds=0.004)
        case "lookups":
            frame = agents.assign(lookups=2, failed_share=0.0, seconds=0.004)
        case "cost_growth":
            frame = pd.DataFrame({"series_added": [36.5], "samples_added_per_second": [2.4]})
        case "load_end":
            frame = pd.DataFrame({"recovery_ratio": [1.02], "recovery_upper": [1.1]})
        case _:
            frame = _good_pair(suite, agents)
    return frame
