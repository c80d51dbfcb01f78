"""A run's last rollback as its ledger tells it: announced before the first agent goes back, over when each has been read back or given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rollout.ledger import Ledger, Step

DONE = frozenset({Step.RESTORED, Step.QUARANTINED})


@dataclass(frozen=True, slots=True)
class Rollback:
    """began, ended, settled: Unix seconds; ended: None while agents are on their way back; budget: seconds from the plan.

    settled: when the run was closed, or a person's answer opened it again; None while neither has happened.
    """

    cause: str
    budget: float
    began: float
    ended: float | None
    settled: float | None

    def seconds(self, now: float) -> float:
        """How long it took, or has taken so far."""
        return (now if self.ended is None else self.ended) - self.began


def announce(ledger: Ledger, epoch: int, cause: str, budget: float, agents: Iterable[str] | None = None) -> None:
    """Say in the ledger that these agents (None: all that it calls changed) are about to go back; the clock runs from here."""
    going = [snapshot.agent for snapshot in ledger.changed()]
    chosen = going if agents is None else [agent for agent in going if agent in set(agents)]
    ledger.append(epoch, Step.ROLLING_BACK, cause=cause, budget=budget, going=chosen)


def left_unfinished(ledger: Ledger) -> str:
    """Why the last announced rollback of an open run was begun, where agents are still waiting for it; empty where there are none."""
    places = [place for place, entry in enumerate(ledger.entries) if entry.step in (Step.ROLLING_BACK, Step.CLOSED)]
    if not places or ledger.entries[places[-1]].step is Step.CLOSED:
        return ""
    entry, later = ledger.entries[places[-1]], ledger.entries[places[-1] + 1 :]
    begun_anew = {each.agent for each in later if each.step is Step.INTENDED}
    waiting = {snapshot.agent for snapshot in ledger.changed()} & set(entry.facts["going"])
    return str(entry.facts["cause"]) if waiting - begun_anew else ""


def last_rollback(ledger: Ledger) -> Rollback | None:
    """The latest announced one; rehearsals on the canary are not announced."""
    places = [place for place, entry in enumerate(ledger.entries) if entry.step is Step.ROLLING_BACK]
    if not places:
        return None
    entry, later = ledger.entries[places[-1]], ledger.entries[places[-1] + 1 :]
    back = {(each.change, each.agent): each.at for each in later if each.step in DONE}
    over = Counter(entry.facts["going"]) <= Counter(agent for _, agent in back)  # an agent of several changes comes back from each
    settled = next((each.at for each in later if each.step in (Step.CLOSED, Step.OPENED)), None)
    return Rollback(entry.facts["cause"], entry.facts["budget"], entry.at, max(back.values(), default=entry.at) if over else None, settled)
