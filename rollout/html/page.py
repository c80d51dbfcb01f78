"""The whole page: one file that needs no network, made of a report's folder and nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path

from rollout.html.agents import agents, bystanders, rollback
from rollout.html.closing import checks, hubs, people, replay, unknowns
from rollout.html.comparison import comparison
from rollout.html.effects import cost, forest
from rollout.html.facts import Facts
from rollout.html.folder import ReportFolder
from rollout.html.load import load
from rollout.html.opening import criteria, header, plan
from rollout.html.optimization import optimization
from rollout.html.timeline import batches
from rollout.report_file import HTML, replace_file

STYLE = Path(__file__).with_name("page.css")


def render_page(folder: ReportFolder, *, drawn: bool = True) -> str:
    """The page's text. drawn: with its pictures; the numbers are the same without. Raises InputError for samples that cannot be read."""
    facts = Facts(folder)
    report = folder.report
    title = escape(f"Day {report.day}, {report.site}: {report.outcome.value}")
    body = "".join(
        (
            criteria(facts),
            plan(facts),
            batches(facts, drawn=drawn),
            forest(facts, drawn=drawn),
            comparison(facts, drawn=drawn),
            cost(facts),
            load(facts),
            optimization(facts),
            rollback(facts, drawn=drawn),
            agents(facts),
            bystanders(facts),
            hubs(facts),
            checks(facts),
            people(facts),
            unknowns(facts),
            replay(facts),
        )
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><link rel="icon" href="data:,">'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>\n<body><main>{header(facts)}{body}</main></body></html>\n"
    )


def draw_report(folder: Path) -> Path:
    """Write report.html into a run's folder and return it. Raises InputError where the folder holds no report."""
    file = folder / HTML
    replace_file(file, render_page(ReportFolder.read(folder)))
    return file
