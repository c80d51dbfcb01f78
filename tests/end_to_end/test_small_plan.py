"""Another plan than week 3: three agents, one day, a configuration flag."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from rollout.report import Outcome
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands
from tests.end_to_end.place import Place

pytestmark = [pytest.mark.lab, pytest.mark.full]


def flag_of(place: Place, identity: str) -> tuple[str | None, str | None]:
    """The flag in the running process, and in its program file."""
    agent = place.agent(identity)
    pairs = Path(f"/proc/{place.pids()[identity]}/environ").read_bytes().decode().split("\0")
    file = configparser.RawConfigParser()
    file.read(place.site.machine(agent.machine).programs / f"{agent.name}.conf")
    configured = dict(re.findall(r'(\w+)="([^"]*)"', file[f"program:{agent.name}"]["environment"]))
    return dict(pair.split("=", 1) for pair in pairs if pair).get("REQUEST_LOG"), configured.get("REQUEST_LOG")


def test_the_flag_is_set_on_all_three(three: Place, commands: Commands) -> None:
    """In every process and file; the report is the small plan's, with its three criteria MET. Settling finds the plan in the ledger."""
    run = commands.start(three, "flag-day")
    assert run.end().code == 0, run.output
    assert {flag_of(three, identity) for identity in three.site.agents} == {("verbose", "verbose")}
    report = run.report
    assert (report.plan, report.outcome) == ("config-flag", Outcome.COMPLETE)
    assert {criterion.id: criterion.verdict for criterion in report.criteria} == dict.fromkeys(("D1.1", "D1.2", "D1.3"), Standing.MET)
    assert report.ended - report.started < 60
    assert commands.settle(three, run.id).code == 0
