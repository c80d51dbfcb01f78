"""Requests that were lost while a day worked, from the plan's own error metric over the whole day."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.observe.frame import by_agent, selection
from rollout.observe.prometheus import Source
from rollout.plan import ImpactMetric


def lost_requests(source: Source, errors: ImpactMetric, agents: Sequence[str], seconds: int) -> tuple[float, float] | None:
    """How many of how many requests to these agents failed in the last `seconds`; None where no agent was seen. Raises SourceFault.

    errors: a ratio of counts with its weight; counters are extrapolated to the window by the source, so both are floats.
    """
    weight = errors.weight_promql(selection(agents), f"{seconds}s")
    if weight is None:
        return None
    ratio = by_agent(source.now(errors.promql(selection(agents), f"{seconds}s")), "ratio")
    asked = by_agent(source.now(weight), "asked")
    known = ratio.index.intersection(asked.index).intersection(list(agents))
    if known.empty:
        return None
    return float((ratio[known] * asked[known]).sum()), float(asked[known].sum())
