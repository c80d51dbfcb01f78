"""The plan's emergency protocols as data (plan.md lines 336-383)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rollout.audit import Emergency
from rollout.change import Change, Snapshot
from rollout.changes import lazy_loading, metrics
from rollout.changes.environment import is_on
from rollout.emergency import Found, Protocol
from rollout.errors import RolloutError
from rollout.ledger import Ledger
from rollout.observe.witness import by_machine
from rollout.plan import ChangeKind
from rollout.site import Site


def found_by_flag(site: Site, change: Change, flag: str) -> Found:
    """Agents whose flag is on, whoever turned it on, each with the state to come back to; those that cannot be seen with the reason."""
    priors = _flags_before(site, flag)
    states: list[Snapshot] = []
    unseen: dict[str, str] = {}
    for group in by_machine(site.fleet.agents).values():
        try:
            present = change.snapshot(group)
        except (RolloutError, OSError) as error:
            unseen |= {agent.id: f"cannot be seen: {error}" for agent in group}
            continue
        states += [_before(snapshot, flag, priors) for snapshot in present if is_on(snapshot, flag)]
    return Found(states, unseen)


def _flags_before(site: Site, flag: str) -> Mapping[str, str | None]:
    """Each agent's flag as the newest run that changed it found it, if it was off then."""
    priors: dict[str, str | None] = {}
    files = sorted(site.runs.glob("*/ledger.jsonl"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        for entry in Ledger(file, site.clock).entries:
            if entry.snapshot is not None and flag in entry.snapshot.settings and not is_on(entry.snapshot, flag):
                priors.setdefault(entry.agent, entry.snapshot.settings[flag])
    return priors


def _before(present: Snapshot, flag: str, priors: Mapping[str, str | None]) -> Snapshot:
    """The state to come back to: the flag as it was before, "false" where no ledger knows; what else was edited since is nobody's mistake."""
    return replace(present, settings={flag: priors.get(present.agent, "false")}, fingerprint="")


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

OPTIMIZATION_BACK = Protocol(
    said=Emergency.OPTIMIZATION,
    change=ChangeKind.LAZY_LOADING,
    day=4,
    criterion="E3",
    title="all optimizations back",
    done="are not optimised any more",
    find=lambda site, change: found_by_flag(site, change, lazy_loading.FLAG),
)
"""Risk 3 (plan.md lines 373-383); the snapshots of the ledgers take the place of `git revert` (docs/decisions/0051)."""
