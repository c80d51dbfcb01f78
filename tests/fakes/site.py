"""A site over machines in memory."""

from __future__ import annotations

from pathlib import Path, PurePath
from types import ModuleType

import httpx
import pytest

from rollout.observe.prometheus import Sources
from rollout.run_ledger import run_ledger
from rollout.services.hub_targets import HubTargets
from rollout.site import Site
from tests.fakes.machine import MemoryWorld


def memory_site(world: MemoryWorld, folder: Path, rehearsal: str | None = None) -> Site:
    """The place where these machines are reached; it has no metrics source. folder: of its state."""
    targets = HubTargets("http://hub.test", PurePath("/targets"), world.east, {"east": "10.0.0.1", "west": "10.0.0.2"}, httpx.Client())
    return Site(
        file=folder / "memory.yaml",
        name="memory",
        rehearsal=rehearsal,
        fleet=world.fleet,
        machines=world.machines,
        prober=world.prober,
        sources=Sources([]),
        targets=targets,
        state=folder,
        scrape_interval=1,
        cores={"east": 2, "west": 2},
        clock=world.clock,
    )


def found_by(monkeypatch: pytest.MonkeyPatch, site: Site, *modules: ModuleType) -> None:
    """Have these modules find that site, and its runs' ledgers, under every file name."""
    for module in modules:
        monkeypatch.setattr(module, "load_site", lambda _file, _deadlines: site)
        if hasattr(module, "ledger_of"):
            monkeypatch.setattr(module, "ledger_of", lambda run, _file: run_ledger(site.runs, run, site.clock))
