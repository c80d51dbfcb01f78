"""Alerts and a rollout: a planned restart rings nowhere, and what rings beside it holds the run (issue 7, section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from flows.day_run import DayRun
from flows.patience import patiently
from rollout.alerting.silences import quiet, unexpected
from rollout.audit import Answer
from rollout.errors import Held
from rollout.fleet import Agent

ALERTMANAGER = "Alertmanager"


@contextmanager
def quiet_restart(run: DayRun, agents: Sequence[Agent]) -> Iterator[None]:
    """These agents may be away inside. Raises Held where no silence can be set; a site without an Alertmanager needs none."""
    alerts = run.site.alerts
    if alerts is None:
        yield
        return
    seconds = run.day.deadlines.act + run.day.deadlines.verify
    with ExitStack() as silences:
        patiently(
            run,
            lambda: silences.enter_context(quiet(alerts, agents, run.site.clock.now(), seconds, run.run_id, run.record.unknowns.append)),
            ALERTMANAGER,
        )
        yield


def hold_on_alerts(run: DayRun) -> None:
    """Raises Held when an alert rings that nobody expected, or when nobody can say whether one does."""
    alerts = run.site.alerts
    if alerts is None:
        return
    accepted = run.answer.at if run.answer is not None and run.answer.said is Answer.PROMOTE else 0.0
    if ringing := unexpected(patiently(run, alerts.firing, ALERTMANAGER), accepted):
        raise Held(f"{len(ringing)} unexpected alerts: {', '.join(sorted(map(str, ringing)))}")
