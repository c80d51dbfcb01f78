"""A copied folder is checked against itself: a claim that does not hold is named, whatever was changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.main import app
from rollout.evidence import digest
from rollout.html import draw_report
from rollout.verification import verify
from tests.reporting.whole_folder import whole_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole folder with its page."""
    folder = whole_folder(tmp_path_factory.mktemp("original"))
    draw_report(folder)
    return folder


@pytest.fixture
def copied(original: Path, tmp_path: Path) -> Path:
    """The same somewhere else, without the site that it was made at."""
    return Path(shutil.copytree(original, tmp_path / "copied"))


def broken(folder: Path) -> dict[str, str]:
    """The claims that do not hold."""
    return {claim.what: claim.objection for claim in verify(folder) if claim.objection}


def edit(file: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file."""
    content = json.loads(file.read_text(encoding="utf-8"))
    change(content)
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def test_a_copied_folder_holds(copied: Path) -> None:
    """Every claim, by the command too: files, ledger, judgements, checks, criteria, counts, times and the page."""
    claims = list(verify(copied))
    assert not broken(copied)
    assert len(claims) > 40
    result = CliRunner().invoke(app, ["verify", str(copied)])
    assert (result.exit_code, result.output) == (0, f"{len(claims)} claims checked: all hold.\n")


@pytest.mark.parametrize(("verdict", "alone", "holds"), [("FAIL", True, True), ("FAIL", False, False), ("INCONCLUSIVE", True, False)])
def test_a_look_that_sent_an_agent_back_alone_may_stand_before_the_last(copied: Path, verdict: str, *, alone: bool, holds: bool) -> None:
    """Its judgement is not stored, so it may only blame, and only where somebody went back: anything else that the judge did not say last fails."""

    def earlier(report: Any) -> None:
        batch = report["batches"][0]
        said = next(check for check in batch["checks"] if check["check"] == "impact.latency")
        batch["set_back"] = {batch["agents"][0]: "too slow"} if alone else {}
        batch["checks"].insert(0, said | {"verdict": verdict, "observed": "+99.0 %", "sentence": "latency: +99.0 % on one agent"})

    edit(copied / "report.json", earlier)
    assert ("batch 1, the judge's checks" not in broken(copied)) is holds


def test_a_changed_sample_is_found_by_its_digest_by_the_judge_and_on_the_page(copied: Path) -> None:
    """Even when the report vouches for the new file."""
    file = copied / "samples" / "batch-01.parquet"
    frame = pd.read_parquet(file)
    frame.loc[frame["treated"] & (frame["t"] > 0), "value"] *= 1.01
    frame.to_parquet(file, index=False)
    assert {"samples/batch-01.parquet", "judgement of batch 1"} <= broken(copied).keys()
    edit(copied / "report.json", lambda report: report["evidence"].update({"samples/batch-01.parquet": digest(file)}))
    found = broken(copied)
    assert "samples/batch-01.parquet" not in found
    assert "another one comes out of the stored samples" in found["judgement of batch 1"]
    assert any(what.startswith("report.html") for what in found)


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (lambda report: report["criteria"][1].update(observed="21 of 20"), "criterion D1.5"),
        (lambda report: report["criteria"][0].update(verdict="MET" if report["criteria"][0]["verdict"] != "MET" else "NOT MET"), "criterion D1.2"),
        (lambda report: report["checks"][0].update(observed="+0.0 % [+0.0 %, +0.0 %]"), "the day, the judge's checks"),
        (lambda report: report["batches"][0]["checks"][0].update(verdict="FAIL"), "batch 1, the judge's checks"),
        (lambda report: report["batches"][0].update(decision="complete"), "batch 1"),
        (lambda report: report["batches"][1].update(verified=report["batches"][1]["ended"] + 1), "times of batch 2"),
        (lambda report: report["agents"][0].update(away_seconds=0.1), "agent m0/A020"),
        (lambda report: report["agents"][0].update(verified=False), "the first sentence"),
        (lambda report: report.update(exit_code=3), "exit code"),
        (lambda report: report["evidence"].pop("ledger.jsonl"), "ledger.jsonl"),
        (lambda report: report["evidence"].pop("samples/batch-01.parquet"), "samples/batch-01.parquet"),
        (lambda report: report.update(title="Another"), "report.md"),
    ],
)
def test_a_changed_word_of_the_report_is_found(copied: Path, change: Callable[[Any], None], claim: str) -> None:
    """By the claim that it belongs to."""
    edit(copied / "report.json", change)
    assert claim in broken(copied)


def test_a_changed_ledger_is_found(copied: Path) -> None:
    """By its digest, and by the agents of which it says something else."""
    ledger = copied / "ledger.jsonl"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace('"verified"', '"restored"', 1), encoding="utf-8")
    assert {"ledger.jsonl", "agent m0/A020"} <= broken(copied).keys()


def test_missing_files_are_named_and_the_command_fails(copied: Path) -> None:
    """One line for each claim that does not hold, then the count."""
    (copied / "judgements.json").unlink()
    (copied / "samples" / "batch-02.parquet").unlink()
    result = CliRunner().invoke(app, ["verify", str(copied)])
    assert result.exit_code == 1
    assert "judgements.json: is not in the folder" in result.output
    assert "samples/batch-02.parquet: is not in the folder" in result.output
    assert result.output.splitlines()[-1].endswith("do not hold.")


def test_a_number_of_the_page_that_was_edited_is_found(copied: Path) -> None:
    """With what it should be."""
    page = copied / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace('data-as="seconds">2.5 s<', 'data-as="seconds">0.5 s<', 1), encoding="utf-8")
    assert any(objection == "shows 0.5 s, computed again it is 2.5 s" for objection in broken(copied).values())
