"""What a day cost its users: the requests that were lost while it ran, counted at its end (plan.md line 416)."""

from __future__ import annotations

from flows.day_run import DayRun
from rollout.errors import RolloutError
from rollout.observe.lost import lost_requests
from rollout.verdict import Evidence, Finding, Verdict

GATE = "requests_lost"
LEAST = 0.5
"""Requests; an extrapolated count below half a request is none."""


def count_lost_requests(run: DayRun) -> None:
    """Keep how many of how many requests failed since the run began; a day that measures no errors, or a source that is away, keeps nothing."""
    errors, now = run.day.ratio, run.site.clock.now()
    seconds = int(now - run.record.started)
    if errors is None or not run.touched or seconds < 1:
        return
    agents = [agent.id for agent in run.agents if not agent.hub]
    try:
        source = run.site.sources.usable()
        counted = lost_requests(source, errors, agents, seconds)
    except RolloutError as error:
        run.record.unknowns.append(f"how many requests were lost: {error}")
        return
    if counted is None:
        run.record.unknowns.append("how many requests were lost: no client was seen")
        return
    lost, asked = counted.lost, counted.asked
    verdict = Verdict.FAIL if lost >= LEAST else Verdict.ERROR if counted.unseen or round(asked) == 0 else Verdict.PASS
    evidence = Evidence(source.name, errors.promql("...", f"{seconds}s"), run.record.started, now, round(asked))
    sentence = f"Day {run.day.day}: about {lost:.0f} of {asked:.0f} requests failed in {seconds} s"
    if counted.unseen:
        sentence += f"; not measured for {', '.join(counted.unseen[:5])}{' and others' if len(counted.unseen) > 5 else ''}"
    run.keep(GATE, [Finding(GATE, verdict, f"{lost:.0f} of {asked:.0f}", "no request lost", sentence, evidence)])
