"""Each fault visibly does what it says, and clearing it ends it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab.site import EXPORTER_PORT
from tests.lab.world_of_six import Six, eventually, get

pytestmark = [pytest.mark.lab, pytest.mark.full]
SICK = "pc2/CacheManager"
WELL = "pc2/MemoryOrchestratorService"


@pytest.fixture(scope="module")
def active(six: Six) -> Six:
    """The lab of six with the metrics of one agent on."""
    six.activate(SICK)
    return six


@pytest.fixture
def inject(active: Six) -> Iterator[Callable[..., None]]:
    """Puts a fault in force for one test."""

    def put(*words: str) -> None:
        done = active.run("fault", *words)
        assert done.returncode == 0, done.stderr

    yield put
    cleared = active.run("fault", "clear")
    assert cleared.returncode == 0, cleared.stderr
    eventually(lambda: active.run("status").returncode == 0)


def work_seconds(lab: Six, agent: str) -> float:
    """The fastest of five requests, which a busy machine disturbs least."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        lab.get(agent, "/work")
        took.append(time.monotonic() - began)
    return min(took)


def grown(lab: Six, name: str, seconds: float) -> float:
    """How much more the sick agent's counter grew than the well one's, as a ratio."""
    before = lab.series("pc2", EXPORTER_PORT)
    time.sleep(seconds)
    after = lab.series("pc2", EXPORTER_PORT)
    return (after[name, "CacheManager"] - before[name, "CacheManager"]) / (
        after[name, "MemoryOrchestratorService"] - before[name, "MemoryOrchestratorService"]
    )


def test_latency(active: Six, inject: Callable[..., None]) -> None:
    """A work request takes twice as long at +100 %, on the agents that were named only."""
    inject("latency", "--percent", "100", "--agents", SICK)
    eventually(lambda: work_seconds(active, SICK) > 0.045)
    assert work_seconds(active, WELL) < 0.045


def test_a_fault_waits_for_metrics_unless_told_otherwise(active: Six, inject: Callable[..., None]) -> None:
    """Agents whose metrics are off are spared by default and hit with --always."""
    inject("never-healthy")
    eventually(lambda: active.get(SICK, "/health")[0] == 503)
    assert active.get(WELL, "/health")[0] == 200
    inject("never-healthy", "--agents", WELL, "--always")
    eventually(lambda: active.get(WELL, "/health")[0] == 503)


def test_cpu(active: Six, inject: Callable[..., None]) -> None:
    """An agent at +100 % takes about twice the CPU time of its neighbour under the same load."""
    inject("cpu", "--percent", "100", "--agents", SICK)
    eventually(lambda: 1.7 < grown(active, "rollout_process_cpu_seconds_total", 2) < 2.6)


def test_memory(active: Six, inject: Callable[..., None]) -> None:
    """An agent at +50 % is half as big again."""
    before = active.series("pc2", EXPORTER_PORT)["rollout_process_resident_bytes", "CacheManager"]
    inject("memory", "--percent", "50", "--agents", SICK)
    eventually(lambda: 1.4 < active.series("pc2", EXPORTER_PORT)["rollout_process_resident_bytes", "CacheManager"] / before < 1.6)


def test_leak(active: Six, inject: Callable[..., None]) -> None:
    """An agent at +600 % a minute is a fifth bigger after two seconds and keeps growing."""
    before = active.series("pc2", EXPORTER_PORT)["rollout_process_resident_bytes", "CacheManager"]
    inject("leak", "--percent", "600", "--agents", SICK)
    for share in (1.1, 1.3):
        eventually(lambda share=share: active.series("pc2", EXPORTER_PORT)["rollout_process_resident_bytes", "CacheManager"] / before > share)


def test_errors(active: Six, inject: Callable[..., None]) -> None:
    """At 50 % every other request fails."""
    inject("errors", "--percent", "50", "--agents", SICK)
    eventually(lambda: 4 <= [active.get(SICK, "/work")[0] for _ in range(10)].count(500) <= 6)


def test_crash_at_start(active: Six, inject: Callable[..., None]) -> None:
    """The agent runs on until it is restarted, and then does not come up while the fault is in force."""
    inject("crash-at-start", "--agents", SICK)
    assert active.state(SICK) == "RUNNING"
    active.supervisor("pc2").call("supervisor.stopProcess", "CacheManager")
    active.supervisor("pc2").call("supervisor.startProcess", "CacheManager", False)
    eventually(lambda: active.state(SICK) == "BACKOFF")
    assert active.health(SICK) == {}


def test_crash_after(active: Six, inject: Callable[..., None]) -> None:
    """The process ends by itself and its supervisor starts another."""
    before = active.health(SICK)["pid"]
    inject("crash-after", "--seconds", "1", "--agents", SICK)
    eventually(lambda: active.health(SICK).get("pid", before) != before)


def test_lies(active: Six, inject: Callable[..., None]) -> None:
    """/health says that metrics are on while /metrics is not there."""
    inject("lies", "--agents", SICK)
    eventually(lambda: active.get(SICK, "/metrics")[0] == 404)
    assert active.features(SICK)["metrics"] == "on"


def test_malformed(active: Six, inject: Callable[..., None]) -> None:
    """/metrics answers 200 with what no parser takes."""
    inject("malformed", "--agents", SICK)
    eventually(lambda: b"<html>" in active.get(SICK, "/metrics")[1])
    status, text = active.get(SICK, "/metrics")
    assert status == 200
    with pytest.raises(ValueError, match=r"."):
        list(text_string_to_metric_families(text.decode()))


def test_truncated(active: Six, inject: Callable[..., None]) -> None:
    """/metrics ends before the length that it announced."""
    inject("truncated", "--agents", SICK)

    def is_cut() -> bool:
        try:
            active.get(SICK, "/metrics")
        except http.client.IncompleteRead:
            return True
        return False

    eventually(is_cut)


def test_hangs(active: Six, inject: Callable[..., None]) -> None:
    """Work, health and metrics take a connection and never answer."""
    inject("hangs", "--agents", SICK)
    time.sleep(1)
    for path in ("/work", "/health", "/metrics"):
        with pytest.raises(TimeoutError):
            active.get(SICK, path, timeout=0.4)


def test_exporter_dead(active: Six, inject: Callable[..., None]) -> None:
    """Only the named machine's exporter is gone."""
    inject("exporter-dead", "--machine", "pc2")
    with pytest.raises(ConnectionRefusedError):
        active.series("pc2", EXPORTER_PORT)
    assert active.series("mainpc", EXPORTER_PORT)


def test_prometheus_down(active: Six, inject: Callable[..., None]) -> None:
    """The hub refuses connections until the fault is cleared."""
    inject("prometheus-down")
    hub = active.site.hubs[0]
    with pytest.raises(ConnectionRefusedError):
        get(hub.address, hub.port, "/-/ready")


def test_noisy_neighbour(active: Six, inject: Callable[..., None]) -> None:
    """A stranger joins and all agents of its machine slow down, with metrics on or off; it leaves when the fault is cleared."""
    before = set(active.processes())
    inject("noisy-neighbour", "--machine", "pc2", "--percent", "100")
    strangers = set(active.processes()) - before
    assert len(strangers) == 1
    eventually(lambda: work_seconds(active, SICK) > 0.045 and work_seconds(active, WELL) > 0.045)
    assert work_seconds(active, "mainpc/ServiceRegistry") < 0.045
    active.run("fault", "clear")
    eventually(lambda: not strangers & set(active.processes()))


def test_supervisord_killed_and_back(active: Six, inject: Callable[..., None]) -> None:
    """The new supervisord says RUNNING while orphans of the old one answer; clearing leaves one healthy process each."""
    before = active.health(SICK)["pid"]
    inject("supervisord-killed", "--machine", "pc2", "--back-after", "0.5")
    eventually(lambda: active.state(SICK) == "RUNNING")
    assert active.health(SICK)["pid"] == before
    assert f"answered by pid {before}, an orphan" in active.run("status").stdout
    active.run("fault", "clear")
    eventually(lambda: active.run("status").returncode == 0)
    assert active.health(SICK)["pid"] != before


def test_restarted(active: Six, inject: Callable[..., None]) -> None:
    """The named agents get new processes; nothing stays in force."""
    before = {agent: active.health(agent)["pid"] for agent in (SICK, WELL)}
    inject("restarted", "--agents", SICK)
    eventually(lambda: active.health(SICK).get("pid", before[SICK]) != before[SICK])
    assert active.health(WELL)["pid"] == before[WELL]
    assert active.run("fault", "list").stdout.strip() == "no faults in force"
