"""The plan: days, steps, batches, bakes, gates, criteria, deadlines; all numbers live in its file."""

from rollout.plan.alerting import Alerting, LevelDelays
from rollout.plan.criterion import Criterion, Escalation, EscalationTier, WeekRule
from rollout.plan.day import Bake, Batches, ChangeKind, Day, Deadlines, Drill, FailureBudgets, Gate, Recovery, RollbackScope, Step
from rollout.plan.impact import ImpactForm, ImpactMetric
from rollout.plan.load import Load, LoadLevel
from rollout.plan.optimization import Floor, Optimization, ShadowStarts, Unproven
from rollout.plan.plan import Plan, load_plan, plan_schema
from rollout.plan.rehearsal import Rehearsal

__all__ = [
    "Alerting",
    "Bake",
    "Batches",
    "ChangeKind",
    "Criterion",
    "Day",
    "Deadlines",
    "Drill",
    "Escalation",
    "EscalationTier",
    "FailureBudgets",
    "Floor",
    "Gate",
    "ImpactForm",
    "ImpactMetric",
    "LevelDelays",
    "Load",
    "LoadLevel",
    "Optimization",
    "Plan",
    "Recovery",
    "Rehearsal",
    "RollbackScope",
    "ShadowStarts",
    "Step",
    "Unproven",
    "WeekRule",
    "load_plan",
    "plan_schema",
]
