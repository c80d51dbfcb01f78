"""The plan's emergency protocols as data (plan.md lines 336-383)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rollout.audit import Emergency
from rollout.change import Change, Snapshot
from rollout.changes import metrics
from rollout.changes.environment import flag_on, is_on
from rollout.changes.feature import LAZY_LOADING
from rollout.emergency import Found, Protocol
from rollout.errors import ActFault, RolloutError
from rollout.fleet import Agent
from rollout.hub import Hub
from rollout.observe.witness import by_machine
from rollout.plan import ChangeKind
from rollout.run_ledger import run_ledgers
from rollout.services.hub_routes import HubRoutes, written
from rollout.site import Site


def found_by_flag(site: Site, change: Change, flag: str) -> Found:
    """Agents whose flag is on, whoever turned it on, each with the state to come back to; those that cannot be seen with the reason."""
    priors = _flags_before(site, flag)
    states: list[Snapshot] = []
    unseen: dict[str, str] = {}
    for group in by_machine(site.fleet.agents).values():
        found, gone = _with_flag(site, change, flag, group)
        unseen |= gone
        states += [_before(snapshot, flag, priors) for snapshot in found]
    return Found(states, unseen)


def _with_flag(site: Site, change: Change, flag: str, group: Sequence[Agent]) -> tuple[list[Snapshot], dict[str, str]]:
    """A machine's agents with the flag on, in their configuration or in the process that runs, and with the reason those that cannot be seen.

    One whose configuration is lost hides nobody else.
    """
    try:
        return [snapshot for snapshot in change.snapshot(group) if is_on(snapshot, flag) or _runs_with(site, snapshot, flag)], {}
    except ActFault as fault:
        if len(group) == 1:
            return [], {group[0].id: f"cannot be seen: {fault.reason}"}
        each = [_with_flag(site, change, flag, [agent]) for agent in group]
        return [one for found, _ in each for one in found], {agent: reason for _, gone in each for agent, reason in gone.items()}
    except (RolloutError, OSError) as error:
        return [], {agent.id: f"cannot be seen: {error}" for agent in group}


def _runs_with(site: Site, snapshot: Snapshot, flag: str) -> bool:
    """Whether its process was started with the flag on, whatever its configuration says by now."""
    running = site.machines[site.fleet.agent(snapshot.agent).machine].transport.environment(snapshot.pid) if snapshot.pid else None
    return flag_on((running or {}).get(flag))


def _flags_before(site: Site, flag: str) -> Mapping[str, str | None]:
    """Each agent's flag as the newest run that changed it found it, if it was off then."""
    priors: dict[str, str | None] = {}
    for ledger in run_ledgers(site.runs, site.clock):
        for entry in ledger.entries:
            if entry.snapshot is not None and flag in entry.snapshot.settings and not is_on(entry.snapshot, flag):
                priors.setdefault(entry.agent, entry.snapshot.settings[flag])
    return priors


def _before(present: Snapshot, flag: str, priors: Mapping[str, str | None]) -> Snapshot:
    """The state to come back to: the flag as it was before, "false" where no ledger knows; what else was edited since is nobody's mistake."""
    return replace(present, settings={flag: priors.get(present.agent, "false")}, fingerprint="")


def routed(site: Site, change: Change) -> Found:
    """Every agent with its targets at the first hub alone; nobody while that hub is not of a pair, since agents are routed after it is."""
    del change
    if not _of_pair(site.hub_pair.hubs[0]):
        return Found((), {})
    routes = HubRoutes(site.hub_pair)
    present = routes.present(site.fleet.agents)
    wanted = {agent.id: routes.single(agent, metrics=routes.has_metrics(present[agent.id])) for agent in site.fleet.agents}
    return Found([Snapshot(agent, written(route), "", 0, 0.0) for agent, route in wanted.items()], {})


def paired_hubs(site: Site, change: Change) -> Found:
    """Hubs that are of a pair, however half done, each as the newest run that made it one found it; those of which no ledger knows it are unseen.

    The first hub comes last, so that it comes back first: it scrapes everything before the other one goes.
    """
    priors: dict[str, Snapshot] = {}
    for ledger in run_ledgers(site.runs, site.clock):
        for entry in ledger.part(change.name).entries:
            if entry.change == change.name and entry.snapshot is not None and entry.snapshot.settings.get("configuration") is None:
                priors.setdefault(entry.agent, entry.snapshot)
    deployed = [hub.agent.id for hub in reversed(site.hub_pair.hubs) if _of_pair(hub)]
    lost = {agent: "no ledger knows what it was before the pair" for agent in deployed if agent not in priors}
    return Found([priors[agent] for agent in deployed if agent in priors], lost)


def _of_pair(hub: Hub) -> bool:
    """Whether anything of a pair's hub lies on its machine."""
    names = {file.name for file in hub.machine.transport.files(hub.service.folder)}
    return bool(names & {hub.configuration.name, hub.web.name, hub.password.name})


METRICS_OFF = Protocol(
    said=Emergency.METRICS,
    change=ChangeKind.METRICS,
    day=1,
    criterion="E1",
    title="metrics off everywhere",
    done="have metrics off",
    find=lambda site, change: found_by_flag(site, change, metrics.FLAG),
)
"""Risk 1 (plan.md lines 341-352)."""

SINGLE_HUB = Protocol(
    said=Emergency.HUB,
    change=ChangeKind.ROUTING,
    day=2,
    criterion="E2",
    title="back to the single hub",
    done="are at the single hub again",
    find=routed,
    earlier=((ChangeKind.HUBS, paired_hubs),),
)
"""Risk 2 (plan.md lines 357-368)."""

OPTIMIZATION_BACK = Protocol(
    said=Emergency.OPTIMIZATION,
    change=ChangeKind.LAZY_LOADING,
    day=4,
    criterion="E3",
    title="all optimizations back",
    done="are not optimised any more",
    find=lambda site, change: found_by_flag(site, change, LAZY_LOADING.flag),
)
"""Risk 3 (plan.md lines 373-383); the snapshots of the ledgers take the place of `git revert` (docs/decisions/0051)."""

PROTOCOLS = {"metrics": METRICS_OFF, "hub": SINGLE_HUB, "optimization": OPTIMIZATION_BACK}
"""By the words that the commands take."""
