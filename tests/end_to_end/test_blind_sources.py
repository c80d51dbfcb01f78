"""Day 0 and day 1 against a real Prometheus that knows nothing, knows only the past, or knows only some agents."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab import binaries
from rollout.verdict import Standing
from tests.end_to_end.commands import Commands
from tests.end_to_end.place import Place
from tests.lab.world_of_six import eventually
from tests.ports import unused_port

pytestmark = [pytest.mark.lab, pytest.mark.full]

MEASURED = {"D0.4", "P.4", "D1.1", "D1.2", "D1.5", "D1.6", "D1.7"}
"""Criteria that rest on what the source knows of agents; the others of day 0 have witnesses of their own, D0.3 asks only whether exporters answer."""


@contextmanager
def prometheus(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """A Prometheus of the test's own over the data in that folder; its URL."""
    file, url = folder / "prometheus.yaml", f"http://127.0.0.1:{unused_port()}"
    file.write_text(json.dumps(config))
    listen, data = url.removeprefix("http://"), folder / "data"
    with (folder / "log").open("w") as log:
        words = [binaries.find("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address={listen}"]
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        eventually(lambda: answers(f"{url}/-/ready"))
        yield url
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    """Whether that answers 200."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def as_the_lab(place: Place, without: set[str] = frozenset()) -> dict[str, Any]:
    """What the lab's own Prometheus measures from outside, but for those agents."""
    config = json.loads((place.site.machine("mainpc").folder / "prometheus.yaml").read_text())
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] != "agents"]
    if without:
        labels = {"source_labels": ["machine", "agent"], "separator": "/", "regex": "|".join(sorted(without)), "action": "drop"}
        for job in config["scrape_configs"]:
            job["metric_relabel_configs"] = [*job.get("metric_relabel_configs", []), labels]
    return config


def measured(place: Place, url: str) -> set[str]:
    """The place's agents that have a CPU figure there now."""
    query = {"query": "rollout_process_cpu_seconds_total"}
    found = httpx.get(f"{url}/api/v1/query", params=query, timeout=5, trust_env=False).json()["data"]["result"]
    return {f"{each['metric']['machine']}/{each['metric']['agent']}" for each in found} & set(place.site.agents)


@contextmanager
def told_by(place: Place, url: str) -> Iterator[Place]:
    """The same place asked through that source alone; its site file is there for as long as this lasts."""
    file = place.file.with_name(f"{place.name}-blind.yaml")
    file.write_text(f"{place.file.read_text()}sources:\n  - {{name: blind, url: '{url}'}}\n")
    try:
        yield Place(file)
    finally:
        file.unlink()


def assert_nothing_is_met(place: Place, commands: Commands, day: str, url: str) -> None:
    """Refused with exit code 2, no criterion that rests on the source is met, and nobody was touched."""
    before = place.seen()
    with told_by(place, url) as blind:
        run = commands.start(blind, day)
        assert run.end().code == 2, run.output
        verdicts = {criterion.id: criterion.verdict for criterion in run.report.criteria}
        assert Standing.MET not in {verdict for each, verdict in verdicts.items() if each in MEASURED}
        assert {entry["agent"] for entry in run.ledger if entry["step"] == "intended"} == set()
    assert place.seen() == before


@pytest.mark.parametrize("day", ["day-0", "day-1"])
def test_a_source_without_data(six: Place, commands: Commands, day: str, tmp_path: Path) -> None:
    """A Prometheus that answers and scrapes nothing proves nothing."""
    with prometheus(tmp_path, {"scrape_configs": []}) as url:
        assert_nothing_is_met(six, commands, day, url)


@pytest.mark.parametrize("day", ["day-0", "day-1"])
def test_a_source_that_stopped_scraping(six: Place, commands: Commands, day: str, tmp_path: Path) -> None:
    """It had all it takes until a few seconds ago; the past is no baseline."""
    with prometheus(tmp_path, as_the_lab(six)) as url:
        filled(lambda: measured(six, url) == set(six.site.agents))
    with prometheus(tmp_path, {"scrape_configs": []}) as url:
        assert_nothing_is_met(six, commands, day, url)


@pytest.mark.parametrize("day", ["day-0", "day-1"])
def test_a_source_that_sees_60_of_77(fleet_of_77: Place, commands: Commands, day: str, tmp_path: Path) -> None:
    """Sixty good agents do not stand for seventeen that nobody saw."""
    unseen = set(sorted(fleet_of_77.site.agents)[::4][:17])
    with prometheus(tmp_path, as_the_lab(fleet_of_77, unseen)) as url:
        filled(lambda: len(measured(fleet_of_77, url)) == 60)
        assert_nothing_is_met(fleet_of_77, commands, day, url)


def filled(ready: Callable[[], bool]) -> None:
    """Wait until that is so; the first scrapes come within seconds."""
    eventually(ready, 60)
