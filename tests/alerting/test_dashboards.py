"""The dashboards: the committed JSON is what the code writes, and an empty panel is not overlooked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from dashboards.boards import BOARDS
from dashboards.build import rendered
from rollout.errors import InputError, SourceFault
from rollout.observe.dashboards import JSON_FOLDER, Needs, panel_queries
from rollout.verdict import Verdict
from tasks.dashboards import AFTER_DAY_4, BEFORE_THE_WEEK, check_dashboards


class Hub:
    """A hub that answers every query but some. empty, refused: parts of queries."""

    name = "told"

    def __init__(self, empty: str = "", refused: str = "") -> None:
        self._empty, self._refused = empty, refused

    def usable(self) -> Hub:
        """Itself."""
        return self

    def now(self, query: str) -> pd.DataFrame:
        """One row."""
        if self._refused and self._refused in query:
            raise SourceFault("told refuses the query")
        return pd.DataFrame([] if self._empty and self._empty in query else [{"value": 1.0}])


class Place:
    """As much of a site as the check needs."""

    def __init__(self, hub: object) -> None:
        self.sources = hub
        self.clock = type("Clock", (), {"now": staticmethod(lambda: 1.0)})()


def check(hub: object, happened: frozenset[Needs], folder: Path = JSON_FOLDER) -> dict[str, Verdict]:
    """Verdict by dashboard; a dashboard's title has a colon of its own."""
    return {":".join(finding.sentence.split(":")[:2]): finding.verdict for finding in check_dashboards.fn(Place(hub), happened, folder)}


def test_the_committed_json_is_what_the_code_writes() -> None:
    """After a change run `python -m dashboards`."""
    assert {file.stem: file.read_text(encoding="utf-8") for file in JSON_FOLDER.glob("*.json")} == {board.name: rendered(board) for board in BOARDS}


def test_all_six_are_there_and_each_can_show_something_before_the_week_or_says_why_not() -> None:
    """Fleet, batches, changed against unchanged, clocks, hubs and escalation; every panel says what it waits for, in the plan's order of events."""
    queries = panel_queries(JSON_FOLDER)
    assert len({query.dashboard for query in queries}) == 6
    assert {query.needs for query in queries} == set(Needs)
    assert any(query.panel.startswith("marks: ") for query in queries)


def test_a_query_that_returns_nothing_fails_its_dashboard_and_no_other() -> None:
    """With an answer to everything all pass; one empty panel that is due fails its own board, by name; one that is not due yet does not."""
    assert set(check(Hub(), AFTER_DAY_4).values()) == {Verdict.PASS}
    failed = check(Hub(empty="probe_success"), BEFORE_THE_WEEK)
    assert failed["Rollout: fleet"] is Verdict.FAIL
    assert failed["Rollout: hubs"] is Verdict.PASS
    assert "Rollout: batches" not in failed  # nothing of it is due, so nothing is said of it
    assert check(Hub(empty="rollout_batch_agents"), BEFORE_THE_WEEK)["Rollout: fleet"] is Verdict.PASS
    assert check(Hub(empty="rollout_batch_agents"), AFTER_DAY_4)["Rollout: batches"] is Verdict.FAIL


def test_a_query_that_the_hub_refuses_fails_whenever() -> None:
    """Also one that is not due yet."""
    assert check(Hub(refused="rollout_watchdog"), BEFORE_THE_WEEK)["Rollout: hubs"] is Verdict.FAIL


def test_without_a_hub_or_without_dashboards_nothing_is_met(tmp_path: Path) -> None:
    """A silent hub is not measured; an empty folder, a broken file and a panel that asks nothing are failures."""

    class Silent:
        name = "silent"

        def usable(self) -> object:
            raise SourceFault("silent does not answer")

    (finding,) = check_dashboards.fn(Place(Silent()), BEFORE_THE_WEEK)
    assert finding.verdict is Verdict.ERROR
    assert check(Hub(), BEFORE_THE_WEEK, tmp_path) == {f"{tmp_path}: holds no dashboards": Verdict.FAIL}
    shutil.copy(JSON_FOLDER / "rollout-fleet.json", tmp_path)
    content = json.loads((tmp_path / "rollout-fleet.json").read_text())
    content["panels"][0]["targets"] = []
    (tmp_path / "rollout-fleet.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="asks nothing"):
        panel_queries(tmp_path)
