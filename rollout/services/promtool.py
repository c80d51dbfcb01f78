"""Whether promtool accepts a hub's configuration, tried beside the real one before anything is touched."""

from __future__ import annotations

from rollout.hub import Hub, HubPair
from rollout.services.hub_files import prometheus_file, web_file


def refused_configuration(hub: Hub, pair: HubPair, timeout: float) -> str:
    """What promtool objects to, empty where it accepts both files. timeout: seconds. Raises ActFault without promtool, Unreachable."""
    transport, folder = hub.machine.transport, hub.service.folder / "candidate"
    promtool = transport.find("promtool", pair.access.programs)
    candidates = {
        "config": (folder / "prometheus.yaml", prometheus_file(hub, pair)),
        "web-config": (folder / "web.yaml", web_file(pair.username, pair.password, None)),
    }
    for kind, (file, text) in candidates.items():
        transport.replace(file, text, private=True)
        ended = transport.run([promtool, "check", kind, str(file)], timeout)
        transport.remove(file)
        if ended.status != 0:
            return ended.output.splitlines()[-1] if ended.output else f"promtool check {kind} ends with {ended.status}"
    return ""
