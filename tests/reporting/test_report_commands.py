"""`rollout report` and `rollout history`: for people as tables, for programs as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cli.reports
from cli.main import app
from rollout.errors import Refused
from rollout.ledger import Ledger, Step
from rollout.report_file import read_report, write_report
from tests.fakes.clock import JumpingClock
from tests.reporting.whole_folder import BEGAN, RUN, whole_folder
from tests.unit.reports import report

pytestmark = pytest.mark.slow

SITES = Path(__file__).resolve().parents[2] / "fleets"
OLD, DEAD, ODD = "old", "dead", "odd"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a site with four runs: a whole one, an older one, one that died without a report, and one whose report is no report."""
    state = tmp_path_factory.mktemp("state") / "state"
    whole_folder(state)
    write_report(state / "reports" / OLD, report(run_id=OLD, started=5.0, ended=65.0))
    Ledger(state / "runs" / DEAD / "ledger.jsonl", JumpingClock(BEGAN + 900)).append(1, Step.OPENED, day=3, plan="p", site="here", change="metrics")
    (state / "reports" / ODD).mkdir()
    (state / "reports" / ODD / "report.json").write_text("{}", encoding="utf-8")
    return state


@pytest.fixture
def sites(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a site of that state, which the commands find."""
    text = (SITES / "lab-six.yaml").read_text(encoding="utf-8").replace("site: lab-six", "site: here").replace("state: ../var/six", f"state: {made}")
    (tmp_path / "here.yaml").write_text(text, encoding="utf-8")
    shutil.copy(SITES / "six.yaml", tmp_path)
    monkeypatch.setattr(cli.reports, "FLEETS", tmp_path)
    return tmp_path


def run(*words: str) -> str:
    """What the command prints; our own errors come through as main() sees them."""
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_the_newest_report_is_told_and_its_page_drawn(sites: Path, made: Path) -> None:
    """By run, by folder, or as the newest of the site: the sentence, each criterion, what is not known, and where the page is."""
    whole = made / "reports" / RUN
    (whole / "report.json").touch()
    (made / "reports" / ODD / "report.json").rename(made / "odd.json")
    try:
        told = [run("report", "--site", "here"), run("report", RUN), run("report", str(whole))]
    finally:
        (made / "odd.json").rename(made / "reports" / ODD / "report.json")
    assert told[0] == told[1] == told[2]
    for part in ("D1.2", "D1.5", "20 of 20", "not known: whether it rained", "report.html"):
        assert part in told[0]
    assert (whole / "report.html").exists()


def test_a_program_gets_the_report_itself(sites: Path, made: Path) -> None:
    """As it stands in the file."""
    assert json.loads(run("report", RUN, "--json")) == json.loads((made / "reports" / RUN / "report.json").read_text(encoding="utf-8"))


def test_an_unknown_run_is_refused(sites: Path) -> None:
    """And the folders that were looked through are named."""
    with pytest.raises(Refused, match="neither a folder nowhere nor a report"):
        run("report", "nowhere")


def test_history_leaves_no_run_out(sites: Path, made: Path) -> None:
    """Newest first; a run without a report and one that cannot be read are told as that."""
    runs = json.loads(run("history", "--site", "here", "--json"))
    assert [each["run"] for each in runs] == [DEAD, RUN, OLD, ODD]
    whole = read_report(made / "reports" / RUN)
    assert whole is not None
    assert (runs[1]["day"], runs[1]["outcome"], runs[1]["sentence"]) == (1, "complete", whole.sentence)
    assert (runs[0]["outcome"], runs[0]["day"], runs[3]["outcome"]) == ("no report", 3, "cannot be read")
    assert f"rollout settle {DEAD}" in runs[0]["sentence"]
    table = run("history", "--site", "here")
    assert all(each in table for each in (DEAD, OLD, ODD, "complete"))
