"""Requests that were lost while a day worked, from the plan's own error metric over the whole day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollout.observe.frame import by_agent, selection
from rollout.observe.prometheus import Source
from rollout.plan import ImpactMetric


@dataclass(frozen=True, slots=True)
class LostRequests:
    """How many of how many requests failed; counters are extrapolated to the window by the source, so both are floats.

    unseen: agents of which that is not known.
    """

    lost: float
    asked: float
    unseen: tuple[str, ...]


def lost_requests(source: Source, errors: ImpactMetric, agents: Sequence[str], seconds: int) -> LostRequests | None:
    """What these agents lost in the last `seconds`; None where nobody was asked anything. Raises SourceFault.

    errors: a ratio of counts with its weight. The ratio of an agent that nobody asked is not a number, and none of its requests was lost.
    """
    weight = errors.weight_promql(selection(agents), f"{seconds}s")
    if weight is None:
        return None
    ratio = by_agent(source.now(errors.promql(selection(agents), f"{seconds}s")), "ratio").reindex(list(agents))
    asked = by_agent(source.now(weight), "asked").reindex(list(agents))
    lost = (ratio * asked).where(asked != 0, 0.0)
    known = lost.notna()
    if not asked[known].sum():
        return None
    return LostRequests(float(lost[known].sum()), float(asked[known].sum()), tuple(lost.index[~known]))
