"""The two programs of a hub's machine, as its service manager is told to run them."""

from __future__ import annotations

import sys

from rollout.hub import Hub, HubPair
from rollout.services.port import Program

FLUSH = "2s"
"""How long a hub that stops waits to send its last samples; the default minute would be spent on a dead peer."""

RELOAD = "200ms"
"""How often the scrapers look for targets that discovery has handed over. Discovery has a ticker of 5 s, and by default this is a second one: at an
unlucky phase between them a takeover waits for both (docs/decisions/0044)."""


def hub_program(hub: Hub, pair: HubPair) -> Program:
    """Prometheus: writable by its peer, closed to strangers, on the data that it had before."""
    prometheus = hub.machine.transport.find("prometheus", pair.access.programs)
    command = (
        prometheus,
        f"--config.file={hub.configuration}",
        f"--web.config.file={hub.web}",
        f"--web.listen-address={hub.machine.address}:{hub.access.port}",
        "--web.enable-lifecycle",
        "--web.enable-remote-write-receiver",
        f"--storage.tsdb.path={hub.service.data}",
        f"--storage.tsdb.retention.time={pair.access.retention}",
        f"--storage.remote.flush-deadline={FLUSH}",
        f"--scrape.discovery-reload-interval={RELOAD}",
        "--log.level=warn",
    )
    return Program(hub.service.program, command, {}, hub.service.folder, hub.service.folder / "hub.log", patience=20)


def watchdog_program(hub: Hub, pair: HubPair) -> Program:
    """The watchdog of this machine."""
    watchdog = pair.access.watchdog
    options = {
        "--hub": hub.access.url,
        "--peer": pair.peer(hub).access.url,
        "--standby": str(hub.standby),
        "--takeover": str(hub.takeover),
        "--listen": f"{hub.machine.address}:{watchdog.port}",
        "--interval": f"{watchdog.interval:g}",
        "--fall": str(watchdog.fall),
        "--rise": str(watchdog.rise),
    }
    command = (sys.executable, "-m", "rollout.observe.watchdog", *(word for option in options.items() for word in option))
    secrets = {"ROLLOUT_HUB_USER": pair.username, "ROLLOUT_HUB_PASSWORD": pair.password}
    return Program(watchdog.program, command, secrets, hub.service.folder, hub.service.folder / "watchdog.log", patience=5)
