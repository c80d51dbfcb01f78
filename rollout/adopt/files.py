"""A fleet file, a site file and a list of impact metrics from what was found, each loaded again before anybody sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from rollout.adopt.machine import FoundAgent, FoundMachine
from rollout.adopt.metrics import Candidate, FoundPrometheus
from rollout.errors import InputError, Refused
from rollout.fleet import fleet_of

GROUP = "adopted"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Names of the variables that hold the supervisors' credentials, empty where there are none, and the file that holds them, if one does."""

    username_env: str
    password_env: str
    file: Path | None


def fleet_text(name: str, machines: Sequence[FoundMachine]) -> str:
    """A fleet file that `rollout fleet check` accepts. Raises Refused where no machine has an agent."""
    document = CommentedMap(fleet=name, machines=CommentedMap())
    for machine in machines:
        if machine.agents:
            document["machines"][machine.name] = CommentedMap({GROUP: _group(machine.agents)})
    if not document["machines"]:
        raise Refused("nothing that runs can be managed yet; each program is named with its reason")
    fleet_of(document, Path(f"adopted fleet {name}"))
    return _dumped(document, f"Adopted from what runs. Which agents depend on which, nobody can see: add depends_on by hand.{_left_out(machines)}")


def _group(agents: Sequence[FoundAgent]) -> CommentedMap:
    group = CommentedMap()
    for agent in agents:
        entry = CommentedMap(port=agent.port, health_port=agent.health_port)
        entry.fa.set_flow_style()
        group[agent.name] = entry
        spare = f"; further ports: {', '.join(map(str, agent.spare))}" if agent.spare else ""
        group.yaml_add_eol_comment(f"environment: {', '.join(agent.environment) or 'nothing of its own'}{spare}", agent.name)
    return group


def _left_out(machines: Sequence[FoundMachine]) -> str:
    told = [f"{machine.name}/{program}: {reason}" for machine in machines for program, reason in machine.left_out.items()]
    return "\nNot in this file:\n" + "\n".join(f"  {line}" for line in told) if told else ""


def site_text(name: str, folder: Path, machines: Sequence[FoundMachine], prometheus: FoundPrometheus, secrets: Secrets) -> str:
    """The site file beside it. folder: where both will stand; the file_sd folder of a Prometheus that has none is still to be made."""
    used = [machine for machine in machines if machine.agents]
    host = urlsplit(prometheus.url).hostname
    home = next((machine.name for machine in used if machine.address == host), used[0].name)
    access = CommentedMap({machine.name: _access(machine, secrets) for machine in used})
    targets = prometheus.folder or folder / f"{name}-targets"
    document = CommentedMap(
        site=name.lower().replace("_", "-"),
        fleet=f"{name}-fleet.yaml",
        state=f"../var/{name}",
        scrape_interval=prometheus.interval,
        machines=access,
        hubs=CommentedSeq([CommentedMap(name="central", machine=home, url=prometheus.url.rstrip("/"), targets=str(targets))]),
    )
    if secrets.file is not None:
        document.insert(3, "secrets", os.path.relpath(secrets.file, folder))
    note = (
        ""
        if prometheus.folder
        else "\nThe Prometheus has no file_sd_configs yet: make it read *.json of hubs[0].targets, the list of agents with metrics."
    )
    return _dumped(document, f"Adopted from what runs: how its machines are reached. Secrets stay in the environment.{note}")


def _access(machine: FoundMachine, secrets: Secrets) -> CommentedMap:
    supervisor = CommentedMap(url=machine.url)
    if secrets.username_env:
        supervisor["username_env"] = secrets.username_env
        supervisor["password_env"] = secrets.password_env
    supervisor["programs"] = str(machine.programs)
    return CommentedMap(address=machine.address, transport="local", supervisor=supervisor)


def impact_text(candidates: Sequence[Candidate], hours: float) -> str:
    """The `impact` of a day for a plan of one's own; what each metric can tell stands above it."""
    entries = CommentedSeq()
    for at, candidate in enumerate(candidates):
        metric = candidate.metric
        said = candidate.power.sentence if candidate.power else f"not measured: {candidate.reason}"
        fields = metric.model_dump(mode="json", exclude_defaults=True)
        entries.append(CommentedMap(fields))
        entries.yaml_set_comment_before_after_key(at, before=said, indent=2)
    document = CommentedMap(impact=entries)
    return _dumped(
        document, f"Candidate impact metrics, with what a batch could find by them, seen over {hours:g} h. Choose, and set bounds of your own."
    )


def write_new(files: Mapping[Path, str]) -> None:
    """Write files that do not exist yet, all or none of them. Raises InputError for one that does."""
    for file in files:
        if file.exists():
            raise InputError(file, "", "exists already; adopt overwrites nothing")
    for file, text in files.items():
        try:
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
        except OSError as error:
            raise InputError(file, "", error.strerror or str(error)) from error


def _dumped(document: CommentedMap, comment: str) -> str:
    document.yaml_set_start_comment(comment)
    emitter = YAML()
    emitter.width = 4096
    text = StringIO()
    emitter.dump(document, text)
    return text.getvalue()
