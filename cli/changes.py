"""The last part of `rollout plan`: what would change on each agent, read from the machines; nothing is touched."""

from __future__ import annotations

from pathlib import Path

from rollout.errors import RolloutError
from rollout.plan import Plan
from rollout.site import load_site


def show_changes(number: int, site_file: Path, written: Plan) -> None:
    """Print each kind of change with the agents that it would hit; a site that does not answer is said, not raised."""
    day = written.day(number)
    if day.change is None:
        return
    try:
        site = load_site(site_file, day.deadlines)
        change = site.change(day.change, day.environment)
        snapshots = change.snapshot(site.fleet.select(day.selector))
    except (RolloutError, OSError) as error:
        print(f"  what would change on each agent cannot be seen now: {error}")
        return
    agents: dict[str, list[str]] = {}
    for snapshot in snapshots:
        agents.setdefault(change.describe(snapshot), []).append(snapshot.agent)
    for description, hit in agents.items():
        print(f"  {description}: {len(hit)} agents: {', '.join(hit)}")
