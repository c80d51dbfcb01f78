"""The embedded server against real processes: every test starts from a server that is up, whatever the one before did to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from deployments import server
from deployments.address import ServerAddress, api_url, folder_of
from deployments.api import client_of, insist
from deployments.apply import apply
from deployments.ports import free
from deployments.processes import ServerProcess, processes_of
from deployments.programs import HOST
from deployments.trigger import trigger
from deployments.watch import EventKind, RunEvent, watch
from rollout.clock import SystemClock
from rollout.errors import InputError, Refused
from tests.ports import unused_port

MANIFEST = Path(__file__).with_name("prefect.yaml")

pytestmark = pytest.mark.lab


def eventually(ready: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until that is so."""
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "did not become true in time"
        time.sleep(0.1)


class World:
    """One state folder with its server."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.folder = folder_of(state)
        self.port = unused_port()

    def up(self) -> ServerAddress:
        """The server is up and knows the test's deployment."""
        address = server.up(self.state, self.port)
        apply(address.api_url, MANIFEST)
        return address

    def processes(self, run: str | None = None) -> tuple[ServerProcess, ...]:
        """The server's living processes, or those of a run."""
        return tuple(each for each in processes_of(self.folder) if run is None or each.run == run)

    def start(self, **parameters: object) -> str:
        """A run of the napping flow."""
        return trigger("nap", {"parameters": parameters}, api_url(self.state))

    def watch(self, run: str, on_event: Callable[[RunEvent], None] = lambda _: None):
        """Follow a run to its end."""
        return watch(run, on_event, api_url=api_url(self.state), deadline=60, poll=0.5)

    def at_work(self, run: str) -> ServerProcess:
        """The process of a run, once its first task has begun."""
        with client_of(api_url(self.state)) as client:
            eventually(lambda: (state := client.read_flow_run(run).state) and state.type is StateType.RUNNING)
        time.sleep(1.0)
        return self.processes(run)[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A state folder for this file; whatever happens in it, nothing of it stays."""
    world = World(tmp_path_factory.mktemp("up"))
    # The worst parent: a shell's background job, which ignores the signal that Prefect stops workers with.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        world.up()
    finally:
        signal.signal(signal.SIGINT, before)
    yield world
    server.down(world.state, force=True)


@pytest.fixture
def running(world: World) -> World:
    """The world with its server up again, repaired when the test before broke it."""
    world.up()
    return world


def test_a_run_completes_and_its_events_tell_the_story(running: World) -> None:
    """A triggered run is seen from Scheduled to Completed, each task from Running to Completed in order, and its log lines arrive."""
    events: list[RunEvent] = []
    final = running.watch(running.start(seconds=0.5), events.append)
    assert final.type is StateType.COMPLETED
    assert [each.state for each in events if each.kind is EventKind.RUN][-1] is StateType.COMPLETED
    completed = [each.name for each in events if each.kind is EventKind.TASK and each.state is StateType.COMPLETED]
    assert completed == ["rest 1 of 3", "rest 2 of 3", "rest 3 of 3"]
    lines = [each.text for each in events if each.kind is EventKind.LOG]
    assert [line for line in lines if line.startswith("rested")] == ["rested 1", "rested 2", "rested 3"]


@pytest.mark.parametrize(
    ("parameters", "key"), [({"parameters": {"seconds": -1}}, "parameters.seconds"), ({"parameters": {"sceonds": 1}}, "parameters"), ({}, "")]
)
def test_wrong_parameters_are_refused_by_name(running: World, parameters: dict[str, object], key: str) -> None:
    """What the schema forbids never becomes a run, and the error says which field."""
    with client_of(api_url(running.state)) as client:
        before = len(client.read_flow_runs())
        with pytest.raises(InputError) as error:
            trigger("nap", parameters, api_url(running.state))
        assert len(client.read_flow_runs()) == before
    assert error.value.key == key
    assert error.value.reason


def test_an_unknown_deployment_is_refused(running: World) -> None:
    """A name that nobody deployed is said to be unknown."""
    with pytest.raises(Refused, match="knows no deployment day-9"):
        trigger("day-9", {}, api_url(running.state))


def test_a_killed_run_is_seen_as_crashed(running: World) -> None:
    """Kill -9 of the flow's process ends in Crashed, which is what a settling run waits for."""
    run = running.start(seconds=30)
    os.kill(running.at_work(run).pid, signal.SIGKILL)
    assert running.watch(run).type is StateType.CRASHED


@pytest.mark.full
def test_one_run_at_a_time_and_none_is_stopped_by_accident(running: World) -> None:
    """A second run of a deployment is cancelled, `down` refuses while the first works, and cancelling it lets the flow take back."""
    run = running.start(seconds=30)
    running.at_work(run)
    assert running.watch(running.start()).type is StateType.CANCELLED
    with pytest.raises(Refused, match=f"runs are at work: {run}"):
        server.down(running.state)
    assert server.status(running.state).whole
    with client_of(api_url(running.state)) as client:
        client.request("POST", f"/flow_runs/{run}/set_state", json={"state": {"type": "CANCELLING"}})
    assert running.watch(run).type is StateType.CANCELLED
    eventually(lambda: not running.processes(run))


@pytest.mark.full
def test_a_run_outlives_its_server(running: World) -> None:
    """The server is killed below a run: supervision brings it back, the run completes and its watcher never gives up."""
    run = running.start(seconds=4)
    events: list[RunEvent] = []

    def kill_below_the_first_task(event: RunEvent) -> None:
        if event.kind is EventKind.TASK and not any(each.kind is EventKind.TASK for each in events):
            os.kill(next(each.pid for each in running.processes() if "server start" in each.command), signal.SIGKILL)
        events.append(event)

    assert running.watch(run, kill_below_the_first_task).type is StateType.COMPLETED
    assert [each.text for each in events if each.kind is EventKind.CONNECTION][-1] == "the server answers again"


@pytest.mark.full
def test_a_run_outlives_its_worker(running: World) -> None:
    """The worker is killed below a run: the run goes on, writes its lines and completes, and a new worker stands ready."""
    run = running.start(seconds=2)
    running.at_work(run)
    worker = next(each.pid for each in running.processes() if "--pool rollout " in each.command)
    os.kill(worker, signal.SIGKILL)
    assert running.watch(run).type is StateType.COMPLETED
    eventually(lambda: server.status(running.state).whole)
    assert worker not in {each.pid for each in running.processes()}


def test_up_leaves_a_server_alone_and_apply_leaves_a_switched_schedule(running: World) -> None:
    """Doing it twice is doing it once: the same processes, the same deployment, and the schedule a person switched on stays on."""
    programs = [(each.name, each.pid) for each in server.status(running.state).programs]
    with client_of(api_url(running.state)) as client:
        before = client.read_deployment_by_name("nap/nap")
        assert [(each.slug, each.active) for each in before.schedules] == [("plan", False)]
        insist(lambda: client.update_deployment_schedule(before.id, before.schedules[0].id, active=True), SystemClock())
        running.up()
        after = client.read_deployment_by_name("nap/nap")
    assert (after.id, [each.active for each in after.schedules]) == (before.id, [True])
    assert [(each.name, each.pid) for each in server.status(running.state).programs] == programs
    with pytest.raises(Refused, match=f"already runs on port {running.port}"):
        server.up(running.state, unused_port())


def test_its_children_get_default_signals(running: World) -> None:
    """Though the starter ignored SIGINT, no process of the server does: they could not be stopped."""
    for each in running.processes():
        ignored = next(line for line in Path(f"/proc/{each.pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
        assert not int(ignored.split()[1], 16) & (1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1)), each.command


@pytest.mark.full
def test_it_is_replaced_after_its_supervisor_was_killed(running: World) -> None:
    """Orphans of a killed supervisord hold the port; `up` ends them and brings up a whole server on the same port."""
    before = {each.pid for each in running.processes()}
    os.kill(next(each.pid for each in running.processes() if "supervisord" in each.command), signal.SIGKILL)
    assert not server.status(running.state).whole
    assert not free(HOST, running.port)
    server.up(running.state, running.port)
    assert server.status(running.state).whole
    assert not before & {each.pid for each in running.processes()}


def test_down_takes_a_run_back_and_leaves_nothing(running: World, tmp_path: Path) -> None:
    """Forced, after supervisord was killed: the run gets its time to take back, then no process, no port and no address is left; twice is fine."""
    witness = tmp_path / "witness"
    run = running.start(seconds=30, undo_seconds=2, witness=str(witness))
    running.at_work(run)
    os.kill(next(each.pid for each in running.processes() if "supervisord" in each.command), signal.SIGKILL)
    with pytest.raises(Refused, match="still at work"):
        server.up(running.state, running.port)
    server.down(running.state, force=True)
    assert witness.read_text() == "undone"
    assert not running.processes()
    assert free(HOST, running.port)
    with pytest.raises(Refused, match="rollout server up"):
        api_url(running.state)
    server.down(running.state)


def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    """A database that is none: the error shows the log's end, and nothing runs afterwards."""
    home = folder_of(tmp_path) / "home"
    home.mkdir(parents=True)
    (home / "prefect.db").write_bytes(b"not a database, by far not one" * 100)
    with pytest.raises(Refused, match=r"(?s)server did not come up.*not a database"):
        server.up(tmp_path, unused_port())
    assert not processes_of(folder_of(tmp_path))
    assert server.status(tmp_path).address is None
