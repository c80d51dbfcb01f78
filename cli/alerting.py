"""`rollout alerting` and `rollout acknowledge`: who is told of what, and who has taken it on."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.control import Name, Reason, SiteName
from cli.emergency import PlanName
from rollout.checkout import plan_file, site_file

app = typer.Typer(help="Rules and routes of a site's alerts.", no_args_is_help=True)


@app.command()
def deploy(site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """Bring the plan's rules to the hubs and the contacts' routes to Alertmanager, and read both back; repeating it changes nothing."""
    from rollout.errors import Refused
    from rollout.plan import load_plan
    from rollout.site import load_site

    written = load_plan(plan_file(plan))
    place = load_site(site_file(site), written.days[0].deadlines)
    if place.alerting is None:
        raise Refused(f"site {site} has no Alertmanager; fleets/{site}.yaml says nothing of alerting")
    place.alerting.apply(written.for_site(place.rehearsal))
    print(f"{len(place.alerting.hubs)} hubs run the rules, Alertmanager the routes to {', '.join(place.alerting.access.contacts)}.")


@app.command()
def check(site: SiteName = "lab", plan: PlanName = "week3") -> None:
    """Compare what runs with the plan, then let every level and tier ring once, as a drill; exit code 1 when one does not."""
    from rollout.plan import load_plan
    from rollout.site import load_site
    from rollout.verdict import Verdict, worst
    from tasks.alerting import check_alerting

    written = load_plan(plan_file(plan))
    place = load_site(site_file(site), written.days[0].deadlines)
    findings = check_alerting.fn(place, written.for_site(place.rehearsal))
    for finding in findings:
        print(f"{finding.verdict.name:<12} {finding.check:<18} {finding.sentence}")
    if worst(findings) is not Verdict.PASS:
        raise typer.Exit(1)


def acknowledge(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its name, as the alert has it.")],
    reason: Reason,
    name: Name,
    site: SiteName = "lab",
    plan: PlanName = "week3",
) -> None:
    """Take the open incident on: its escalation falls quiet for a while, on record."""
    from rollout.alerting.acknowledgement import acknowledge as take_on
    from rollout.alerting.acknowledgement import sentence
    from rollout.plan import load_plan
    from rollout.site import load_site

    written = load_plan(plan_file(plan))
    place = load_site(site_file(site), written.days[0].deadlines)
    print(sentence(incident, name, take_on(incident, name, reason, place, written)))
