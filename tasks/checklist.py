"""Points of the pre-execution checklist that can be checked, and those that only a person can confirm (plan.md lines 428-439)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rollout.checkout import PLANS, ROOT
from rollout.errors import InputError, SourceFault
from rollout.fleet import Agent
from rollout.journal import Journal
from rollout.observe.witness import by_machine, witness_all
from rollout.parameters import Acknowledgement
from rollout.patterns import load_patterns
from rollout.site import Site
from rollout.verdict import Evidence, Finding, Verdict
from tasks.task import step

REGISTRY = PLANS / "patterns.yaml"
EXPORTER_JOBS = "process|probe"


@step("count coverage", "count agents whose metrics are active already")
def count_coverage(site: Site, agents: Sequence[Agent]) -> tuple[Finding, ...]:
    """How many agents answer /metrics before the rollout: a number to record, whatever it is."""
    began = site.clock.now()
    active = [seen.agent.id for seen in witness_all(site.machines, agents, site.prober) if seen.metrics.status == 200]
    evidence = Evidence("probe", "GET /metrics of each agent", began, site.clock.now(), len(agents))
    sentence = f"{len(active)} of {len(agents)} agents had active metrics before the rollout"
    return (Finding("coverage", Verdict.PASS, f"{len(active)} of {len(agents)}", "recorded", sentence, evidence),)


@step("check hub", "check hub and exporters")
def check_hub(site: Site) -> tuple[Finding, ...]:
    """Every source answers with fresh samples and sees all its exporters up."""
    began = site.clock.now()
    findings = []
    for source in site.sources.ordered:
        query = f'max without (scraped_by) (up{{job=~"{EXPORTER_JOBS}"}})'
        try:
            source.require_fresh()
            up = source.now(query)
        except SourceFault as fault:
            findings.append(Finding("hub", Verdict.FAIL, "no answer", "all hubs and exporters answer", str(fault)))
            continue
        down = sorted(set(up.loc[up["value"] != 1, "instance"])) if not up.empty else []
        evidence = Evidence(source.name, query, began, site.clock.now(), len(up))
        verdict = Verdict.ERROR if up.empty else Verdict.FAIL if down else Verdict.PASS
        sentence = f"{source.name} sees {len(up) - len(down)} of {len(up)} exporter targets up" + (f"; down: {', '.join(down)}" if down else "")
        findings.append(Finding("hub", verdict, f"{len(up) - len(down)} of {len(up)}", "all hubs and exporters answer", sentence, evidence))
    return tuple(findings)


@step("check rollback access", "check that the way back is open")
def check_rollback_access(site: Site, agents: Sequence[Agent]) -> tuple[Finding, ...]:
    """Each agent's configuration can be found, read and edited, a file can be put where it lies, and the state folder takes a ledger."""
    began = site.clock.now()
    closed: dict[str, str] = {}
    for machine, group in by_machine(agents).items():
        reasons = site.machines[machine].services.uneditable(agent.name for agent in group)
        closed |= {f"{machine}/{name}": reason for name, reason in reasons.items()}
    refused = _ledger_refused(site.state)
    query = "an edit of each agent's [program:...] section, not written; a file put beside it and a line in the state folder, both removed again"
    evidence = Evidence("supervisor, transport", query, began, site.clock.now(), len(agents))
    told = [f"the configuration of {len(agents) - len(closed)} of {len(agents)} agents can be changed back", *sorted(set(closed.values())), *refused]
    verdict = Verdict.FAIL if closed or refused else Verdict.PASS
    observed = f"{len(agents) - len(closed)} of {len(agents)}"
    return (Finding("rollback_access", verdict, observed, "all", "; ".join(told), evidence, tuple(sorted(closed))),)


def _ledger_refused(state: Path) -> list[str]:
    """Why the state folder takes no ledger; nothing where it does."""
    scratch = state / ".scratch.jsonl"
    try:
        Journal(scratch).append({})
        scratch.unlink()
    except OSError as error:
        return [f"the state folder {state} takes no ledger: {error.strerror}"]
    return []


@step("check patterns", "check the evidence of the patterns that the plan applies")
def check_patterns(site: Site, applied: Sequence[str], registry: Path = REGISTRY) -> tuple[Finding, ...]:
    """Each pattern that the plan applies is in the registry, described in a document that is there, with something seen of it."""
    began = site.clock.now()
    try:
        known = {pattern.name: pattern for pattern in load_patterns(registry)}
    except InputError as error:
        return (Finding("patterns", Verdict.FAIL, "no registry", "each pattern named with its evidence", str(error)),)
    bare = sorted(name for name in applied if name not in known or not known[name].seen or not (ROOT / known[name].document).exists())
    seen = {name: len(known[name].seen) for name in applied if name in known}
    evidence = Evidence("registry of patterns", registry.name, began, site.clock.now(), sum(seen.values()))
    told = "; ".join(f"{name}: {count} observations of ours" for name, count in seen.items()) or "the plan applies no pattern that is known"
    sentence = f"Without evidence or document: {', '.join(bare)}." if bare else f"{told}."
    verdict = Verdict.FAIL if bare else Verdict.PASS if seen else Verdict.ERROR
    return (
        Finding("patterns", verdict, f"{len(applied) - len(bare)} of {len(applied)}", "each pattern named with its evidence", sentence, evidence),
    )


def acknowledged(said: Sequence[Acknowledgement], points: Sequence[str], now: float) -> tuple[Finding, ...]:
    """One finding per point; what nobody acknowledged is not measured, since no machine can know it."""
    by_point = {each.criterion: each for each in said}
    findings = []
    for point in points:
        each = by_point.get(point)
        if each is None:
            findings.append(
                Finding(f"acknowledgement.{point}", Verdict.ERROR, "not acknowledged", "acknowledged by a person", "Not acknowledged by anybody.")
            )
            continue
        evidence = Evidence("a person, self-declared", f"parameter acknowledged[{point}]", now, now, 1)
        sentence = f"Acknowledged by {each.name}" + (f": {each.note}" if each.note else "")
        findings.append(Finding(f"acknowledgement.{point}", Verdict.PASS, each.name, "acknowledged by a person", sentence, evidence))
    return tuple(findings)
