"""What became of everybody is counted, and each criterion says no more than its bound."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rollout.candidates import COLUMNS, Ranking, rank_candidates
from rollout.judge.improvement import judge_improvement
from rollout.observe.startups import confirmation_frame
from rollout.optimised_before import STARTS, earlier_day
from rollout.optimization import Measured, Optimised, average_finding, count_finding, counts_of, each_finding, table
from rollout.plan import Floor
from rollout.report import OptimisedAgent, OptimizationReport, Outcome
from rollout.report_file import write_report
from rollout.verdict import Evidence, Verdict
from tests.unit.reports import report

EVIDENCE = Evidence("shadow starts", "spawn to healthy", 1.0, 2.0, 60)
HEAVY = tuple(f"m/Heavy{number}" for number in range(6))
RNG = np.random.default_rng(5)


def ranked(count: int = 6) -> Ranking:
    """Six heavy agents, a light one and one without a contract."""
    rows = [(agent, 0.6 - 0.01 * number, 0.1, 0.4, 0.0, 12, "") for number, agent in enumerate(HEAVY)]
    rows += [("m/Light", 0.1, 0.1, 0.0, 0.0, 12, ""), ("m/Hub", 0.6, 0.1, 0.4, 0.0, 0, "")]
    return rank_candidates(pd.DataFrame(rows, columns=list(COLUMNS)), Floor(seconds=0.1, share=0.2), count)


def starts(agents: Sequence[str], ratio: float = 0.2) -> pd.DataFrame:
    """A cold start and five warm ones on each side."""
    rows = [
        {"agent": agent, "seconds": (9.0 if cold else 0.6 * RNG.uniform(0.97, 1.03)) * (ratio if changed else 1), "changed": changed}
        | {"first_request": float("nan") if cold else 0.4 if changed else 0.03, "resident": float("nan") if cold else 60.0}
        for agent in agents
        for cold in (True, False, False, False, False, False)
        for changed in (False, True)
    ]
    return pd.DataFrame(rows)


def measured(frame: pd.DataFrame, roster: Sequence[str] = HEAVY) -> Measured:
    """As a day measures it."""
    return Measured(frame, judge_improvement(frame, 0.6, tuple(roster)), {"m/Heavy0": (0.7, 0.1)})


def test_everybody_is_in_the_table_with_what_became_of_them() -> None:
    """Proven by their own bound, set back, not worth it, without a contract, left for later: every surveyed agent once."""
    frame = starts(HEAVY[:4])
    rows = table(ranked(count=5), HEAVY[:4], {"m/Heavy4": "answers otherwise"}, measured(frame, HEAVY[:4]))
    assert {row.agent: row.outcome for row in rows} == dict.fromkeys(HEAVY[:4], "applied and proven") | {
        "m/Heavy4": "reverted",
        "m/Heavy5": "worth it, left for a later day",
        "m/Light": "not worth it",
        "m/Hub": "left alone: no contract to compare it by",
    }
    first = next(row for row in rows if row.agent == "m/Heavy0")
    assert first.upper is not None
    assert first.upper < 0.25
    assert first.first_request == (0.03, 0.4)
    assert first.confirmed == (0.7, 0.1)
    assert first.seconds[0] == pytest.approx(0.6, rel=0.05)  # the cold start is not in it
    assert sum(counts_of(rows).values()) == 8


def test_too_few_starts_prove_nobody() -> None:
    """Three starts on a side have no bound of their own: applied, not proven, and neither criterion is MET."""
    frame = starts(HEAVY).groupby(["agent", "changed"]).head(4)
    found = measured(frame)
    rows = table(ranked(), HEAVY, {}, found)
    assert counts_of(rows)[Optimised.NOT_PROVEN] == 6
    assert each_finding(found.judgement, EVIDENCE).verdict is Verdict.INCONCLUSIVE
    assert count_finding("count", rows, 6, EVIDENCE).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("ratio", "each", "average"), [(0.2, Verdict.PASS, Verdict.PASS), (0.9, Verdict.INCONCLUSIVE, Verdict.FAIL)])
def test_the_claim_holds_by_its_bound_or_not_at_all(ratio: float, each: Verdict, average: Verdict) -> None:
    """Six agents five times as fast are proven alone and together; ten percent refute forty."""
    judgement = measured(starts(HEAVY, ratio)).judgement
    assert each_finding(judgement, EVIDENCE).verdict is each
    finding = average_finding("average", judgement, EVIDENCE)
    assert finding.verdict is average
    assert finding.bound == "> 40%"


def test_a_number_that_is_not_reached_is_not_met() -> None:
    """Six of eight: the two that are not worth it are no success, and stand in the sentence."""
    rows = table(ranked(), HEAVY, {}, measured(starts(HEAVY)))
    finding = count_finding("total", rows, 8, EVIDENCE)
    assert (finding.verdict, finding.observed) == (Verdict.FAIL, "6 of 8 applied and proven")
    assert "6 applied and proven, 1 not worth it, 1 left alone: no contract to compare it by" in finding.sentence
    assert count_finding("count", rows, 6, EVIDENCE).verdict is Verdict.PASS


def test_prometheus_confirms_with_samples_of_the_new_process_only() -> None:
    """A sample of the former process says nothing of the present one; an agent without one is no row."""
    before = pd.DataFrame({"agent": ["m/A", "m/B", "m/C"], "seconds": [0.6, 0.6, 0.6], "at": [10.0, 10.0, 10.0]})
    after = pd.DataFrame({"agent": ["m/A", "m/B"], "seconds": [0.1, 0.6], "at": [30.0, 15.0]})
    frame = confirmation_frame(before, after, {"m/A": 20.0, "m/B": 20.0, "m/C": 20.0})
    assert frame.to_dict("records") == [{"agent": "m/A", "before_seconds": 0.6, "after_seconds": 0.1, "remaining_share": pytest.approx(1 / 6)}]


def test_an_earlier_day_counts_only_as_it_was_stored(tmp_path: Path) -> None:
    """The newest complete report of that day with samples of the digest that it names; those that it took, and nobody else."""
    row = OptimisedAgent(
        agent="m/A", outcome="applied and proven", rank=1, seconds=(0.6, 0.1), ratio=0.2, upper=0.3, first_request=(None, None),
        memory=(None, None), confirmed=(None, None), reason="",
    )  # fmt: skip
    rows = (row, row.model_copy(update={"agent": "m/B", "outcome": "reverted"}), row.model_copy(update={"agent": "m/C", "outcome": "not worth it"}))
    done = OptimizationReport(pattern="p", claim=0.4, counts={}, sentences=(), agents=rows)
    folder = tmp_path / "run"
    (folder / "samples").mkdir(parents=True)
    starts(["m/A"]).to_parquet(folder / STARTS)
    digest = "sha256:" + hashlib.sha256((folder / STARTS).read_bytes()).hexdigest()
    stored = report(run_id="run", day=3, outcome=Outcome.COMPLETE, optimization=done, evidence={STARTS: digest})
    write_report(folder, stored)
    earlier = earlier_day(tmp_path, day=3)
    assert earlier is not None
    assert [each.agent for each in earlier.agents] == ["m/A", "m/B"]
    assert earlier_day(tmp_path, day=4) is None
    write_report(folder, stored.model_copy(update={"evidence": {STARTS: "sha256:0"}}))
    assert earlier_day(tmp_path, day=3) is None
