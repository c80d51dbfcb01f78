"""Day 2 on six agents: two hubs that back each other, seen from outside and in the report; and what becomes of day 1 when one of them dies."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass

import httpx
import pytest

from lab.supervisor import read_credentials
from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands, Run, rollout
from tests.end_to_end.place import Place
from tests.lab.world_of_six import eventually

pytestmark = [pytest.mark.lab, pytest.mark.full]


@dataclass(frozen=True)
class Pair:
    """The lab of six with two hubs after day 2."""

    place: Place
    day_2: Run

    def ask(self, hub: str, path: str, *, known: bool = True) -> httpx.Response:
        """A hub's answer to somebody who knows the password, or to a stranger."""
        found = next(each for each in self.place.site.all_hubs if each.name == hub)
        credentials = read_credentials(self.place.site.state)
        assert credentials is not None
        login = (credentials.username, credentials.hub_password) if known else None
        return httpx.get(f"http://{found.address}:{found.port}{path}", auth=login, timeout=5, trust_env=False)

    def values(self, hub: str, query: str) -> list[dict[str, str]]:
        """The labels of what matches there now."""
        return [each["metric"] for each in self.ask(hub, f"/api/v1/query?{urllib.parse.urlencode({'query': query})}").json()["data"]["result"]]


@pytest.fixture(scope="module")
def pair(lab_of_pair: Place, commands: Commands) -> Pair:
    """Day 2, run once for all tests of this file; days that are needed before it are none of its business here."""
    day_2 = commands.start(lab_of_pair, "day-2")
    assert day_2.end().code == 0, day_2.output
    return Pair(lab_of_pair, day_2)


def test_every_criterion_of_day_2_is_met_with_evidence(pair: Pair) -> None:
    """Both hubs, both directions, the drill and the samples; the way back was not needed and says so."""
    report = pair.day_2.report
    assert report.outcome is Outcome.COMPLETE
    standing = {criterion.id: criterion.verdict for criterion in report.criteria}
    assert standing == dict.fromkeys(("D2.1", "D2.2", "D2.3", "D2.4"), Standing.MET) | {"D2.R": Standing.NOT_MEASURED}
    assert all(criterion.samples > 0 for criterion in report.criteria if criterion.verdict is Standing.MET)
    assert any("partition" in unknown for unknown in report.unknowns)
    assert sum(note.startswith("drill: ") for note in report.notes) == 2


def test_each_hub_scrapes_its_machine_and_both_know_all(pair: Pair) -> None:
    """Asked at the hubs themselves: every probe is scraped by the hub of its agent's machine, and the other hub has it too."""
    owner = {"mainpc": "central", "pc2": "edge"}
    for hub in ("central", "edge"):
        eventually(lambda hub=hub: len(pair.values(hub, 'probe_success{scraped_by!=""}')) >= 6)
        fresh = pair.values(hub, 'probe_success{scraped_by!=""} and (time() - timestamp(probe_success) < 5)')
        assert {(labels["machine"], labels["scraped_by"]) for labels in fresh} == set(owner.items())
        assert {f"{labels['machine']}/{labels['agent']}" for labels in fresh} == set(pair.place.site.agents)


def test_strangers_neither_ask_nor_write(pair: Pair) -> None:
    """Without the password a hub answers 401, to queries and to samples that would forge a PASS."""
    for hub in ("central", "edge"):
        assert pair.ask(hub, "/api/v1/query?query=up", known=False).status_code == 401
        assert pair.ask(hub, "/api/v1/write", known=False).status_code == 401
        assert pair.ask(hub, "/-/ready").status_code == 200


def test_no_secret_is_in_ledger_or_report(pair: Pair) -> None:
    """Neither the hubs' password nor its hash."""
    secrets = pair.place.secrets()
    told = json.dumps(pair.day_2.ledger) + "".join(file.read_text() for file in pair.day_2.folder.glob("report.*"))
    assert not [secret for secret in secrets if secret in told]
    assert "$2b$" not in told


def test_the_emergency_brings_back_the_single_hub(pair: Pair) -> None:
    """Last of this file: within its three minutes the edge is gone, central runs as the lab built it and sees everybody."""
    done = rollout("emergency", "hub", "--site", pair.place.name, "--name", "ann", "--reason", "test")
    assert done.code == 0, done.output
    assert "E2    MET" in done.output
    assert "edge-hub" not in pair.place.supervisor("pc2").programs()
    assert pair.place.run("status").returncode == 0
    assert pair.ask("central", "/-/ready", known=False).status_code == 200
