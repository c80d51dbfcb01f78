"""Whom a site's Alertmanager tells: one contact per role, by webhook and by e-mail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from rollout.document import Document
from rollout.fleet import Name

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/[^\s]*)?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s@,]+@[^\s@,]+$")]
HostPort = Annotated[str, StringConstraints(pattern=r"^[^\s:/@]+:\d{1,5}$")]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z ]*[a-z]$")]

OPERATORS = "operators"
"""The role that is told of alert levels and of single agents; the others are those of the plan's escalation."""


class Contact(Document):
    """How one role is reached: by one or both ways."""

    webhook: Url | None = None
    email: Address | None = None

    @model_validator(mode="after")
    def _is_reached(self) -> Contact:
        if self.webhook is None and self.email is None:
            raise ValueError("says neither webhook nor email")
        return self


class Mail(Document):
    """The server that takes the e-mails. tls: whether it must offer STARTTLS."""

    smarthost: HostPort
    sender: Address
    tls: bool = True


class AlertmanagerAccess(Document):
    """One Alertmanager. machine: where it runs; config: its configuration file there, which a deployment of ours replaces."""

    url: Url
    machine: Name
    config: Path


class AlertingAccess(Document):
    """How alerts of a site leave it. state: where the exporter of the rollout's state listens, which hubs with rules scrape from day 2 on."""

    alertmanager: AlertmanagerAccess
    contacts: dict[Role, Contact] = Field(min_length=1)
    mail: Mail | None = None
    state: HostPort | None = None

    def below(self, folder: Path) -> AlertingAccess:
        """With absolute paths; relative ones start at the folder, and links are kept as they are."""
        config = Path(os.path.normpath(folder / self.alertmanager.config))
        return self.model_copy(update={"alertmanager": self.alertmanager.model_copy(update={"config": config})})
