"""What the hubs have discovered, by their own word: all of the fleet, once, at its own hub, up, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from expectations import validate
from rollout.errors import SourceFault
from rollout.hub import Hub, HubPair
from rollout.observe.discovery import discovery_frame
from rollout.services.hub_client import HubClient
from rollout.verdict import Evidence, Finding, Verdict, worst
from tests.fakes.pair import PairWorld

AGENTS = ("mainpc/Hub", "mainpc/Worker", "pc2/Hub", "pc2/Worker")
GOOD = {"central": AGENTS[:2], "edge": AGENTS[2:]}


def target(identity: str, *, job: str = "agents", health: str = "up", tier: str = "required") -> dict[str, Any]:
    """One active target as a hub tells it."""
    machine, _, agent = identity.partition("/")
    labels = {"job": job, "machine": machine, "agent": agent, "group": "group", "tier": tier}
    return {"labels": labels, "discoveredLabels": {}, "health": health}


def telling(**targets: list[dict[str, Any]]) -> HubPair:
    """A pair whose hubs tell these targets; one without any does not answer."""
    world = PairWorld()

    def hub_of(index: int) -> Hub:
        hub = world.hubs[index]
        told = targets.get(hub.name)
        answer = httpx.Response(500) if told is None else httpx.Response(200, json={"data": {"activeTargets": told}})
        client = httpx.Client(transport=httpx.MockTransport(lambda _request: answer))
        return replace(hub, client=HubClient(hub.name, hub.access.url, client, client))

    return replace(world.pair, hubs=(hub_of(0), hub_of(1)))


def judged(**changed: list[dict[str, Any]]) -> tuple[Finding, ...]:
    """The gate over the good pair with these hubs' targets changed."""
    all_targets = {name: [target(each) for each in agents] for name, agents in GOOD.items()} | changed
    frame = discovery_frame(telling(**all_targets))
    return validate("discovery", frame, {}, Evidence("hubs", "targets", 1.0, 2.0, len(frame)), agents=AGENTS)


def test_a_fleet_discovered_whole_passes() -> None:
    """Each agent once, by its own hub, up; targets of other jobs are no agents."""
    assert worst(judged()) is Verdict.PASS
    edge = [*(target(each) for each in GOOD["edge"]), target("pc2/", job="probe", health="down")]
    assert worst(judged(edge=edge)) is Verdict.PASS


@pytest.mark.parametrize(
    ("edge", "named"),
    [
        pytest.param([target("pc2/Hub")], "pc2/Worker", id="missing"),
        pytest.param([target("pc2/Hub"), target("pc2/Worker"), target("pc2/Ghost")], "pc2/Ghost", id="extra"),
        pytest.param([target("pc2/Hub"), target("pc2/Worker", health="down")], "pc2/Worker", id="stale"),
        pytest.param([target("pc2/Hub"), target("pc2/Worker"), target("mainpc/Worker")], "mainpc/Worker", id="twice"),
        pytest.param([target("pc2/Hub"), target("pc2/Worker", tier="optional")], "pc2/Worker", id="mislabelled"),
    ],
)
def test_anything_else_does_not(edge: list[dict[str, Any]], named: str) -> None:
    """One agent missing, one that nobody knows, one that is down, one at two hubs and one of another tier: no PASS, and its name."""
    findings = judged(edge=edge)
    assert worst(findings) is not Verdict.PASS
    assert any(named in finding.sentence for finding in findings if finding.verdict is not Verdict.PASS)


def test_an_agent_at_the_wrong_hub_is_seen() -> None:
    """A target that the other hub has taken over is discovered, but not where it belongs."""
    central = [*(target(each) for each in GOOD["central"]), target("pc2/Worker")]
    (wrong,) = [finding for finding in judged(central=central, edge=[target("pc2/Hub")]) if finding.verdict is Verdict.FAIL]
    assert wrong.check == "discovery.own_hub"


def test_a_hub_that_does_not_tell_is_a_fault() -> None:
    """Half of the fleet must never look like all of it."""
    with pytest.raises(SourceFault, match="edge"):
        discovery_frame(telling(central=[target(each) for each in GOOD["central"]]))
