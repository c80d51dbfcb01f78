"""What Prometheus and the blackbox exporter read. YAML is written as JSON, which is YAML too."""

from __future__ import annotations

import json
from typing import Any

from lab.config_alerting import SECONDS, hub_parts, state_job
from lab.site import BLACKBOX_PORT, EXPORTER_PORT, LOAD_PORT, Hub, Site

# Agents' own /metrics are always scraped at the production interval: every second, the scrape itself would cost them 11-14 % CPU.
AGENT_INTERVAL = 15


def prometheus_file(site: Site, hub: Hub) -> str:
    """prometheus.yaml: what is measured from outside at the site's interval, and agents by file_sd as their metrics come on."""
    return json.dumps(
        {
            "global": {
                "scrape_interval": f"{site.scrape_interval}s",
                "scrape_timeout": f"{min(10, site.scrape_interval)}s",
                "evaluation_interval": f"{SECONDS}s",
            },
            **hub_parts(site, hub),
            "scrape_configs": [
                _per_machine(site, "process", EXPORTER_PORT),
                _per_machine(site, "load", LOAD_PORT),
                _probe(site),
                _agents(hub),
                *state_job(site),
            ],
        },
        indent=1,
    )


def blackbox_file() -> str:
    """blackbox.yaml: a plain GET that wants a 200."""
    http = {"preferred_ip_protocol": "ip4", "follow_redirects": False, "valid_status_codes": [200]}
    return json.dumps({"modules": {"http_2xx": {"prober": "http", "http": http}}}, indent=1)


def _per_machine(site: Site, job: str, port: int) -> dict[str, Any]:
    targets = [{"targets": [f"{machine.address}:{port}"], "labels": {"machine": machine.name}} for machine in site.machines]
    return {"job_name": job, "static_configs": targets}


def _probe(site: Site) -> dict[str, Any]:
    targets = [
        {
            "targets": [f"{machine.address}:{BLACKBOX_PORT}"],
            "labels": {"machine": machine.name, "agent": agent.name, "__param_target": f"http://{machine.address}:{agent.health_port}/health"},
        }
        for machine in site.machines
        for agent in machine.agents
    ]
    wanted = {"source_labels": ["__name__"], "regex": "probe_success|probe_duration_seconds", "action": "keep"}
    # One instance per agent: without it the 77 series of `up` would be told apart by agent and machine only.
    instance = {"source_labels": ["__param_target"], "target_label": "instance"}
    return {
        "job_name": "probe",
        "metrics_path": "/probe",
        "params": {"module": ["http_2xx"]},
        "static_configs": targets,
        "relabel_configs": [instance],
        "metric_relabel_configs": [wanted],
    }


def _agents(hub: Hub) -> dict[str, Any]:
    files = {"files": [f"{hub.targets}/agents.json"], "refresh_interval": "1s"}
    return {"job_name": "agents", "scrape_interval": f"{AGENT_INTERVAL}s", "scrape_timeout": "10s", "file_sd_configs": [files]}
