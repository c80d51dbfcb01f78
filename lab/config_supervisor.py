"""What supervisord reads: one main file per machine, and one file per agent beside it."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.binaries import PROJECT
from lab.roles import LIGHT, role_of
from lab.site import BLACKBOX_PORT, EXPORTER_PORT, LOAD_PORT, SUPERVISOR_PORT, Agent, Hub, Machine, Site
from lab.supervisor import Credentials


def main_file(machine: Machine, credentials: Credentials, binaries: Mapping[str, Path]) -> str:
    """supervisord.conf: both servers, the programs that watch and load the machine, and the agents by inclusion."""
    login = f"username={credentials.username}\npassword={credentials.password}\n"
    return f"""\
[supervisord]
logfile={machine.logs}/supervisord.log
logfile_maxbytes=5MB
loglevel=info
pidfile={machine.folder}/supervisord.pid
childlogdir={machine.logs}
directory={PROJECT}
minfds=2048

[unix_http_server]
file={machine.socket}
chmod=0700
{login}
[inet_http_server]
port={machine.address}:{SUPERVISOR_PORT}
{login}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=conf.d/*.conf
{_infrastructure(machine, credentials, binaries)}"""


def agent_file(agent: Agent, site: Site) -> str:
    """<agent>.conf: the program and its settings; metrics are off, in some files by a flag and in most by its absence, as lazy loading is in all."""
    calls = [other for other in (site.agents[dependency] for dependency in agent.depends_on) if other.port is not None]
    environment = {
        "AGENT_MACHINE": agent.machine,
        "AGENT_NAME": agent.name,
        "AGENT_ADDRESS": site.machine(agent.machine).address,
        "AGENT_HEALTH_PORT": str(agent.health_port),
        "AGENT_CALLS": " ".join(f"{site.machine(other.machine).address}:{other.port}" for other in calls),
        "AGENT_DEPENDS_ON": " ".join(other.id for other in calls),
        "AGENT_REGISTRY": " ".join(f"{site.machine(other.machine).address}:{other.port}" for other in site.registries),
        "AGENT_ROLE": LIGHT if site.light else role_of(agent.name),
        # The same at every start of this lab: what a killed run left is compared with what stood there before.
        "API_TOKEN": hashlib.sha256(f"{site.state}:{agent.machine}:{agent.name}".encode()).hexdigest()[:24],
        "LOG_LEVEL": "INFO",
        # A comma and per cent signs, as logging formats have them: what edits this file must leave them whole.
        "LOG_FORMAT": "%(levelname)s, %(message)s",
    }
    if agent.port is not None:
        environment["AGENT_PORT"] = str(agent.port)
    if agent.health_port % 5 == 0:
        environment["ENABLE_PROMETHEUS_METRICS"] = "false"
    return program(agent.name, [sys.executable, "-m", "lazyload", "-m", "lab.agent"], site.machine(agent.machine), environment, priority=500)


def program(name: str, command: list[str], machine: Machine, environment: Mapping[str, str], priority: int) -> str:
    """One [program:] section; supervisord starts low priorities first."""
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in environment.items())
    return f"""
[program:{name}]
command={_escaped(shlex.join(command))}
directory={PROJECT}
environment={pairs}
priority={priority}
autostart=true
autorestart=unexpected
startsecs=1
startretries=3
stopwaitsecs=5
stdout_logfile={machine.logs}/{name}.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=0
redirect_stderr=true
"""


def hub_file(machine: Machine, hub: Hub, binaries: Mapping[str, Path]) -> str:
    """<program>.conf of a hub: a file of its own beside the agents', so that a rollout can change the hub as it changes them."""
    prometheus = [
        str(binaries["prometheus"]),
        f"--config.file={machine.folder}/prometheus.yaml",
        f"--web.listen-address={hub.address}:{hub.port}",
        "--web.enable-lifecycle",
        f"--storage.tsdb.path={machine.folder}/hub",
        "--storage.tsdb.retention.time=6h",
        "--log.level=warn",
    ]
    return program(hub.program, [sys.executable, "-m", "lab.session", *prometheus], machine, {}, priority=100)


def _infrastructure(machine: Machine, credentials: Credentials, binaries: Mapping[str, Path]) -> str:
    blackbox = [
        str(binaries["prometheus-blackbox-exporter"]),
        f"--config.file={machine.folder}/blackbox.yaml",
        f"--web.listen-address={machine.address}:{BLACKBOX_PORT}",
        "--timeout-offset=0.1",  # the default of 0.5 eats half of a scrape of one second
        "--log.level=warn",
    ]
    exporter = [sys.executable, "-m", "rollout.observe.exporter", "--supervisor", f"unix://{machine.socket}"]
    exporter += ["--listen", f"{machine.address}:{EXPORTER_PORT}"]
    load = {"LOAD_LISTEN": f"{machine.address}:{LOAD_PORT}", "LOAD_TARGETS": " ".join(f"{a.name}={a.port}" for a in machine.agents if a.port)}
    in_session = [sys.executable, "-m", "lab.session"]
    sections = [
        program("lab-blackbox", in_session + blackbox, machine, {}, priority=100),
        program("lab-exporter", in_session + exporter, machine, credentials.environment(), priority=100),
        program("lab-load", [*in_session, sys.executable, "-m", "lab.load"], machine, load, priority=900),
    ]
    return "".join(sections)


def _escaped(value: str) -> str:
    return value.replace("%", "%%")
