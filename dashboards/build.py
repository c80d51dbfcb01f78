"""What all our dashboards have in common: one data source, rows of panels, and lines where the rollout changed something."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from rollout.observe.dashboards import Needs

SOURCE = models.DataSourceRef(type_val="prometheus", uid="rollout")
WIDTH = 24
"""Columns of Grafana's grid."""
HEIGHT = 8
CHANGES = (
    ("batch acted on", "rollout_batch_began_timestamp_seconds * 1000", "blue"),
    ("batch decided", "rollout_batch_decided_timestamp_seconds * 1000", "green"),
)
"""Name, query and colour of the change lines; a value is the moment of its line, in milliseconds."""


class Shape(Enum):
    """How a panel is drawn."""

    LINES = "timeseries"
    NUMBER = "stat"
    STATES = "state-timeline"
    TABLE = "table"


@dataclass(frozen=True)
class Panel:
    """One panel. queries: legend to PromQL; span: of the 24 columns."""

    title: str
    queries: dict[str, str]
    needs: Needs = Needs.NOTHING
    shape: Shape = Shape.LINES
    unit: str = "short"
    span: int = 12


@dataclass(frozen=True)
class Board:
    """One dashboard. name: of its file, and its uid in Grafana."""

    name: str
    title: str
    panels: Sequence[Panel] = field(default_factory=tuple)
    change_lines: bool = True


def rendered(board: Board) -> str:
    """The dashboard's JSON, as Grafana imports and provisions it."""
    built = dashboard.Dashboard(board.title).uid(board.name).tags(["rollout"]).refresh("10s").time("now-1h", "now").timezone("utc").readonly()
    if board.change_lines:
        for name, query, colour in CHANGES:
            built = built.annotation(_Line(name, query, colour))
    for place, panel in zip(_places(board.panels), board.panels, strict=True):
        built = built.with_panel(_panel(panel).grid_pos(place))
    text: str = json.dumps(json.loads(json.dumps(built.build(), cls=JSONEncoder)), indent=1, sort_keys=True)
    return text + "\n"


def _places(panels: Sequence[Panel]) -> list[models.GridPos]:
    """From left to right, a new row where one does not fit any more."""
    places, x, y = [], 0, 0
    for panel in panels:
        if x + panel.span > WIDTH:
            x, y = 0, y + HEIGHT
        places.append(models.GridPos(h=HEIGHT, w=panel.span, x=x, y=y))
        x += panel.span
    return places


def _panel(panel: Panel) -> timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel:
    shapes = {Shape.LINES: timeseries.Panel, Shape.NUMBER: stat.Panel, Shape.STATES: statetimeline.Panel, Shape.TABLE: table.Panel}
    built = shapes[panel.shape]().title(panel.title).description(panel.needs.value).datasource(SOURCE).unit(panel.unit)
    for letter, (legend, query) in zip("ABCDEFGH", panel.queries.items(), strict=False):
        target = prometheus.Dataquery().expr(query).legend_format(legend).ref_id(letter)
        built = built.with_target(target.instant().range() if panel.shape is Shape.TABLE else target)
    return built


class _Line(dashboard.AnnotationQuery):
    """A change line: the moment is the value of the query, which the SDK's model of Grafana's annotations has no field for."""

    def __init__(self, name: str, query: str, colour: str) -> None:
        super().__init__()
        self._internal = _MomentQuery(name=name, datasource=SOURCE, enable=True, icon_color=colour, expr=query)


class _MomentQuery(models.AnnotationQuery):
    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"useValueForTime": True, "titleFormat": self.name, "textFormat": "{{batch}}"}
