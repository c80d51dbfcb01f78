"""The dashboards, checked as far as they can show anything yet (plan.md lines 294 and 438)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rollout.errors import InputError, SourceFault
from rollout.observe.dashboards import JSON_FOLDER, Asked, Needs, ask, panel_queries
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Verdict
from tasks.task import step

GATE = "dashboards"
BEFORE_THE_WEEK = frozenset({Needs.NOTHING})
"""What has happened on day 0."""
AFTER_DAY_4 = frozenset({Needs.NOTHING, Needs.RULES, Needs.RUN, Needs.BOTH_HUBS})
"""What has happened on day 5; a rollback and an incident need not have."""


@step("check dashboards", "ask every query of every dashboard")
def check_dashboards(site: Site, happened: Collection[Needs] = AFTER_DAY_4, folder: Path = JSON_FOLDER) -> tuple[Finding, ...]:
    """One finding per dashboard: each query is understood by the site's hub, and those that can show something by now do. happened: by now.

    An empty answer, or a query that the hub refuses, is FAIL with the panel's name; a hub that does not answer at all is not measured.
    """
    began = site.clock.now()
    try:
        answers = ask(site.sources.usable(), panel_queries(folder))
    except InputError as error:
        return (Finding(GATE, Verdict.FAIL, "no dashboard", "checked", str(error)),)
    except SourceFault as fault:
        return (Finding(GATE, Verdict.ERROR, "not measured", "checked", str(fault)),)
    # a board of which nothing is due yet has shown nothing: it neither passes nor fails
    names = dict.fromkeys(answer.query.dashboard for answer in answers if answer.fault or answer.query.needs in happened)
    return tuple(_finding(site, name, [a for a in answers if a.query.dashboard == name], happened, began) for name in names)


def _finding(site: Site, name: str, answers: list[Asked], happened: Collection[Needs], began: float) -> Finding:
    due = [answer for answer in answers if answer.query.needs in happened]
    refused = [f"{answer.query.panel} ({answer.fault})" for answer in answers if answer.fault]
    empty = [answer.query.panel for answer in due if not answer.rows and not answer.fault]
    shown = sum(bool(answer.rows) for answer in due)
    evidence = Evidence(site.sources.name, "; ".join(answer.query.query for answer in answers), began, site.clock.now(), len(answers))
    sentence = f"{name}: {shown} of {len(due)} queries that can show something by now do, {len(answers) - len(due)} wait for what has not happened"
    sentence += f"; empty: {', '.join(empty)}" if empty else ""
    sentence += f"; refused: {', '.join(refused)}" if refused else ""
    verdict = Verdict.FAIL if empty or refused else Verdict.PASS
    return Finding(GATE, verdict, f"{shown} of {len(due)}", "loaded and non-empty", f"{sentence}.", evidence)
