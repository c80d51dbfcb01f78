"""After the way back from two hubs to one: is it seen that one hub has all agents again and the other one is gone (plan.md lines 149-154)."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from rollout.confirmation import CUT_SHORT, LOOK, Confirmation, confirm
from rollout.errors import RolloutError
from rollout.executor import Reversal
from rollout.hub import HubPair
from rollout.observe.frame import by_agent
from rollout.plan import ChangeKind, Day
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Verdict

SEEN = 'timestamp(probe_success{scraped_by=""}) > %.3f'
"""Probes that a single hub has scraped since then; those of a pair carry scraped_by."""


def confirm_way_back(
    site: Site, day: Day, baseline: pd.DataFrame | None, reversal: Reversal, check: str = "rollback", *, ends: Callable[[], bool] = lambda: False
) -> Confirmation | None:
    """What confirms a rollback of everything that a day has changed: the single hub after day 2, healthy agents after any other."""
    if day.change is ChangeKind.HUBS:
        return confirm_single_hub(site, day, reversal, check, ends=ends)
    return confirm(site, day, baseline, reversal, check, ends=ends)


def confirm_single_hub(
    site: Site, day: Day, reversal: Reversal, check: str = "rollback", *, ends: Callable[[], bool] = lambda: False
) -> Confirmation:
    """Look until the first hub has a fresh sample of every agent and the other is gone, the day's rollback budget is over, or the look has to end.

    Never raises for a hub or a machine that does not answer: what cannot be seen is not confirmed. check, ends: as of `confirm`.
    """
    pair, budget = site.hub_pair, day.deadlines.rollback
    missing, cut_short = ["nothing was seen"], False
    while site.clock.now() - reversal.began < budget:
        missing = _missing(site, pair, reversal.ended)
        if not missing or (cut_short := ends()):
            break
        site.clock.sleep(LOOK)
    seconds = site.clock.now() - reversal.began
    first, agents = pair.hubs[0].name, len(site.fleet)
    sentence = "; ".join(missing) or f"{agents} of {agents} agents have fresh samples at {first} alone, and the other hub is gone"
    verdict = Verdict.FAIL if missing or reversal.quarantined or seconds > budget else Verdict.PASS
    if cut_short and not reversal.quarantined:
        verdict, sentence = Verdict.INCONCLUSIVE, f"{sentence}; {CUT_SHORT}"
    evidence = Evidence(f"{first}, supervisor, /proc", SEEN % reversal.ended, reversal.began, site.clock.now(), agents)
    observed = f"restored in {reversal.seconds:.1f} s, samples of all in {seconds:.1f} s"
    finding = Finding(check, verdict, observed, f"<= {budget:.0f} s", f"Single hub restored: {sentence}.", evidence, tuple(reversal.quarantined))
    return Confirmation(seconds if verdict is Verdict.PASS else None, sentence, finding)


def _missing(site: Site, pair: HubPair, since: float) -> list[str]:
    """What is not yet as it was, a sentence each."""
    first, second = pair.hubs
    found: list[str] = []
    try:
        service = second.machine.services.services().get(second.service.program)
        if service is not None or second.access.port in second.machine.transport.holders([second.access.port], []):
            found.append(f"hub {second.name} is still there")
        source = next(source for source in site.sources.declared if source.name == first.name)
        fresh = set(by_agent(source.now(SEEN % since), "t").dropna().index)
    except RolloutError as error:
        return [*found, f"it cannot be seen: {error}"]
    if unseen := [agent.id for agent in site.fleet.agents if agent.id not in fresh]:
        found.append(f"{first} has no fresh sample of {', '.join(unseen[:5])}{' and others' if len(unseen) > 5 else ''}")
    return found
