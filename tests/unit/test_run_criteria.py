"""What a run's own report says of criteria and failures: of all agents that the plan means, and of everything that its gates found."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.conclusion import _criteria
from flows.day_run import DayRun
from flows.failures import count_failures
from rollout.fleet import Selector
from rollout.ledger import Step
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Standing, Verdict
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of

EVIDENCE = Evidence("probe", "GET /metrics", 1.0, 2.0, 6)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Six agents on two machines."""
    return memory_site(MemoryWorld(), tmp_path)


def finding(check: str, verdict: Verdict, *agents: str) -> Finding:
    """What a check found."""
    return Finding(check, verdict, "6 of 6", "all", "All of them.", EVIDENCE, agents)


def standing_of(run: DayRun, identity: str) -> tuple[Standing, str]:
    """What the report says of that criterion."""
    entry = next(each for each in _criteria(run) if each.id == identity)
    return entry.verdict, entry.sentence


@pytest.mark.parametrize(
    ("selector", "standing", "said"),
    [
        (None, Standing.MET, "All of them."),
        (Selector(all=True), Standing.MET, "All of them."),
        (Selector(machines=("west",)), Standing.NOT_PROVEN, "this run was started for 2 of the 6 agents that the plan selects"),
    ],
)
def test_a_part_of_the_fleet_does_not_speak_for_the_plan(site: Site, selector: Selector | None, standing: Standing, said: str) -> None:
    """A person may start a day for one machine; its criteria are about all agents, and the next day's needs with them."""
    run = run_of(site, 1, selector=selector)
    run.keep("failures", [finding("failures", Verdict.PASS)])
    seen, sentence = standing_of(run, "D1.8")
    assert seen is standing
    assert said in sentence


def test_an_agent_that_failed_a_gate_after_the_batches_has_failed(site: Site) -> None:
    """It ended by itself in the soak and everything came back: the report of that run cannot say that no agent failed."""
    run = run_of(site, 1)
    run.touched = {agent.id for agent in site.fleet.agents}
    run.ledger.append(1, Step.RESTORED, sorted(run.touched))
    run.keep("batch_health", [finding("batch_health.restarts", Verdict.FAIL, "east/Agent0")])
    count_failures(run)
    (counted,) = run.record.findings["failures"]
    assert (counted.verdict, counted.agents) == (Verdict.FAIL, ("east/Agent0",))
