"""Builds the lab and takes it down again."""

from __future__ import annotations

import contextlib
import shutil
import time
import xmlrpc.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import binaries
from lab.config_alerting import nobody_file
from lab.config_alerting import programs as alerting_programs
from lab.config_hub import blackbox_file, prometheus_file
from lab.config_supervisor import agent_file, hub_file, main_file
from lab.errors import LabError
from lab.look import look
from lab.ports import claims, is_free, refuse_taken
from lab.processes import await_end_after, sweep
from lab.registry import places_file
from lab.site import Machine, Site
from lab.supervisor import Credentials, Supervisor, new_credentials, read_credentials

UP_SECONDS = 180.0  # 77 agents import for half a minute of CPU time in all; on a machine with other work on it that takes a while
STOP_SECONDS = 30.0
POLL = 0.3


def up(site: Site, say: Callable[[str], None]) -> None:
    """From nothing, or from the ruins of a crash, to a healthy lab with all metrics off; LabError says what is missing."""
    found = {name: binaries.find(name) for name in ("prometheus", "prometheus-blackbox-exporter")}
    if site.alerting is not None:
        found["prometheus-alertmanager"] = binaries.alertmanager()
    if is_up(site):
        raise LabError(f"the lab {site.name} is up already: `status` shows it, `down` ends it")
    swept = sweep(site.state)
    if swept:
        say(f"swept {swept} processes that an earlier lab left behind")
    refuse_taken(site)
    credentials = build(site, found)
    try:
        start_supervisors(site, credentials)
        say(f"{len(site.machines)} supervisors started; waiting for {len(site.agents)} agents")
        await_ready(site, credentials, UP_SECONDS)
    except BaseException:
        say("not ready: taking everything down again; the logs stay")
        down(site, say)
        raise


def is_up(site: Site) -> bool:
    """Whether every supervisor of this lab answers."""
    credentials = read_credentials(site.state)
    return credentials is not None and all(Supervisor(machine, credentials).answers() for machine in site.machines)


def build(site: Site, found: dict[str, Path]) -> Credentials:
    """Writes the lab's folder anew: credentials, configurations, empty targets, no faults, no old samples."""
    for machine in site.machines:
        for stale in (machine.programs, machine.logs, *(machine.folder / name for name in ("hub", "pair", "alertmanager"))):
            shutil.rmtree(stale, ignore_errors=True)
        machine.programs.mkdir(parents=True)
        machine.logs.mkdir()
        machine.socket.unlink(missing_ok=True)
    for hub in site.all_hubs:
        shutil.rmtree(hub.targets, ignore_errors=True)
        hub.targets.mkdir(parents=True)
        if hub.rules is not None:
            shutil.rmtree(hub.rules, ignore_errors=True)
            hub.rules.mkdir(parents=True)
    site.faults.unlink(missing_ok=True)
    served = {agent.id: (site.machine(agent.machine).address, agent.port) for agent in site.agents.values() if agent.port is not None}
    site.places.write_text(places_file(served), encoding="utf-8")
    credentials = new_credentials(site.state)
    for machine in site.machines:
        _configure(site, machine, credentials, found)
    return credentials


def _configure(site: Site, machine: Machine, credentials: Credentials, found: dict[str, Path]) -> None:
    hub = site.hub_of(machine)
    main = machine.folder / "supervisord.conf"
    main.touch(mode=0o600)
    main.write_text(main_file(machine, credentials, found) + alerting_programs(site, machine, found), encoding="utf-8")
    (machine.folder / "blackbox.yaml").write_text(blackbox_file(), encoding="utf-8")
    if site.alerting == machine.name:
        (machine.folder / "alertmanager.yaml").write_text(nobody_file(), encoding="utf-8")
        (machine.folder / "inbox.jsonl").unlink(missing_ok=True)
    if hub is not None:
        (machine.folder / "prometheus.yaml").write_text(prometheus_file(site, hub), encoding="utf-8")
        (machine.programs / f"{hub.program}.conf").write_text(hub_file(machine, hub, found), encoding="utf-8")
    for agent in machine.agents:
        file = machine.programs / f"{agent.name}.conf"
        file.touch(mode=0o600)
        file.write_text(agent_file(agent, site), encoding="utf-8")


def start_supervisors(site: Site, credentials: Credentials) -> None:
    """One supervisord per machine, which starts everything else."""
    with ThreadPoolExecutor(len(site.machines)) as pool:
        list(pool.map(lambda machine: Supervisor(machine, credentials).start(site), site.machines))


def await_ready(site: Site, credentials: Credentials, seconds: float) -> None:
    """Returns when agents, exporters, load and hubs are all well; LabError lists what is not after `seconds`."""
    deadline = time.monotonic() + seconds
    while complaints := list(look(site, credentials).complaints(site)):
        if time.monotonic() > deadline:
            raise LabError(f"not ready after {seconds:.0f} s:\n  " + "\n  ".join(complaints))
        time.sleep(POLL)


def down(site: Site, say: Callable[[str], None]) -> None:
    """Stops everything of this lab, crashed or not; LabError when a port is still held at the end."""
    credentials = read_credentials(site.state)
    if credentials is not None:
        with ThreadPoolExecutor(len(site.machines)) as pool:
            list(pool.map(lambda machine: _stop(Supervisor(machine, credentials)), site.machines))
    swept = sweep(site.state)
    if swept:
        say(f"swept {swept} processes that no supervisor stopped")
    for machine in site.machines:
        machine.socket.unlink(missing_ok=True)
    held = [claim for claim in claims(site) if not is_free(claim.address, claim.port)]
    if held:
        raise LabError("down, but somebody else holds " + ", ".join(f"{claim.address}:{claim.port}" for claim in held))


def _stop(supervisor: Supervisor) -> None:
    """Programs first: a supervisord that is told to end at once needs longer than most are ready to wait for 54 programs."""
    with contextlib.suppress(LabError, xmlrpc.client.Fault):  # not there, or dying: what it leaves is swept
        pid = supervisor.pid()
        supervisor.call("supervisor.stopAllProcesses", seconds=STOP_SECONDS)
        await_end_after(lambda: supervisor.call("supervisor.shutdown"), pid, STOP_SECONDS)
