"""supervisord as a service manager: edit a program's own section, re-read, then replace just that program.

`restart all` and environment variables of the caller change nothing (children inherit supervisord's environment), so every
program is stopped, removed and added again by itself: all stopped side by side, then all put back at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import PurePath
from typing import Any

from supervisor.xmlrpc import Faults

from rollout.change import BeforeEach
from rollout.clock import Deadline
from rollout.errors import ActFault, Unreachable
from rollout.services.port import Outage, Pending, Program, Service, ServiceState
from rollout.services.program_file import ProgramFile, written_program
from rollout.services.program_folder import ProgramFolder
from rollout.services.supervisor_log import outages_in
from rollout.services.supervisor_rpc import Fault, SupervisorRpc
from rollout.transports.port import Transport

PROGRAM = "SUPERVISOR_PROCESS_NAME"
"""Set by supervisord in the environment of what it starts."""
LOG_TAIL = 256 * 1024
"""Bytes of supervisord's log in which the last end of a program is looked for."""
TOGETHER = 0.5
"""Seconds that programs which have ended wait for those that still do, so that they are put back at once."""
TRIAL = "ROLLOUT_TRIAL"
"""A key that is set in an edit which is never written."""
OUT_OF_TIME = "no time was left to restart it"
END = re.compile(r"^\S+ \S+ \w+ (?P<how>stopped|exited): (?P<name>\S+) \(", re.MULTILINE)
"""How supervisord's log words the end of a process: stopped when somebody asked for it, exited when not (supervisor/process.py, finish)."""


class Supervisor:
    """One machine's supervisord.

    programs: its configuration file, or the folder with one file per program; timeout: seconds for a call that waits for no process.
    """

    def __init__(self, rpc: SupervisorRpc, transport: Transport, programs: PurePath, timeout: float, width: int = 10) -> None:
        self._rpc = rpc
        self._transport = transport
        self._folder = ProgramFolder(transport, programs)
        self._timeout = timeout
        self._width = width

    def services(self, only: Collection[str] | None = None) -> Mapping[str, Service]:
        """All in one question, or some; where one is not known by its own name (members of a group are not) all are asked for."""
        if only is not None:
            answers = self._rpc.call_many([("supervisor.getProcessInfo", name) for name in only], self._timeout)
            if not any(isinstance(answer, Fault) for answer in answers):
                return {record["name"]: _service(record) for record in answers}
        found = {record["name"]: _service(record) for record in self._call("supervisor.getAllProcessInfo")}
        return found if only is None else {name: service for name, service in found.items() if name in only}

    def pending(self) -> Pending:
        """What a re-read of the configuration would add, change and remove. Raises ActFault when it cannot be read."""
        try:
            [[added, changed, removed]] = self._call("supervisor.reloadConfig")
        except Fault as fault:
            if fault.code != Faults.CANT_REREAD:
                raise
            raise ActFault(f"supervisord cannot read its configuration: {fault}", ()) from fault
        return Pending(frozenset(added), frozenset(changed), frozenset(removed))

    def settings(self, names: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
        """The environment configured for each program."""
        found = {name: self.configured(name) for name in names}
        if grouped := [name for name, service in self.services(found).items() if service.group != name]:
            raise ActFault("part of a supervisord group, whose removal would restart the whole group", grouped)
        return found

    def uneditable(self, names: Iterable[str]) -> Mapping[str, str]:
        """Each is edited without being written; then the place of their files takes a file and gives it up again."""
        chosen, reasons = list(names), dict[str, str]()
        for name in chosen:
            try:
                self.settings([name])
                self._folder.read(name, lambda file, program: file.set_environment(program, {TRIAL: "1"}))
            except ActFault as fault:
                reasons[name] = fault.reason
        try:
            self._folder.prove_writable()
        except ActFault as fault:
            return dict.fromkeys(chosen, fault.reason) | reasons
        return reasons

    def stopped_on_request(self, names: Iterable[str]) -> frozenset[str]:
        """Those that supervisord's log calls stopped where it names their last end; what ended by itself it calls exited."""
        last = {match["name"]: match["how"] for match in END.finditer(self._log())}
        return frozenset(name for name in names if last.get(name) == "stopped")

    def outages(self, names: Iterable[str]) -> Mapping[str, tuple[Outage, ...]]:
        """Each end with the start that followed it, from supervisord's log."""
        pids = {service.pid for service in self.services().values() if service.pid}
        started = {pid: at for pid in pids if (at := self._transport.started(pid)) is not None}
        found = outages_in(self._log(), started)
        return {name: found.get(name, ()) for name in names}

    def configured(self, name: str) -> Mapping[str, str]:
        """What the program's environment line says."""
        return self._folder.read(name, ProgramFile.environment)

    def fingerprint(self, name: str) -> str:
        """SHA-256 of what the program's section says."""
        return self._folder.read(name, ProgramFile.fingerprint)

    def configure(self, name: str, settings: Mapping[str, str | None]) -> None:
        """Set environment keys of one program on disk."""
        self._folder.edit(name, lambda file, program: file.set_environment(program, settings))

    def restart(self, names: Iterable[str], deadline: Deadline, before_each: BeforeEach) -> Mapping[str, str]:
        """Replace the programs; the reasons of those that were refused, by name.

        All are stopped side by side and put back together: an interpreter that starts while its neighbours have to end slows both
        (docs/decisions/0106). What ends late is put back late and keeps nobody waiting for longer than TOGETHER. Without any time left nobody is
        stopped; who was stopped is put back, whatever the time.
        """

        def stop(name: str) -> str:
            before_each()
            if deadline.passed:
                return OUT_OF_TIME
            try:
                self._stop(name, deadline)
            except (Fault, Unreachable) as error:
                return str(error)
            return ""

        chosen = list(names)
        self._end_orphans(chosen)
        reasons: dict[str, str] = {}
        forbidden: list[BaseException] = []
        with ThreadPoolExecutor(self._width) as pool:
            left = {pool.submit(stop, name): name for name in chosen}
            while left:
                stopped = []
                for ended in wait(left, TOGETHER).done:
                    name = left.pop(ended)
                    if error := ended.exception():
                        forbidden.append(error)
                    elif reason := ended.result():
                        reasons[name] = reason
                    else:
                        stopped.append(name)
                reasons |= self._put_back(stopped)
        if forbidden:
            raise forbidden[0]
        return reasons

    def definition(self, name: str) -> str | None:
        """The text of the program's own file."""
        return self._folder.own(name)

    def worded(self, program: Program) -> str:
        """A [program:...] section; per cent signs are doubled, since supervisord expands them."""
        return written_program(program)

    def define(self, name: str, words: str | None) -> None:
        """The program's own file: written, for its owner alone, or removed."""
        self._folder.put(name, words)

    def retire(self, name: str, deadline: Deadline) -> None:
        """Stopped, removed."""
        self.pending()
        self._stop(name, deadline)
        self._tolerant("supervisor.removeProcessGroup", name, Faults.BAD_NAME, timeout=deadline.within(self._timeout))

    def kill(self, name: str, deadline: Deadline) -> None:
        """Killed, and stopped before supervisord starts it again."""
        self._tolerant("supervisor.signalProcess", name, Faults.NOT_RUNNING, timeout=deadline.within(self._timeout), argument="KILL")
        self._tolerant("supervisor.stopProcess", name, Faults.NOT_RUNNING, timeout=deadline.within(self._timeout))

    def start(self, name: str, deadline: Deadline) -> None:
        """Started; supervisord answers when it has stayed up for its startsecs."""
        self._tolerant("supervisor.startProcess", name, Faults.ALREADY_STARTED, timeout=deadline.remaining or 0.001)

    def _stop(self, name: str, deadline: Deadline) -> None:
        """Stopped, gone already included; returns when the process has ended. It is waited for at least as long as any call: once asked, it stops."""
        self._tolerant("supervisor.stopProcess", name, Faults.NOT_RUNNING, Faults.BAD_NAME, timeout=max(deadline.remaining, self._timeout))

    def _put_back(self, names: Collection[str]) -> dict[str, str]:
        """Removed and added again as configured now, in one question; the reasons of those that were refused."""
        steps = [(name, *step) for name in names for step in (("removeProcessGroup", Faults.BAD_NAME), ("addProcessGroup", Faults.ALREADY_ADDED))]
        if not steps:
            return {}
        try:
            answers = self._rpc.call_many([(f"supervisor.{method}", name) for name, method, _ in steps], self._timeout)
        except Unreachable as error:
            return dict.fromkeys(names, str(error))
        return {
            name: str(answer) for (name, _, fine), answer in zip(steps, answers, strict=True) if isinstance(answer, Fault) and answer.code != fine
        }

    def _end_orphans(self, names: Iterable[str]) -> None:
        """End processes of these programs that a dead supervisord left behind: they would hold the ports of their successors.

        An orphan says by its environment which program it is, listens on this machine, and is not the process that supervisord knows.
        Who listens is asked last and seldom: it takes ten times as long to find out.
        """
        wanted = set(names)
        known = {service.pid for service in self.services(wanted).values()}
        strangers = set(self._transport.processes()) - known
        if namesakes := {pid for pid in strangers if (self._transport.environment(pid) or {}).get(PROGRAM) in wanted}:
            for pid in namesakes & set(self._transport.listeners().values()):
                self._transport.end(pid)

    def _tolerant(self, method: str, name: str, *fine: int, timeout: float, argument: str | None = None) -> None:
        """Call a method whose named faults mean that the wanted state is reached already (the call may be a repetition)."""
        try:
            self._rpc.call(method, name, *([] if argument is None else [argument]), timeout=timeout)
        except Fault as fault:
            if fault.code not in fine:
                raise

    def _log(self) -> str:
        """The end of supervisord's log; empty where it keeps none."""
        try:
            return str(self._rpc.call("supervisor.readLog", -LOG_TAIL, 0, timeout=self._timeout))
        except Fault:
            return ""

    def _call(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 (XML-RPC is untyped)
        return self._rpc.call(method, *parameters, timeout=self._timeout)


def _service(record: Mapping[str, Any]) -> Service:
    """One entry of getAllProcessInfo. What starts again after its process has ended says so: supervisord forgets the reason at each new start."""
    state = ServiceState(record["statename"])
    ended = "its process ended and is started again" if state is ServiceState.STARTING and record["stop"] else ""
    return Service(record["name"], record["group"], state, record["pid"], record["spawnerr"] or ended or record["description"])
