"""`python -m dashboards` writes dashboards/json."""

from __future__ import annotations

from dashboards.boards import BOARDS
from dashboards.build import rendered
from rollout.observe.dashboards import JSON_FOLDER

for board in BOARDS:
    (JSON_FOLDER / f"{board.name}.json").write_text(rendered(board), encoding="utf-8")
