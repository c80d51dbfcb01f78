"""Contract: ask agents what they answer, before a change and after it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rollout.fleet import Agent
from rollout.observe.contract import Contract, record_contract, replay_contract
from rollout.site import Site
from tasks.task import step


@step("record contract", "record what {count} agents answer")
def record_answers(site: Site, agents: Sequence[Agent], paths: Sequence[str], count: int) -> Contract:
    """Every request twice; what differs by itself is left out."""
    del count
    return record_contract(site.machines, agents, site.prober, paths)


@step("replay contract", "replay the contract of {count} agents")
def replay_answers(site: Site, agents: Sequence[Agent], contract: Contract, count: int) -> pd.DataFrame:
    """One row per agent: agent, asked, different."""
    del count
    return replay_contract(site.machines, agents, site.prober, contract)
