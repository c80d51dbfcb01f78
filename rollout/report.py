"""What a run says of itself: values only, each with its evidence; rendering happens elsewhere."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from pydantic import Field

from rollout.document import Document
from rollout.verdict import Standing


class Outcome(Enum):
    """How a run ended."""

    COMPLETE = "complete"
    REFUSED = "refused before acting"
    ROLLED_BACK = "rolled back"
    HELD = "held for a person"
    ROLLBACK_INCOMPLETE = "rollback incomplete"
    NOT_PASSED = "put to the test and not passed"

    @property
    def exit_code(self) -> int:
        """The exit code of the commands that run a day."""
        return EXIT_CODES[self]


EXIT_CODES = {
    Outcome.COMPLETE: 0,
    Outcome.REFUSED: 2,
    Outcome.ROLLED_BACK: 3,
    Outcome.HELD: 4,
    Outcome.ROLLBACK_INCOMPLETE: 5,
    Outcome.NOT_PASSED: 6,
}


class CriterionReport(Document):
    """One criterion of the plan. window: Unix seconds; samples: how many values the verdict rests on."""

    id: str
    statement: str
    verdict: Standing
    observed: str
    bound: str
    source: str
    query: str
    window: tuple[float, float] | None
    samples: int
    sentence: str
    agents: tuple[str, ...] = ()
    measured_by: str = Field(default="", description="The gate, or gate.check, that answers it.")


class CheckReport(Document):
    """One finding of one gate, as it stood when the gate judged."""

    gate: str
    check: str
    verdict: str = Field(pattern="^(PASS|INCONCLUSIVE|ERROR|FAIL)$")
    observed: str
    bound: str
    sentence: str
    samples: int
    agents: tuple[str, ...] = ()


class StepReport(Document):
    """One step of the plan against what it took.

    planned_from, planned_to: hours as HH:MM, None where the plan gives none; began, ended: Unix seconds.
    """

    title: str
    source: str
    planned_from: str | None
    planned_to: str | None
    budget_seconds: float | None
    began: float
    ended: float


class PersonReport(Document):
    """One word of a person's to this run. at: Unix seconds; name: self-declared."""

    at: float
    said: str
    name: str
    reason: str


class BatchReport(Document):
    """One batch. began, verified, ended: Unix seconds; decision: what followed from its gates."""

    index: int
    agents: tuple[str, ...]
    canary: bool
    began: float
    verified: float
    ended: float
    decision: str
    extensions: int
    checks: tuple[CheckReport, ...]
    samples: str = ""
    set_back: dict[str, str] = Field(default_factory=dict, description="Agents that went back alone while the batch went on, with the reason.")


class LevelReport(Document):
    """One level of a load test. rate: requests a second to each agent; scheduled, sent: requests; seconds: as ordered.

    p50 to p99_9, lag_p99: seconds, at most one per cent too large; cpu_cores, resident_mib: of all agents; hub_lag: seconds; scrape_success: of the
    agent that did worst. None is not measured. ending: why it ended; held: PASS on all its criteria; because: every check that did not pass.
    """

    level: str
    rate: float
    seconds: float
    began: float
    scheduled: int
    sent: int
    lag_p99: float | None
    error_ratio: float | None
    errors: dict[str, int]
    p50: float | None
    p90: float | None
    p99: float | None
    p99_9: float | None
    cpu_cores: float | None
    resident_mib: float | None
    hub_lag: float | None
    scrape_success: float | None
    ending: str
    held: bool
    because: tuple[str, ...]


class AgentReport(Document):
    """One agent before and after. step: its last step in the ledger; state: what the witnesses saw at the end; None is not known.

    started_*: Unix seconds; configured_*: hash of all that is configured for it; away_seconds: from the first act on it to its read-back, summed.
    requests_lost, downtime_seconds, unplanned_seconds: over the whole day, of agents that the run restarted.
    """

    agent: str
    batch: int
    step: str
    verified: bool | None
    state: str
    pid_before: int
    pid_after: int
    requests_lost: float | None = None
    downtime_seconds: float | None = None
    unplanned_seconds: float | None = None
    started_before: float | None = None
    started_after: float | None = None
    configured_before: str | None = None
    configured_after: str | None = None
    away_seconds: float | None = None


class OptimisedAgent(Document):
    """One agent of an optimization. outcome: what became of it; seconds: medians of shadow starts, from spawn to healthy; None is not measured.

    ratio: of the medians; upper: its one-sided 95 % bound; first_request: seconds; memory: MiB after it; confirmed: the agent's own start-up seconds
    as Prometheus has them. Each pair is before, after.
    """

    agent: str
    outcome: str
    rank: int
    seconds: tuple[float | None, float | None]
    ratio: float | None
    upper: float | None
    first_request: tuple[float | None, float | None]
    memory: tuple[float | None, float | None]
    confirmed: tuple[float | None, float | None]
    reason: str


class OptimizationReport(Document):
    """What optimising did. claim: share of the start-up that was to be saved; counts: agents by outcome; sentences: the judge's, with bounds."""

    pattern: str
    claim: float
    counts: dict[str, int]
    sentences: tuple[str, ...]
    agents: tuple[OptimisedAgent, ...]


class RollbackReport(Document):
    """A rollback with its clocks in seconds against the plan's budget; None is not measured."""

    cause: str
    restored: tuple[str, ...]
    quarantined: dict[str, str]
    seconds_to_restored: float
    seconds_to_healthy: float | None
    budget_seconds: float
    baseline: str


class AlertReport(Document):
    """How bad things were at the end of the run, and why; GREEN has no reason."""

    level: str = Field(pattern="^(GREEN|YELLOW|ORANGE|RED)$")
    reasons: tuple[str, ...]


class DayReport(Document):
    """One day's run."""

    schema_version: Literal[1] = 1
    run_id: str
    plan: str
    day: int
    title: str
    site: str
    fleet: str
    rehearsal: str = Field(description="The declared overlay that applied, in words; empty in production.")
    outcome: Outcome
    exit_code: int
    sentence: str
    cause: str = Field(description="Why it did not complete; empty when it did.")
    pace: float
    started: float
    ended: float
    steps: tuple[StepReport, ...] = ()
    criteria: tuple[CriterionReport, ...]
    checks: tuple[CheckReport, ...] = Field(default=(), description="Every finding of the day's gates; those of a batch stand in the batch.")
    batches: tuple[BatchReport, ...]
    agents: tuple[AgentReport, ...]
    rollback: RollbackReport | None
    optimization: OptimizationReport | None = Field(default=None, description="Null on days that optimise nothing, and where nothing was proven yet.")
    levels: tuple[LevelReport, ...] = Field(default=(), description="Of a load test, in the order in which they ran.")
    unknowns: tuple[str, ...] = Field(description="What this run could not know; always there.")
    notes: tuple[str, ...] = ()
    people: tuple[PersonReport, ...] = ()
    alert: AlertReport | None = Field(default=None, description="Null where nothing was observed at the end: not GREEN.")
    evidence: dict[str, str] = Field(description="Files of this report and what they hold, with their SHA-256.")


def report_schema() -> dict[str, Any]:
    """The JSON Schema of report.json; kept in schemas/report.schema.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **DayReport.model_json_schema()}
