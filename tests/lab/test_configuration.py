"""What the lab reads and writes, without starting anything."""

from __future__ import annotations

import configparser
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.config_hub import prometheus_file
from lab.config_supervisor import agent_file, main_file
from lab.errors import LabError
from lab.faults.behaviour import Behaviour, Exposition, behaviour_of
from lab.faults.kinds import Fault, Order, Watch, read_orders, write_orders
from lab.ports import claims, refuse_taken
from lab.site import load_site
from lab.supervisor import Credentials
from tests.lab.world_of_six import FLEETS

LAB = load_site(FLEETS / "lab.yaml")
BINARIES = {"prometheus": Path("/usr/bin/prometheus"), "prometheus-blackbox-exporter": Path("/usr/bin/prometheus-blackbox-exporter")}


def section(text: str, name: str) -> dict[str, str]:
    """One section of a supervisord file."""
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser[name])


def test_the_fleet_of_77_needs_no_port_twice() -> None:
    """77 agents, two of them without a work port, two hubs, five ports a machine and four around alerts, all different."""
    wanted = [(claim.address, claim.port) for claim in claims(LAB)]
    assert (len(LAB.agents), len(wanted), len(set(wanted))) == (77, 77 + 75 + 10 + 4 + 2, 77 + 75 + 10 + 4 + 2)


def test_a_port_wanted_twice_is_refused_with_both_names(site_file: Path) -> None:
    """Two agents on one port is said before anything starts."""
    fleet = site_file.parent / "six.yaml"
    fleet.write_text(fleet.read_text().replace("port: 7220", "port: 7200"))
    with pytest.raises(LabError, match=r":7200 by mainpc/ServiceRegistry and mainpc/SystemDigitalTwin"):
        refuse_taken(load_site(site_file))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("state: ../var/six", "", "missing or malformed key: 'state'"),
        ("mainpc/conf.d", "elsewhere", "programs"),
        (":9000", "", "address and a port"),
        ("../var/six", f"../{'deep/' * 20}", "too long for a socket"),
        ("six.yaml", "none.yaml", "No such file"),
    ],
)
def test_a_site_that_the_lab_cannot_build_is_refused(site_file: Path, old: str, new: str, reason: str) -> None:
    """The message says what is wrong with it."""
    site_file.write_text(site_file.read_text().replace(old, new))
    with pytest.raises(LabError, match=reason):
        load_site(site_file)


def test_an_agent_file_keeps_the_hub_port_free_and_calls_only_working_agents() -> None:
    """A hub agent has no work port; who depends on one calls nobody there."""
    hub = section(agent_file(LAB.agents["pc2/ObservabilityHub"], LAB), "program:ObservabilityHub")["environment"]
    assert "AGENT_PORT" not in hub
    assert 'AGENT_HEALTH_PORT="9110"' in hub
    dependent = section(agent_file(LAB.agents["pc2/ResourceManager"], LAB), "program:ResourceManager")["environment"]
    assert 'AGENT_CALLS=""' in dependent
    twin = section(agent_file(LAB.agents["mainpc/SystemDigitalTwin"], LAB), "program:SystemDigitalTwin")["environment"]
    assert 'AGENT_CALLS="127.0.10.1:7200"' in twin
    assert 'AGENT_DEPENDS_ON="mainpc/ServiceRegistry"' in twin
    assert 'AGENT_REGISTRY="127.0.10.1:7200"' in twin


def test_a_light_lab_has_one_role() -> None:
    """An agent that imports pandas otherwise has the lightest role there."""
    agent = LAB.agents["pc2/MemoryOrchestratorService"]
    heavy, light = (section(agent_file(agent, site), f"program:{agent.name}")["environment"] for site in (LAB, replace(LAB, light=True)))
    assert 'AGENT_ROLE="tables"' in heavy
    assert 'AGENT_ROLE="relay"' in light


def test_the_load_knows_every_working_agent_of_its_machine() -> None:
    """53 of MainPC's 54 agents are loaded: the hub agent has no work port."""
    text = main_file(LAB.machine("mainpc"), Credentials("u", "p"), BINARIES)
    environment = section(text, "program:lab-load")["environment"]
    assert environment.count("=", environment.index("LOAD_TARGETS")) - 1 == 53


def test_the_hub_scrapes_everything_outside_at_the_interval_of_the_site_and_agents_every_15_seconds() -> None:
    """Three jobs at 1 s in the lab, 77 probes with machine and agent labels, and file_sd in the folder of the site file."""
    hub = LAB.hubs[0]
    config = json.loads(prometheus_file(LAB, hub))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert config["global"]["scrape_interval"] == "1s"
    assert len(jobs["probe"]["static_configs"]) == 77
    assert {"machine", "agent"} <= set(jobs["probe"]["static_configs"][0]["labels"])
    assert (jobs["agents"]["scrape_interval"], jobs["agents"]["file_sd_configs"][0]["files"]) == ("15s", [f"{hub.targets}/agents.json"])


def test_orders_survive_the_file(tmp_path: Path) -> None:
    """What is written is what is read; the watch tells of a new file and of its end, once each."""
    file = tmp_path / "faults.json"
    orders = (Order(Fault.CPU, agents=("pc2/A",), percent=30.0), Order(Fault.HUB_DOWN, machines=("mainpc",), only_with_metrics=False))
    watch = Watch(file)
    assert watch.changed() == ()
    write_orders(file, orders)
    assert read_orders(file) == orders
    assert watch.changed() == orders
    assert watch.changed() is None
    file.unlink()
    assert watch.changed() == ()


def test_a_behaviour_adds_up_what_concerns_the_agent_now() -> None:
    """Shares add up; orders for others and for agents with metrics do not count while metrics are off."""
    orders = [
        Order(Fault.LATENCY, agents=("pc2/A",), percent=30, only_with_metrics=False),
        Order(Fault.NOISY_NEIGHBOUR, agents=("pc2/A", "pc2/B"), percent=20, only_with_metrics=False),
        Order(Fault.MALFORMED, agents=("pc2/A",)),
        Order(Fault.CRASH_AFTER, agents=("pc2/A",), seconds=40),
    ]
    off = behaviour_of("pc2/A", metrics_on=False, orders=orders)
    assert off == Behaviour(latency=0.5, cpu=0.2)
    on = behaviour_of("pc2/A", metrics_on=True, orders=orders)
    assert on == Behaviour(latency=0.5, cpu=0.2, crash_after=40, exposition=Exposition.MALFORMED)
    assert behaviour_of("pc2/C", metrics_on=True, orders=orders) == Behaviour()
