"""What the committed dashboards ask, and whether a site's hub has an answer: an empty panel tells nobody anything (plan.md lines 294 and 438)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from rollout.errors import InputError, SourceFault
from rollout.observe.prometheus import Source

JSON_FOLDER = Path(__file__).resolve().parents[2] / "dashboards" / "json"


class Needs(Enum):
    """What must have happened before a panel can show anything; its words are the panel's description."""

    NOTHING = "Shows data as soon as hub and state exporter run."
    RULES = "Shows data once the alerting rules are deployed."
    RUN = "Shows data once a run has changed a batch."
    ROLLBACK = "Shows data once a run was rolled back."
    INCIDENT = "Shows data while an incident is open."
    BOTH_HUBS = "Shows data once both hubs run (day 2)."


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of one panel of a dashboard file."""

    dashboard: str
    panel: str
    query: str
    needs: Needs


def panel_queries(folder: Path) -> tuple[PanelQuery, ...]:
    """Every query of every dashboard. Raises InputError for a file that is none, a panel without a query, and a folder without dashboards."""
    found = [query for file in sorted(folder.glob("*.json")) for query in _of_file(file)]
    if not found:
        raise InputError(folder, "", "holds no dashboards")
    return tuple(found)


def _of_file(file: Path) -> Iterator[PanelQuery]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        title = content["title"]
        for panel in content["panels"]:
            yield from _of_panel(file, title, panel)
        for mark in content["annotations"].get("list", ()):
            yield PanelQuery(title, f"marks: {mark['name']}", mark["expr"], Needs.RUN)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(file, "", f"is no dashboard of ours: {error!r}") from error


def _of_panel(file: Path, dashboard: str, panel: dict[str, Any]) -> Iterator[PanelQuery]:
    targets = panel.get("targets") or []
    if not targets:
        raise InputError(file, panel.get("title", "?"), "the panel asks nothing")
    for target in targets:
        yield PanelQuery(dashboard, panel["title"], target["expr"], Needs(panel["description"]))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a hub answered to one query. rows: series in the answer; fault: why there was no answer, empty where there was one."""

    query: PanelQuery
    rows: int
    fault: str = ""


def ask(source: Source, queries: tuple[PanelQuery, ...]) -> list[Asked]:
    """Each query, as it stands in the file, at this moment."""
    answers = []
    for query in queries:
        try:
            answers.append(Asked(query, len(source.now(query.query))))
        except SourceFault as fault:
            answers.append(Asked(query, 0, str(fault)))
    return answers
