"""The `rollout` command as a user has it: started as a process, judged by its exit code and by the files that it leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deployments.api import insist
from rollout.clock import SystemClock
from rollout.report import DayReport
from tests.end_to_end.place import Place

ROLLOUT = Path(sys.executable).with_name("rollout")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 420.0
"""Seconds for a whole day; one on 77 agents takes about five minutes where nothing else runs."""

LATER = {"day-2", "day-3", "day-4", "day-5", "day-6"}
"""Days that need what earlier days have shown; a test of one of them alone says that it starts without."""
ALONE = ("--override", "a test of this day alone", "--name", "ann")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    output: str


class Run:
    """`rollout run DAY` at work."""

    def __init__(self, commands: Commands, place: Place, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self.commands = commands
        self._log = log
        self.place = place

    @property
    def output(self) -> str:
        """What the command has said so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def id(self) -> str:
        """The run's id, once it has one."""
        self.until(lambda: re.search(r": run ([0-9a-f-]{36})$", self.output, re.MULTILINE) is not None, 60)
        return re.findall(r": run ([0-9a-f-]{36})$", self.output, re.MULTILINE)[0]

    @property
    def folder(self) -> Path:
        """Where its report is."""
        return self.place.state / "reports" / self.id

    @property
    def report(self) -> DayReport:
        """Its report, as programs read it."""
        return DayReport.model_validate_json((self.folder / "report.json").read_text(encoding="utf-8"))

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """The whole lines of its ledger."""
        return ledger(self.place.state / "runs" / self.id / "ledger.jsonl")

    def until(self, holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Waits until that holds while the command is at work; its end or the time's ends the test with what the command said."""
        ends = time.monotonic() + seconds
        while not holds():
            assert self._process.poll() is None, self.output
            assert time.monotonic() < ends, self.output
            time.sleep(0.1)

    def until_batch(self, step: str, batch: int) -> None:
        """Waits until some agent of that batch has that step in the ledger."""
        self.until(lambda: any(entry["step"] == step and entry.get("batch") == batch for entry in self.ledger))

    def end(self) -> Ended:
        """Waits for the command's end."""
        return Ended(self._process.wait(PATIENCE), self.output)

    def stop(self) -> None:
        """Cancels the run if it still works, as a person would in the UI, and waits until it has taken back what it changed."""
        if self._process.poll() is not None:
            return
        try:
            cancelling = {"state": {"type": "CANCELLING"}}
            self.commands.ask("POST", f"flow_runs/{self.id}/set_state", cancelling)
            self._process.wait(120)
        finally:
            self._process.kill()
            self._process.wait()


class Commands:
    """`rollout` against one Prefect server. folder: of the server's state and of what the commands say."""

    def __init__(self, api: str, folder: Path) -> None:
        self.api = api
        self.folder = folder
        self._runs: list[Run] = []

    def start(self, place: Place, day: str, *options: str) -> Run:
        """Begins a day; the run goes on beside the test."""
        log = self.folder / f"run-{len(self._runs)}.log"
        with log.open("w", encoding="utf-8") as stream:
            words = [str(ROLLOUT), "run", day, "--site", place.name, *(ALONE if day in LATER else ()), *options]
            process = subprocess.Popen(words, cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, text=True)
        self._runs.append(Run(self, place, process, log))
        return self._runs[-1]

    def automations(self, *, on: bool) -> None:
        """Switches all automations on or off, as a person would in the UI."""
        for automation in self.ask("POST", "automations/filter", {}).json():
            self.ask("PATCH", f"automations/{automation['id']}", {"enabled": on})

    def ask(self, method: str, path: str, body: dict[str, Any] | list[Any] | None = None) -> httpx.Response:
        """The API's answer to a request that may be repeated; a server whose database is just being written says 503 at times."""

        def once() -> httpx.Response:
            return httpx.request(method, f"{self.api}/{path}", json=body, timeout=30, trust_env=False).raise_for_status()

        return insist(once, SystemClock())

    def state(self, run: str) -> dict[str, Any]:
        """The flow run's state as the API tells it."""
        return self.ask("GET", f"flow_runs/{run}").json()["state"]

    def retry(self, run: str) -> None:
        """What the Retry button of the UI does."""
        wanted = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        self.ask("POST", f"flow_runs/{run}/set_state", {"state": wanted, "force": True})

    def until_state(self, run: str, *types: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The run's state as soon as it is of one of these types."""
        ends = time.monotonic() + seconds
        while (state := self.state(run))["type"] not in types:
            assert time.monotonic() < ends, state
            time.sleep(0.5)
        return state

    def settlings(self, run: str) -> list[dict[str, Any]]:
        """The flow runs that settle that run, as the API tells them, the newest first; a busy server may start more than one."""
        wanted = {"flow_runs": {"name": {"any_": [f"settle {run}"]}}, "sort": "START_TIME_DESC"}
        found: list[dict[str, Any]] = self.ask("POST", "flow_runs/filter", wanted).json()
        return found

    def answer(self, run: str, decision: str, reason: str) -> Ended:
        """`rollout answer RUN DECISION` by ann, to its end."""
        return rollout("answer", run, decision, "--name", "ann", "--reason", reason, environment=self._environment())

    def settle(self, place: Place, run: str) -> Ended:
        """`rollout settle RUN`, to its end."""
        return rollout("settle", run, "--site", place.name)

    def settle_leftovers(self, place: Place) -> None:
        """Closes what a test before this one, or a session that was killed, left open; its agents are those of a lab that is up."""
        for file in (place.state / "runs").glob("*/ledger.jsonl"):
            if ledger(file)[-1]["step"] != "closed":
                ended = self.settle(place, file.parent.name)
                assert ended.code in (0, 3), ended.output

    def stop_runs(self) -> None:
        """Leaves no run at work, which a test that failed may have."""
        for run in self._runs:
            run.stop()

    def _environment(self) -> dict[str, str]:
        return clean_environment() | {"PREFECT_API_URL": self.api}


def rollout(*words: str, environment: Mapping[str, str] | None = None) -> Ended:
    """A `rollout` command to its end. environment: by default one that names no server."""
    environment = environment or clean_environment()
    done = subprocess.run([str(ROLLOUT), *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return Ended(done.returncode, done.stdout + done.stderr)


def batches(place: Place) -> dict[int, list[str]]:
    """Day 1 as `rollout plan` previews it: batch to agents."""
    found = re.findall(r"^  batch (\d+) \(.*?\): (.+)$", rollout("plan", "1", "--site", place.name).output, re.MULTILINE)
    return {int(index): agents.split(", ") for index, agents in found}


def ledger(file: Path) -> list[dict[str, Any]]:
    """The whole lines of a ledger; none while there is no file."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of another Prefect and without proxies."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_") and "proxy" not in name.lower()}
