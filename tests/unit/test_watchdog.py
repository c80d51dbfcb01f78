"""One check of the watchdog: what the hubs answer, what is done, what is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from rollout.clock import Clock, SystemClock
from rollout.errors import InputError, SourceFault
from rollout.failover import Answer, Settings
from rollout.observe.hub_check import HubCheck
from rollout.observe.watchdog import Watchdog, Wiring
from rollout.observe.watchdog_metrics import WatchdogMetrics
from rollout.services.takeover import TakeoverFolders, Target
from tests.fakes.clock import JumpingClock

HUB, PEER = "http://own.test", "http://peer.test"
A, B = (Target("agents", "10.0.0.1:8000", (("agent", agent), ("machine", "east"))) for agent in "AB")
NOW, NEVER = "2026-11-26T11:59:59.123456789Z", "0001-01-01T00:00:00Z"
STANDBY = json.dumps([{"targets": [target.address], "labels": dict(target.labels)} for target in (A, B)])


class Hubs:
    """Two hubs over HTTP: a status for /-/ready each (None: nobody there), and which of its targets the peer has scraped."""

    def __init__(self) -> None:
        self.status: dict[str, HTTPStatus | None] = {"own.test": HTTPStatus.OK, "peer.test": HTTPStatus.OK}
        self.scraped = {A: NOW, B: NOW}
        self.tells = HTTPStatus.OK
        self.asked_for_targets = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        """As Prometheus does."""
        status = self.status[request.url.host]
        if status is None:
            raise httpx.ConnectError("refused")
        if request.url.path == "/-/ready":
            return httpx.Response(status)
        assert (request.url.host, request.url.path) == ("peer.test", "/api/v1/targets")
        self.asked_for_targets += 1
        targets = [self._active(*target) for target in self.scraped.items()]
        return httpx.Response(self.tells, json={"data": {"activeTargets": targets}}, headers={"Date": "Thu, 26 Nov 2026 12:00:00 GMT"})

    def peer_is(self, status: HTTPStatus | None) -> None:
        """The peer answers that from now on."""
        self.status["peer.test"] = status

    @staticmethod
    def _active(target: Target, scraped: str) -> dict[str, object]:
        given = dict(target.labels) | {"__address__": target.address, "job": target.job, "__meta_filepath": "/somewhere.json"}
        # as Prometheus 2.42 tells it: the label that relabelling adds takes the place of the first that sorts after it
        before = {next((each for each in sorted(given) if each > "scraped_by"), "scraped_by"): None}
        discovered = {name: value for name, value in given.items() if name not in before} | {"scraped_by": "peer"}
        labels = {name: value for name, value in given.items() if not name.startswith("__")} | {"scraped_by": "peer", "instance": target.address}
        return {"scrapePool": target.job, "discoveredLabels": discovered, "labels": labels, "lastScrape": scraped, "scrapeInterval": "15s"}


@pytest.fixture
def hubs() -> Hubs:
    """Both well."""
    return Hubs()


def check_of(answer: Callable[[httpx.Request], httpx.Response], timeout: float = 5.0) -> HubCheck:
    """A check over that transport."""
    return HubCheck(HUB, PEER, httpx.Client(transport=httpx.MockTransport(answer)), timeout)


class House:
    """A watchdog over folders of its own."""

    def __init__(self, folder: Path, hubs: Hubs, clock: Clock) -> None:
        self.folder = folder
        self.hubs = hubs
        self.clock = clock
        (folder / "standby").mkdir()
        (folder / "standby" / "agents.json").write_text(STANDBY, encoding="utf-8")
        self.restart()

    def restart(self) -> None:
        """A new process over what lies on disk."""
        folders = TakeoverFolders(self.folder / "standby", self.folder / "takeover")
        self.watchdog = Watchdog(check_of(self.hubs.answer), folders, Settings(fall=3, rise=5), self.clock)

    def checks(self, count: int) -> None:
        """Half a second apart."""
        for _ in range(count):
            self.clock.sleep(0.5)
            self.watchdog.once()

    @property
    def taken(self) -> bool:
        """Whether the hub would read the peer's targets."""
        return (self.folder / "takeover" / "agents.json").exists()

    def told(self, name: str, **labels: str) -> float | None:
        """A sample of the exposition."""
        registry = CollectorRegistry()
        registry.register(WatchdogMetrics(self.watchdog.facts))
        return registry.get_sample_value(f"rollout_watchdog_{name}", labels)


@pytest.fixture
def house(tmp_path: Path, hubs: Hubs) -> House:
    """Nothing taken over, both hubs well, a clock that jumps."""
    return House(tmp_path, hubs, JumpingClock())


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (HTTPStatus.OK, Answer.READY),
        (HTTPStatus.SERVICE_UNAVAILABLE, Answer.FAILED),
        (HTTPStatus.INTERNAL_SERVER_ERROR, Answer.FAILED),
        (HTTPStatus.UNAUTHORIZED, Answer.REFUSED),
        (HTTPStatus.FORBIDDEN, Answer.REFUSED),
        (HTTPStatus.NOT_FOUND, Answer.REFUSED),
        (HTTPStatus.FOUND, Answer.REFUSED),
        (None, Answer.FAILED),
    ],
)
def test_what_each_answer_means(hubs: Hubs, status: HTTPStatus | None, answer: Answer) -> None:
    """200 is ready, 5xx and nobody have failed, and everything else is somebody who lives and was asked wrongly."""
    hubs.peer_is(status)
    assert check_of(hubs.answer).answers() == (Answer.READY, answer)


def test_a_peer_that_trickles_or_hangs_costs_one_timeout_and_not_more(hubs: Hubs) -> None:
    """Both are asked at once and neither holds the other up: the own hub's answer counts although the peer's never comes."""
    release = threading.Event()

    def hanging(request: httpx.Request) -> httpx.Response:
        if request.url.host == "peer.test":
            release.wait(20)
        return hubs.answer(request)

    check = check_of(hanging, timeout=0.2)
    begun = time.monotonic()
    answers = [check.answers() for _ in range(10)]
    took = time.monotonic() - begun
    release.set()
    assert answers[:6] == [(Answer.READY, Answer.FAILED)] * 6
    assert {peer for _, peer in answers} == {Answer.FAILED}
    assert took < 10 * 0.2 + 1


@pytest.mark.parametrize(
    ("scraped", "unproven"),
    [(NOW, 0), ("2026-11-26T19:59:59.987654321+08:00", 0), ("2026-11-26T11:59:30Z", 0), ("2026-11-26T11:59:20Z", 1), (NEVER, 1)],
)
def test_a_target_counts_as_scraped_for_two_intervals_by_the_peers_clock(hubs: Hubs, scraped: str, unproven: int) -> None:
    """Neither one that was never scraped since the start nor one whose scrape is from before a hang."""
    hubs.scraped = {A: scraped}
    assert check_of(hubs.answer).unproven([A]) == unproven


def test_only_the_very_target_is_proven(hubs: Hubs) -> None:
    """A target that the peer knows and has not scraped, one that it does not know, and one with other labels count as unproven."""
    hubs.scraped = {A: NOW, B: NEVER}
    other = Target("agents", A.address, (("agent", "C"),))
    assert check_of(hubs.answer).unproven([A, B, other]) == 2
    assert check_of(hubs.answer).unproven([Target("probe", A.address, A.labels)]) == 1


def test_a_label_that_sorts_late_is_seen_all_the_same(hubs: Hubs) -> None:
    """A hub that tells `scraped_by` in the place of `tier` scrapes that target; one with another tier it does not."""
    mine, other = (Target(A.job, A.address, (*A.labels, ("tier", tier))) for tier in ("required", "optional"))
    hubs.scraped = {mine: NOW}
    assert check_of(hubs.answer).unproven([mine]) == 0
    assert check_of(hubs.answer).unproven([other]) == 1


def test_a_peer_that_does_not_tell_its_targets_is_a_fault(hubs: Hubs) -> None:
    """Nothing is given back on a guess."""
    hubs.tells = HTTPStatus.UNAUTHORIZED
    with pytest.raises(SourceFault, match="does not tell its targets"):
        check_of(hubs.answer).unproven([A])


def test_an_outage_from_its_beginning_to_its_end(house: House, hubs: Hubs) -> None:
    """Taken over at the third failed check, held, given back at the fifth ready one; every step is told."""
    house.checks(2)
    hubs.peer_is(None)
    house.checks(2)
    assert not house.taken
    assert house.told("state", state="suspecting") == 1
    house.checks(1)
    assert house.taken
    assert house.told("state", state="taken_over") == 1
    assert house.told("taken_over_targets") == 2
    assert house.told("detection_seconds") == pytest.approx(1.5)
    hubs.peer_is(HTTPStatus.OK)
    house.checks(4)
    assert house.taken
    assert house.told("state", state="returning") == 1
    house.checks(1)
    assert not house.taken
    assert house.told("state", state="watching") == 1
    assert house.told("taken_over_targets") == 0
    assert house.told("transitions_total", kind="take_over") == house.told("transitions_total", kind="hand_back") == 1


def test_nothing_is_given_back_to_a_peer_that_does_not_scrape_yet(house: House, hubs: Hubs) -> None:
    """Ready is not scraping: one target short, it is kept; the peer is asked for its targets only when all else is fulfilled."""
    hubs.peer_is(None)
    house.checks(3)
    hubs.peer_is(HTTPStatus.OK)
    hubs.scraped = {A: NOW, B: NEVER}
    house.checks(4)
    assert hubs.asked_for_targets == 0
    house.checks(20)
    assert house.taken
    assert house.told("unproven_targets") == 1
    hubs.scraped[B] = NOW
    house.checks(1)
    assert not house.taken


def test_nothing_is_given_back_to_a_peer_that_does_not_tell(house: House, hubs: Hubs, caplog: pytest.LogCaptureFixture) -> None:
    """No answer about its targets is no proof; the trouble is told once."""
    hubs.peer_is(None)
    house.checks(3)
    hubs.peer_is(HTTPStatus.OK)
    hubs.tells = HTTPStatus.INTERNAL_SERVER_ERROR
    house.checks(20)
    assert house.taken
    assert house.told("unproven_targets") is None
    assert [record.message for record in caplog.records if "nothing is given back" in record.message] != []
    assert sum("nothing is given back" in record.message for record in caplog.records) == 1


def test_wrong_credentials_are_told_and_take_over_nothing(house: House, hubs: Hubs) -> None:
    """A peer that answers 401 for ever lives."""
    hubs.peer_is(HTTPStatus.UNAUTHORIZED)
    house.checks(50)
    assert not house.taken
    assert house.told("peer_refused") == 1
    assert house.told("peer_up") == 0


def test_without_its_own_hub_it_takes_over_nothing_and_says_so(house: House, hubs: Hubs) -> None:
    """Both down: hub_down; the own hub's first answer takes over."""
    hubs.status = {"own.test": None, "peer.test": None}
    house.checks(10)
    assert not house.taken
    assert house.told("state", state="hub_down") == 1
    assert house.told("hub_up") == 0
    hubs.status["own.test"] = HTTPStatus.OK
    house.checks(1)
    assert house.taken
    assert house.told("transitions_total", kind="hub_lost") == house.told("transitions_total", kind="hub_found") == 1


def test_a_restart_finds_its_state(house: House, hubs: Hubs) -> None:
    """A new process holds what the old one took over, and takes its whole time before it gives it back."""
    hubs.peer_is(None)
    house.checks(3)
    house.restart()
    house.checks(1)
    assert house.taken
    assert house.told("state", state="taken_over") == 1
    hubs.peer_is(HTTPStatus.OK)
    house.checks(4)
    house.restart()
    house.checks(4)
    assert house.taken
    house.checks(1)
    assert not house.taken


def test_agents_that_join_and_leave_are_followed_while_taken_over(house: House, hubs: Hubs) -> None:
    """The standby's change is in force at the next check."""
    hubs.peer_is(None)
    house.checks(3)
    (house.folder / "standby" / "agents.json").write_text('[{"targets": ["10.0.0.1:8003"]}]', encoding="utf-8")
    house.checks(1)
    assert house.told("taken_over_targets") == 1


def test_an_act_that_fails_is_told_and_tried_again(house: House, hubs: Hubs) -> None:
    """Without a standby folder nothing can be taken over; it is counted at each check, and done once the folder is back."""
    (house.folder / "standby").rename(house.folder / "elsewhere")
    hubs.peer_is(None)
    house.checks(6)
    assert house.told("act_failures_total") == 4
    assert house.told("transitions_total", kind="take_over") == 0
    (house.folder / "elsewhere").rename(house.folder / "standby")
    house.checks(1)
    assert house.taken
    assert house.told("transitions_total", kind="take_over") == 1


def test_before_the_first_check_nothing_is_claimed(house: House) -> None:
    """Neither hub is said to be up or down."""
    assert house.told("peer_up") is None
    assert house.told("hub_up") is None
    assert house.told("transitions_total", kind="take_over") == 0


class Stop(Exception):  # noqa: N818
    """Ends an endless loop."""


@pytest.fixture
def paced(tmp_path: Path, hubs: Hubs) -> tuple[House, list[float]]:
    """A house whose clock stops it after 20 s, and the seconds at which it slept."""
    clock, slept = JumpingClock(0.0), []

    def note(now: float) -> None:
        slept.append(now)
        if now > 20:
            raise Stop

    clock.on_sleep = note
    return House(tmp_path, hubs, clock), slept


def test_checks_keep_their_pace(paced: tuple[House, list[float]]) -> None:
    """One every interval, without drift."""
    house, slept = paced
    with pytest.raises(Stop):
        house.watchdog.run(0.5)
    assert slept == [0.5 * number for number in range(1, 42)]


def test_an_interval_of_nothing_is_refused(tmp_path: Path) -> None:
    """A watchdog without a pace would load both hubs for ever."""
    with pytest.raises(InputError, match="--interval"):
        Wiring(HUB, PEER, tmp_path, tmp_path, "127.0.0.1:0", 0.0, Settings(3, 5))


def test_the_systems_clock_serves(tmp_path: Path, hubs: Hubs) -> None:
    """The same check on a real clock."""
    house = House(tmp_path, hubs, SystemClock())
    house.watchdog.once()
    assert house.told("peer_up") == 1
