"""Brings an embedded server to life: supervisord first, then the Prefect server, then the workers, each only when the one before answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from deployments.address import ServerAddress, write_address
from deployments.programs import LOGIN, Pool, Program, configuration, environment, prefect_server, programs, worker
from deployments.supervisor import ProgramState, Supervisor
from rollout.clock import Clock, Deadline, wait_until
from rollout.errors import Refused

STARTED = 120.0
"""Seconds for all of it; a first start (it builds the database) takes about 20 on two cores (docs/decisions/0030)."""
LOOK = 0.2
"""Seconds between two looks while waiting."""
ANSWER = 5.0
"""Seconds for one answer of the API; it sits on the same machine."""
TAIL = 15
"""Lines of a log that a failed start shows."""


def launch(folder: Path, address: ServerAddress, clock: Clock) -> None:
    """Start everything and return when it answers. Raises Refused with the end of the log that says why it does not."""
    deadline = Deadline.after(clock, STARTED)
    (folder / "home").mkdir(exist_ok=True)
    (folder / "supervisord.conf").write_text(configuration(folder, address.port), encoding="utf-8")
    for program in programs(address.port):
        program.log(folder).write_text("", encoding="utf-8")
    write_address(folder, address)
    supervisor = daemon(folder, address.port, deadline)
    server = prefect_server(address.port)
    supervisor.start(server.name)
    require(server, lambda: healthy(address), folder, supervisor, deadline)
    since = datetime.fromtimestamp(clock.now(), UTC)
    for pool in Pool:
        supervisor.start(worker(pool).name)
    for pool in Pool:
        require(worker(pool), partial(online, address, pool, since), folder, supervisor, deadline)


def daemon(folder: Path, port: int, deadline: Deadline) -> Supervisor:
    """Start supervisord, which leaves this process's session and resets the signals its children get; wait for its answer."""
    supervisor = Supervisor(folder / "supervisor.sock")
    try:
        subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(folder / "supervisord.conf")],
            env=environment(folder, port, os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=deadline.within(20.0),
        )
    except subprocess.TimeoutExpired as error:
        raise Refused("supervisord did not start in time") from error
    except subprocess.CalledProcessError as error:
        raise Refused(f"supervisord did not start: {error.stdout}{error.stderr}".strip()) from error
    if wait_until(lambda: True if supervisor.answers else None, deadline, LOOK) is None:
        raise Refused(f"supervisord does not answer:\n{tail(folder / 'supervisord.log')}")
    return supervisor


def require(program: Program, ready: Callable[[], bool], folder: Path, supervisor: Supervisor, deadline: Deadline) -> None:
    """Wait until the program is ready and supervisord counts it as started; before that, a second `up` would take the server for a broken one.

    Gives up when it died once (a restart would fail the same way) or when the deadline passes.
    """
    pids = set()

    def outcome() -> bool | None:
        supervised = supervisor.programs().get(program.name)
        if supervised is None or supervised.state in {ProgramState.BACKOFF, ProgramState.EXITED, ProgramState.FATAL}:
            return False
        if supervised.state is ProgramState.RUNNING and ready():
            return True
        if supervised.pid:
            pids.add(supervised.pid)
        return False if len(pids) > 1 else None

    if not wait_until(outcome, deadline, LOOK):
        raise Refused(f"{program.name} did not come up; its log ends with:\n{tail(program.log(folder))}")


def healthy(address: ServerAddress) -> bool:
    """Whether the API answers that it is well."""
    try:
        return httpx.get(f"{address.api_url}/health", timeout=ANSWER, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def online(address: ServerAddress, pool: Pool, since: datetime) -> bool:
    """Whether a worker has reported to the pool since that moment; one that was killed a minute ago still counts as online to the API."""
    try:
        answer = httpx.post(f"{address.api_url}/work_pools/{pool.value}/workers/filter", json={}, timeout=ANSWER, trust_env=False, auth=login())
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and any(datetime.fromisoformat(each["last_heartbeat_time"]) >= since for each in answer.json())


def login() -> tuple[str, str] | None:
    """User and password of Prefect's API as the environment has them."""
    user, _, password = os.environ.get(LOGIN, "").partition(":")
    return (user, password) if user else None


def protected(address: ServerAddress) -> bool:
    """Whether the API turns away who says nothing. Its health is everybody's to ask."""
    return httpx.get(f"{address.api_url}/admin/version", timeout=ANSWER, trust_env=False).status_code == httpx.codes.UNAUTHORIZED


def tail(log: Path) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])
    except OSError as error:
        return f"({log.name} cannot be read: {error.strerror})"
