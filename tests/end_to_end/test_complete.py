"""Days 0 and 1 on six agents from no metrics to 6/6, and what is true of a fleet that has them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from deployments.address import folder_of
from deployments.processes import processes_of
from rollout.observe.frame import selection
from rollout.plan import load_plan
from rollout.report import Outcome
from rollout.verdict import Standing
from rollout.verification import verify
from tests.end_to_end.commands import Commands, Run, batches, rollout
from tests.end_to_end.place import AgentState, Place
from tests.lab.listening import listening
from tests.lab.world_of_six import eventually, get

pytestmark = pytest.mark.lab

WEEK3 = Path(__file__).resolve().parents[2] / "plans" / "week3.yaml"
KEYS = "run_id day outcome exit_code sentence pace started ended criteria batches agents rollback unknowns evidence".split()  # noqa: SIM905 (as the issue writes them)
DAY_1 = ["D1.1", "D1.2", "D1.3", "D1.4", "D1.5", "D1.6", "D1.7", "D1.8", "D1.R"]


@dataclass(frozen=True)
class Week:
    """Days 0 and 1, done. before, after: the agents around day 1."""

    place: Place
    before: dict[str, AgentState]
    after: dict[str, AgentState]
    day_0: Run
    day_1: Run


@pytest.fixture(scope="module")
def week(clean_six: Place, commands: Commands) -> Week:
    """Both days, run once for all tests of this file."""
    before = clean_six.seen()
    day_0 = commands.start(clean_six, "day-0")
    assert day_0.end().code == 0, day_0.output
    assert clean_six.seen() == before
    day_1 = commands.start(clean_six, "day-1")
    assert day_1.end().code == 0, day_1.output
    return Week(clean_six, before, clean_six.seen(), day_0, day_1)


def test_all_six_have_metrics(week: Week) -> None:
    """As seen from outside: /metrics answers, the flag is in the process and in the program file, the hub scrapes all, nothing else has changed."""
    for identity, state in week.after.items():
        assert state.metrics == 200, identity
        assert state.flags == ("true", "true")
        assert state.settings[:2] == week.before[identity].settings[:2]
        assert state.pid != week.before[identity].pid
    eventually(lambda: week.place.scraped() == dict.fromkeys(week.after, "up"), 30)


def test_the_report_tells_it(week: Week) -> None:
    """Every key is there; agents, batches and pids are those that were seen; the criteria are the plan's, and what is MET has evidence."""
    report = week.day_1.report
    assert set(KEYS) <= report.model_dump().keys()
    assert (report.run_id, report.day, report.outcome, report.exit_code) == (week.day_1.id, 1, Outcome.COMPLETE, 0)
    assert report.pace == 90
    assert report.started < report.ended
    assert report.rollback is None
    assert {batch.index: list(batch.agents) for batch in report.batches} == batches(week.place)
    assert {agent.agent: agent.pid_after for agent in report.agents} == {identity: state.pid for identity, state in week.after.items()}
    assert all(agent.verified for agent in report.agents)
    by_id = {criterion.id: criterion for criterion in report.criteria}
    assert list(by_id) == DAY_1
    for each in ("D1.1", "D1.4", "D1.5"):
        assert (by_id[each].verdict, by_id[each].observed) == (Standing.MET, "6 of 6"), by_id[each]
    for each in report.criteria:
        assert each.verdict is not Standing.MET or (each.source and each.query and each.window and each.samples > 0), each
    assert (week.day_1.folder / "report.md").read_text().count("D1.") >= len(DAY_1) - 1


def test_the_next_preview_looks_at_the_newest_baseline(week: Week) -> None:
    """The rehearsal of six agents takes few samples; of so few no power is told, and the preview says so and of which run's baseline."""
    told = rollout("plan", "1", "--site", week.place.name).output
    assert f"{week.day_1.id}/samples/baseline-spreads.json: samples: a half of the baseline holds 3" in told


def test_a_shadow_proves_nothing(week: Week) -> None:
    """Six agents cannot show an impact below two percent, so D1.2 and D1.6 are not MET; nor is a rollback that never was."""
    by_id = {criterion.id: criterion.verdict for criterion in week.day_1.report.criteria}
    assert Standing.MET not in {by_id["D1.2"], by_id["D1.6"], by_id["D1.R"]}


def test_the_evidence_is_what_was_measured(week: Week) -> None:
    """Each file that the report names has the digest that stands beside it, and each batch's samples are among them."""
    for run in (week.day_0, week.day_1):
        evidence = run.report.evidence
        assert evidence
        for name, said in evidence.items():
            assert "sha256:" + hashlib.sha256((run.folder / name).read_bytes()).hexdigest() in said
    assert {batch.samples for batch in week.day_1.report.batches} <= week.day_1.report.evidence.keys()


def test_a_counter_that_our_restart_has_reset_makes_no_figure(week: Week) -> None:
    """Each agent's CPU counter began again at nothing, as the hub itself counts: by the plan's own queries that is no negative figure and no leap."""
    report, agents = week.day_1.report, list(week.after)
    resets = asked(week, "query", query="max by (machine, agent) (resets(rollout_process_cpu_seconds_total[10m]))")
    assert {agent: float(series["value"][1]) >= 1 for agent, series in resets.items() if agent in agents} == dict.fromkeys(agents, True)
    impact = {metric.name: metric for metric in load_plan(WEEK3).for_site("six").day(1).impact}
    for name, most in (("cpu", os.cpu_count() or 1), ("errors", 1)):
        query = impact[name].promql(selection(agents), "10s")  # so long that a restart lies in the middle of some windows
        series = asked(week, "query_range", query=query, start=report.started, end=report.ended, step=1)
        found = [float(value) for each in series.values() for _, value in each["values"] if value != "NaN"]
        assert series.keys() == set(agents)
        assert 0 <= min(found) <= max(found) <= most
    for batch in report.batches:  # and what the judge was given of them
        judged = pd.read_parquet(week.day_1.folder / batch.samples)
        own = judged[judged["agent"].isin(batch.agents) & judged["metric"].isin(["cpu", "errors"])]
        assert set(own["agent"]) == set(batch.agents)
        assert own["value"].between(0, os.cpu_count() or 1).all()


def asked(week: Week, path: str, **query: str | float) -> dict[str, dict[str, Any]]:
    """The lab's own hub's answer, by agent."""
    hub = week.place.site.hubs[0]
    told = httpx.get(f"http://{hub.address}:{hub.port}/api/v1/{path}", params=query, timeout=10, trust_env=False).raise_for_status().json()
    return {f"{each['metric']['machine']}/{each['metric']['agent']}": each for each in told["data"]["result"]}


def test_a_copied_folder_can_be_checked(week: Week, tmp_path: Path) -> None:
    """Every claim of both days holds far from the lab; the steps are the plan's, the agents' times away are known, and the page is drawn."""
    for run in (week.day_0, week.day_1):
        claims = list(verify(Path(shutil.copytree(run.folder, tmp_path / run.id))))
        assert not [claim for claim in claims if claim.objection]
        assert (run.folder / "report.html").exists()
    report = week.day_1.report
    assert [step.title for step in report.steps] == [step.title for step in load_plan(WEEK3).day(1).steps]
    assert "ledger.jsonl" in report.evidence
    assert all(agent.away_seconds and agent.configured_before != agent.configured_after for agent in report.agents)


def test_day_0_asks_people_what_only_people_know(week: Week) -> None:
    """Readiness, hub and baseline are MET; briefings that nobody acknowledged are not measured and stand among the unknowns."""
    by_id = {criterion.id: criterion.verdict for criterion in week.day_0.report.criteria}
    assert {by_id[each] for each in ("D0.1", "D0.3", "D0.4", "P.1", "P.9")} == {Standing.MET}
    assert {by_id["P.6"], by_id["P.7"]} == {Standing.NOT_MEASURED}
    assert any(unknown.startswith("P.6") for unknown in week.day_0.report.unknowns)


def test_live_progress_says_what_and_which(week: Week) -> None:
    """The command shows each batch's activation by number and agents, and Prefect keeps report, criteria and agents as artifacts of the run."""
    assert "[Completed] activate batch 2 of 4, agents 2-3" in week.day_1.output
    api = week.day_1.commands.api
    asked = {"artifacts": {"flow_run_id": {"any_": [week.day_1.id]}}}
    with httpx.Client(trust_env=False) as client:
        kept = client.post(f"{api}/artifacts/filter", json=asked).raise_for_status().json()
    assert {artifact["key"] for artifact in kept} >= {f"day-1-lab-six-{kind}" for kind in ("report", "criteria", "agents")}


def test_no_secret_leaves_the_lab(week: Week) -> None:
    """No agent's token and no password of supervisors or hubs is in a file of runs or server, on a command line, or in the hub's labels."""
    secrets = {secret.encode() for secret in week.place.secrets()}
    assert len(secrets) == 8
    files = [*kept(week.place), *(file for file in week.day_1.commands.folder.rglob("*") if file.is_file())]
    assert {"prefect.db", "ledger.jsonl", "report.html"} <= {file.name for file in files}
    assert [file for file in files if any(secret in file.read_bytes() for secret in secrets)] == []
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in everybody(week)]
    assert len(lines) > 15
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    hub = week.place.site.hubs[0]
    told = [
        get(hub.address, hub.port, path, 30)[1]
        for path in ("/api/v1/series?match[]={__name__=~%22.%2B%22}", "/api/v1/targets", "/api/v1/status/flags")
    ]
    assert b"agent_requests_total" in told[0]
    assert not [text for text in told if any(secret in text for secret in secrets)]


def test_what_runs_keep_is_their_owner_s_alone(week: Week) -> None:
    """Whoever else is on the machine comes into no folder of ledgers, prior states, claims and reports, and into none of the server."""
    folders = {file.parent for file in kept(week.place)} - {week.place.state}
    assert {"runs", "reports", "fleets"} <= {folder.relative_to(week.place.state).parts[0] for folder in folders}
    tops = {week.place.state / folder.relative_to(week.place.state).parts[0] for folder in folders} | {folder_of(week.day_1.commands.folder)}
    assert [folder for folder in folders | tops if stat.S_IMODE(folder.stat().st_mode) != 0o700] == []


def test_nothing_listens_beyond_loopback(week: Week) -> None:
    """Prefect's server and workers, supervisors, agents, hub and exporters: none takes a connection from another machine."""
    assert [address for address in listening(everybody(week)) if not ip_address(address).is_loopback] == []


def kept(place: Place) -> list[Path]:
    """Every file of the state folder but the lab's own."""
    return [file for file in place.state.rglob("*") if file.is_file() and not file.is_relative_to(place.site.state)]


def everybody(week: Week) -> list[int]:
    """All processes of the lab and of the Prefect server."""
    return [*week.place.processes(), *(each.pid for each in processes_of(folder_of(week.day_1.commands.folder)))]


@pytest.mark.full
def test_a_second_time_restarts_nobody(week: Week, commands: Commands) -> None:
    """Day 1 on a fleet that has its metrics completes with the very same processes and intends nothing."""
    run = commands.start(week.place, "day-1")
    assert run.end().code == 0, run.output
    assert week.place.seen() == week.after
    assert "intended" not in {entry["step"] for entry in run.ledger}
