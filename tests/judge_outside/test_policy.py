"""The plan's numbers as the judge's policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.errors import Refused
from rollout.fleet import load_fleet
from rollout.judge.policy import MachineShare, MetricForm
from rollout.judge_policy import judge_policy
from rollout.plan import load_plan

ROOT = Path(__file__).parents[2]
PLAN = load_plan(ROOT / "plans" / "week3.yaml")
FLEET = load_fleet(ROOT / "fleets" / "week3.yaml")
CORES = {"mainpc": 16.0, "pc2": 4.0}


def test_production_is_judged_by_the_plans_numbers():
    """Windows, looks, forms and bounds of day 1 stand in the policy, and so does who is asked for what."""
    policy = judge_policy(PLAN.day(1), FLEET.agents, 15.0, CORES)
    assert (policy.settle, policy.before, policy.after, policy.looks, policy.extension) == (16, 60, 44, (8, 20, 32, 44), 16)
    assert policy.scrape_interval == 15.0
    latency, cpu, memory, errors = policy.metrics
    assert (latency.form, latency.bound, latency.proceed_bound) == (MetricForm.RELATIVE, 0.02, 0.05)
    assert (memory.form, memory.bound, memory.proceed_bound, memory.relative_bound, memory.unit) == (MetricForm.ABSOLUTE, 8, 16, 0.02, "MiB")
    assert (errors.form, errors.bound, errors.proceed_bound) == (MetricForm.ABSOLUTE, 0.005, 0.01)
    assert [metric.subtract_restart for metric in policy.metrics] == [False, False, True, False]
    hubs = tuple(agent.id for agent in FLEET.agents if agent.hub)
    assert len(hubs) == 2
    assert latency.not_applicable == errors.not_applicable == hubs
    assert cpu.not_applicable == memory.not_applicable == ()


def test_a_share_of_a_machine_is_spread_over_all_that_it_runs():
    """Cores come from the site by machine, agents from the fleet; metrics of other forms carry none."""
    latency, cpu, *_ = judge_policy(PLAN.day(1), FLEET.agents, 15.0, CORES).metrics
    assert cpu.machines == tuple(MachineShare(machine, CORES[machine], len(FLEET.on(machine))) for machine in FLEET.machines)
    assert latency.machines == ()
    with pytest.raises(Refused, match="cores of pc2"):
        judge_policy(PLAN.day(1), FLEET.agents, 15.0, {"mainpc": 16.0})


@pytest.mark.parametrize(("neighbours", "needed"), [(0, 2), (3, 3), (5, 5), (9, 5)])
def test_controls_are_those_that_the_plan_leaves_up_to_the_designs(neighbours, needed):
    """A plan that leaves nine neighbours keeps its verdict when one of them is not seen."""
    day = PLAN.day(1)
    few = day.model_copy(update={"batches": day.batches.model_copy(update={"neighbours": neighbours})})
    assert judge_policy(few, FLEET.agents, 15.0, CORES).min_controls == needed


def test_a_rehearsal_is_judged_by_its_own_numbers():
    """The lab's windows and bounds, and the restart taken off what CPU costs; on six agents nobody has a vote."""
    lab = judge_policy(PLAN.for_site("lab").day(1), FLEET.agents, 1.0, CORES)
    assert (lab.settle, lab.before, lab.looks, lab.extension) == (8, 30, (11, 17, 22), 22)
    assert [metric.bound for metric in lab.metrics] == [0.05, 0.05, 8, 0.005]
    assert [metric.subtract_restart for metric in lab.metrics] == [False, True, True, False]
    assert not any(metric.shadow for metric in lab.metrics)
    assert all(metric.shadow for metric in judge_policy(PLAN.for_site("six").day(1), FLEET.agents, 1.0, CORES).metrics)


def test_what_the_judge_cannot_do_is_refused():
    """A day without batches, and a bake that is extended twice, for which the chance of a false alarm was not computed."""
    with pytest.raises(Refused, match="no batches"):
        judge_policy(PLAN.day(0), FLEET.agents, 15.0, CORES)
    day = PLAN.day(1)
    twice = day.model_copy(update={"bake": day.bake.model_copy(update={"extensions": (16, 16)})})
    with pytest.raises(Refused, match="one extension"):
        judge_policy(twice, FLEET.agents, 15.0, CORES)
