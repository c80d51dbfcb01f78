"""The last part of `rollout plan`: what would change on each agent, read from the machines; nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rollout.changes.environment import describe_settings, snapshot_settings
from rollout.changes.kinds import wanted_settings
from rollout.errors import RolloutError
from rollout.fleet import Fleet
from rollout.machines import machines_of, secrets_of
from rollout.plan import ChangeKind, Day, Plan
from rollout.site_file import SiteFile


def show_changes(number: int, file: Path, site: SiteFile, fleet: Fleet, written: Plan) -> None:
    """Print each kind of change with the agents that it would hit; a site that does not answer is said, not raised. file: the site's."""
    day = written.day(number)
    if day.change is None:
        return
    agents: dict[str, list[str]] = {}
    try:
        for agent, description in _changes(day, day.change, file, site, fleet):
            agents.setdefault(description, []).append(agent)
    except (RolloutError, OSError) as error:
        print(f"  what would change on each agent cannot be seen now: {error}")
        return
    for description, hit in agents.items():
        print(f"  {description}: {len(hit)} agents: {', '.join(hit)}")


def _changes(day: Day, kind: ChangeKind, file: Path, site: SiteFile, fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Each agent with what would change on it. A whole site is put together only where no settings tell it: its HTTP clients take long to import."""
    settings, agents = wanted_settings(kind, day.environment), fleet.select(day.selector)
    if settings is None:
        from rollout.site import load_site

        change = load_site(file, day.deadlines).change(kind)
        yield from ((snapshot.agent, change.describe(snapshot)) for snapshot in change.snapshot(agents))
        return
    machines = machines_of(site, secrets_of(site), day.deadlines.supervisor)
    for snapshot in snapshot_settings(machines, agents, settings):
        yield snapshot.agent, describe_settings(snapshot, settings)
