"""What is seen of a day from outside: dashboards with data, restarts that ring nowhere, a rollback that rings at the right desk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.site import ALERTMANAGER_PORT, INBOX_PORT, STATE_PORT
from rollout.observe.dashboards import JSON_FOLDER, Asked, Needs, ask, panel_queries
from rollout.plan import load_plan
from rollout.site import load_site
from rollout.verdict import Standing
from tests.end_to_end.commands import ROOT, Commands, Run, batches, rollout
from tests.end_to_end.place import Place
from tests.lab.world_of_six import eventually, get

pytestmark = [pytest.mark.lab, pytest.mark.full]


@dataclass(frozen=True)
class Observed:
    """A place whose alerts are deployed, with days 0 and 1 done."""

    place: Place
    day_0: Run
    day_1: Run

    def asked(self, *happened: Needs) -> list[Asked]:
        """What the hub says now to every query that can show something by then."""
        site = load_site(self.place.file, load_plan(ROOT / "plans" / "week3.yaml").day(0).deadlines)
        return ask(site.sources.usable(), tuple(query for query in panel_queries(JSON_FOLDER) if query.needs in happened))

    def alertmanager(self, path: str) -> Any:
        """What Alertmanager says."""
        return json.loads(get(self.place.site.machine("mainpc").address, ALERTMANAGER_PORT, f"/api/v2/{path}")[1])

    def told(self, desk: str) -> list[dict[str, Any]]:
        """The alerts that reached that desk's webhook."""
        lines = get(self.place.site.machine("mainpc").address, INBOX_PORT, "/")[1].decode().splitlines()
        return [alert for line in lines if (message := json.loads(line))["to"] == f"/{desk}" for alert in message["webhook"]["alerts"]]


@pytest.fixture(scope="module")
def observed(clean_six: Place, commands: Commands) -> Iterator[Observed]:
    """Alerts are deployed first, as the plan has them; then both days, once for all tests of this file; other files find a lab that tells nobody."""
    deployed = rollout("alerting", "deploy", "--site", clean_six.name)
    assert deployed.code == 0, deployed.output
    state = clean_six.site.machine("mainpc").address
    eventually(lambda: b"rollout_incident_open 0.0" in get(state, STATE_PORT, "/metrics")[1], 90)  # one that another file left would hold the day
    days = []
    for day in ("day-0", "day-1"):
        run = commands.start(clean_six, day)
        assert run.end().code == 0, run.output
        days.append(run)
    yield Observed(clean_six, *days)
    clean_six.lab("down")
    clean_six.lab("up")


def test_the_dashboards_are_checked_before_the_week(observed: Observed) -> None:
    """Day 0 asks them and P.8 is MET."""
    (checked,) = (criterion for criterion in observed.day_0.report.criteria if criterion.id == "P.8")
    assert (checked.verdict, checked.samples > 0) == (Standing.MET, True)


def test_every_query_that_can_show_something_does(observed: Observed) -> None:
    """After a day with batches no panel of fleet, batches, impact and rules is empty; what waits for two hubs is understood."""
    answers = observed.asked(Needs.NOTHING, Needs.RULES, Needs.RUN)
    assert [answer.query.panel for answer in answers if answer.fault or not answer.rows] == []
    assert [answer.fault for answer in observed.asked(Needs.BOTH_HUBS) if answer.fault] == []


def test_restarts_were_silenced_for_their_own_agents_and_rang_nowhere(observed: Observed) -> None:
    """The canary's rehearsal and each batch had a silence for exactly its agents, in the run's name; all are over; nobody was told of an agent."""
    silences = [each for each in observed.alertmanager("silences") if each["createdBy"] == "rollout" and observed.day_1.id in each["comment"]]
    covered = set()
    for silence in silences:
        conditions = {matcher["name"]: matcher["value"] for matcher in silence["matchers"]}
        assert conditions["alertname"] == "AgentUnwell"
        assert silence["status"]["state"] == "expired"
        covered |= {f"{conditions['machine']}/{name}" for name in conditions["agent"].split("|")}
    assert covered == {agent for agents in batches(observed.place).values() for agent in agents}
    assert [alert for alert in observed.told("operators") if alert["labels"]["alertname"] == "AgentUnwell"] == []


def test_a_rollback_opens_an_incident_and_has_its_clock(observed: Observed, six: Place, commands: Commands) -> None:
    """A batch that fails its gate: the run comes back, L1 is told of its incident, and the panels of clocks and escalation show it."""
    lying = batches(six)[2][0]
    redeployed = rollout("alerting", "deploy", "--site", six.name)  # the lab was built anew for this test
    assert redeployed.code == 0, redeployed.output
    six.fault("lies", "--agents", lying)
    run = commands.start(six, "day-1")
    assert run.end().code == 3, run.output
    eventually(lambda: any(alert["labels"].get("run") == run.id for alert in observed.told("automated-rollback")), 60)
    answers = observed.asked(Needs.ROLLBACK)
    assert [answer.query.panel for answer in answers if answer.fault or not answer.rows] == []
