"""A plan by its name; ledgers, reports and people know plans by name."""

from __future__ import annotations

from rollout.checkout import plan_file
from rollout.errors import InputError
from rollout.plan import Plan, load_plan


def named_plan(name: str) -> Plan:
    """The plan of that name. Raises InputError for a file that cannot be used, or whose own name is another: ledgers and reports cite the name."""
    file = plan_file(name)
    plan = load_plan(file)
    if plan.plan != name:
        raise InputError(file, "plan", f"is {plan.plan}; ledgers and reports name the plan, so its file is named after it")
    return plan
