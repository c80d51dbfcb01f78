"""How the page ends: hubs, people, what could not be known, and how to check all of it."""

from __future__ import annotations

from rollout.html.facts import Fact, Facts
from rollout.html.tags import As, Column, bullets, chip, paragraph, section, show, table

HUBS = ("hub", "failover", "coordination")
"""How the gates begin that look at hubs."""


def hubs(facts: Facts) -> str:
    """What the run's gates found about the hubs: health, synchronisation, identical samples, drills."""
    checks = _checks(facts, HUBS)
    if not checks:
        return section("hubs", "Hub parity", paragraph("No gate of this run compared hubs: not measured.", "none"))
    return section("hubs", "Hub parity", _found("Checks of the hubs", checks))


def checks(facts: Facts) -> str:
    """Every finding of the day's gates."""
    every = _all(facts)
    found = list(every)
    if not found:
        return section("checks", "Checks of the day", paragraph("The findings of the day's gates are not part of this report.", "none"))
    passed = f"{show(every.count(verdict='PASS'), As.COUNT)} of {show(every.count(), As.COUNT)} checks outside the batches passed."
    bad = [each for each in found if each["verdict"].value != "PASS"]
    return section("checks", "Checks of the day", paragraph(passed), _found("Those that did not pass", bad) if bad else "")


def people(facts: Facts) -> str:
    """Orders, answers, acceptances and acknowledgements, with the names that people gave themselves."""
    told = facts.report["people"] if "people" in facts.report.value else None
    rows = [
        [f"{show(each['at'], As.DATE)} {show(each['at'], As.CLOCK)}", show(each["said"]), show(each["name"]), show(each["reason"])]
        for each in told or []
    ]
    parts = [paragraph("Names are self-declared.")]
    columns = [Column("When, UTC"), Column("Said"), Column("Who"), Column("Why")]
    parts.append(table("Words to this run, from the audit file", columns, rows) if rows else paragraph("Nobody gave this run an order or an answer."))
    if acknowledged := _checks(facts, ("acknowledgement", "escalation")):
        parts.append(_found("Acknowledgements and escalations", acknowledged))
    else:
        parts.append(paragraph("No acknowledgement was asked for and no escalation was recorded by this run."))
    return section("people", "People", *parts)


def unknowns(facts: Facts) -> str:
    """What the run could not know; always there."""
    told = bullets(map(show, facts.report["unknowns"]))
    return section("unknowns", "What we could not know", told or paragraph("Nothing that this run was asked for stayed unknown."))


def replay(facts: Facts) -> str:
    """How anybody can check the page, with the files and their digests."""
    report = facts.report
    run, site = show(report["run_id"]), show(report["site"])
    steps = (
        f"<pre><code># this folder, wherever it was copied to; needs no network\nrollout verify FOLDER\n"
        f"# the judge again, where the run was made\nrollout replay {run} --site {site}</code></pre>"
    )
    how = paragraph(
        "Each number on this page carries, as data-from, the place in report.json, judgements.json, the ledger or the samples that it is read or "
        "computed from. verify checks every digest, judges all batches again from their samples, and compares the numbers of this page; "
        "it prints a line for each claim that does not hold."
    )
    rows = [
        [f"<code>{show(Fact(name, f'key({each.place})'))}</code>", f"<code class='hash'>{show(each)}</code>"]
        for name, each in _evidence(report["evidence"])
    ]
    files = table("Files of this report", [Column("File"), Column("Digest")], rows) if rows else paragraph("No samples were kept.")
    return section("replay", "How to replay", how, steps, files)


def _evidence(evidence: Fact) -> list[tuple[str, Fact]]:
    return [(name, evidence[name]) for name in evidence.value]


def _all(facts: Facts) -> Fact:
    return facts.report["checks"] if "checks" in facts.report.value else Fact([], "")


def _checks(facts: Facts, beginnings: tuple[str, ...]) -> list[Fact]:
    return [each for each in _all(facts) if each["gate"].value.startswith(beginnings)]


def _found(caption: str, found: list[Fact]) -> str:
    columns = [Column("Check"), Column("Verdict"), Column("Observed"), Column("Bound"), Column("Because"), Column("Samples", True)]
    rows = [
        [
            show(each["check"]),
            chip(each["verdict"]),
            show(each["observed"]),
            show(each["bound"]),
            show(each["sentence"]),
            show(each["samples"], As.COUNT),
        ]
        for each in found
    ]
    return table(caption, columns, rows)
