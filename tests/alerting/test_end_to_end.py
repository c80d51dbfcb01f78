"""From an incident in the state folder to a person's desk: the tiers in their order, quiet when somebody has taken it on, over when it is over."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rollout.alert import AlertLevel
from rollout.alerting.acknowledgement import acknowledge
from rollout.audit import Acknowledging, AuditFile
from rollout.errors import Refused, SourceFault
from rollout.incident import IncidentEntry, IncidentFile, IncidentStep
from rollout.services.hub_rules import HubRules
from rollout.verdict import Verdict
from tasks.alerting import check_alerting, deploy_alerting
from tests.alerting.conftest import ROLES, Desk
from tests.lab.world_of_six import eventually
from tests.ports import unused_port

pytestmark = [pytest.mark.lab, pytest.mark.full]

TIERS = {f"Escalation{tier}": role for tier, role in zip(("L1", "L2", "L3", "L4"), ROLES[1:], strict=True)}


@pytest.fixture(scope="module")
def deployed(desk: Desk) -> Desk:
    """Rules and routes brought and read back; before that the check says that nothing is as planned."""
    (found, *undrilled) = check_alerting.fn(desk.site, desk.plan)
    assert found.verdict is Verdict.FAIL
    assert {each.verdict for each in undrilled} == {Verdict.ERROR}
    (brought,) = deploy_alerting.fn(desk.site, desk.plan)
    assert (brought.verdict, brought.observed) == (Verdict.PASS, "read back")
    return desk


def incident(desk: Desk, name: str, step: IncidentStep) -> None:
    """Opens or closes one now, as the keeper does."""
    IncidentFile(desk.site.state).append(IncidentEntry(time.time(), name, step, AlertLevel.RED, "run-1", "rollback: a test"))


def test_tiers_arrive_in_order_and_end_with_the_incident(deployed: Desk) -> None:
    """L1 to L4 each at its role, none before its minutes (compressed by 90), the lead also by e-mail; when it is closed each is told so."""
    opened = time.time()
    incident(deployed, "incident-20260101-000001", IncidentStep.OPENED)
    arrived = [deployed.until_told(role, "firing", alert) for alert, role in TIERS.items()]
    assert arrived == sorted(arrived)
    for at, minutes in zip(arrived, (0, 5, 15, 30), strict=True):
        assert at - opened >= 60 * minutes / 90
    mails = [message for message in deployed.messages() if "mail" in message]
    assert {message["to"] for message in mails} == {"lead@lab.test"}
    incident(deployed, "incident-20260101-000001", IncidentStep.CLOSED)
    for alert, role in TIERS.items():
        deployed.until_told(role, "resolved", alert)


def test_an_acknowledged_incident_escalates_no_further(deployed: Desk) -> None:
    """Once somebody has taken it on, with name and reason on record, no further tier is told; an incident that is not open cannot be taken on."""
    name = "incident-20260101-000002"
    board = len(deployed.told("executive stakeholders", "firing", "EscalationL4"))
    lead = len(deployed.told("technical lead", "firing", "EscalationL2"))
    with pytest.raises(Refused, match="no incident is"):
        acknowledge(name, "ann", "too early", deployed.site, deployed.plan)
    incident(deployed, name, IncidentStep.OPENED)
    acknowledge(name, "ann", "on it", deployed.site, deployed.plan)
    time.sleep(40)
    assert len(deployed.told("executive stakeholders", "firing", "EscalationL4")) == board
    assert len(deployed.told("technical lead", "firing", "EscalationL2")) == lead
    (entry,) = AuditFile(deployed.site.state).of(name)
    assert (entry.said, entry.name, entry.reason) == (Acknowledging.ACKNOWLEDGE, "ann", "on it")
    ringing = {alert.name: alert for alert in deployed.deployment.alertmanager.firing() if alert.labels.get("incident") == name}
    assert set(ringing) == set(TIERS)
    assert all(alert.silenced for alert in ringing.values())
    incident(deployed, name, IncidentStep.CLOSED)


def test_the_drill_rings_every_level_and_tier_and_all_is_quiet_again(deployed: Desk) -> None:
    """Each level reaches the operators firing and resolved; the check's findings are all PASS."""
    findings = check_alerting.fn(deployed.site, deployed.plan)
    assert {finding.check: finding.verdict for finding in findings} == {
        f"alerting.{name}": Verdict.PASS for name in ("rules", "levels", "L1", "L2", "L3", "L4", "messages")
    }, [finding.sentence for finding in findings]
    for level in AlertLevel:
        deployed.until_told("operators", "firing", f"Level{level.name.capitalize()}")
        deployed.until_told("operators", "resolved", f"Level{level.name.capitalize()}")


def test_a_desk_that_nobody_answers_at_fails_the_drill(deployed: Desk) -> None:
    """Everything rings in its time, and one role's webhook is dead: the drill says so, whatever the rules and the other desks do."""
    contacts = dict(deployed.deployment.access.contacts)
    contacts["technical lead"] = contacts["technical lead"].model_copy(update={"webhook": f"http://127.0.0.1:{unused_port()}/nobody"})
    deaf = replace(deployed.deployment, access=deployed.deployment.access.model_copy(update={"contacts": contacts}))
    deaf.apply(deployed.plan)
    try:
        findings = {finding.check: finding for finding in check_alerting.fn(replace(deployed.site, alerting=deaf), deployed.plan)}
    finally:
        deployed.deployment.apply(deployed.plan)
    assert findings["alerting.levels"].verdict is Verdict.PASS
    assert findings["alerting.messages"].verdict is Verdict.FAIL, findings["alerting.messages"].sentence
    assert "0 failed" not in findings["alerting.messages"].sentence


def test_an_alert_behind_an_anchor_is_found_though_the_hub_takes_it(deployed: Desk) -> None:
    """A rule file with an alias loads without complaint; the check says which rules do not run as planned, and drills nothing."""
    (hub,) = deployed.deployment.hubs
    assert isinstance(hub, HubRules)
    text = hub.written("escalation.yaml")
    first, second = (line for line in text.splitlines() if "expr:" in line and (">= 0" in line or ">= 3.3" in line))
    trapped = text.replace(first, first.replace("expr: ", "expr: &open ")).replace(second, "    expr: *open")
    hub.write({"escalation.yaml": trapped})
    hub.reload()
    (found, *_) = check_alerting.fn(deployed.site, deployed.plan)
    assert found.verdict is Verdict.FAIL
    assert "EscalationL2" in found.sentence
    deployed.deployment.apply(deployed.plan)


def test_what_a_program_refuses_leaves_everything_as_it_was(deployed: Desk) -> None:
    """Routes that Alertmanager does not take are taken back, file and all, and the error says whose they are."""
    broken = deployed.plan.model_copy(update={"alerting": deployed.plan.alerting.model_copy(update={"group_interval": 0.0})})
    before = deployed.deployment.access.alertmanager.config.read_text()
    with pytest.raises(SourceFault):
        deployed.deployment.apply(broken)
    assert deployed.deployment.access.alertmanager.config.read_text() == before
    eventually(lambda: not list(deployed.deployment.differences(deployed.plan)), 60)  # a hub that was reloaded looks for its Alertmanager for seconds
