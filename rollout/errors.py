"""Everything that can go wrong, as one tree.

RolloutError
├── InputError             a file of the user's is wrong: file, key and reason          exit 2
├── Refused                the world forbids a start; nothing was touched               exit 2
│   └── StillAtWork        the process that owns the fleet lives; waiting may help
├── TransientFault         may be gone at the next attempt; the only retried kind
│   ├── Unreachable        a machine, supervisor or agent does not answer
│   └── SourceFault        a metrics source is down, stale, slow or disagrees
├── ActFault               an act was refused or its effect did not show, with the agents' names
├── Drift                  something that this run did not touch has changed
├── OwnershipLost          another process owns the fleet now; stop without touching anything
├── Aborted                a person ended the rollout; all comes back
├── GateFailed             a gate judged the change harmful or the evidence missing
├── NotPassed              a test that changes nothing did not pass                     exit 6
│   └── GeneratorFault     the load generator ended without a result
├── Held                   only a person can say how it goes on                         exit 4
└── RollbackIncomplete     some agents could not be restored; they are named            exit 5
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.verdict import Finding


class RolloutError(Exception):
    """Base of every error that this project raises on purpose."""


class InputError(RolloutError):
    """A file of the user's cannot be used; says which file, which key and why."""

    def __init__(self, file: Path | str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = str(file)
        self.key = key
        self.reason = reason


class Refused(RolloutError):
    """The run may not start; nothing was touched."""


class StillAtWork(Refused):
    """The process that owns the fleet is alive; it may still finish what somebody else wants to settle."""


class TransientFault(RolloutError):
    """May succeed when tried again."""


class Unreachable(TransientFault):
    """A machine, its supervisor or an agent does not answer."""


class SourceFault(TransientFault):
    """A metrics source is down, stale, slow or disagrees with another one."""


class NamesAgents(RolloutError):
    """An error that concerns certain agents and names them."""

    def __init__(self, reason: str, agents: Iterable[str]) -> None:
        self.reason = reason
        self.agents = tuple(sorted(agents))
        super().__init__(f"{reason}: {', '.join(self.agents)}" if self.agents else reason)


class ActFault(NamesAgents):
    """An act was refused, or its effect could not be read back."""


class Drift(NamesAgents):
    """Agents that this run did not touch have changed."""


class OwnershipLost(RolloutError):
    """Another process owns the fleet now."""


class Aborted(RolloutError):
    """A person ended the rollout: everything that it changed comes back."""


class GateFailed(RolloutError):
    """A gate did not let the change through; carries the findings that say why.

    cause: what the witnesses saw, where they say more than the checks; by default the first finding speaks for the others.
    """

    def __init__(self, gate: str, findings: Iterable[Finding], cause: str = "") -> None:
        self.gate = gate
        self.findings = tuple(findings)
        sentences = [finding.sentence.rstrip(".") for finding in self.findings]
        more = f" (and {len(sentences) - 1} more checks)" if len(sentences) > 1 else ""
        super().__init__(f"gate {gate}: {cause}" if cause else f"gate {gate}: {''.join(sentences[:1])}{more}")


class NotPassed(RolloutError):
    """What a run put to the test did not hold, or could not be measured; it has changed nothing."""


class GeneratorFault(NotPassed):
    """The load generator ended without a result."""


class Held(RolloutError):
    """The run stands still, with the fleet in a verified state, until a person decides."""


class RollbackIncomplete(NamesAgents):
    """These agents could not be restored; they are quarantined for a person."""
