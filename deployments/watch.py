"""Follows a run from outside, as events for a live display; the run does not notice, and a server that is away for a while is waited for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, LogFilter, LogFilterFlowRunId, LogFilterLevel, LogFilterTimestamp
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import LogSort, TaskRunSort
from prefect.exceptions import ObjectNotFound

from deployments.api import busy, client_of, fault
from rollout.clock import Clock, Deadline, SystemClock
from rollout.errors import Refused, Unreachable

PAGE = 200
"""Rows of one answer; the API gives no more."""
PATIENCE = 180.0
"""Seconds without any answer after which the server is given up: a restart takes 5, and a minute's outage must not end a display."""
GLITCH = 2.0
"""Seconds of silence that are not worth a word."""
LAST_WORDS = 5.0
"""Seconds after a run's end for the states of its last tasks to arrive; a crashed run's never do."""
LATE = timedelta(seconds=15)
"""How late a log line may arrive behind a younger one: processes send theirs in batches."""


class EventKind(Enum):
    """What an event is about."""

    RUN = auto()
    TASK = auto()
    LOG = auto()
    CONNECTION = auto()


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something happened in a run.

    moment: Unix seconds; name: of the run, the task run or the logger; text: the state's name and message, or the line;
    state: of a RUN or TASK event; level: of a LOG event, as in `logging`.
    """

    kind: EventKind
    moment: float
    name: str
    text: str
    state: StateType | None = None
    level: int = logging.INFO


def watch(
    run_id: str,
    on_event: Callable[[RunEvent], None],
    *,
    api_url: str,
    deadline: float,
    poll: float = 1.0,
    clock: Clock | None = None,
) -> State[Any]:
    """Report what happens in a run until it ends or is suspended for a person, and return its state then.

    deadline: seconds from now after which Unreachable is raised; the run itself goes on. poll: seconds between two looks.
    Raises Unreachable (the deadline has passed, or the server was silent for PATIENCE seconds) and Refused (no such run, or no right to see it).
    """
    clock = clock or SystemClock()
    limit = Deadline.after(clock, deadline)
    outage = Outage(api_url, on_event, clock)
    with client_of(api_url) as client:
        seen = Seen(client, UUID(run_id))
        while not limit.passed:
            try:
                for event in seen.news():
                    on_event(event)
                outage.ends()
                if (final := seen.final) is not None:
                    # What a run sent just before its end, the server stores just after it, later still when it is busy.
                    last = Deadline.after(clock, LAST_WORDS)
                    while not last.passed:
                        clock.sleep(poll)
                        for event in (*seen.tasks(), *seen.log()):
                            on_event(event)
                        if not seen.open:
                            break
                    return final
            except ObjectNotFound as error:
                raise Refused(f"the Prefect server knows no run {run_id}") from error
            except httpx.HTTPError as error:
                outage.goes_on(error)
            clock.sleep(min(poll, limit.remaining))
    raise Unreachable(f"run {run_id} did not end within {deadline:.0f} s; it goes on")


class Outage:
    """A time in which the server does not answer: reported when it lasts and when it ends, borne for PATIENCE seconds."""

    def __init__(self, api_url: str, on_event: Callable[[RunEvent], None], clock: Clock) -> None:
        self._api_url = api_url
        self._on_event = on_event
        self._clock = clock
        self._since: float | None = None
        self._told = False

    def goes_on(self, error: httpx.HTTPError) -> None:
        """The server failed to answer once more. Raises Unreachable when it did so for too long, Refused when it answered that it will not."""
        if isinstance(error, httpx.HTTPStatusError) and not busy(error):
            raise fault(error, self._api_url, "show the run") from error
        now = self._clock.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since >= PATIENCE:
            raise Unreachable(f"the Prefect server at {self._api_url} was silent for {PATIENCE:.0f} s; the run may well be at work") from error
        if not self._told and now - self._since >= GLITCH:
            self._told = True
            self._tell(f"the server does not answer: {error}", logging.WARNING)

    def ends(self) -> None:
        """The server answered."""
        if self._told:
            self._tell("the server answers again", logging.INFO)
        self._since, self._told = None, False

    def _tell(self, text: str, level: int) -> None:
        self._on_event(RunEvent(EventKind.CONNECTION, self._clock.now(), self._api_url, text, level=level))


class Seen:
    """What of a run was reported already."""

    def __init__(self, client: SyncPrefectClient, run: UUID) -> None:
        self._client = client
        self._run = run
        self._states: dict[UUID, UUID] = {}
        self.open: set[UUID] = set()
        self._lines: set[UUID] = set()
        self._youngest: datetime | None = None
        self.final: State[Any] | None = None

    def news(self) -> Iterator[RunEvent]:
        """Everything that is new: tasks and lines first, so that the run's own end comes last."""
        run = self._client.read_flow_run(self._run)
        yield from self.tasks()
        yield from self.log()
        if run.state is not None:
            if self._states.get(run.id) != run.state.id:
                self._states[run.id] = run.state.id
                yield event_of(EventKind.RUN, run.name, run.state)
            self.final = run.state if run.state.is_final() or run.state.is_paused() else None

    def tasks(self) -> Iterator[RunEvent]:
        """Task runs whose state is new."""
        which = FlowRunFilter(id=FlowRunFilterId(any_=[self._run]))
        for offset in range(0, 10**6, PAGE):
            page = self._client.read_task_runs(flow_run_filter=which, sort=TaskRunSort.EXPECTED_START_TIME_ASC, limit=PAGE, offset=offset)
            for task in page:
                if task.state is not None and self._states.get(task.id) != task.state.id:
                    self._states[task.id] = task.state.id
                    (self.open.discard if task.state.is_final() else self.open.add)(task.id)
                    yield event_of(EventKind.TASK, task.name, task.state)
            if len(page) < PAGE:
                return

    def log(self) -> Iterator[RunEvent]:
        """Lines of level INFO and above that are new."""
        which = LogFilter(
            flow_run_id=LogFilterFlowRunId(any_=[self._run]),
            level=LogFilterLevel(ge_=logging.INFO),
            timestamp=LogFilterTimestamp(after_=self._youngest - LATE) if self._youngest else None,
        )
        for offset in range(0, 10**6, PAGE):
            page = self._client.read_logs(which, limit=PAGE, offset=offset, sort=LogSort.TIMESTAMP_ASC)
            for line in page:
                if line.id not in self._lines:
                    self._lines.add(line.id)
                    self._youngest = max(self._youngest or line.timestamp, line.timestamp)
                    yield RunEvent(EventKind.LOG, line.timestamp.timestamp(), line.name, line.message, level=line.level)
            if len(page) < PAGE:
                return


def event_of(kind: EventKind, name: str, state: State[Any]) -> RunEvent:
    """The event of a new state."""
    text = f"{state.name}: {state.message}" if state.message else str(state.name)
    return RunEvent(kind, state.timestamp.timestamp(), name, text, state=state.type)
