"""What a hub of a pair reads, rendered from the fleet and the site: Prometheus and web configuration, and the first targets.

The way is the one that was measured (facts.md, "Two hubs"): each hub scrapes its own targets and writes what it scraped itself to its peer.
`scraped_by` is a label of the target, so that `up` carries it too, and only samples with the own name are sent: without that guard the
hubs send each other's samples back and forth. YAML is written as JSON, which is YAML too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import bcrypt

from rollout.fleet import Agent
from rollout.hub import Hub, HubPair

COST = 10
"""Of the hash: a hub checks each new caller within a tenth of a second."""
JOBS = ("process", "load", "probe", "agents")
OUT_OF_ORDER = "30m"
"""How late samples of the peer may come: after an outage it sends what it scraped meanwhile."""
Targets = dict[str, dict[str, Any]]
"""file_sd entries by key: an agent's identity, or a machine's name for its exporters."""


def prometheus_file(hub: Hub, pair: HubPair) -> str:
    """prometheus.yaml of one hub."""
    interval = pair.scrape_interval
    return json.dumps(
        {
            "global": {
                "scrape_interval": _duration(interval),
                "scrape_timeout": _duration(min(10.0, interval)),
                "evaluation_interval": _duration(interval),
            },
            "storage": {"tsdb": {"out_of_order_time_window": OUT_OF_ORDER}},
            "remote_write": [_to_peer(hub, pair)],
            "scrape_configs": [*(_job(job, hub, pair) for job in JOBS), *_own_jobs(hub, pair), *_state_job(hub, pair)],
            **_rules(hub, pair),
        },
        indent=1,
    )


def web_file(username: str, password: str, present: str | None) -> str:
    """web.yaml: who may ask and write. present: the file as it is; a hash in it that fits the password is kept, since each new one differs."""
    users = _users(present)
    known = users.get(username, "")
    if known and bcrypt.checkpw(password.encode(), known.encode()):
        return str(present)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST)).decode()
    return json.dumps({"basic_auth_users": {username: hashed}}, indent=1)


def first_targets(hub: Hub, pair: HubPair) -> dict[str, str]:
    """The target files that a hub begins with, by job: the first with all of the fleet, which it scraped before, the other with nothing."""
    agents = pair.fleet.agents if hub is pair.hubs[0] else ()
    wanted = {job: {key: entry for agent in agents for key, entry in entries_of(agent, pair).get(job, {}).items()} for job in JOBS if job != "agents"}
    return {job: targets_text(targets) for job, targets in wanted.items()}


def entries_of(agent: Agent, pair: HubPair) -> dict[str, Targets]:
    """What a hub scrapes for the sake of that agent, by job. A hub's agent stands for the exporters of its machine too."""
    address, exporters = pair.address(agent.machine), pair.access.exporters
    names = {"machine": agent.machine, "agent": agent.name}
    health = f"http://{address}:{agent.health_port}/health"
    # One instance per agent, as before: without it the series of `up` would be told apart by agent and machine only. It stands with the target and
    # not in a relabelling, which in Prometheus 2.42 overwrites the labels by which the watchdog knows a target before it hands it back.
    probed = names | {"__param_target": health, "instance": health}
    found = {
        "probe": {agent.id: _entry(f"{address}:{exporters.probe}", probed)},
        "agents": {agent.id: _entry(f"{address}:{agent.health_port}", agent.labels)},
    }
    if agent.id in pair.by_agent:
        ports = {"process": exporters.process} | ({"load": exporters.load} if exporters.load else {})
        found |= {job: {agent.machine: _entry(f"{address}:{port}", {"machine": agent.machine})} for job, port in ports.items()}
    return found


def targets_text(targets: Mapping[str, Mapping[str, Any]]) -> str:
    """A file_sd file."""
    return json.dumps([targets[key] for key in sorted(targets)], indent=1) + "\n"


def targets_of(text: str) -> Targets:
    """The entries of a file_sd file by key."""
    entries = json.loads(text)
    return {"/".join(entry["labels"][label] for label in ("machine", "agent") if label in entry["labels"]): entry for entry in entries}


def _to_peer(hub: Hub, pair: HubPair) -> dict[str, Any]:
    """Only what this hub has scraped itself goes to its peer, soon."""
    return {
        "url": f"{pair.peer(hub).access.url}/api/v1/write",
        "basic_auth": {"username": pair.username, "password_file": str(hub.password)},
        "queue_config": {"batch_send_deadline": _duration(min(5.0, pair.scrape_interval / 4))},  # what was not sent yet dies with the hub
        "write_relabel_configs": [{"source_labels": ["scraped_by"], "regex": hub.name, "action": "keep"}],
    }


def _job(job: str, hub: Hub, pair: HubPair) -> dict[str, Any]:
    files = [str(folder / f"{job}.json") for folder in (hub.access.targets, hub.takeover)]
    config: dict[str, Any] = {"job_name": job, "file_sd_configs": [{"files": files, "refresh_interval": "5s"}]}
    if job == "agents":
        config |= {"scrape_interval": _duration(pair.access.agent_interval), "scrape_timeout": _duration(min(10.0, pair.access.agent_interval))}
    if job == "probe":
        kept = {"source_labels": ["__name__"], "regex": "probe_success|probe_duration_seconds", "action": "keep"}
        config |= {"metrics_path": "/probe", "params": {"module": ["http_2xx"]}, "metric_relabel_configs": [kept]}
    return config | {"relabel_configs": [_scraped_by(hub)]}


def _scraped_by(hub: Hub) -> dict[str, Any]:
    return {"target_label": "scraped_by", "replacement": hub.name, "action": "replace"}


def _rules(hub: Hub, pair: HubPair) -> dict[str, Any]:
    """What a hub with rules goes on evaluating, and whom it tells; nothing where the site names neither."""
    if hub.access.rules is None or pair.alerting is None:
        return {}
    url = urlsplit(pair.alerting.alertmanager.url)
    manager = {"scheme": url.scheme, "static_configs": [{"targets": [url.netloc]}]} | ({"path_prefix": url.path} if url.path else {})
    return {"rule_files": [str(hub.access.rules / "*.yaml")], "alerting": {"alertmanagers": [manager]}}


def _own_jobs(hub: Hub, pair: HubPair) -> list[dict[str, Any]]:
    """The hub itself, as far as it sends to its peer, and its machine's watchdog: what the pair's dashboard shows."""
    kept = {"source_labels": ["__name__"], "regex": "up|prometheus_remote_storage_.+", "action": "keep"}
    login = {"basic_auth": {"username": pair.username, "password_file": str(hub.password)}, "metric_relabel_configs": [kept]}
    watchdog = f"{hub.machine.address}:{pair.access.watchdog.port}"
    return [_static("hub", f"{hub.machine.address}:{hub.access.port}", hub) | login, _static("watchdog", watchdog, hub)]


def _static(job: str, target: str, hub: Hub) -> dict[str, Any]:
    """A target that needs no discovery."""
    configs = [{"targets": [target], "labels": {"machine": hub.machine.name}}]
    return {"job_name": job, "static_configs": configs, "relabel_configs": [_scraped_by(hub)]}


def _state_job(hub: Hub, pair: HubPair) -> list[dict[str, Any]]:
    """The rollout's state, on which those rules rest."""
    if hub.access.rules is None or pair.alerting is None or pair.alerting.state is None:
        return []
    return [{"job_name": "state", "static_configs": [{"targets": [pair.alerting.state]}], "relabel_configs": [_scraped_by(hub)]}]


def _entry(target: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"targets": [target], "labels": dict(labels)}


def _users(text: str | None) -> dict[str, str]:
    return dict(json.loads(text)["basic_auth_users"]) if text else {}


def _duration(seconds: float) -> str:
    """As Prometheus writes durations: whole seconds, else milliseconds."""
    return f"{seconds:.0f}s" if float(seconds).is_integer() else f"{seconds * 1000:.0f}ms"
