"""Alerting, checked end to end: what runs is what the plan and the contacts say, and every level and tier rings and is over (plan.md line 296)."""

from __future__ import annotations

from rollout.alert import AlertLevel
from rollout.alerting.deployment import AlertingDeployment
from rollout.alerting.drill import SLACK, Drilled, drill
from rollout.alerting.drill_order import DrillFile
from rollout.alerting.rules import level_alert, tier_alert, tier_seconds
from rollout.errors import InputError, SourceFault
from rollout.plan import Escalation, Plan
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Verdict
from tasks.task import step

GATE = "alerting"
QUERY = "GET /api/v1/rules of each hub; GET /api/v2/status, /api/v2/alerts and /metrics of Alertmanager"
BOUND = "fires and resolves"


@step("deploy alerting", "bring rules and routes to the hubs and Alertmanager")
def deploy_alerting(site: Site, plan: Plan) -> tuple[Finding, ...]:
    """One finding: rules and routes are as the plan and the site's contacts say, read back; where a program refuses, the old files are put back."""
    if site.alerting is None:
        return (_unmeasured("deployment", f"Site {site.name} has no Alertmanager, so nobody is told of anything."),)
    began = site.clock.now()
    try:
        site.alerting.apply(plan)
    except (SourceFault, InputError) as fault:
        return (_unmeasured("deployment", f"Not deployed: {fault}."),)
    evidence = Evidence(site.alerting.alertmanager.url, QUERY, began, site.clock.now(), 1)
    said = f"Rules and routes were brought to {len(site.alerting.hubs)} hubs and Alertmanager, and read back."
    return (Finding(f"{GATE}.deployment", Verdict.PASS, "read back", "read back", said, evidence),)


@step("check alerting", "check rules and routes, and let every level and tier ring once")
def check_alerting(site: Site, plan: Plan) -> tuple[Finding, ...]:
    """One finding for what runs, one for the levels, one for each tier, one for the messages; a drill that cannot be watched is not measured."""
    if site.alerting is None:
        return (_unmeasured("rules", f"Site {site.name} has no Alertmanager, so nobody is told of anything."),)
    began = site.clock.now()
    try:
        wrong = list(site.alerting.differences(plan))
    except (SourceFault, InputError) as fault:
        return (_unmeasured("rules", str(fault)),)
    evidence = Evidence(site.alerting.alertmanager.url, QUERY, began, site.clock.now(), 1)
    sentence = "; ".join(wrong) or "Hubs and Alertmanager run the rules, routes and receivers that the plan and the contacts say."
    running = Finding(f"{GATE}.rules", Verdict.FAIL if wrong else Verdict.PASS, f"{len(wrong)} differences", "none", sentence, evidence)
    if wrong:
        return (running, *(_unmeasured(name, f"Not drilled: {sentence}") for name in ("levels", *(row.tier.value for row in plan.escalation))))
    try:
        return (running, *_drilled(site, site.alerting, plan))
    except SourceFault as fault:
        names = ("levels", *(row.tier.value for row in plan.escalation), "messages")
        return (running, *(_unmeasured(name, f"The drill could not be watched: {fault}") for name in names))


def _drilled(site: Site, alerting: AlertingDeployment, plan: Plan) -> tuple[Finding, ...]:
    before = alerting.alertmanager.notifications()
    seen = drill(alerting.alertmanager, DrillFile(site.state), plan, site.clock)
    after = alerting.alertmanager.notifications()
    evidence = Evidence(
        f"{alerting.alertmanager.url}, {seen.name}", QUERY, seen.began, seen.ended, sum(r.after is not None for r in seen.rung.values())
    )
    sent = sum(after[each][0] - before.get(each, (0.0, 0.0))[0] for each in after)
    failed = sum(after[each][1] - before.get(each, (0.0, 0.0))[1] for each in after)
    told = f"{sent:.0f} messages were sent for the drill, {failed:.0f} failed"
    messages = Verdict.FAIL if failed or not sent else Verdict.PASS
    return (
        _levels(seen, evidence),
        *(_tier(row, seen, plan, evidence) for row in plan.escalation),
        Finding(f"{GATE}.messages", messages, told, "none fails", f"{told}.", evidence),
    )


def _levels(seen: Drilled, evidence: Evidence) -> Finding:
    names = [level_alert(level) for level in AlertLevel]
    rung = [name for name in names if seen.rung[name].after is not None]
    left = [name for name in names if name in seen.left]
    verdict = Verdict.PASS if len(rung) == len(names) and not left else Verdict.FAIL
    missing = ", ".join(sorted(set(names) - set(rung)))
    sentence = (
        f"{len(rung)} of {len(names)} levels rang"
        + (f", not {missing}" if missing else "")
        + (f"; not over: {', '.join(left)}" if left else "")
        + "."
    )
    return Finding(f"{GATE}.levels", verdict, f"{len(rung)} of {len(names)}", BOUND, sentence, evidence)


def _tier(row: Escalation, seen: Drilled, plan: Plan, evidence: Evidence) -> Finding:
    """It rang in its minutes and not before, at its role's receiver, and was over with the incident."""
    due, rung = tier_seconds(row, plan.pace), seen.rung[tier_alert(row)]
    on_time = rung.after is not None and due <= rung.after <= due + SLACK
    verdict = Verdict.PASS if on_time and row.role in rung.receivers and tier_alert(row) not in seen.left else Verdict.FAIL
    observed = "never" if rung.after is None else f"after {rung.after:.0f} s"
    over = "not over" if tier_alert(row) in seen.left else "over with the incident"
    sentence = f"{row.tier.value} rang {observed} (due after {due:.0f} s) for {', '.join(rung.receivers) or 'nobody'}, {over}."
    return Finding(f"{GATE}.{row.tier.value}", verdict, observed, f">= {due:.0f} s", sentence, evidence)


def _unmeasured(name: str, sentence: str) -> Finding:
    return Finding(f"{GATE}.{name}", Verdict.ERROR, "not measured", BOUND, sentence)
