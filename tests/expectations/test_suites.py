"""Every suite that we ship: a good frame passes, and each of its checks catches exactly what it says it does."""

from __future__ import annotations

import pandas as pd
import pytest
from known_good import AGENTS, BOUNDS, EVIDENCE, METRICS, good_frame

from expectations import lint, validate
from expectations.suite import SUITES, read_suite
from rollout.verdict import Verdict, worst

NAMES = sorted(file.stem for file in SUITES.glob("*.json"))
# What one agent's row must hold to break one check and no other: check -> column and value.
BREAKS = {
    "readiness.supervisor": ("supervisor_running", False),
    "readiness.health": ("health_status", 503),
    "readiness.capable": ("metrics_capable", False),
    "readiness.port_owner": ("port_owner_matches", False),
    "readiness.start": ("start_age_seconds", -3.0),
    "baseline.samples": ("samples", 19),
    "baseline.fresh": ("newest_age_seconds", 30.1),
    "baseline.age": ("newest_age_seconds", -0.1),
    "baseline.mean": ("mean", -0.02),
    "baseline.sd": ("sd", -0.001),
    "baseline.spread": ("sd", 0.0101),
    "activation.running": ("running", False),
    "activation.port_owner": ("pid_matches_port", False),
    "activation.restarted": ("started_after_act", False),
    "activation.environment": ("environment_matches", False),
    "activation.health": ("health_status", 404),
    "activation.health_pid": ("health_pid_matches", False),
    "activation.metrics": ("metrics_status", 404),
    "activation.exposition": ("exposition_valid", False),
    "activation.families": ("families", 3),
    "activation.feature": ("health_feature_matches", False),
    "flag.running": ("running", False),
    "flag.port_owner": ("pid_matches_port", False),
    "flag.restarted": ("started_after_act", False),
    "flag.environment": ("environment_matches", False),
    "flag.health": ("health_status", 404),
    "flag.health_pid": ("health_pid_matches", False),
    "alive.supervisor": ("supervisor_running", False),
    "alive.health": ("health_status", 503),
    "alive.port_owner": ("port_owner_matches", False),
    "alive.start": ("start_age_seconds", -3.0),
    "batch_health.probes": ("probe_success_ratio", 0.98),
    "batch_health.restarts": ("restarts", 1),
    "batch_health.processes": ("processes", 2),
    "batch_errors.harm": ("ratio_but_for_one", 0.006),
    "batch_errors.ratio": ("error_ratio", 0.006),
    "batch_errors.enough": ("share_of_one", 0.006),
    "collection.metrics": ("metrics_status", 500),
    "collection.exposition": ("exposition_valid", False),
    "collection.health": ("health_feature_matches", False),
    "collection.success": ("scrape_success_ratio", 0.99),
    "collection.scrapes": ("scrapes", 7),
    "collection.target": ("target_up", False),
    "collection.duration": ("scrape_duration_seconds", 30.5),
    "collection_time.total": ("collection_seconds", 30.1),
    "hub_health.running": ("running", False),
    "hub_health.port_owner": ("pid_matches_port", False),
    "hub_health.defined": ("as_defined", False),
    "hub_health.watchdog": ("watchdog_running", False),
    "hub_health.ready": ("ready", False),
    "hub_health.protected": ("protected", False),
    "hub_health.receives": ("receives", False),
    "hub_health.configuration": ("configuration_matches", False),
    "hub_routing.routed": ("routed", False),
    "hub_routing.standby": ("standby", False),
    "hub_routing.scraped": ("scraped", False),
    "discovery.once": ("hubs", 2),
    "discovery.own_hub": ("own_hub", False),
    "discovery.labelled": ("labelled", False),
    "discovery.up": ("up", False),
    "hub_synchronisation.received": ("received_ratio", 0.999),
    "hub_synchronisation.lag": ("lag_seconds", 6.1),
    "hub_synchronisation.sent": ("send_ratio", 50.0),
    "hub_synchronisation.clock": ("skew_seconds", 1.5),
    "hub_consistency.samples": ("samples", 19),
    "hub_consistency.series": ("identical_series", 0.9),
    "hub_consistency.identical": ("identical_samples", 0.999),
    "failover.gap": ("gap_seconds", 12.1),
    "failover.backfill": ("backfill_ratio", 0.999),
    "failover_time.detection": ("detection_seconds", 2.1),
    "failover_time.gap": ("median_gap_seconds", 6.1),
    "failover_time.return": ("return_seconds", 45.1),
    "feature.running": ("running", False),
    "feature.port_owner": ("pid_matches_port", False),
    "feature.restarted": ("started_after_act", False),
    "feature.environment": ("environment_matches", False),
    "feature.health": ("health_status", 404),
    "feature.health_pid": ("health_pid_matches", False),
    "feature.feature": ("health_feature_matches", False),
    "regression.asked": ("asked", 11),
    "regression.equal": ("different", 1),
    "improvement_confirmed.measured": ("after_seconds", 0.0),
    "improvement_confirmed.faster": ("remaining_share", 0.6),
    "impact.proven": ("upper", 0.02),
    "impact.sound": ("estimate", 0.011),
    "lookups.asked": ("lookups", 0),
    "lookups.answered": ("failed_share", 0.21),
    "lookups.time": ("seconds", 0.51),
    "cost.series": ("series", 151),
    "cost.samples": ("samples_per_scrape", 151),
    "cost.scrape": ("scrape_seconds", 1.1),
    "cost_growth.series": ("series_added", 200.5),
    "cost_growth.samples": ("samples_added_per_second", 15.1),
    "load_level.errors": ("error_ratio", 0.006),
    "load_level.latency": ("p99_seconds", 0.51),
    "load_level.latency_proven": ("p99_upper_seconds", 0.51),
    "load_level.hubs": ("hub_lag_seconds", 5.1),
    "load_agents.requests": ("requests", 0),
    "load_agents.errors": ("error_ratio", 0.021),
    "load_agents.latency": ("p99_seconds", 1.01),
    "load_agents.probes": ("probe_success_ratio", 0.98),
    "load_agents.scrapes": ("scrape_success_ratio", 0.99),
    "load_agents.restarts": ("restarts", 1),
    "load_agents.cpu": ("cpu_cores", -0.1),
    "load_agents.memory": ("resident_mib", 0.0),
    "load_memory.leak": ("growth_lower_mib", 8.1),
    "load_memory.proven": ("growth_upper_mib", 8.1),
    "load_end.recovery": ("recovery_ratio", 1.26),
    "load_end.recovery_proven": ("recovery_upper", 1.26),
}
WARNINGS = {
    "batch_errors.ratio",
    "batch_errors.enough",
    "improvement_confirmed.faster",
    "impact.proven",
    "cost_growth.series",
    "cost_growth.samples",
    "load_level.latency_proven",
    "load_memory.proven",
    "load_end.recovery_proven",
}
# A baseline below zero is also below its own spread: no frame can break the one without the other.
ALSO = {"baseline.mean": {"baseline.spread"}}


def judged(suite, frame, bounds=BOUNDS):
    """The findings of a frame by their check."""
    return {finding.check: finding for finding in validate(suite, frame, bounds, EVIDENCE, agents=AGENTS, metrics=METRICS)}


def test_every_suite_can_be_used():
    """The linter that the tests run accepts all suites, and there is a known-bad frame for every check."""
    assert {check.meta.id for suite in lint() for check in suite.expectations} == set(BREAKS)


@pytest.mark.parametrize("suite", NAMES)
def test_a_good_frame_passes(suite):
    """Where all is well every guard and every check says PASS, with the evidence it was given and nobody named."""
    findings = judged(suite, good_frame(suite))
    assert len(findings) == 3 + len(read_suite(SUITES / f"{suite}.json").expectations)
    assert {finding.verdict for finding in findings.values()} == {Verdict.PASS}, findings
    assert all(finding.evidence == EVIDENCE and finding.agents == () for finding in findings.values())


@pytest.mark.slow
@pytest.mark.parametrize("check", BREAKS)
def test_each_check_catches_its_own_breach_and_names_the_agent(check):
    """One bad value in one row breaks exactly the check that is about it; the finding names the agent and shows the value."""
    suite, (column, value) = check.partition(".")[0], BREAKS[check]
    frame = good_frame(suite)
    row = len(frame) // 2
    frame.loc[row, column] = value
    findings = judged(suite, frame)
    expected = Verdict.INCONCLUSIVE if check in WARNINGS else Verdict.FAIL
    assert {name for name, finding in findings.items() if finding.verdict is not Verdict.PASS} == {check} | ALSO.get(check, set())
    assert findings[check].verdict is expected
    if "agent" in frame:
        assert findings[check].agents == (frame["agent"][row],)
        assert frame["agent"][row] in findings[check].sentence


@pytest.mark.parametrize("suite", NAMES)
def test_an_empty_frame_never_passes(suite):
    """No rows, with or without columns: every check is ERROR, since nothing was judged."""
    for frame in (good_frame(suite)[:0], pd.DataFrame()):
        findings = judged(suite, frame)
        checks = [finding for name, finding in findings.items() if name in BREAKS]
        assert {finding.verdict for finding in checks} == {Verdict.ERROR}
        assert findings[f"{suite}.rows"].verdict is Verdict.ERROR
        assert findings[f"{suite}.values"].verdict is Verdict.ERROR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "hole"),
    [*((name, None) for name in NAMES), *((name, hole) for name in ("activation", "impact") for hole in (float("nan"), pd.NA, float("inf"), "200"))],
)
def test_a_frame_of_holes_never_passes(suite, hole):
    """All values null, NaN, infinite or text: no check passes, whatever it asks."""
    frame = good_frame(suite)
    for column in set(frame.columns) - {"agent", "metric"}:
        frame[column] = pd.Series([hole] * len(frame), dtype=object)
    findings = judged(suite, frame)
    assert {findings[check].verdict for check in findings if check in BREAKS} == {Verdict.ERROR}
    assert findings[f"{suite}.values"].verdict is Verdict.ERROR


@pytest.mark.slow
@pytest.mark.parametrize("suite", NAMES)
def test_one_hole_is_an_error_of_its_check(suite):
    """One missing value a column: each check is ERROR and names whom it could not judge; it never passes on the others' account."""
    frame, read = good_frame(suite).astype(object), read_suite(SUITES / f"{suite}.json")
    columns = [column for column in read.meta.columns if column not in read.meta.rows.keys]
    holes = {column: number % len(frame) for number, column in enumerate(columns)}
    for column, row in holes.items():
        frame.loc[row, column] = None
    findings = judged(suite, frame)
    for check in read.expectations:
        finding = findings[check.meta.id]
        assert finding.verdict is Verdict.ERROR
        if "agent" in frame:
            assert finding.agents == tuple(sorted({frame["agent"][holes[column]] for column in check.columns}))
    assert findings[f"{suite}.values"].verdict is Verdict.ERROR


@pytest.mark.slow
@pytest.mark.parametrize("suite", NAMES)
def test_a_missing_column_is_an_error_of_every_check_that_needs_it(suite):
    """A column that was not measured fails the guard and the checks on it, and leaves the other checks alone."""
    read = read_suite(SUITES / f"{suite}.json")
    column = list(read.meta.columns)[-1]
    findings = judged(suite, good_frame(suite).drop(columns=column))
    needing = {check.meta.id for check in read.expectations if column in check.columns}
    wrong = {name for name, finding in findings.items() if finding.verdict is Verdict.ERROR}
    assert needing | {f"{suite}.columns"} <= wrong
    assert wrong <= needing | {f"{suite}.columns"} | ({f"{suite}.values", f"{suite}.rows"} if suite == "collection_time" else set())


@pytest.mark.slow
@pytest.mark.parametrize("suite", [name for name in NAMES if "agent" in good_frame(name)])
def test_a_partial_fleet_never_passes(suite):
    """60 of 77: rows that are missing make every check and the guard ERROR, and the guard names who was not seen."""
    agents = tuple(f"mainpc/Agent{number:02}" for number in range(77))
    good = good_frame(suite)
    frame = pd.concat([good[good["agent"] == AGENTS[0]].assign(agent=agent) for agent in agents[:60]])
    findings = {finding.check: finding for finding in validate(suite, frame, BOUNDS, EVIDENCE, agents=agents, metrics=METRICS)}
    assert {finding.verdict for check, finding in findings.items() if check in BREAKS} == {Verdict.ERROR}
    rows = findings[f"{suite}.rows"]
    assert rows.verdict is Verdict.ERROR
    assert rows.agents == agents[60:]
    share = len(METRICS) if suite == "baseline" else 1
    assert rows.observed == f"{60 * share} of {77 * share}"
    assert f"{17 * share} of {77 * share} not seen: mainpc/Agent60" in rows.sentence


def test_a_metric_that_nobody_measured_never_passes():
    """A whole metric missing from the impact, or from every agent's baseline, is ERROR and named."""
    for suite in ("impact", "baseline"):
        frame = good_frame(suite)
        findings = judged(suite, frame[frame["metric"] != "cpu"])
        assert worst(findings.values()) is Verdict.ERROR
        assert "cpu" in findings[f"{suite}.rows"].sentence
