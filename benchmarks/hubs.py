"""What two hubs cost and how fast one stands in for the other: samples a second, CPU of each, takeover times. Needs a lab on which day 2 is done.

`.venv/bin/python benchmarks/hubs.py [SITE] [OUTAGES]`; the outages go through a ledger of their own and are brought back.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from uuid import uuid4

from rollout.ledger import Step
from rollout.observe.exporter import cpu_nanoseconds
from rollout.observe.outage import outage_frame, watched
from rollout.observe.pair import SENT
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, load_plan
from rollout.run_ledger import run_ledger
from rollout.settlement import executor_of
from rollout.site import Site, load_site

ROOT = Path(__file__).resolve().parent.parent
STORED = "prometheus_tsdb_head_samples_appended_total"
WINDOW, OUTAGE, RECOVERY = 30.0, 20.0, 90.0
"""Seconds: of the measured window, of each outage, of the longest wait for the return."""


def main() -> None:
    """Measure and print."""
    name, outages = (sys.argv[1] if len(sys.argv) > 1 else "lab"), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    plan = load_plan(ROOT / "plans" / "week3.yaml")
    site = load_site(ROOT / "fleets" / f"{name}.yaml", plan.day(2).deadlines)
    if site.paired is None:
        sys.exit(f"{name} has no two hubs: run day-2 first")
    rates(site)
    drills(site, outages)


def rates(site: Site) -> None:
    """Samples and CPU of each hub over one window."""
    before = {hub.name: _reading(site, hub.name) for hub in site.hub_pair.hubs}
    site.clock.sleep(WINDOW)
    for hub in site.hub_pair.hubs:
        now = _reading(site, hub.name)
        stored, sent, cpu = ((after - then) / WINDOW for after, then in zip(now, before[hub.name], strict=True))
        print(f"{hub.name}: {stored:.0f} samples/s stored, {sent:.0f} samples/s sent, {cpu:.1%} of a core")


def _reading(site: Site, name: str) -> tuple[float, float, float]:
    hub = next(hub for hub in site.hub_pair.hubs if hub.name == name)
    counters = hub.client.counters([STORED, SENT])
    return counters[STORED], counters[SENT], cpu_nanoseconds(hub.machine.services.services()[hub.service.program].pid) / 1e9


def drills(site: Site, outages: int) -> None:
    """Kill the first hub again and again, each time until all is as before."""
    pair = site.hub_pair
    dead, survivor = pair.hubs
    day = load_plan(ROOT / "plans" / "week3.yaml").for_site(site.rehearsal).day(2)
    run, ownership = str(uuid4()), Ownership(site.state / "fleets", site.fleet.name, site.clock)
    ownership.claim(run, site.runs)
    ledger = run_ledger(site.runs, run, site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=2, plan="week3", site=site.name, change=ChangeKind.OUTAGE.value, on_cancel="roll back")
    executor = executor_of(site, day, ChangeKind.OUTAGE, ledger, ownership)
    own = [agent.id for agent in site.fleet.on(dead.machine.name)]
    gaps, fills = [], []
    for number in range(1, outages + 1):
        began = executor.activate([dead.agent], 0).since
        site.clock.sleep(OUTAGE)
        noticed = watched(survivor, pair, 5.0).detection
        executor.roll_back()
        back = site.clock.now()
        while watched(survivor, pair, 5.0).targets and site.clock.now() < back + RECOVERY:
            site.clock.sleep(0.5)
        returned = site.clock.now() - back
        site.clock.sleep(6.0)
        frame = outage_frame(pair, dead, own, began, back, 6.0)
        gaps.append(frame["gap_seconds"].median())
        fills.append(frame["backfill_ratio"].min())
        print(
            f"outage {number}: noticed after {noticed:.1f} s, median gap {gaps[-1]:.1f} s, worst {frame['gap_seconds'].max():.1f} s, "
            f"back after {returned:.1f} s, filled in {fills[-1]:.3f}"
        )
    ledger.append(ownership.epoch, Step.CLOSED, outcome="complete")
    ownership.release()
    print(f"{outages} outages: median gap {median(gaps):.1f} s, least filled in {min(fills):.3f}")


if __name__ == "__main__":
    main()
