"""Where this checkout keeps its plans and its sites; a plan is known by its name, which is that of its file."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLANS = ROOT / "plans"
FLEETS = ROOT / "fleets"


def plan_file(name: str) -> Path:
    """The file of the plan of that name; whether there is one shows when it is read."""
    return PLANS / f"{name}.yaml"


def site_file(name: str) -> Path:
    """The file of the site of that name; whether there is one shows when it is read."""
    return FLEETS / f"{name}.yaml"
