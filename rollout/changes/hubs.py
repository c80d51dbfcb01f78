"""A hub becomes one of a pair: configuration, credentials, flags and its machine's watchdog (plan.md lines 111-124)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollout.change import BeforeEach, Reading, Snapshot
from rollout.clock import Deadline
from rollout.errors import ActFault, Drift, RolloutError, SourceFault
from rollout.fleet import Agent
from rollout.hub import Hub, HubPair
from rollout.services.hub_files import first_targets, prometheus_file, web_file
from rollout.services.hub_programs import hub_program, watchdog_program
from rollout.services.port import Program
from rollout.services.promtool import refused_configuration

PROGRAM, WATCHDOG = "program", "watchdog"
RECEIVER = "web.enable-remote-write-receiver"


@dataclass(frozen=True)
class HubService:
    """Configures hubs as a pair. The subjects are the hubs' agents; what stood on a machine before is kept there, by digest, and never in a ledger.

    timeout: seconds for promtool's answer.
    """

    name: str
    pair: HubPair
    timeout: float

    def snapshot(self, agents: Sequence[Agent]) -> list[Snapshot]:
        """The digest of each file and definition that the change touches, with a copy of it beside the hub's configuration."""
        return [self._snapshot(self.pair.by_agent[agent.id]) for agent in agents]

    def describe(self, snapshot: Snapshot) -> str:
        """What becomes of the hub."""
        hub = self.pair.by_agent[snapshot.agent]
        return f"hub {hub.name} {'enhanced' if snapshot.settings[PROGRAM] else 'deployed'}: one of a pair with {self.pair.peer(hub).name}"

    def apply(self, agents: Sequence[Agent], deadline: Deadline, before_each: BeforeEach) -> None:
        """Check, write, restart, one hub after the other. A configuration that promtool refuses touches nothing. Raises ActFault."""
        refused: dict[str, str] = {}
        for agent in agents:
            before_each()
            try:
                self._apply(self.pair.by_agent[agent.id], deadline, before_each)
            except RolloutError as error:
                refused[agent.id] = str(error)
        _raise(refused)

    def restore(self, snapshots: Sequence[Snapshot], deadline: Deadline, before_each: BeforeEach) -> None:
        """Put back every file and definition, and restart or retire what they are about. Raises ActFault."""
        refused: dict[str, str] = {}
        for snapshot in snapshots:
            before_each()
            try:
                self._restore(self.pair.by_agent[snapshot.agent], snapshot.settings, deadline, before_each)
            except (RolloutError, OSError) as error:
                refused[snapshot.agent] = str(error)
        _raise(refused)

    def read_applied(self, agents: Sequence[Agent], since: float) -> list[Reading]:
        """The supervisor, the port's owner, and the running hub's own word on its configuration, flags and credentials."""
        del since  # a hub that needed a new configuration alone was not restarted
        readings = []
        for agent in agents:
            row = self._row(self.pair.by_agent[agent.id])
            readings.append(Reading(agent.id, tuple(_objections(row)), row))
        return readings

    def read_restored(self, snapshots: Sequence[Snapshot]) -> list[Reading]:
        """Every file as it was; what was no program is none, and what was one runs as it is defined."""
        return [Reading(each.agent, tuple(self._remains(self.pair.by_agent[each.agent], each.settings))) for each in snapshots]

    def refused(self) -> dict[str, str]:
        """Hubs whose configuration promtool refuses, with its words; nothing is touched."""
        found = {hub.agent.id: refused_configuration(hub, self.pair, self.timeout) for hub in self.pair.hubs}
        return {agent: reason for agent, reason in found.items() if reason}

    def _files(self, hub: Hub) -> dict[str, Path]:
        """What the change writes, by the key in a snapshot."""
        targets = {f"targets/{job}": hub.access.targets / f"{job}.json" for job in first_targets(hub, self.pair)}
        return {"password": hub.password, "web": hub.web, "configuration": hub.configuration} | targets

    def _programs(self, hub: Hub) -> dict[str, Program]:
        return {PROGRAM: hub_program(hub, self.pair), WATCHDOG: watchdog_program(hub, self.pair)}

    def _present(self, hub: Hub) -> dict[str, str | None]:
        """Every text that the change touches as it is now, None where there is none."""
        definitions = {PROGRAM: hub.machine.services.definition(hub.service.program)}
        definitions[WATCHDOG] = hub.machine.services.definition(self.pair.access.watchdog.program)
        return definitions | {key: _read(hub, file) for key, file in self._files(hub).items()}

    def _snapshot(self, hub: Hub) -> Snapshot:
        settings: dict[str, str | None] = {}
        for key, text in self._present(hub).items():
            settings[key] = None if text is None else _digest(text)
            if text is not None:
                hub.machine.transport.replace(_copy(hub, _digest(text)), text, private=True)
        service = hub.machine.services.services().get(hub.service.program)
        pid = service.pid if service else 0
        return Snapshot(hub.agent.id, settings, "", pid, hub.machine.transport.started(pid) or 0.0 if pid else 0.0)

    def _apply(self, hub: Hub, deadline: Deadline, before_each: BeforeEach) -> None:
        if reason := refused_configuration(hub, self.pair, deadline.within(self.timeout)):
            raise ActFault(f"promtool refuses the configuration of {hub.name}: {reason}", [hub.agent.id])
        transport, present = hub.machine.transport, self._present(hub)
        for folder in (hub.standby, hub.takeover, hub.service.data):
            transport.make_folder(folder)
        for job, text in first_targets(hub, self.pair).items():
            if present[f"targets/{job}"] is None:
                transport.replace(hub.access.targets / f"{job}.json", text)
        transport.replace(hub.password, self.pair.password, private=True)
        transport.replace(hub.web, web_file(self.pair.username, self.pair.password, present["web"]), private=True)
        transport.replace(hub.configuration, prometheus_file(hub, self.pair))
        services = hub.machine.services
        for program in self._programs(hub).values():
            services.define(program.name, services.worded(program))
        self._stop_at_drift(hub)
        self._restart(hub, [program.name for program in self._programs(hub).values()], deadline, before_each)

    def _restore(self, hub: Hub, prior: Mapping[str, str | None], deadline: Deadline, before_each: BeforeEach) -> None:
        """Definitions and files first, then the processes: a hub is down only as long as its own restart takes.

        One that runs as it did and is not ready yet is left alone: it reads its log back, and another restart would begin that anew.
        """
        if not list(self._differences(hub, prior)):
            return
        services, files, programs = hub.machine.services, self._files(hub), self._programs(hub)
        texts = {key: None if digest is None else hub.machine.transport.read(_copy(hub, digest)) for key, digest in prior.items()}
        for key, program in programs.items():
            services.define(program.name, texts[key])
        for key in (WATCHDOG, PROGRAM):
            if texts[key] is None:
                services.retire(programs[key].name, deadline)
        for key, file in files.items():
            text = texts[key]
            if text is None:
                hub.machine.transport.remove(file)
            elif _read(hub, file) != text:
                hub.machine.transport.replace(file, text)
        self._restart(hub, [programs[key].name for key in programs if texts[key] is not None], deadline, before_each)

    def _restart(self, hub: Hub, names: list[str], deadline: Deadline, before_each: BeforeEach) -> None:
        """Restart them under what is defined now. Raises ActFault for a refusal."""
        hub.machine.services.pending()
        if names and (refused := hub.machine.services.restart(names, deadline, before_each)):
            raise ActFault("; ".join(f"{name}: {reason}" for name, reason in refused.items()), [hub.agent.id])

    def _stop_at_drift(self, hub: Hub) -> None:
        """Raises Drift where somebody else has changed something beside it; on the way back that keeps no hub."""
        ours = {hub.service.program, self.pair.access.watchdog.program}
        pending = hub.machine.services.pending()
        if foreign := (pending.added | pending.changed | pending.removed) - ours:
            raise Drift("configuration changed by somebody else", (f"{hub.machine.name}/{name}" for name in foreign))

    def _row(self, hub: Hub) -> dict[str, str | float | bool | None]:
        """What the witnesses say of a hub, as one row of the suite `hub_service`."""
        services = hub.machine.services.services()
        service, watchdog = services.get(hub.service.program), services.get(self.pair.access.watchdog.program)
        pid = service.pid if service else 0
        pending = hub.machine.services.pending()
        row: dict[str, str | float | bool | None] = {
            "agent": hub.agent.id,
            "running": service is not None and service.runs,
            "pid_matches_port": pid > 0 and hub.machine.transport.holders([hub.access.port], [pid]).get(hub.access.port) == pid,
            "as_defined": not ({hub.service.program, self.pair.access.watchdog.program} & (pending.added | pending.changed | pending.removed)),
            "watchdog_running": watchdog is not None and watchdog.runs,
            "ready": pid > 0 and hub.client.ready(),
            "protected": False,
            "receives": False,
            "configuration_matches": False,
        }
        if not row["ready"]:
            return row
        try:
            flags = hub.client.flags()
            running = hub.client.configuration()
            row |= {
                "protected": hub.client.protected() and flags.get("web.config.file") == str(hub.web),
                "receives": flags.get(RECEIVER) == "true" and flags.get("config.file") == str(hub.configuration),
                "configuration_matches": says(running, json.loads(prometheus_file(hub, self.pair))),
            }
        except SourceFault:
            return row  # it has just gone: what it did not say is not there
        return row

    def _remains(self, hub: Hub, prior: Mapping[str, str | None]) -> Iterator[str]:
        """Why this hub is not as it was before."""
        yield from self._differences(hub, prior)
        if prior[PROGRAM] is not None and not hub.client.ready():
            yield f"hub {hub.name} is not ready"

    def _differences(self, hub: Hub, prior: Mapping[str, str | None]) -> Iterator[str]:
        """What of its files, programs and port is not as it was."""
        for key, text in self._present(hub).items():
            if (None if text is None else _digest(text)) != prior[key]:
                yield f"{key} of hub {hub.name} is not what it was"
        services, pending = hub.machine.services.services(), hub.machine.services.pending()
        for key, program in self._programs(hub).items():
            service = services.get(program.name)
            if prior[key] is None and service is not None:
                yield f"{program.name} is still there ({service.state.value})"
            elif prior[key] is not None and (service is None or not service.runs or program.name in pending.added | pending.changed):
                yield f"{program.name} does not run as it is defined"
        held = hub.machine.transport.holders([hub.access.port], [])
        if prior[PROGRAM] is None and hub.access.port in held:
            yield f"port {hub.access.port} is still held, by pid {held[hub.access.port]}"


def says(running: Any, wanted: Any) -> bool:  # noqa: ANN401 (plain YAML)
    """Whether a running configuration holds all that was wanted; it may hold more, since a hub adds its defaults."""
    if isinstance(wanted, Mapping):
        return isinstance(running, Mapping) and all(key in running and says(running[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(running, list) and len(running) == len(wanted) and all(says(*pair) for pair in zip(running, wanted, strict=True))
    return bool(running == wanted)


OBJECTIONS = {
    "running": "the supervisor does not run it",
    "pid_matches_port": "its port is not held by the supervised process",
    "as_defined": "what runs is not what is defined on disk",
    "watchdog_running": "its machine's watchdog does not run",
    "ready": "it is not ready",
    "protected": "it answers without credentials",
    "receives": "it does not receive what its peer writes",
    "configuration_matches": "it does not run the configuration that was written",
}
"""What a row's false means."""


def _objections(row: Mapping[str, object]) -> Iterator[str]:
    return (sentence for column, sentence in OBJECTIONS.items() if row[column] is not True)


def _read(hub: Hub, file: Path) -> str | None:
    try:
        return hub.machine.transport.read(file)
    except FileNotFoundError:
        return None


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _copy(hub: Hub, digest: str) -> Path:
    return hub.service.folder / "prior" / digest.removeprefix("sha256:")


def _raise(refused: Mapping[str, str]) -> None:
    if refused:
        raise ActFault("; ".join(sorted(set(refused.values()))), refused)
