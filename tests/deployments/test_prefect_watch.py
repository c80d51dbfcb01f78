"""What `watch` makes of a server's answers, with a server that answers from a script and a clock that jumps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.schemas.objects import State, StateType

from deployments import watch as module
from deployments.watch import EventKind, RunEvent, watch
from rollout.errors import Refused, Unreachable

RUN = uuid4()
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


class JumpingClock:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        """Seconds waited so far."""
        return self.time

    def monotonic(self) -> float:
        """Seconds waited so far."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Jump."""
        self.time += seconds


class ScriptedServer:
    """Answers each look with the next entry of the script, the last one for ever: a state, or an error to raise."""

    def __init__(self, *script: StateType | Exception) -> None:
        self.script = list(script)
        self.tasks: list[SimpleNamespace] = []
        self.lines: list[SimpleNamespace] = []
        self.states: dict[StateType, State] = {}

    def read_flow_run(self, run: UUID) -> SimpleNamespace:
        """The run in the state of the script."""
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(entry, Exception):
            raise entry
        return SimpleNamespace(id=run, name="a-run", state=self.states.setdefault(entry, State(type=entry)))

    def read_task_runs(self, *, limit: int, offset: int, **_: object) -> list[SimpleNamespace]:
        """A page of the task runs."""
        return self.tasks[offset : offset + limit]

    def read_logs(self, which, *, limit: int, offset: int, sort: object) -> list[SimpleNamespace]:
        """A page of the lines that the filter lets through."""
        after = which.timestamp.after_ if which.timestamp else None
        return [line for line in self.lines if after is None or line.timestamp >= after][offset : offset + limit]


def line(seconds: float, text: str) -> SimpleNamespace:
    """A log line."""
    return SimpleNamespace(id=uuid4(), name="prefect.flow_runs", level=20, message=text, timestamp=START + timedelta(seconds=seconds))


def refusal(code: int) -> httpx.HTTPStatusError:
    """An answer of that status."""
    request = httpx.Request("GET", "http://prefect.example/api")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(code, request=request, json={"detail": "no"}))


def follow(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, deadline: float = 1000.0) -> tuple[list[RunEvent], State]:
    """The events and the final state of a run on that server."""

    @contextmanager
    def client_of(_: str) -> Iterator[ScriptedServer]:
        yield server

    monkeypatch.setattr(module, "client_of", client_of)
    events: list[RunEvent] = []
    final = watch(str(RUN), events.append, api_url="http://prefect.example/api", deadline=deadline, clock=JumpingClock())
    return events, final


def test_each_thing_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """More tasks and lines than one page holds, over several looks: each is an event exactly once, and the run's end comes last of its states."""
    server = ScriptedServer(StateType.SCHEDULED, StateType.RUNNING, StateType.RUNNING, StateType.COMPLETED)
    server.tasks = [SimpleNamespace(id=uuid4(), name=f"task {n}", state=State(type=StateType.COMPLETED)) for n in range(450)]
    server.lines = [line(n / 100, f"line {n}") for n in range(650)]
    events, final = follow(monkeypatch, server)
    assert final.type is StateType.COMPLETED
    assert [each.state for each in events if each.kind is EventKind.RUN] == [StateType.SCHEDULED, StateType.RUNNING, StateType.COMPLETED]
    assert [each.name for each in events if each.kind is EventKind.TASK] == [f"task {n}" for n in range(450)]
    assert [each.text for each in events if each.kind is EventKind.LOG] == [f"line {n}" for n in range(650)]


def test_a_line_that_arrives_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes send their lines in batches: one that is ten seconds older than the youngest known line still becomes an event."""
    server = ScriptedServer(StateType.RUNNING, StateType.COMPLETED)
    looks = iter([[line(60, "young")], [line(50, "late")]])
    original = server.read_task_runs

    def tasks_and_a_new_line(**options: object) -> list[SimpleNamespace]:
        server.lines.extend(next(looks, []))
        return original(**options)

    server.read_task_runs = tasks_and_a_new_line
    events, _ = follow(monkeypatch, server)
    assert [each.text for each in events if each.kind is EventKind.LOG] == ["young", "late"]


def test_an_outage_is_borne_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute without answer ends nothing and is told once at its beginning and once at its end."""
    server = ScriptedServer(StateType.RUNNING, *[httpx.ConnectError("refused")] * 60, StateType.COMPLETED)
    events, final = follow(monkeypatch, server)
    assert final.type is StateType.COMPLETED
    told = [each.text for each in events if each.kind is EventKind.CONNECTION]
    assert told == ["the server does not answer: refused", "the server answers again"]


def test_a_glitch_is_not_worth_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer of a busy database between two good ones is no event."""
    events, _ = follow(monkeypatch, ScriptedServer(StateType.RUNNING, refusal(503), StateType.COMPLETED))
    assert not [each for each in events if each.kind is EventKind.CONNECTION]


def test_silence_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After three minutes of silence the watcher says so instead of waiting for its own deadline."""
    with pytest.raises(Unreachable, match="silent for 180 s"):
        follow(monkeypatch, ScriptedServer(httpx.ConnectError("refused")))


def test_the_deadline_ends_the_watch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that takes longer than the watcher may wait is said to go on."""
    with pytest.raises(Unreachable, match="did not end within 30 s; it goes on"):
        follow(monkeypatch, ScriptedServer(StateType.RUNNING), deadline=30.0)


def test_a_refusal_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API that will not show the run is not waited for."""
    with pytest.raises(Refused, match="refused to show the run"):
        follow(monkeypatch, ScriptedServer(refusal(403)))


def test_the_last_task_may_end_after_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy server stores a task's end after the run's: the watcher waits for it."""
    server = ScriptedServer(StateType.COMPLETED)
    states = iter([StateType.RUNNING] * 3)
    last = uuid4()
    server.read_task_runs = lambda **_: [SimpleNamespace(id=last, name="last", state=State(type=next(states, StateType.COMPLETED)))]
    events, _ = follow(monkeypatch, server)
    assert [each.state for each in events if each.kind is EventKind.TASK][-1] is StateType.COMPLETED
