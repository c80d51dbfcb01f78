"""How long bringing 77 agents back takes, each read back by all witnesses.

python benchmarks/rollback.py [--rounds 3] [--site lab]   (the lab up, no day at work)

Activates all (not counted), then rolls back as a guard and `rollout settle` do: the executor over the ledger, the plan's turns, without Prefect.
Timed from the decision to the last agent read back as it was. Goal: at most 15 s.
"""

from __future__ import annotations

import argparse
import os
from statistics import median

from run77 import Run77, run_on

GOAL = 15.0


def once(run: Run77) -> float:
    """Seconds of one rollback of the whole fleet."""
    for batch in run.batches:
        if failed := run.executor.activate(batch.agents, batch.index).failed:
            raise SystemExit(f"not activated, this is no measurement: {', '.join(failed)}")
    run.change.clear()
    return run.roll_back()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--site", default="lab")
    options = parser.parse_args()
    took = []
    with run_on(options.site) as run:
        for number in range(1, options.rounds + 1):
            took.append(once(run))
            part = run.change.seconds
            acts = f"acts {part['act']:.1f} s and {run.change.looks} looks {part['looks']:.1f} s"
            print(f"round {number} (load {os.getloadavg()[0]:.1f}): {took[-1]:.1f} s, of which {acts}", flush=True)
    print(f"rollback, verified: median {median(took):.1f} s of {options.rounds} ({min(took):.1f} to {max(took):.1f}), goal {GOAL:.0f} s")


if __name__ == "__main__":
    main()
