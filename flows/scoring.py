"""The scoreboard of a site, from what is stored there, and the checkpoint that closes a week."""

from __future__ import annotations

from flows.day_run import DayRun
from flows.days import not_built
from rollout.checkpoints import Checkpoint, CheckpointFile, CheckpointKind
from rollout.plan import Plan
from rollout.scoreboard import Scoreboard, scoreboard
from rollout.scoreboard_file import sentence
from rollout.site import Site
from rollout.verdict import Verdict
from rollout.week_evidence import read_week
from rollout.week_file import WeekFile
from rollout.week_rules import RULES


def score(site: Site, plan: Plan, week: str = "") -> Scoreboard:
    """Every criterion judged. week: id of a week whose runs alone count; empty for the newest run of each day."""
    told = WeekFile(site.state, week) if week else None
    stored = read_week(site.state, plan, site.name, not_built(plan), told)
    return scoreboard(stored, RULES, site.clock.now(), week)


def take_week_end(run: DayRun, board: Scoreboard) -> None:
    """The week-end checkpoint: the whole week is judged and readiness is computed, whatever it came to (plan.md line 422)."""
    others = [line for line in board.days if line.day != run.day.day]
    left = [line.day for line in others if line.run is None]
    verdict = Verdict.INCONCLUSIVE if left else Verdict.PASS
    told = sentence(board) + (f" Days without a report: {', '.join(map(str, left))}." if left else "")
    checkpoint = Checkpoint(run.site.clock.now(), CheckpointKind.WEEK_END, run.site.name, run.day.day, run.run_id, verdict, told)
    CheckpointFile(run.site.state).append(checkpoint)
