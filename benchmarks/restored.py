"""How long until the fleet is as it was: by command without a Prefect server, after a cancel, after kill -9.

python benchmarks/restored.py [--only command|cancel|kill] [--rounds 5] [--site lab] [--batch 3]   (the lab up, no server up, no run at work)

Command: all agents get metrics, then `rollout emergency metrics`; from the start of the command to the last agent read back as it was.
Cancel: day 1 on a server of this checkout, cancelled through the API when that batch is verified; from the cancel to the last agent read back.
Kill: the process of such a day killed with -9 when that batch begins to change; from the kill to the last agent that the server's automation
read back. The moments are those of the ledgers. Day 0 runs first, since a day needs its baseline. Goals: 15 s, 15 s, 20 s.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from uuid import UUID

from prefect.states import Cancelling
from run77 import DAY, ROOT, run_on

from deployments import server
from deployments.api import client_of
from deployments.apply import apply
from deployments.trigger import trigger
from rollout.clock import Deadline, wait_until
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import load_plan
from rollout.run_ledger import run_ledger, run_ledgers
from rollout.site import Site, load_site

STATE = ROOT / "var"
ROLLOUT = Path(sys.executable).with_name("rollout")
GOALS = {"command": 15.0, "cancel": 15.0, "kill": 20.0}
PATIENCE = 420.0
"""Seconds for any step of a day; the longest is the way to the batch."""
LOOK = 0.05


def await_ledger(site: Site, run: str, holds: Callable[[Ledger], bool]) -> Ledger:
    """The run's ledger once that holds; ends the benchmark when it does not come to it."""

    def look() -> Ledger | None:
        ledger = run_ledger(site.runs, run, site.clock)
        return ledger if holds(ledger) else None

    if (found := wait_until(look, Deadline.after(site.clock, PATIENCE), LOOK)) is None:
        raise SystemExit(f"run {run} did not come so far within {PATIENCE:.0f} s, this is no measurement")
    return found


def restored_at(ledger: Ledger) -> float:
    """Unix seconds of the last agent's way back; ends the benchmark when one is missing."""
    back = [entry.at for entry in ledger.entries if entry.step is Step.RESTORED]
    if ledger.changed() or not back:
        raise SystemExit(f"{ledger.file}: not all came back, this is no measurement")
    return max(back)


def by_command(site_name: str) -> float:
    """Seconds of one emergency, on agents that got their metrics in a run that ended well."""
    with run_on(site_name) as run:
        for batch in run.batches:
            if failed := run.executor.activate(batch.agents, batch.index).failed:
                raise SystemExit(f"not activated, this is no measurement: {', '.join(failed)}")
        run.keep()
    began = time.time()
    words = [str(ROLLOUT), "emergency", "metrics", "--site", site_name, "--reason", "benchmark"]
    subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    ledger = next(iter(run_ledgers(run.site.runs, run.site.clock)))
    if len(ledger.batches()) != sum(len(batch.agents) for batch in run.batches):
        raise SystemExit(f"{ledger.file}: not about all agents, this is no measurement")
    return restored_at(ledger) - began


def in_batch(site: Site, api: str, batch: int, step: Step) -> str:
    """The id of a new day 1 in which that batch has come to that step."""
    run = trigger("day-1", {"parameters": {"site": site.name}}, api)
    await_ledger(site, run, lambda ledger: any(entry.step is step and entry.batch == batch for entry in ledger.entries))
    return run


def by_cancel(site: Site, api: str, batch: int) -> float:
    """Seconds from the cancel."""
    run = in_batch(site, api, batch, Step.VERIFIED)
    began = time.time()
    with client_of(api) as client:
        client.set_flow_run_state(UUID(run), Cancelling())
    return until_settled(site, api, run) - began


def by_kill(site: Site, api: str, batch: int) -> float:
    """Seconds from the kill."""
    run = in_batch(site, api, batch, Step.INTENDED)
    holder = Ownership(site.state / "fleets", site.fleet.name, site.clock).holder()
    if holder is None or holder.run != run:
        raise SystemExit(f"run {run} does not hold the fleet, this is no measurement")
    began = time.time()
    os.kill(holder.pid, signal.SIGKILL)
    return until_settled(site, api, run) - began


def until_settled(site: Site, api: str, run: str) -> float:
    """When the last agent of that run was back; returns when its flow run is over too, beside which the server starts no other."""
    ledger = await_ledger(site, run, lambda ledger: ledger.settled)
    print(f"    {len(ledger.batches())} agents", flush=True)
    with client_of(api) as client:

        def over() -> bool | None:
            state = client.read_flow_run(UUID(run)).state
            return True if state is not None and state.is_final() else None

        if wait_until(over, Deadline.after(site.clock, PATIENCE), 1.0) is None:
            raise SystemExit(f"flow run {run} did not end within {PATIENCE:.0f} s")
    return restored_at(ledger)


def measure(name: str, rounds: int, once: Callable[[], float]) -> None:
    """Prints each round and the median."""
    took = []
    for number in range(1, rounds + 1):
        took.append(once())
        print(f"{name} {number} (load {os.getloadavg()[0]:.1f}): {took[-1]:.1f} s", flush=True)
    print(f"{name}: median {median(took):.1f} s of {rounds} ({min(took):.1f} to {max(took):.1f}), goal {GOALS[name]:.0f} s", flush=True)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(GOALS), action="append", help="may be given more than once; by default all three")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--site", default="lab")
    parser.add_argument("--batch", type=int, default=3)
    options = parser.parse_args()
    site = load_site(ROOT / "fleets" / f"{options.site}.yaml", load_plan(ROOT / "plans" / "week3.yaml").day(DAY).deadlines)
    parts = set(options.only or GOALS)
    if "command" in parts:
        measure("command", options.rounds, lambda: by_command(options.site))
    if parts <= {"command"}:
        return
    try:
        api = server.up(STATE).api_url
        apply(api)
        subprocess.run([str(ROLLOUT), "run", "day-0", "--site", options.site], cwd=ROOT, capture_output=True, check=True)
        for name, once in (("cancel", by_cancel), ("kill", by_kill)):
            if name in parts:
                measure(name, options.rounds, partial(once, site, api, options.batch))
    finally:
        server.down(STATE, force=True)


if __name__ == "__main__":
    main()
