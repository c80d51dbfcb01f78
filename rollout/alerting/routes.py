"""Alertmanager's configuration, rendered from a site's contacts: levels and agents to the operators, each escalation tier to its role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rollout.alerting.contacts import OPERATORS, AlertingAccess, Contact
from rollout.errors import InputError
from rollout.plan import Plan

GROUP_BY = ("alertname", "machine", "incident", "drill")
"""What is told in one message: agents of one machine together, each tier of an incident alone."""


def alertmanager_config(access: AlertingAccess, plan: Plan, site_file: Path) -> str:
    """The file's content, as JSON, which is YAML too. Raises InputError (file, key, reason) when a role of the plan has no contact."""
    for key, reason in misfits(access, [(row.tier.value, row.role) for row in plan.escalation]):
        raise InputError(site_file, key, reason)
    alerting = plan.alerting
    return (
        json.dumps(
            {
                "global": {"resolve_timeout": "5m", **_mail(access)},
                "route": {
                    "receiver": OPERATORS,
                    "group_by": list(GROUP_BY),
                    "group_wait": _seconds(alerting.group_wait),
                    "group_interval": _seconds(alerting.group_interval),
                    "repeat_interval": _seconds(alerting.repeat),
                    "routes": [{"receiver": row.role, "matchers": [f'tier="{row.tier.value}"']} for row in plan.escalation],
                },
                "receivers": [_receiver(role, contact) for role, contact in access.contacts.items()],
            },
            indent=1,
        )
        + "\n"
    )


def misfits(access: AlertingAccess, tiers: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Every key of the site's contacts that does not fit, with the reason. tiers: name and role of each."""
    for tier, role in (("alert levels", OPERATORS), *tiers):
        if role not in access.contacts:
            yield "alerting.contacts", f"says nothing of {role!r}, who is told of {tier}"
    known = {OPERATORS, *(role for _, role in tiers)}
    for role, contact in access.contacts.items():
        if role not in known:
            yield f"alerting.contacts.{role}", f"is nobody's role; the roles are {', '.join(sorted(known))}"
        if contact.email is not None and access.mail is None:
            yield f"alerting.contacts.{role}.email", "needs alerting.mail, the server that takes it"


def _receiver(role: str, contact: Contact) -> dict[str, Any]:
    receiver: dict[str, Any] = {"name": role}
    if contact.webhook is not None:
        receiver["webhook_configs"] = [{"url": contact.webhook, "send_resolved": True}]
    if contact.email is not None:
        receiver["email_configs"] = [{"to": contact.email, "send_resolved": True}]
    return receiver


def _mail(access: AlertingAccess) -> dict[str, Any]:
    if access.mail is None:
        return {}
    return {"smtp_smarthost": access.mail.smarthost, "smtp_from": access.mail.sender, "smtp_require_tls": access.mail.tls}


def _seconds(seconds: float) -> str:
    """As Prometheus writes durations: whole milliseconds."""
    return f"{round(seconds * 1000)}ms"
