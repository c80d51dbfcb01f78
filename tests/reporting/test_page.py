"""The page: every number on it can be computed again, nothing comes from elsewhere, and what a run says cannot break it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from rollout.errors import InputError
from rollout.html import ReportFolder, draw_report, render_page
from rollout.report import LevelReport, OptimisedAgent, OptimizationReport, Outcome
from rollout.report_file import read_report, write_report
from tests.reporting.places import Page, agrees, computed
from tests.reporting.whole_folder import whole_folder
from tests.unit.reports import AGENT, ROLLBACK, report

pytestmark = pytest.mark.slow

SECTIONS = (
    "Criteria", "Plan against actual", "Batches", "Effects against their limits", "Treated against control", "Cost of the change",
    "Rollback against its budget", "Agents before and after", "Bystanders and contamination", "Hub parity", "People",
    "What we could not know", "How to replay",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole folder with its page drawn."""
    folder = whole_folder(tmp_path_factory.mktemp("whole"))
    draw_report(folder)
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    """The page."""
    return (folder / "report.html").read_text(encoding="utf-8")


def test_every_value_is_what_its_place_says(folder: Path, text: str) -> None:
    """Computed again from report.json, judgements.json, the ledger and the samples by code that knows only the places."""
    shown = Page(text).shown
    assert len(shown) > 200
    wrong = [(place, told, value) for place, written, told in shown if not agrees(value := computed(folder, place), written, told)]
    assert not wrong


def test_no_digit_stands_outside_of_such_a_value(text: str) -> None:
    """A number that carries no place could be anything; axes of pictures are scales and not claims."""
    assert not [bare for bare in Page(text).bare if re.search(r"\d", bare)]


def test_another_sample_is_another_page(folder: Path, tmp_path: Path) -> None:
    """The levels beside the figure and the figure itself follow the samples."""
    other = whole_folder(tmp_path)
    file = other / "samples" / "batch-01.parquet"
    frame = pd.read_parquet(file)
    frame.loc[frame["treated"] & (frame["metric"] == "memory"), "value"] *= 1.5
    frame.to_parquet(file, index=False)
    pages = [Page(render_page(ReportFolder.read(each), drawn=False)).shown for each in (folder, other)]
    changed = [place for (place, _, told), (_, _, now) in zip(*pages, strict=True) if told != now]
    assert changed
    assert all("metric=memory treated=true" in place for place in changed)


def test_the_page_needs_nothing_from_elsewhere(text: str) -> None:
    """No script, no picture, font or style of another file; addresses name schemas only."""
    page = Page(text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "iframe", "object", "video")]
    links = [attributes.get(name) or "" for _, attributes in page.tags for name in ("href", "src", "xlink:href") if name in attributes]
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert "@import" not in text
    assert "url(http" not in text


def test_every_section_is_there(text: str) -> None:
    """Also those that this run has nothing for: they say so."""
    for title in SECTIONS:
        assert f">{title}</h2>" in text
    assert "not measured" in text


def test_readers_without_eyes_get_it_all(text: str) -> None:
    """Language, one first heading, pictures with words, columns and rows with headers."""
    page = Page(text)
    assert ("html", {"lang": "en"}) in page.tags
    assert sum(tag == "h1" for tag, _ in page.tags) == 1
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == 6
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert all(attributes["role"] == "img" and set((attributes["aria-labelledby"] or "").split()) <= set(identifiers) for attributes in pictures)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
    assert sum(tag == "caption" for tag, _ in page.tags) == sum(tag == "table" for tag, _ in page.tags)


def test_what_a_run_says_is_text(tmp_path: Path) -> None:
    """An agent's name, a note and a person's reason are somebody else's words."""
    folder = whole_folder(tmp_path, agent="m0/<script>alert(1)</script>", note='"><img src=x onerror=alert(2)>')
    text = render_page(ReportFolder.read(folder))
    assert not [tag for tag, _ in Page(text).tags if tag in ("script", "img", "b")]
    assert "m0/&lt;script&gt;" in text
    assert "&lt;b&gt;seen&lt;/b&gt; it myself" in text


def test_a_report_without_anything_is_a_page_that_says_so(tmp_path: Path) -> None:
    """A run that was refused has no batches, samples, judgements or ledger; its page is whole."""
    write_report(tmp_path, report(batches=(), agents=(), criteria=(), evidence={}, outcome=Outcome.REFUSED, exit_code=2))
    text = render_page(ReportFolder.read(tmp_path))
    for said in ("No batch was begun", "not measured by this run", "Nothing was rolled back", "Nothing that this run was asked for stayed unknown"):
        assert said in text


def test_a_report_of_an_older_version_is_drawn_too(tmp_path: Path) -> None:
    """Fields that it does not have are told as not measured."""
    write_report(tmp_path, report())
    plain = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    for key in ("steps", "checks", "people"):
        del plain[key]
    for agent in plain["agents"]:
        for key in ("started_before", "started_after", "configured_before", "configured_after", "away_seconds"):
            del agent[key]
    (tmp_path / "report.json").write_text(json.dumps(plain), encoding="utf-8")
    text = render_page(ReportFolder.read(tmp_path))
    assert "The times of the steps were not measured by this run." in text


def test_a_rollback_shows_its_clocks_and_who_was_left(tmp_path: Path) -> None:
    """Against the budget; what was not measured says so."""
    left = ROLLBACK.model_copy(update={"quarantined": {"east/B": "cannot be restored"}})
    write_report(tmp_path, report(rollback=left, outcome=Outcome.ROLLBACK_INCOMPLETE, exit_code=5))
    text = render_page(ReportFolder.read(tmp_path))
    shown = {told for _, _, told in Page(text).shown}
    assert {"12.3 s", "120.0 s", "east/B", "cannot be restored"} <= shown
    assert '<figure><svg class="wide"' in text


def test_the_levels_of_a_load_test_stand_in_a_section_of_their_own(tmp_path: Path) -> None:
    """What was not measured of a level says so; a day without levels has no such section."""
    level = LevelReport(
        level="double", rate=4.0, seconds=60.0, began=1.0, scheduled=480, sent=470, lag_p99=None, error_ratio=0.25, errors={}, p50=0.031, p90=None,
        p99=None, p99_9=None, cpu_cores=1.5, resident_mib=2048.0, hub_lag=None, scrape_success=None, ending="errors", held=False,
        because=("too many errors",),
    )  # fmt: skip
    write_report(tmp_path, report(levels=(level,)))
    page = Page(render_page(ReportFolder.read(tmp_path), drawn=False))
    assert {"double", "470", "480", "0.031", "25 %", "too many errors"} <= {told for _, _, told in page.shown}
    assert "Load test" in page.bare
    write_report(tmp_path, report())
    assert "Load test" not in render_page(ReportFolder.read(tmp_path), drawn=False)


def test_what_became_of_each_optimised_agent_stands_in_a_section_of_its_own(tmp_path: Path) -> None:
    """Outcome, ratio with its bound and what was not measured; every number keeps its place; a day that optimises nothing has no such section."""
    row = OptimisedAgent(
        agent="east/A", outcome="applied and proven", rank=1, seconds=(1.25, 0.375), ratio=0.3, upper=0.35, first_request=(0.02, 0.9),
        memory=(80.5, None), confirmed=(None, None), reason="as claimed",
    )  # fmt: skip
    done = OptimizationReport(pattern="proven", claim=0.4, counts={"applied and proven": 1, "reverted": 0}, sentences=("One of one.",), agents=(row,))
    write_report(tmp_path, report(optimization=done))
    page = Page(render_page(ReportFolder.read(tmp_path), drawn=False))
    shown = {told for _, _, told in page.shown}
    assert {"east/A", "applied and proven", "1.25", "0.375", "0.3", "0.35", "80.5", "40 %", "One of one.", "as claimed"} <= shown
    assert not [place for place, written, told in page.shown if not agrees(computed(tmp_path, place), written, told)]
    assert "Optimization" in page.bare
    write_report(tmp_path, report())
    assert "Optimization" not in Page(render_page(ReportFolder.read(tmp_path), drawn=False)).bare


def test_the_page_of_a_large_fleet_keeps_those_that_need_a_look(tmp_path: Path) -> None:
    """Of 10 000 agents the table has part, says so, and begins with the sick one and the one taken back, though they come last; 5 MB hold it."""
    fleet = [AGENT.model_copy(update={"agent": f"east/Agent{number}"}) for number in range(9_998)]
    fleet.append(AGENT.model_copy(update={"agent": "east/Back", "step": "restored"}))
    fleet.append(AGENT.model_copy(update={"agent": "east/Sick", "verified": False}))
    write_report(tmp_path, report(agents=tuple(fleet)))
    text = render_page(ReportFolder.read(tmp_path), drawn=False)
    table = text[text.index("Agents before and after</caption>") :]
    assert table.index("east/Sick") < table.index("east/Back") < table.index("east/Agent0")
    assert "all stand in report.json" in text
    assert len(text.encode()) < 5e6


def test_a_folder_without_a_report_is_bad_input(tmp_path: Path) -> None:
    """Named, and no traceback."""
    with pytest.raises(InputError, match=r"holds no report\.json"):
        draw_report(tmp_path)


def test_the_page_of_a_former_report_goes(folder: Path, tmp_path: Path) -> None:
    """A settled run's new report never stands beside the page of the old one."""
    old = read_report(folder)
    assert old is not None
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    write_report(tmp_path, old)
    assert not (tmp_path / "report.html").exists()
