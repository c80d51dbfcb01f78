"""Who restarted an agent: a stop that somebody asked for is no crash."""

from __future__ import annotations

from dataclasses import replace

from rollout.observe.restarts import Restart, restarts_since
from tests.fakes.machine import MemoryWorld


def test_a_younger_process_is_a_restart_and_says_whether_it_was_asked_for() -> None:
    """An agent whose process is as old as it should be is none, and who is not asked about is not looked at."""
    world = MemoryWorld()
    began = world.clock.now()
    for identity in ("east/Agent1", "east/Agent2", "west/Agent5"):
        world.all[identity].process = replace(world.all[identity].process, pid=4711, started=began + 5)
    world.east.stopped = {"Agent1"}
    since = dict.fromkeys(("east/Agent0", "east/Agent1", "east/Agent2"), began)
    assert restarts_since(world.fleet, world.machines, since) == {
        "east/Agent1": Restart(began + 5, asked=True),
        "east/Agent2": Restart(began + 5, asked=False),
    }
