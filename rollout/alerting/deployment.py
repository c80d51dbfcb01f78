"""Brings rules to the hubs and routes to Alertmanager, and reads both back from the running programs. What was there comes back when one refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from rollout.alerting.contacts import AlertingAccess
from rollout.alerting.routes import alertmanager_config
from rollout.alerting.rules import rule_files
from rollout.clock import Clock, Deadline, wait_until
from rollout.errors import SourceFault
from rollout.plan import Plan
from rollout.services.alertmanager import Alertmanager
from rollout.services.hub_rules import HubRules
from rollout.transports.port import Transport

READ_BACK = 30.0
"""Seconds for the running programs to follow."""
LOOK = 1.0
"""Seconds between two looks whether they do."""


@dataclass(frozen=True)
class AlertingDeployment:
    """One site's hubs and Alertmanager. transport: to the machine of the Alertmanager; site_file: named when a contact is missing there."""

    access: AlertingAccess
    hubs: tuple[HubRules, ...]
    alertmanager: Alertmanager
    transport: Transport
    site_file: Path
    clock: Clock

    def apply(self, plan: Plan) -> None:
        """Write, reload, read back. Raises InputError for contacts that the plan's roles lack, SourceFault when a program refuses or does not follow.

        On a fault every file is what it was before, and the programs are told so.
        """
        config, files = alertmanager_config(self.access, plan, self.site_file), rule_files(plan)
        file = self.access.alertmanager.config
        config_before = self.transport.read(file)
        rules_before = {hub.hub: {name: hub.written(name) for name in files} for hub in self.hubs}
        try:
            self._bring(config, {hub.hub: files for hub in self.hubs})
            self._require_effect(plan)
        except SourceFault:
            self._bring(config_before, rules_before)
            raise

    def _require_effect(self, plan: Plan) -> None:
        """A hub needs a few seconds to find its Alertmanager again after a reload."""
        wrong: list[str] = []

        def as_wanted() -> bool | None:
            wrong[:] = self.differences(plan)
            return not wrong or None

        if wait_until(as_wanted, Deadline.after(self.clock, READ_BACK), LOOK) is None:
            raise SourceFault("; ".join(wrong))

    def _bring(self, config: str, rules: dict[str, dict[str, str]]) -> None:
        self.transport.replace(self.access.alertmanager.config, config)
        for hub in self.hubs:
            hub.write(rules[hub.hub])
        self.alertmanager.reload()
        for hub in self.hubs:
            hub.reload()

    def differences(self, plan: Plan) -> Iterator[str]:
        """What the running programs have other than the plan and the contacts say, a sentence each. Raises SourceFault when one does not answer."""
        wanted = {(rule.get("alert") or rule["record"], _plain(rule["expr"])) for text in rule_files(plan).values() for rule in _rules(text)}
        for hub in self.hubs:
            loaded = hub.loaded()
            there = {(rule.name, _plain(rule.query)) for rule in loaded}
            for name, _ in sorted(wanted - there):
                yield f"hub {hub.hub} does not run rule {name} as the plan has it"
            for rule in loaded:
                if (rule.name, _plain(rule.query)) in wanted and rule.health == "err":
                    yield f"hub {hub.hub} cannot evaluate rule {rule.name}"
            if not any(url.startswith(f"{self.alertmanager.url}/") for url in hub.alertmanagers()):
                yield f"hub {hub.hub} does not send its alerts to {self.alertmanager.url}"
        running = YAML(typ="safe").load(self.alertmanager.configuration())
        expected = YAML(typ="safe").load(alertmanager_config(self.access, plan, self.site_file))
        names = [[receiver["name"] for receiver in each["receivers"]] for each in (running, expected)]
        if names[0] != names[1] or _routes(running) != _routes(expected):
            yield f"Alertmanager at {self.alertmanager.url} has other routes or receivers than the site's contacts"


def _rules(text: str) -> list[dict[str, str]]:
    return [rule for group in YAML(typ="safe").load(text)["groups"] for rule in group["rules"]]


def _plain(query: str) -> str:
    """Without what a hub writes differently when it tells a query: spaces and brackets."""
    return "".join(character for character in query if character not in " ()\n")


def _routes(config: dict[str, object]) -> list[tuple[object, object]]:
    """(receiver, condition) of each route; Alertmanager writes a matcher's quotes and durations in its own way."""
    route = config["route"]
    routes = route.get("routes", []) if isinstance(route, dict) else []
    return [(each["receiver"], [str(matcher).replace('"', "") for matcher in each["matchers"]]) for each in routes]
