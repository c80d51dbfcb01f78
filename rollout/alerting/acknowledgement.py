"""A person takes an open incident on: its tiers fall quiet for a while, and who said so and why is on record."""

from __future__ import annotations

from datetime import UTC, datetime

from rollout.alerting.rules import tier_alert
from rollout.audit import Acknowledging, AuditEntry, AuditFile
from rollout.errors import Refused
from rollout.incident import IncidentFile
from rollout.plan import Plan
from rollout.services.alertmanager import Matcher
from rollout.site import Site


def acknowledge(incident: str, name: str, reason: str, site: Site, plan: Plan) -> float:
    """Silence the escalation of that incident; returns until when, in Unix seconds. What is still open then is told again.

    Raises Refused where the site tells nobody or that incident is not the open one, SourceFault when Alertmanager does not answer: nothing is
    recorded then, since nothing has fallen quiet.
    """
    if site.alerts is None:
        raise Refused(f"site {site.name} has no Alertmanager, so nothing of it can fall quiet")
    open_now = IncidentFile(site.state).open()
    if open_now is None or open_now.incident != incident:
        raise Refused(f"{incident} is not open; " + (f"{open_now.incident} is: {open_now.cause}" if open_now else "no incident is"))
    now = site.clock.now()
    ends = now + plan.alerting.acknowledged_for
    tiers = "|".join(tier_alert(row) for row in plan.escalation)
    site.alerts.silence([Matcher("alertname", tiers, regex=True), Matcher("incident", incident)], now, ends, name, reason)
    AuditFile(site.state).append(AuditEntry(now, incident, Acknowledging.ACKNOWLEDGE, name, reason))
    return ends


def sentence(incident: str, name: str, ends: float) -> str:
    """What is said to the person."""
    return f"{incident} is acknowledged by {name}: its escalation is quiet until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M UTC}."
