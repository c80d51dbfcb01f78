"""The generator against real servers: a slow one is not spared, a broken one is counted, and a generator that cannot keep up says so."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from rollout.errors import GeneratorFault, Refused
from rollout.load.generator import Generator, make_room
from rollout.load.measured import Ending, ErrorKind, Measured
from rollout.load.order import Order, Target, WeightedUrl
from rollout.load.process import GeneratorProcess
from rollout.plan.load import GeneratorLimits, StopConditions
from tests.load.tiny_server import TinyServer, tiny_server

pytestmark = pytest.mark.lab
LENIENT = StopConditions(requests=10_000, error_ratio=1, latency=60)
LIMITS = GeneratorLimits(min_achieved=0.9, max_lag=0.5)  # wide, since tests share their machine


def order(*urls: str, rate: float = 50.0, seconds: float = 1.0, timeout: float = 1.0, stop: StopConditions = LENIENT) -> Order:
    """That many requests a second to each of these."""
    targets = tuple(Target(agent=f"east/Agent{number}", rate=rate, requests=(WeightedUrl(url=url, weight=1),)) for number, url in enumerate(urls))
    return Order(level="level", seconds=seconds, timeout=timeout, runs=2, seed=1, stop=stop, targets=targets)


def generated(asked: Order) -> Measured:
    """That level in this process."""
    return asyncio.run(Generator(asked).run(asyncio.Event()))


def test_a_level_arrives_as_it_was_ordered() -> None:
    """All requests of both targets reach their server, are answered and are counted; the generator keeps up."""
    with tiny_server() as one, tiny_server() as other:
        seen = generated(order(one.url, other.url))
        assert (one.requests, other.requests) == (50, 50)
    assert [(each.agent, each.scheduled, each.sent, each.failed) for each in seen.targets] == [("east/Agent0", 50, 50, 0), ("east/Agent1", 50, 50, 0)]
    assert seen.latency.total == 100
    assert (seen.ending, seen.achieved, seen.error_ratio) == (Ending.FINISHED, 1.0, 0.0)
    assert seen.kept_up(LIMITS)
    assert 0.9 < seen.ended - seen.began < 2.0


def test_a_slow_server_is_not_spared() -> None:
    """It stalls once for half a second: requests due meanwhile are sent all the same and count from their moment, and so do those that it holds."""
    stall = {"until": 0.0}

    def delay(number: int) -> float:
        if number == 30:
            stall["until"] = time.monotonic() + 0.5
        return max(0.0, stall["until"] - time.monotonic())

    with tiny_server(delay) as server:
        seen = generated(order(server.url, rate=100))
        assert server.requests == 100
    # half of the level fell into the stall and waited a quarter of a second on average; a closed loop would report one slow request of a hundred
    assert (seen.latency.percentile(0.75) or 0) > 0.15
    assert (seen.latency.percentile(0.99) or 0) > 0.4
    assert seen.kept_up(LIMITS)


def test_a_server_that_never_answers_times_out_and_counts() -> None:
    """A timeout is an error with the latency that it had at least; it does not vanish from the percentiles."""
    with tiny_server(lambda _number: 5.0) as server:
        seen = generated(order(server.url, rate=20, timeout=0.3))
    assert seen.targets[0].errors == {ErrorKind.TIMEOUT: 20}
    assert seen.error_ratio == 1.0
    assert (seen.latency.percentile(0.5) or 0) >= 0.3


def test_errors_are_told_apart_and_do_not_look_fast() -> None:
    """A 500, a hung-up connection and a closed port are three kinds, and none of them lends its quickness to the latency."""
    with tiny_server(status=lambda number: 500 if number % 2 else 200) as half, tiny_server(status=lambda _number: None) as rude:
        closed = f"http://127.0.0.1:{half.port + 1 if half.port + 1 != rude.port else half.port + 2}/work"
        seen = generated(order(half.url, rude.url, closed, rate=20))
        answered = half.requests
    failed, dropped, unheard = seen.targets
    assert failed.errors == {ErrorKind.STATUS: answered // 2}
    assert dropped.errors == {ErrorKind.BROKEN: dropped.sent}
    assert unheard.errors == {ErrorKind.CONNECT: unheard.sent}
    assert seen.latency.total == answered - answered // 2


@pytest.mark.parametrize(
    ("stop", "ending", "reason"),
    [
        (StopConditions(requests=20, error_ratio=0.4, latency=60), Ending.ERRORS, "10 of 20 requests failed, more than 0.4 of them"),
        (StopConditions(requests=20, error_ratio=1, latency=0.05), Ending.LATENCY, "the 99th percentile of 20 requests was "),
    ],
)
def test_a_level_ends_by_itself_and_says_why(stop: StopConditions, ending: Ending, reason: str) -> None:
    """Half of the answers are errors after 0.1 s: whichever condition is met first ends the level at once, with what was seen."""
    with tiny_server(lambda _number: 0.1, lambda number: 500 if number % 2 else 200) as server:
        seen = generated(order(server.url, rate=100, seconds=20, stop=stop))
    assert seen.ending is ending
    assert seen.reason.startswith(reason)
    assert seen.ended - seen.began < 3
    assert seen.sent < 200


def test_a_generator_that_cannot_keep_up_is_not_measured() -> None:
    """Far more requests than one process can send: it stops at the level's end all the same, and what it saw counts for nothing."""
    with tiny_server() as server:
        seen = generated(order(server.url, rate=50_000, seconds=0.5))
    assert seen.achieved < 0.9
    assert not seen.kept_up(LIMITS)
    assert seen.ended - seen.began < 4


def test_a_lagging_generator_is_not_measured() -> None:
    """All were sent, but too late: what the callers felt is then partly the generator's own doing."""
    with tiny_server() as server:
        seen = generated(order(server.url))
    assert seen.kept_up(LIMITS)
    late = seen.model_copy(update={"lag": {900: seen.sent}})
    assert late.achieved == 1.0
    assert not late.kept_up(LIMITS)
    assert not seen.model_copy(update={"lag": {}}).kept_up(LIMITS)


def test_as_many_files_as_requests_can_be_under_way() -> None:
    """A level that would run out of connections is refused before it begins."""
    with pytest.raises(Refused, match="open connections"):
        make_room(order("http://a/", rate=1e9))


def test_the_generator_works_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Order in, result out, the child gone."""
    with tiny_server() as server, GeneratorProcess(order(server.url), tmp_path) as generator:
        assert generator.pid != os.getpid()
        until_ended(generator)
        seen = generator.measured()
        assert server.requests == 50
    assert (seen.sent, seen.ending) == (50, Ending.FINISHED)
    assert not generator.at_work


def test_leaving_the_block_stops_the_child_at_once(tmp_path: Path) -> None:
    """Whatever ends its owner's work (Ctrl-C, a cancelled run) ends the generator, which still says what it saw."""
    with tiny_server() as server:
        generator = GeneratorProcess(order(server.url, seconds=600), tmp_path)
        with pytest.raises(KeyboardInterrupt), generator:
            interrupted_after(server, 20)
        assert not Path(f"/proc/{generator.pid}").exists()
        sent = server.requests
        seen = generator.measured()
        time.sleep(0.2)
        assert server.requests == sent
    assert seen.ending is Ending.ASKED
    assert seen.sent >= 20
    assert seen.stopped(Ending.RESTART, "an agent died").reason == "an agent died"


def test_a_generator_does_not_outlive_an_owner_that_was_killed(tmp_path: Path) -> None:
    """SIGKILL leaves no time to say goodbye: the end of its standard input stops the child."""
    with tiny_server() as server:
        owner = os.fork()
        if owner == 0:
            GeneratorProcess(order(server.url, seconds=600), tmp_path)
            time.sleep(600)
        while server.requests < 5:
            time.sleep(0.02)
        os.kill(owner, signal.SIGKILL)
        os.waitpid(owner, 0)
        time.sleep(0.5)
        sent = server.requests
        time.sleep(0.5)
        assert server.requests == sent


def test_a_dead_generator_is_a_fault_with_its_last_words(tmp_path: Path) -> None:
    """Killed, it leaves no result; nobody takes that for a level that held."""
    with tiny_server() as server, GeneratorProcess(order(server.url, seconds=600), tmp_path) as generator:
        os.kill(generator.pid, signal.SIGKILL)
        until_ended(generator)
        with pytest.raises(GeneratorFault, match="code -9"):
            generator.measured()


def test_a_refused_order_says_why(tmp_path: Path) -> None:
    """The reason travels from the child's log to its owner."""
    with GeneratorProcess(order("http://a/", rate=1e9), tmp_path) as generator:
        until_ended(generator)
        with pytest.raises(GeneratorFault, match="code 1: level level may need"):
            generator.measured()


def interrupted_after(server: TinyServer, requests: int) -> None:
    """Ctrl-C, once that many have come."""
    while server.requests < requests:
        time.sleep(0.02)
    raise KeyboardInterrupt


def until_ended(generator: GeneratorProcess) -> None:
    """Waits until the child has ended by itself."""
    ends = time.monotonic() + 20
    while generator.at_work:
        assert time.monotonic() < ends
        time.sleep(0.02)
