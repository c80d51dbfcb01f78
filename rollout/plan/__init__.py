"""The plan: days, steps, batches, bakes, gates, criteria, deadlines; all numbers live in its file."""

from rollout.plan.criterion import Criterion, Escalation, EscalationTier
from rollout.plan.day import Bake, Batches, ChangeKind, Day, Deadlines, FailureBudgets, Gate, Recovery, RollbackScope, Step
from rollout.plan.impact import ImpactForm, ImpactMetric
from rollout.plan.optimization import Floor, Optimization, ShadowStarts, Unproven
from rollout.plan.plan import Plan, load_plan, plan_schema
from rollout.plan.rehearsal import Rehearsal

__all__ = [
    "Bake",
    "Batches",
    "ChangeKind",
    "Criterion",
    "Day",
    "Deadlines",
    "Escalation",
    "EscalationTier",
    "FailureBudgets",
    "Floor",
    "Gate",
    "ImpactForm",
    "ImpactMetric",
    "Optimization",
    "Plan",
    "Recovery",
    "Rehearsal",
    "RollbackScope",
    "ShadowStarts",
    "Step",
    "Unproven",
    "load_plan",
    "plan_schema",
]
