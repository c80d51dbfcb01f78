"""Where this checkout keeps its plans and its sites; a plan is known by its name, which is that of its file."""

from __future__ import annotations

from pathlib import Path

from rollout.errors import InputError
from rollout.plan import Plan, load_plan

ROOT = Path(__file__).resolve().parent.parent
PLANS = ROOT / "plans"
FLEETS = ROOT / "fleets"


def plan_file(name: str) -> Path:
    """The file of the plan of that name; whether there is one shows when it is read."""
    return PLANS / f"{name}.yaml"


def site_file(name: str) -> Path:
    """The file of the site of that name; whether there is one shows when it is read."""
    return FLEETS / f"{name}.yaml"


def named_plan(name: str) -> Plan:
    """The plan of that name. Raises InputError for a file that cannot be used, or whose own name is another: ledgers and reports cite the name."""
    file = plan_file(name)
    plan = load_plan(file)
    if plan.plan != name:
        raise InputError(file, "plan", f"is {plan.plan}; ledgers and reports name the plan, so its file is named after it")
    return plan
