"""./demo with stand-ins for the lab and for `rollout` that only write down how they were called."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = """\
say() { printf '%s\\n' "$@"; }
refuse() { printf '%s: %s\\n' "$0" "$*" >&2; exit 2; }
environment() { :; }
"""
STAND_IN = """\
#!/bin/sh
echo "${0##*/} $*" >>calls
case "${0##*/} $*" in
  'rollout server up') echo 'Prefect is up: http://127.0.0.1:4200; deployments: day-0, day-1' ;;
  'rollout run day-1'*) mkdir -p var/reports/new && touch var/reports/new/report.md ;;
esac
answer=$(grep -F -- "${0##*/} $*=" answers 2>/dev/null | head -n 1)
eval "${answer#*=}"
"""
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
DOWN = ["rollout server down --force", "python -m lab down"]
LOOKS = ["python -m lab status", "rollout server status"]
STARTED = [*LOOKS, "python -m lab up", "rollout server up"]


@contextmanager
def heard() -> Iterator[None]:
    """What starts in here hears these signals, even where the tests themselves were started deaf to them (nohup, a shell's background job)."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class House:
    """A folder with the real ./demo among stand-ins. answers: by call, the shell commands the stand-in ends with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".venv" / "bin").mkdir(parents=True)
        shutil.copy(ROOT / "demo", folder)
        (folder / "environment.sh").write_text(ENVIRONMENT)
        for name in ("rollout", "python"):
            file = folder / ".venv" / "bin" / name
            file.write_text(STAND_IN)
            file.chmod(0o755)

    def start(self, *arguments: str, answers: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the demo; its output has to be read."""
        (self.folder / "answers").write_text("".join(f"{call}={answer}\n" for call, answer in (answers or {}).items()))
        with heard():
            return subprocess.Popen([self.folder / "demo", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def demo(self, *arguments: str, answers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run the demo to its end: exit code, and all that it said."""
        running = self.start(*arguments, answers=answers)
        out, err = running.communicate(timeout=20)
        return running.returncode, out + err

    @property
    def calls(self) -> list[str]:
        """What was called so far, in order."""
        file = self.folder / "calls"
        return [line.replace(" --site lab", "") for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Nothing runs in it yet."""
    return House(tmp_path)


def test_a_good_day_runs_both_days_and_leaves_nothing(house: House) -> None:
    """Lab, server, day 0, day 1, then the server before the lab it rolls back on; report and UI are named."""
    code, said = house.demo()
    assert code == 0
    assert house.calls == [*STARTED, "rollout run day-0", "rollout run day-1", *DOWN]
    assert "Report: var/reports/new/report.md" in said
    assert "UI: http://127.0.0.1:4200 (stopped" in said


@pytest.mark.parametrize("arguments", [["--week"], ["--week", "--keep"], ["--keep", "--week"]])
def test_the_week_is_one_run_after_a_rehearsal(house: House, arguments: list[str]) -> None:
    """Day 0 leaves a baseline, the emergencies are rehearsed, the week starts its own days; its exit code comes out, whatever the rehearsal said."""
    code, said = house.demo(*arguments, answers={"rollout run week --site lab": "exit 3", "rollout rehearse --site lab": "exit 5"})
    assert code == 3
    assert house.calls[: len(STARTED) + 3] == [*STARTED, "rollout run day-0", "rollout rehearse", "rollout run week"]
    assert house.calls[len(STARTED) + 3 :] == ([] if "--keep" in arguments else DOWN)
    assert "ended with exit code 3" in said


def test_keep_stops_nothing_and_says_how_to(house: House) -> None:
    """--keep leaves both running, also after a day that was rolled back."""
    code, said = house.demo("--keep", answers={"rollout run day-1 --site lab": "exit 3"})
    assert code == 3
    assert not set(DOWN) & set(house.calls)
    assert "rollout server down --force; .venv/bin/python -m lab down" in said


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_the_exit_code_is_the_days(house: House, code: int) -> None:
    """What day 1 ended with comes out, after everything was stopped."""
    ended, _ = house.demo(answers={"rollout run day-1 --site lab": f"exit {code}"})
    assert ended == code
    assert house.calls[-2:] == DOWN


def test_day_1_does_not_start_after_a_bad_day_0(house: House) -> None:
    """A fleet that is not ready is not touched."""
    ended, said = house.demo(answers={"rollout run day-0 --site lab": "exit 4"})
    assert ended == 4
    assert house.calls == [*STARTED, "rollout run day-0", *DOWN]
    assert "Report:" not in said


def test_a_server_that_does_not_start_takes_the_lab_with_it(house: House) -> None:
    """Whatever was up already goes, and the code of the failure comes out."""
    ended, _ = house.demo(answers={"rollout server up": "exit 2"})
    assert ended == 2
    assert house.calls[-2:] == DOWN
    assert "rollout run day-0" not in house.calls


def test_a_lab_that_does_not_come_up_is_a_refusal(house: House) -> None:
    """It has taken itself down, and the ports it wanted may be another lab's: nothing more is started or stopped."""
    ended, _ = house.demo(answers={"python -m lab up": "exit 1"})
    assert ended == 2
    assert house.calls == STARTED[:3]


@pytest.mark.parametrize(
    ("call", "answer", "word"),
    [
        ("python -m lab status", "echo 'mainpc agents 39/39  supervisor up  exporter up'", "lab"),
        ("rollout server status", "echo 'http://127.0.0.1:4200: answers'", "server"),
        ("rollout server status", "echo '  server  RUNNING  pid 12'; exit 1", "server"),
    ],
)
def test_what_is_up_already_is_left_alone(house: House, call: str, answer: str, word: str) -> None:
    """It may be somebody's from --keep: refused with the commands that end it, nothing started, nothing stopped."""
    ended, said = house.demo(answers={call: answer})
    assert ended == 2
    assert f"the {word} is up already" in said
    assert ".venv/bin/python -m lab down" in said
    assert set(house.calls) <= set(LOOKS)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_middle_of_a_day_takes_everything_down(house: House, number: signal.Signals) -> None:
    """The shell does not wait for the day's end: follower gone, server and lab stopped at once, the signal's exit code."""
    running = house.start(answers={"rollout run day-1 --site lab": "exec sleep 60"})
    until = time.monotonic() + 10
    while "rollout run day-1" not in house.calls:
        assert time.monotonic() < until
        time.sleep(0.05)
    running.send_signal(number)
    running.communicate(timeout=10)
    assert running.returncode == 128 + number
    assert house.calls[-2:] == DOWN


def test_the_run_of_a_killed_demo_is_settled_first(house: House) -> None:
    """A ledger without a closing line owns the fleet, so its run is settled on the new lab before day 0; closed ones are not asked again."""
    for run, steps in {"done": ["opened", "closed"], "dead": ["opened", "verified"]}.items():
        ledger = house.folder / "var" / "runs" / run / "ledger.jsonl"
        ledger.parent.mkdir(parents=True)
        ledger.write_text("".join(f'{{"at":1.0,"step":"{step}"}}\n' for step in steps))
    ended, _ = house.demo(answers={"rollout settle dead --site lab": "exit 3"})
    assert ended == 0
    assert house.calls == [*STARTED, "rollout settle dead", "rollout run day-0", "rollout run day-1", *DOWN]


def test_what_cannot_be_settled_ends_the_demo(house: House) -> None:
    """An incomplete rollback is not run over."""
    ledger = house.folder / "var" / "runs" / "dead" / "ledger.jsonl"
    ledger.parent.mkdir(parents=True)
    ledger.write_text('{"at":1.0,"step":"opened"}\n')
    ended, _ = house.demo(answers={"rollout settle dead --site lab": "exit 5"})
    assert ended == 5
    assert house.calls == [*STARTED, "rollout settle dead", *DOWN]


@pytest.mark.parametrize("arguments", [["--kep"], ["--keep", "--keep"], ["--week", "--week"], ["keep"]])
def test_unknown_words_start_nothing(house: House, arguments: list[str]) -> None:
    """A typing error costs a sentence and exit code 2."""
    ended, said = house.demo(*arguments)
    assert ended == 2
    assert "give --week, --keep, both or nothing" in said
    assert house.calls == []
