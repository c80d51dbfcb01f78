"""What alerts in the lab: an Alertmanager that knows nobody yet, an inbox for whom it will tell, and the exporter of the rollout's state."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.binaries import PROJECT
from lab.config_supervisor import program
from lab.site import ALERTMANAGER_PORT, INBOX_PORT, MAIL_PORT, STATE_PORT, Hub, Machine, Site

SECONDS = 2
"""Between two scrapes of the state, and between two evaluations of the rules: still sooner than anybody acts."""


def nobody_file() -> str:
    """alertmanager.yaml before a rollout brings the site's contacts."""
    return json.dumps({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}, indent=1)


def hub_parts(site: Site, hub: Hub) -> dict[str, Any]:
    """What a hub's configuration says of alerts: its rule files and the Alertmanager; nothing in a lab without one."""
    if site.alerting is None:
        return {}
    target = {"targets": [f"{site.machine(site.alerting).address}:{ALERTMANAGER_PORT}"]}
    files = [f"{hub.rules}/*.yaml"] if hub.rules is not None else []
    return {"rule_files": files, "alerting": {"alertmanagers": [{"static_configs": [target]}]}}


def state_job(site: Site) -> list[dict[str, Any]]:
    """The scrape of the rollout's state."""
    if site.alerting is None:
        return []
    address = site.machine(site.alerting).address
    return [{"job_name": "state", "scrape_interval": f"{SECONDS}s", "static_configs": [{"targets": [f"{address}:{STATE_PORT}"]}]}]


def programs(site: Site, machine: Machine, binaries: Mapping[str, Path]) -> str:
    """The sections of the machine that has the Alertmanager."""
    if site.alerting != machine.name:
        return ""
    in_session = [sys.executable, "-m", "lab.session"]
    alertmanager = [
        str(binaries["prometheus-alertmanager"]),
        f"--config.file={machine.folder}/alertmanager.yaml",
        f"--storage.path={machine.folder}/alertmanager",
        f"--web.listen-address={machine.address}:{ALERTMANAGER_PORT}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    state = [sys.executable, "-m", "rollout.observe.state_exporter", "--site", str(site.file), "--plan", str(PROJECT / "plans" / "week3.yaml")]
    state += ["--listen", f"{machine.address}:{STATE_PORT}"]
    inbox = {
        "INBOX_FILE": str(machine.folder / "inbox.jsonl"),
        "INBOX_ADDRESS": machine.address,
        "INBOX_WEB": str(INBOX_PORT),
        "INBOX_MAIL": str(MAIL_PORT),
    }
    return "".join(
        (
            program("lab-alertmanager", in_session + alertmanager, machine, {}, priority=100),
            program("lab-inbox", [*in_session, sys.executable, "-m", "lab.inbox"], machine, inbox, priority=100),
            program("lab-state", in_session + state, machine, {}, priority=200),
        )
    )
