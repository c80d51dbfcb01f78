"""Emergency 2: back to the single hub, at once and verified, from whatever was left half done (plan.md lines 357-368). Needs no Prefect.

What stood before is known from the ledgers of the runs that made the hubs a pair; where the agents go needs no memory: to the first hub.
"""

from __future__ import annotations

from pathlib import Path

from rollout.audit import AuditEntry, AuditFile, Emergency
from rollout.change import Snapshot
from rollout.emergency import clear_the_way
from rollout.emergency_report import Call, Protocol, emergency_report
from rollout.executor import Reversal, roll_back_all
from rollout.final_look import last_look
from rollout.hub import Hub
from rollout.ledger import Ledger, Step
from rollout.ownership import Ownership
from rollout.plan import ChangeKind, load_plan
from rollout.report import DayReport, Outcome
from rollout.report_file import write_report
from rollout.services.hub_routes import HubRoutes, written
from rollout.settlement import executor_of
from rollout.single_hub import confirm_single_hub
from rollout.site import Site, load_site

DAY = 2
"""The day that made two hubs; its deadlines hold."""
CRITERION = "E2"


def single_hub(call: Call, site_file: Path, plan_file: Path) -> DayReport:
    """Route every agent to the first hub, make it what it was, remove the other, read it back, and write the report.

    Raises StillAtWork when a run that was told to abort does not end, Refused for a site without a pair, InputError for files that cannot be
    used. What cannot be restored is quarantined by name.
    """
    written_plan = load_plan(plan_file)
    site = load_site(site_file, written_plan.day(DAY).deadlines)
    plan = written_plan.for_site(site.rehearsal)
    day, began = plan.day(DAY), site.clock.now()
    AuditFile(site.state).append(AuditEntry(began, call.run, Emergency.HUB, call.name, call.reason))
    ownership = Ownership(site.state / "fleets", site.fleet.name, site.clock)
    clear_the_way(call, site, day, ownership, plan_file)
    ownership.claim(call.run, site.runs)
    ledger = Ledger(site.runs / call.run / "ledger.jsonl", site.clock)
    ledger.append(ownership.epoch, Step.OPENED, day=DAY, plan=plan.plan, site=site.name, change=ChangeKind.HUBS.value, on_cancel="roll back")
    known, lost = _hubs_before(site)
    intended = {ChangeKind.HUBS: known, ChangeKind.ROUTING: _single_routes(site)}
    for kind, snapshots in intended.items():
        ledger.part(kind.value).intend(ownership.epoch, snapshots, 0)
    executors = [executor_of(site, day, kind, ledger, ownership) for kind in reversed(intended)]
    back = roll_back_all(executors)
    reversal = Reversal(began, back.ended, back.restored, back.quarantined | lost)
    confirmation = confirm_single_hub(site, day, reversal, CRITERION)
    look = last_look(site, [executor.change for executor in executors], ledger, site.fleet.agents, ledger.batches(), {})
    done = f"{len(reversal.restored)} agents are back at the single hub and were read back {reversal.seconds:.1f} s after the call"
    protocol = Protocol(DAY, CRITERION, "Emergency: back to the single hub", done, confirmation.sentence)
    report = emergency_report(call, site, plan, protocol, reversal, confirmation, look)
    if report.outcome is Outcome.COMPLETE:
        ledger.append(ownership.epoch, Step.CLOSED, outcome=report.outcome.value)
    ownership.release()
    write_report(site.reports / call.run, report)
    return report


def _hubs_before(site: Site) -> tuple[list[Snapshot], dict[str, str]]:
    """Hubs that are of a pair, each with the state to come back to, the second hub last to be intended; and those of which no ledger knows it."""
    pair, priors = site.hub_pair, _states_before_pair(site)
    deployed = [hub for hub in reversed(pair.hubs) if _touched(hub)]
    lost = {hub.agent.id: "no ledger knows what it was before the pair" for hub in deployed if hub.agent.id not in priors}
    return [priors[hub.agent.id] for hub in deployed if hub.agent.id in priors], lost


def _touched(hub: Hub) -> bool:
    """Whether anything of a pair's hub lies on its machine, however half done."""
    names = {file.name for file in hub.machine.transport.files(hub.service.folder)}
    return bool(names & {hub.configuration.name, hub.web.name, hub.password.name})


def _states_before_pair(site: Site) -> dict[str, Snapshot]:
    """Each hub as the newest run that made it one of a pair found it."""
    priors: dict[str, Snapshot] = {}
    files = sorted(site.runs.glob("*/ledger.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        for entry in Ledger(file, site.clock).entries:
            if entry.change == ChangeKind.HUBS.value and entry.snapshot is not None and entry.snapshot.settings.get("configuration") is None:
                priors.setdefault(entry.agent, entry.snapshot)
    return priors


def _single_routes(site: Site) -> list[Snapshot]:
    """Every agent's targets at the first hub and nowhere else; nothing while that hub is not of a pair, since agents are routed after it is."""
    if not _touched(site.hub_pair.hubs[0]):
        return []
    routes = HubRoutes(site.hub_pair)
    present = routes.present(site.fleet.agents)
    wanted = {agent.id: routes.single(agent, metrics=routes.has_metrics(present[agent.id])) for agent in site.fleet.agents}
    return [Snapshot(agent, written(route), "", 0, 0.0) for agent, route in wanted.items()]
