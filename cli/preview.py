"""`rollout plan`: a day as it would run, from files alone."""

from __future__ import annotations

from pathlib import Path

from rollout.batches import BatchSchedule, schedule
from rollout.errors import InputError
from rollout.fleet import Fleet
from rollout.foresight import foresee, newest_spreads
from rollout.judge.policy import JudgePolicy
from rollout.judge.power import EFFECTS
from rollout.judge_policy import judge_policy
from rollout.plan import Load, Plan
from rollout.site_file import SiteFile


def preview(number: int, site: SiteFile, fleet: Fleet, written: Plan) -> None:
    """Print steps with hours, the order and batches, and what the gates can find. Raises InputError and Refused; touches nothing."""
    plan = written.for_site(site.rehearsal)
    day = plan.day(number)
    print(f"Day {day.day}: {day.title} (site {site.site}, fleet {fleet.name}, pace {plan.pace:g})")
    for difference in plan.differences(number):
        print(f"  rehearsal: {difference}")
    for step in day.steps:
        hours = f"{step.begins:%H:%M}-{step.ends:%H:%M}" if step.begins and step.ends else "no hours"
        print(f"  {hours}  {step.title} ({step.source})")
    agents = fleet.select(day.selector)
    if day.batches is None or day.bake is None:
        print(f"  {len(agents)} agents looked at, none changed")
        if day.load is not None:
            _tell_load(day.load)
        return
    chosen = agents[: day.count] if day.count else agents
    if day.optimization:
        print(f"  which of {len(agents)} agents, a survey on the day says; here the first {len(chosen)} stand for them")
    batches = schedule(chosen, fleet, day.batches.size, day.batches.canary, day.batches.neighbours)
    spacing = day.spacing(plan.pace, site.scrape_interval)
    print(
        f"  {len(chosen)} agents in {len(batches.batches)} batches, one every {spacing:.0f} s; change: {day.change.value if day.change else 'none'}"
    )
    for batch in batches.batches:
        kind = "canary " if batch.is_canary else ""
        print(f"  batch {batch.index} ({kind}agents {batch.first}-{batch.last}): {', '.join(batch.ids)}")
    for violation in batches.violations:
        print(f"  order: {violation}")
    if day.impact:
        _tell_power(site.state / "reports", judge_policy(day, fleet.agents, site.scrape_interval, site.cores), batches, fleet)


def _tell_load(load: Load) -> None:
    """The levels of a load test, with rates and durations as they would be sent."""
    for level in load.levels:
        must = ", the last that has to hold" if level.name == load.must_hold else ""
        print(f"  level {level.name}: {level.rate * load.scale:g} requests/s to each agent for {level.duration / load.pace:g} s{must}")
    print(f"  recovery: {load.recovery / load.pace:g} s at the rate of the first level")


def _tell_power(reports: Path, policy: JudgePolicy, batches: BatchSchedule, fleet: Fleet) -> None:
    """What the impact gates will be able to tell, if a run of this site has stored a baseline."""
    file = newest_spreads(reports)
    if file is None:
        print("  power: unknown, no run of this site has stored a baseline yet")
        return
    try:
        seen = foresee(file, policy, batches, fleet)
    except InputError as error:
        print(f"  power: unknown, {error}")
        return
    print(f"  power of {seen.treated} agents beside {seen.controls} unchanged ones, from two windows of {seen.samples} samples")
    print(f"  of run {file.parent.parent.name}:")
    for power in seen.powers:
        shadow = " (shadow, no vote)" if power.shadow else ""
        chances = ", ".join(f"{effect:.0%} {chance:.0%}" for effect, chance in zip(EFFECTS, power.powers, strict=True))
        print(f"    {power.sentence}{shadow}")
        print(f"      sigma {power.sigma:.4f}; chance to find an effect of: {chances}")
    for metric in policy.metrics:
        if metric.name not in {power.metric for power in seen.powers}:
            print(f"    {metric.name}: too few agents were seen in the baseline, so nothing is known; this gate cannot resolve its bound.")
