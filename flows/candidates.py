"""The analysis step of an optimization day: what every agent would gain, and which of them the day takes (plan.md lines 172-177 and 227-231)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from flows.contract import take_contract
from flows.day_run import DayRun
from flows.patience import patiently
from rollout.candidates import COLUMNS, Worth, rank_candidates
from rollout.changes.feature import LAZY_LOADING
from rollout.fleet import Agent
from rollout.shadow import ShadowHost, Start
from tasks.shadow import read_startups, start_pair

SETTINGS = ({LAZY_LOADING.flag: "false"}, {LAZY_LOADING.flag: "true"})
"""Of a shadow without the optimization, and with it."""


def choose_candidates(run: DayRun) -> None:
    """Record what the agents answer, start each once with and once without the optimization, rank them, and keep the best for the day.

    A resumed run keeps the survey of its first attempt, so that it comes to the same order.
    """
    how, identities = run.optimization, tuple(agent.id for agent in run.agents)
    contract = take_contract(run, how)
    stored = run.stored_samples("startups-before")
    run.startups = patiently(run, lambda: read_startups(run.site, identities, len(identities))) if stored is None else stored
    run.keep_samples("startups-before", run.startups)
    survey = run.stored_samples("survey")
    if survey is None:
        survey = _survey(run, {agent: len(contract.paths(agent)) for agent in contract.agents})
        run.keep_samples("survey", survey)
    run.survey = survey
    run.ranking = rank_candidates(survey, how.floor, run.day.count or len(run.agents))
    chosen = set(run.ranking.chosen)
    run.agents = tuple(agent for agent in run.agents if agent.id in chosen)
    counted = ", ".join(f"{len(found)} {worth.value}" for worth in Worth if (found := run.ranking.of(worth)))
    run.record.notes.append(f"candidates for {how.pattern}: {counted}; best first: {', '.join(run.ranking.chosen) or 'none'}")


def host_of(run: DayRun) -> ShadowHost:
    """What starts this run's shadows."""
    return ShadowHost(run.site.machines, run.site.prober, run.site.clock, run.optimization.shadows, str(run.site.state))


def start_rows(agent: str, starts: Iterable[Start]) -> list[dict[str, str | float | bool]]:
    """A pair of starts as rows for `judge_improvement`; one that was not healthy in time is no row."""
    return [
        {
            "agent": agent,
            "seconds": start.seconds,
            "changed": changed,
            "first_request": _number(start.first_request),
            "resident": _number(start.resident) if start.first_request is not None else math.nan,
        }
        for changed, start in zip((False, True), starts, strict=True)
        if start.seconds is not None
    ]


def _survey(run: DayRun, contracts: dict[str, int]) -> pd.DataFrame:
    """One row per agent, as rollout.candidates.COLUMNS says."""
    host, rows = host_of(run), []
    for agent in run.agents:
        run.before_each()
        eager, lazy = start_pair(host, agent, SETTINGS, "", "to time its imports", profiled=True)
        rows.append(_row(agent, eager, lazy, contracts.get(agent.id, 0)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(agent: Agent, eager: Start, lazy: Start, contract: int) -> tuple[object, ...]:
    times = [_number(value) for value in (eager.seconds, lazy.seconds, eager.import_seconds, lazy.import_seconds)]
    return (agent.id, *times, contract, "; ".join(filter(None, (eager.reason, lazy.reason))))


def _number(value: float | None) -> float:
    """What a frame holds of something that was not measured."""
    return math.nan if value is None else value
