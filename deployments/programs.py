"""What runs on an embedded server's supervisor, as data: the Prefect server and one worker per pool."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from enum import Enum
from io import StringIO
from pathlib import Path

from deployments.processes import MARK

HOST = "127.0.0.1"
LOGIN, DEMANDED = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"
"""USER:PASSWORD, as Prefect's clients say it and as its server asks for it."""
ROOT = Path(__file__).resolve().parents[1]
"""The project: entrypoints in prefect.yaml are relative to it."""


class Pool(Enum):
    """The work pools: days run in one, settling in another, so that a full or broken first pool never keeps a rollback waiting."""

    ROLLOUT = "rollout"
    SETTLE = "rollout-settle"


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised Python module. patience: seconds between SIGTERM and SIGKILL; priority: low starts first and stops last."""

    name: str
    module: str
    arguments: tuple[str, ...]
    priority: int
    patience: int

    def log(self, folder: Path) -> Path:
        """Where its output goes."""
        return folder / f"{self.name}.log"


def prefect_server(port: int) -> Program:
    """The API, the UI and their services in one process, on loopback only."""
    return Program("server", "deployments.prefect_process", ("server", "start", "--host", HOST, "--port", str(port)), priority=10, patience=20)


def worker(pool: Pool) -> Program:
    """A worker that starts each run of its pool as a process of its own."""
    arguments = ("worker", "start", "--pool", pool.value, "--type", "process", "--name", f"worker-{pool.value}")
    return Program(f"worker-{pool.value}", "prefect", arguments, priority=20, patience=20)


def programs(port: int) -> tuple[Program, ...]:
    """All programs of a server, in the order of their start."""
    return (prefect_server(port), *(worker(pool) for pool in Pool))


def environment(folder: Path, port: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """What the programs and the runs see: the caller's environment (sites name their secrets by it) with Prefect's settings replaced by ours.

    Settings of the caller's own Prefect (profile, key, database) belong to another server and would break this one. The login stays: the server
    asks for what the caller, the workers and the runs say.
    """
    own = {name: value for name, value in inherited.items() if not name.startswith("PREFECT_")}
    login = dict.fromkeys((LOGIN, DEMANDED), inherited[LOGIN]) if inherited.get(LOGIN) else {}
    return (
        own
        | login
        | {
            MARK: str(folder),
            "ROLLOUT_ROOT": str(ROOT),
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": f"http://{HOST}:{port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_CLI_PROMPT": "false",
            # Task runs are visible after 0.6 s instead of 18 s (docs/decisions/0030).
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
            "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_WORKER_PREFETCH_SECONDS": "1",
            # A run whose process and worker both died is known by the silence of its heartbeats.
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        }
    )


def configuration(folder: Path, port: int) -> str:
    """The text of supervisord.conf. It holds no setting and no secret: those travel in the environment of supervisord itself."""
    text = ConfigParser(interpolation=None)
    text["unix_http_server"] = {"file": literal(folder / "supervisor.sock"), "chmod": "0700"}
    text["supervisord"] = {
        "logfile": literal(folder / "supervisord.log"),
        "pidfile": literal(folder / "supervisord.pid"),
        "childlogdir": literal(folder),
        "identifier": "rollout-server",
    }
    text["rpcinterface:supervisor"] = {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}
    for program in programs(port):
        text[f"program:{program.name}"] = {
            "command": literal(shlex.join([sys.executable, "-m", program.module, *program.arguments])),
            "directory": literal(folder),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "2",
            "priority": str(program.priority),
            "stopwaitsecs": str(program.patience),
            "redirect_stderr": "true",
            "stdout_logfile": literal(program.log(folder)),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "1",
        }
    out = StringIO()
    text.write(out)
    return out.getvalue()


def literal(text: str | Path) -> str:
    """The text as supervisor's configuration reads it back unchanged, since it expands what follows a per cent sign."""
    return str(text).replace("%", "%%")
