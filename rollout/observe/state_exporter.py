"""Our own state as metrics, and the keeper of incidents beside it: one small program per site, on the machine that has the state folder.

The exporter only reads. The keeper appends to one file, incidents.jsonl, which nobody else writes.
"""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from rollout.clock import Clock, SystemClock
from rollout.errors import RolloutError
from rollout.fleet import Fleet
from rollout.incident import IncidentFile
from rollout.incident_keeper import IncidentKeeper, probed_situation
from rollout.observe.exporter import ExporterServer
from rollout.observe.state_folder import StateFolder
from rollout.observe.state_metrics import families, of_alert
from rollout.plan import Plan, load_plan
from rollout.quiet import sources_of
from rollout.site_file import SiteFile, load_site_file

LOOK = 2.0
"""Seconds between two looks for an incident."""
QUERY_SECONDS = 2.0

log = logging.getLogger(__name__)


class StateReader(Collector):
    """Reads the state folder at each scrape; a file that cannot be read is told and costs nothing else."""

    def __init__(self, folder: StateFolder, fleet: Fleet, keeper: IncidentKeeper, within: float, clock: Clock) -> None:
        self._folder = folder
        self._fleet = fleet
        self._keeper = keeper
        self._within = within
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All families; the level is that of the keeper's last look."""
        yield from families(self._folder.read(), self._fleet, self._clock.now(), self._within)
        if (look := self._keeper.latest) is not None:
            yield from of_alert(look.alert, look.situation.sources, len(look.situation.degraded))


def planned_seconds(plan: Plan) -> float:
    """How long a restart of ours may take before an agent that is away is missed: the longest act with its read-back of any day."""
    return max(day.deadlines.act + day.deadlines.verify for day in plan.days)


def parts(document: SiteFile, fleet: Fleet, plan: Plan, clock: Clock) -> tuple[StateReader, IncidentKeeper]:
    """The reader and the keeper of a site, over folders and caches of their own: they work in two threads."""
    sources = sources_of(document, clock, QUERY_SECONDS)
    within = planned_seconds(plan)
    incidents = IncidentFile(document.state)
    keeper = IncidentKeeper(
        StateFolder(document.state, fleet.name, clock),
        incidents,
        lambda state, now: probed_situation(fleet, sources, state, now, within),
        plan,
        clock,
    )
    return StateReader(StateFolder(document.state, fleet.name, clock), fleet, keeper, within, clock), keeper


def keep(keeper: IncidentKeeper, clock: Clock, stop: threading.Event) -> None:
    """Look until told to stop. A file that cannot be read or written now is tried again: the exporter tells of it meanwhile."""
    while not stop.is_set():
        try:
            keeper.look()
        except (RolloutError, OSError) as error:
            log.warning("no look for an incident: %s", error)
        clock.sleep(LOOK)


def serve(site_file: Path, plan_file: Path, listen: str) -> None:
    """Serves a site's state on `listen` ("HOST:PORT") until the process is stopped. Raises InputError for files that cannot be used."""
    document, fleet = load_site_file(site_file)
    plan = load_plan(plan_file).for_site(document.rehearsal)
    clock = SystemClock()
    reader, keeper = parts(document, fleet, plan, clock)
    host, _, port = listen.rpartition(":")
    with ExporterServer((host, int(port)), reader) as server:
        threading.Thread(target=keep, args=(keeper, clock, threading.Event()), daemon=True, name="incidents").start()
        server.serve_forever()


def main() -> None:
    """`python -m rollout.observe.state_exporter`, for a supervisor; `rollout state-exporter` is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", required=True, type=Path, help="site file")
    parser.add_argument("--plan", required=True, type=Path, help="plan file")
    parser.add_argument("--listen", required=True, help="host:port")
    options = parser.parse_args()
    serve(options.site, options.plan, options.listen)


if __name__ == "__main__":
    main()
