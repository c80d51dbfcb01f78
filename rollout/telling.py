"""What of a report follows from the rest of it, in one place for the run that writes it and for whoever checks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from rollout.ledger import Step
from rollout.report import AgentReport, CriterionReport
from rollout.verdict import Standing


class Named(Protocol):
    """Anything that bears the name of a check."""

    @property
    def check(self) -> str:
        """The name, as gate.check."""


C = TypeVar("C", bound=Named)


def answers(measured_by: str, found: Mapping[str, Sequence[C]]) -> list[C]:
    """What answers a criterion, of the findings by gate: all of a gate, or those of one check (`gate.check`) with the gate's guards."""
    gate, _, check = measured_by.partition(".")
    guards = {f"{gate}.{guard}" for guard in ("rows", "columns", "values")}
    if not check:
        return list(found.get(gate, ()))
    own = [each for each in found.get(gate, ()) if each.check == measured_by]
    return own and [*own, *(each for each in found.get(gate, ()) if each.check in guards)]


def complete_sentence(day: int, agents: Sequence[AgentReport], criteria: Iterable[CriterionReport], *, changes: bool) -> str:
    """What is said of a day that is complete; every number in it is counted here. changes: whether the day changes agents."""
    wanted = (Step.VERIFIED.value, Step.FOUND.value)
    changed = sum(agent.step in wanted and agent.verified is True for agent in agents)
    healthy = sum(agent.verified is True for agent in agents)
    what = f"{changed}/{len(agents)} agents changed and verified" if changes else f"{healthy}/{len(agents)} agents seen healthy"
    return f"Day {day} is complete: {what}; criteria: {count_standings(criteria)}."


def count_standings(criteria: Iterable[CriterionReport]) -> str:
    """How many criteria have each standing, in words; standings that none has are left out."""
    verdicts = [criterion.verdict for criterion in criteria]
    return ", ".join(f"{number} {standing.value}" for standing in Standing if (number := verdicts.count(standing)))
