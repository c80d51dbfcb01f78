"""A contract of requests: what an agent answered before a change, to be compared with what it answers after it (plan.md line 205)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rollout.fleet import Agent
from rollout.machine import Machine
from rollout.observe.answers import Reply
from rollout.observe.probe import Prober

ATTEMPTS = 3
"""Tries of a request that gets no answer at all: a connection that breaks once is no change of the answer."""


@dataclass(frozen=True)
class Contract:
    """frame: one row per agent and request that answered the same twice: agent, path, status, digest (of the answer)."""

    frame: pd.DataFrame

    @property
    def agents(self) -> frozenset[str]:
        """Agents that have a contract at all."""
        return frozenset(self.frame["agent"])

    def paths(self, agent: str) -> tuple[str, ...]:
        """The requests of that agent's contract."""
        return tuple(self.frame.loc[self.frame["agent"] == agent, "path"])


def record_contract(machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober, paths: Sequence[str]) -> Contract:
    """Ask every agent every request twice; only what answered with 200 and the same both times can be held against it later.

    A hub's agent serves no work and has no contract.
    """
    working = [agent for agent in agents if not agent.hub]
    first, second = (_answers(machines, [(agent, path) for agent in working for path in paths], prober) for _ in range(2))
    same = first.merge(second, on=["agent", "path", "status", "digest"])
    return Contract(same[same["status"] == 200].reset_index(drop=True))


def replay_contract(machines: Mapping[str, Machine], agents: Sequence[Agent], prober: Prober, contract: Contract) -> pd.DataFrame:
    """One row per agent with a contract: agent, asked, different (how many of its answers are not what they were, lost ones included)."""
    known = [agent for agent in agents if agent.id in contract.agents]
    now = _answers(machines, [(agent, path) for agent in known for path in contract.paths(agent.id)], prober)
    both = contract.frame.merge(now, on=["agent", "path"], suffixes=("_before", "_now"))
    differs = (both["status_before"] != both["status_now"]) | (both["digest_before"] != both["digest_now"])
    counted = differs.groupby(both["agent"]).agg(["size", "sum"]).astype(int)
    frame: pd.DataFrame = counted.rename(columns={"size": "asked", "sum": "different"}).rename_axis("agent").reset_index()
    return frame


def _answers(machines: Mapping[str, Machine], asked: Sequence[tuple[Agent, str]], prober: Prober) -> pd.DataFrame:
    """One row per request: agent, path, status, digest."""
    replies = prober.ask_all(lambda each: _insistent(prober, machines[each[0].machine].work(each[0]) + each[1]), asked)
    rows = [(agent.id, path, reply.status, _digest(reply)) for (agent, path), reply in zip(asked, replies, strict=True)]
    return pd.DataFrame(rows, columns=["agent", "path", "status", "digest"])


def _insistent(prober: Prober, url: str) -> Reply:
    """The first answer of a few attempts, or the last failure."""
    reply = prober.work(url)
    for _ in range(ATTEMPTS - 1):
        if reply.status:
            break
        reply = prober.work(url)
    return reply


def _digest(reply: Reply) -> str:
    """SHA-256 of what is said; JSON is compared by its content, not by the order of its keys."""
    try:
        said = json.dumps(json.loads(reply.body), sort_keys=True).encode()
    except ValueError:
        said = reply.body
    return hashlib.sha256(said).hexdigest()
