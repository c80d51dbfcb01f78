"""supervisord as a service manager, against one that answers at a socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor.xmlrpc import Faults

from rollout.clock import Deadline
from rollout.errors import ActFault, OwnershipLost, Refused, Unreachable
from rollout.services.port import ServiceState
from rollout.services.supervisor import Supervisor
from rollout.services.supervisor_rpc import Fault, SupervisorRpc
from rollout.transports.local import LocalTransport
from tests.fakes.clock import JumpingClock
from tests.fakes.supervisord import LOGIN, FakeSupervisord, serving


class StagedTransport(LocalTransport):
    """Real files, and processes that a test puts on the stage. ended: pids that were killed."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1")
        self.ports: dict[int, int] = {}
        self.environments: dict[int, dict[str, str]] = {}
        self.ended: list[int] = []

    def processes(self) -> list[int]:
        """All that are on the stage."""
        return [*self.environments, *self.ports.values()]

    def listeners(self) -> dict[int, int]:
        """As staged."""
        return self.ports

    def environment(self, pid: int) -> dict[str, str] | None:
        """As staged."""
        return self.environments.get(pid)

    def end(self, pid: int) -> None:
        """Kills nobody."""
        self.ended.append(pid)


@pytest.fixture
def fake() -> FakeSupervisord:
    """Three programs, all running."""
    return FakeSupervisord()


@pytest.fixture
def url(fake: FakeSupervisord) -> Iterator[str]:
    """Where it listens."""
    with serving(fake) as address:
        yield address


@pytest.fixture
def transport() -> StagedTransport:
    """No process on the stage yet."""
    return StagedTransport()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file per program, as the lab has it."""
    for name in ("A", "B", "C"):
        (tmp_path / f"{name}.conf").write_text(f'[program:{name}]\ncommand=run {name}\nenvironment=X="{name}"\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def supervisor(url: str, transport: StagedTransport, folder: Path) -> Supervisor:
    """The adapter under test, with half a second of patience."""
    return Supervisor(SupervisorRpc(url, *LOGIN), transport, folder, timeout=0.5)


def soon() -> Deadline:
    """A deadline that stands still."""
    return Deadline.after(JumpingClock(), 5.0)


def free() -> None:
    """Nobody objects to an act."""


def test_programs_are_told_as_the_supervisor_sees_them(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """State and pid come from the supervisor; a spawn error is the reason when there is one."""
    fake.programs["B"] |= {"statename": "FATAL", "pid": 0, "spawnerr": "Exited too quickly"}
    services = supervisor.services()
    assert (services["A"].state, services["A"].pid) == (ServiceState.RUNNING, 101)
    assert (services["B"].state, services["B"].reason) == (ServiceState.FATAL, "Exited too quickly")


def test_some_programs_are_told_without_the_others(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """A look at a batch costs a question about that batch; who is not supervised is not among the answers."""
    assert list(supervisor.services(["A", "C"])) == ["A", "C"]
    assert ("getAllProcessInfo", "") not in fake.calls
    assert list(supervisor.services(["A", "Nobody"])) == ["A"]


def test_a_member_of_a_group_is_found_by_its_own_name(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """The supervisor knows it as group:name alone, and a fleet by its name."""
    fake.programs["B"]["group"] = "pack"
    assert {name: service.group for name, service in supervisor.services(["A", "B"]).items()} == {"A": "A", "B": "pack"}


def test_a_supervisor_that_shuts_down_has_not_lost_its_programs(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Its refusal of each single question is not taken for their absence."""
    fake.refuse = {("getProcessInfo", "A"): Faults.SHUTDOWN_STATE, ("getAllProcessInfo", ""): Faults.SHUTDOWN_STATE}
    with pytest.raises(Unreachable, match="is shutting down"):
        supervisor.services(["A"])


def test_a_call_without_an_answer_ends_in_time(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """A supervisor that hangs is unreachable after the timeout, not for ever."""
    fake.delay = 0.9
    began = time.monotonic()
    with pytest.raises(Unreachable, match="supervisord at unix://"):
        supervisor.services()
    assert time.monotonic() - began < 0.85


def test_nobody_at_the_socket_is_unreachable(tmp_path: Path) -> None:
    """A supervisor that is gone is a transient fault: it may come back."""
    with pytest.raises(Unreachable):
        SupervisorRpc(f"unix://{tmp_path}/none").call("supervisor.getPID", timeout=0.5)


def test_an_answer_that_is_no_success_is_unreachable(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """HTTP 500 says nothing about the programs."""
    fake.status = 500
    with pytest.raises(Unreachable, match="HTTP 500"):
        supervisor.services()


def test_a_supervisor_that_is_shutting_down_is_unreachable(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """It may be back in a moment: a rollback tries again, it does not end."""
    fake.refuse["getAllProcessInfo", ""] = Faults.SHUTDOWN_STATE
    with pytest.raises(Unreachable, match="is shutting down"):
        supervisor.services()


def test_wrong_credentials_are_refused_without_being_told(url: str, fake: FakeSupervisord) -> None:
    """Asking again cannot help, and the password stands in no message."""
    with pytest.raises(Refused, match="user name or password") as refused:
        SupervisorRpc(url, "lab", "wrong-secret").call("supervisor.getAllProcessInfo", timeout=0.5)
    assert "wrong-secret" not in str(refused.value)
    assert fake.calls == []


def test_a_fault_keeps_its_code(fake: FakeSupervisord, url: str) -> None:
    """What the supervisor refuses comes out as its own fault."""
    fake.refuse["stopProcess", "A"] = Faults.SPAWN_ERROR
    with pytest.raises(Fault) as raised:
        SupervisorRpc(url, *LOGIN).call("supervisor.stopProcess", "A", timeout=0.5)
    assert raised.value.code == Faults.SPAWN_ERROR


def test_pending_tells_drift_apart(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """What a re-read would add, change and remove, each by name."""
    fake.delta = [["New"], ["A", "B"], ["Old"]]
    pending = supervisor.pending()
    assert (pending.added, pending.changed, pending.removed) == ({"New"}, {"A", "B"}, {"Old"})


def test_a_configuration_that_cannot_be_read_is_an_act_fault(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """The supervisor's own reason is told and nothing was restarted."""
    fake.refuse["reloadConfig", ""] = Faults.CANT_REREAD
    with pytest.raises(ActFault, match="cannot read its configuration"):
        supervisor.pending()


def test_another_fault_of_a_reread_is_not_swallowed(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Only the named fault has a meaning of its own."""
    fake.refuse["reloadConfig", ""] = Faults.FAILED
    with pytest.raises(Fault):
        supervisor.pending()


def test_what_crashes_and_starts_again_says_so(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """A look that falls between two crashes names the process's end as one in its back-off does; a first start has nothing to tell."""
    fake.programs["A"] |= {"statename": "STARTING", "stop": 1795780641, "description": ""}
    fake.programs["B"] |= {"statename": "STARTING", "description": ""}
    assert supervisor.services()["A"].reason == "its process ended and is started again"
    assert supervisor.services()["B"].reason == ""


def acts(fake: FakeSupervisord) -> list[tuple[str, str]]:
    """The calls that change something, in their order."""
    return [(method, name) for method, name in fake.calls if not method.startswith("get")]


def test_a_restart_stops_all_and_then_puts_all_back(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Each program has a new process, others keep theirs; none starts while its neighbours still have to end."""
    assert supervisor.restart(["A", "B"], soon(), free) == {}
    assert sorted(acts(fake)[:2]) == [("stopProcess", "A"), ("stopProcess", "B")]
    back = [[(method, name) for method, name in acts(fake)[2:] if name == each] for each in ("A", "B")]
    assert back == [[("removeProcessGroup", each), ("addProcessGroup", each)] for each in ("A", "B")]
    assert all(fake.programs[name]["pid"] not in (0, 101, 102) for name in ("A", "B"))
    assert fake.programs["C"]["pid"] == 103


def test_a_program_that_is_slow_to_end_does_not_keep_the_others_down(
    fake: FakeSupervisord, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are back before it has ended; it comes back itself when it has."""
    monkeypatch.setattr("rollout.services.supervisor.TOGETHER", 0.05)
    fake.slow["stopProcess", "A"] = 0.3
    assert supervisor.restart(["A", "B"], soon(), free) == {}
    order = acts(fake)
    assert order.index(("addProcessGroup", "B")) < order.index(("removeProcessGroup", "A"))
    assert order[-1] == ("addProcessGroup", "A")


def test_a_repeated_restart_goes_on_where_the_first_stopped(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Stopped already, removed already and added already are no errors."""
    fake.programs["A"] |= {"pid": 0, "statename": "STOPPED"}
    del fake.programs["B"]
    fake.refuse["addProcessGroup", "A"] = Faults.ALREADY_ADDED
    assert supervisor.restart(["A", "B"], soon(), free) == {}
    assert "B" in fake.programs


def test_one_refused_program_does_not_stop_the_others(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Every program is tried; the refused one is named with the supervisor's words."""
    fake.refuse["addProcessGroup", "A"] = Faults.SPAWN_ERROR
    reasons = supervisor.restart(["A", "B"], soon(), free)
    assert set(reasons) == {"A"}
    assert "refused: A" in reasons["A"]
    assert fake.programs["B"]["pid"] != 102


def test_a_process_that_lost_the_fleet_restarts_nobody(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Ownership is asked before each act, and its loss is not a reason among others."""

    def lost() -> None:
        raise OwnershipLost("somebody else owns it")

    with pytest.raises(OwnershipLost):
        supervisor.restart(["A"], soon(), lost)
    assert ("stopProcess", "A") not in fake.calls


def test_who_was_stopped_before_the_fleet_was_lost_is_put_back(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """No agent stays down because another one must not be touched any more."""
    answers = iter((None, OwnershipLost("somebody else owns it")))

    def lost_in_between() -> None:
        if answer := next(answers):
            raise answer

    with pytest.raises(OwnershipLost):
        supervisor.restart(["A", "B"], soon(), lost_in_between)
    stopped = {name for method, name in acts(fake) if method == "stopProcess"}
    assert len(stopped) == 1
    assert {name for method, name in acts(fake) if method == "addProcessGroup"} == stopped


def test_who_is_stopped_is_put_back_though_the_time_is_over_by_then(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """A stop that was asked for happens, waited for or not; giving up between it and the start would leave a serving agent down."""
    fake.slow["stopProcess", "A"] = 0.3
    assert supervisor.restart(["A"], Deadline.after(JumpingClock(), 0.05), free) == {}
    assert fake.programs["A"]["pid"] not in (0, 101)


def test_nobody_is_stopped_when_no_time_is_left(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """The reason is said, and the agent serves on."""
    assert supervisor.restart(["A"], Deadline.after(JumpingClock(), 0.0), free) == {"A": "no time was left to restart it"}
    assert fake.programs["A"]["pid"] == 101


def test_orphans_of_these_programs_are_ended_and_nobody_else(supervisor: Supervisor, transport: StagedTransport) -> None:
    """A process that supervisord does not know, listens, and says that it is one of ours would hold its successor's port."""
    transport.ports = {8001: 501, 8002: 102, 8003: 503, 8004: 504, 8005: 505}
    transport.environments = {
        501: {"SUPERVISOR_PROCESS_NAME": "A"},  # an orphan of A
        102: {"SUPERVISOR_PROCESS_NAME": "B"},  # the B that supervisord knows
        503: {"SUPERVISOR_PROCESS_NAME": "C"},  # an orphan, of a program that is not restarted
        504: {},  # somebody else's server
        506: {"SUPERVISOR_PROCESS_NAME": "A"},  # a helper that A started, which holds no port
    }  # and 505 cannot be seen
    supervisor.restart(["A", "B"], soon(), free)
    assert transport.ended == [501]


def test_settings_come_from_the_files(supervisor: Supervisor) -> None:
    """The configured environment, by program."""
    assert supervisor.settings(["A", "C"]) == {"A": {"X": "A"}, "C": {"X": "C"}}


def test_a_program_of_a_group_is_refused_by_name(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Removing its group would restart the others in it."""
    fake.programs["B"]["group"] = "pair"
    with pytest.raises(ActFault, match="whole group") as refused:
        supervisor.settings(["A", "B"])
    assert refused.value.agents == ("B",)
    assert supervisor.settings(["A"]) == {"A": {"X": "A"}}


def test_a_program_without_a_section_is_refused_by_name(supervisor: Supervisor) -> None:
    """What has no configuration here cannot be changed here."""
    with pytest.raises(ActFault, match="no \\[program"):
        supervisor.settings(["Z"])


def test_an_environment_that_cannot_be_read_is_refused_by_name(supervisor: Supervisor, folder: Path) -> None:
    """Before anything is touched, with the program's name."""
    (folder / "B.conf").write_text("[program:B]\nenvironment=nonsense here\n", encoding="utf-8")
    with pytest.raises(ActFault) as refused:
        supervisor.settings(["A", "B"])
    assert refused.value.agents == ("B",)


def test_configuring_writes_one_file_and_the_fingerprint_sees_it(supervisor: Supervisor, folder: Path) -> None:
    """The others stay as they are, and so does this one when it is set back."""
    before = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    prints = {name: supervisor.fingerprint(name) for name in ("A", "B")}
    supervisor.configure("A", {"FLAG": "true"})
    assert supervisor.settings(["A"])["A"] == {"X": "A", "FLAG": "true"}
    assert supervisor.fingerprint("A") != prints["A"]
    assert supervisor.fingerprint("B") == prints["B"]
    supervisor.configure("A", {"FLAG": None})
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == before


def test_an_edit_that_is_not_safe_names_the_program(supervisor: Supervisor) -> None:
    """A refused edit is an act that did not happen."""
    with pytest.raises(ActFault) as refused:
        supervisor.configure("A", {"FLAG": 'a"b'})
    assert refused.value.agents == ("A",)


def test_a_trial_of_an_edit_names_who_could_not_be_edited_and_leaves_nothing(
    fake: FakeSupervisord, supervisor: Supervisor, folder: Path, monkeypatch: pytest.MonkeyPatch, transport: StagedTransport
) -> None:
    """A lost section is that program's alone; a folder that takes no file is everybody's."""
    before = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert supervisor.uneditable(["A", "B"]) == {}
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == before
    fake.programs["C"]["group"] = "others"
    (folder / "A.conf").unlink()
    assert set(supervisor.uneditable(["A", "B", "C"])) == {"A", "C"}

    def full(file: object, _text: str, **_options: bool) -> None:
        raise ActFault(f"{file} cannot be written: No space left on device", ())

    monkeypatch.setattr(transport, "replace", full)
    assert set(supervisor.uneditable(["B"])) == {"B"}


def test_programs_may_stand_in_one_file(url: str, transport: StagedTransport, tmp_path: Path) -> None:
    """A single supervisord.conf with all programs is edited in the right section."""
    file = tmp_path / "supervisord.conf"
    file.write_text("[supervisord]\nlogfile=x\n\n[program:A]\ncommand=a\n\n[program:B]\ncommand=b\n", encoding="utf-8")
    Supervisor(SupervisorRpc(url, *LOGIN), transport, file, timeout=0.5).configure("B", {"FLAG": "true"})
    assert file.read_text(encoding="utf-8").endswith('[program:B]\nenvironment=FLAG="true"\ncommand=b\n')


def test_who_was_stopped_on_request_stands_in_the_supervisors_log(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """The last end counts: a crash after a stop is a crash, and a program that the log does not name was not asked to stop."""
    fake.log = (
        "2026-11-24 14:31:40,762 WARN stopped: A (terminated by SIGTERM)\n"
        "2026-11-24 14:31:41,000 INFO stopped: B (exit status 0)\n"
        "2026-11-24 14:31:42,000 WARN exited: B (exit status 1; not expected)\n"
    )
    assert supervisor.stopped_on_request(["A", "B", "C"]) == {"A"}


def test_a_supervisor_without_a_log_calls_nothing_a_request(fake: FakeSupervisord, supervisor: Supervisor) -> None:
    """Then every restart counts as a failure."""
    fake.refuse["readLog", "-262144"] = Faults.NO_FILE
    assert supervisor.stopped_on_request(["A"]) == frozenset()
