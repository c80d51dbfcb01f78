"""Alerts beside a run: what nobody can see or nobody expected holds it, for as long as the plan waits for a source and no longer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from flows.day_run import DayRun
from flows.quiet_restart import hold_on_alerts, quiet_restart
from rollout.audit import Answer, AuditEntry
from rollout.errors import Held
from rollout.services.alertmanager import FiringAlert
from rollout.site import Site
from tests.fakes.alerts import MemoryAlerts
from tests.fakes.machine import MemoryWorld
from tests.fakes.site import memory_site
from tests.unit.test_needs import run_of


@dataclass
class Deployed:
    """A deployment that has nothing but its Alertmanager."""

    alertmanager: MemoryAlerts


@pytest.fixture
def alerts() -> MemoryAlerts:
    """It answers, and nothing rings."""
    return MemoryAlerts()


@pytest.fixture
def site(alerts: MemoryAlerts, tmp_path: Path) -> Site:
    """A place that has it."""
    return replace(memory_site(MemoryWorld(), tmp_path), alerting=Deployed(alerts))  # type: ignore[arg-type]


def test_nothing_is_restarted_while_alertmanager_is_away(site: Site, alerts: MemoryAlerts) -> None:
    """Both looks, before a batch and around a restart, wait for the plan's budget and then hold; the reason names Alertmanager."""
    alerts.down = True
    run, began = run_of(site, 1), site.clock.now()
    with pytest.raises(Held, match="no Alertmanager for 120 s: nobody answers"):
        hold_on_alerts(run)
    assert 120 <= site.clock.now() - began < 140
    with pytest.raises(Held, match="no Alertmanager"), quiet_restart(run, run.agents[:1]):
        pytest.fail("restarted blindly")


def test_one_that_is_back_in_time_holds_nobody(site: Site, alerts: MemoryAlerts) -> None:
    """The restart waits for it and begins under its silence."""
    alerts.down, back_at = True, site.clock.now() + 60
    run = run_of(site, 1)
    site.clock.on_sleep = lambda now: setattr(alerts, "down", now < back_at)  # type: ignore[attr-defined]
    with quiet_restart(run, run.agents[:1]):
        assert site.clock.now() >= back_at
        assert len(alerts.silences) == 1
    assert alerts.silences == {}


def test_what_rings_unexpectedly_holds_until_a_person_has_promoted_past_it(site: Site, alerts: MemoryAlerts) -> None:
    """The alert is named; a promote after it lets the run on, an alert that began later holds again."""
    run, now = run_of(site, 1), site.clock.now()
    alerts.ringing = [FiringAlert("LevelRed", {"level": "RED"}, now, False, ())]
    with pytest.raises(Held, match="1 unexpected alerts: LevelRed"):
        hold_on_alerts(run)
    run.answer = AuditEntry(now + 1, run.run_id, Answer.PROMOTE, "ann", "known")
    hold_on_alerts(run)
    alerts.ringing.append(FiringAlert("LevelOrange", {"level": "ORANGE"}, now + 2, False, ()))
    with pytest.raises(Held, match="1 unexpected alerts: LevelOrange"):
        hold_on_alerts(run)


def test_a_site_that_tells_nobody_waits_for_nobody(site: Site, alerts: MemoryAlerts) -> None:
    """Without an Alertmanager in its file there is nothing to ask."""
    alerts.down = True
    run: DayRun = run_of(replace(site, alerting=None), 1)
    hold_on_alerts(run)
    with quiet_restart(run, run.agents[:1]):
        pass
