"""A shadow: a second instance of an agent beside the real one, on scratch ports of loopback, started to be measured and then ended.

Production is never restarted to be measured (judge.md, "Improvements"). A shadow gets what the real process was started with, other ports,
and the settings that are compared; nobody sends it work but us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rollout.clock import Clock, Deadline, wait_until
from rollout.errors import ActFault
from rollout.fleet import Agent
from rollout.machine import Machine
from rollout.observe.probe import Prober
from rollout.plan import ShadowStarts
from rollout.transports.port import Child, Invocation

LOOPBACK = "127.0.0.1"
SUPERVISED = "SUPERVISOR_"
"""Beginning of the variables by which a supervisor knows its own; a shadow must not be taken for one of them."""
MARK = "ROLLOUT_SHADOW"
"""Variable by which a shadow that outlived a killed run is found again; its value says whose it is."""
PROFILE = "PYTHONPROFILEIMPORTTIME"
"""What `python -X importtime` is as a variable (docs.python.org, using/cmdline)."""
IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|", re.MULTILINE)
RAISED = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)
"""The kind of an exception that ends a process; what else it says may hold a secret."""
LOOK = 0.01
"""Seconds between two looks whether a shadow is healthy: what a start-up can be wrong by."""
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a shadow; None is not measured.

    seconds: from its spawn to its first healthy answer; import_seconds: of them in imports, by -X importtime; first_request: seconds of its
    first answer with 200; resident: MiB after that; reason: why it was not healthy in time.
    """

    seconds: float | None
    import_seconds: float | None = None
    first_request: float | None = None
    resident: float | None = None
    reason: str = ""


def end_shadows(machines: Mapping[str, Machine], mark: str) -> None:
    """End what a run that was killed in the middle of a start has left; call it only where no run is at work. Raises Unreachable."""
    for machine in machines.values():
        for pid in machine.transport.processes():
            if (machine.transport.environment(pid) or {}).get(MARK) == mark:
                machine.transport.end(pid)


@dataclass(frozen=True)
class ShadowHost:
    """Starts shadows of the agents of one fleet, one at a time, so that they do not slow each other down. mark: of its place, told from others."""

    machines: Mapping[str, Machine]
    prober: Prober
    clock: Clock
    how: ShadowStarts
    mark: str

    def start(self, agent: Agent, settings: Mapping[str, str], first_request: str = "", *, profiled: bool = False) -> Start:
        """Start it with these settings, wait until it is healthy, measure, end it.

        first_request: path that it is asked once healthy; profiled: whether its imports are timed too, which makes the start a little slower.
        Raises Unreachable. A shadow that cannot be started or does not become healthy is a Start with the reason.
        """
        machine = self.machines[agent.machine]
        service = machine.services.services().get(agent.name)
        invocation = machine.transport.invocation(service.pid) if service is not None and service.pid else None
        if invocation is None:
            return Start(None, reason="the agent itself does not run, so that nobody knows how to start it")
        ports = machine.transport.free_ports(2)
        began = self.clock.monotonic()
        try:
            child = machine.transport.spawn(self._beside(invocation, settings, ports, profiled=profiled))
        except ActFault as fault:
            return Start(None, reason=str(fault))
        try:
            return self._measured(child, began, ports, first_request, profiled=profiled)
        finally:
            child.end()

    def _beside(self, real: Invocation, settings: Mapping[str, str], ports: tuple[int, ...], *, profiled: bool) -> Invocation:
        """The real one's invocation on scratch ports."""
        inherited = {key: value for key, value in real.environment.items() if not key.startswith(SUPERVISED)}
        own = {MARK: self.mark, self.how.address: LOOPBACK, self.how.port: str(ports[0]), self.how.health_port: str(ports[1])}
        return replace(real, environment=inherited | dict(settings) | own | ({PROFILE: "1"} if profiled else {}))

    def _measured(self, child: Child, began: float, ports: tuple[int, ...], first_request: str, *, profiled: bool) -> Start:
        def healthy() -> bool | None:
            return True if self.prober.health(f"http://{LOOPBACK}:{ports[1]}").status == 200 else (False if child.ended() else None)

        if not wait_until(healthy, Deadline(self.clock, began + self.how.within), LOOK):
            error = RAISED.findall(child.said())[-1:]
            what = "ended by itself" if child.ended() else f"not healthy within {self.how.within:.0f} s"
            return Start(None, reason=f"{what}{f', {error[0]}' if error else ''}")
        seconds = self.clock.monotonic() - began
        imports = sum(int(micro) for micro in IMPORT.findall(child.said())) / 1e6 if profiled else None
        reply = self.prober.work(f"http://{LOOPBACK}:{ports[0]}{first_request}") if first_request else None
        resident = child.resident()
        return Start(
            seconds,
            imports,
            reply.seconds if reply is not None and reply.status == 200 else None,
            None if resident is None else resident / MEBIBYTE,
        )
