"""An expectation of our own: A is at most a multiple of B, row by row (a standard deviation against its mean).

Imported by the engine before any suite is built. Without `from __future__ import annotations`: Great Expectations reads the annotations
of its subclasses when the class is made.
"""

from typing import Literal

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import column_pair_condition_partial
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import ColumnPairMapMetricProvider


class RatioAtMost(ColumnPairMapMetricProvider):
    """Says per row whether A <= max_ratio * B."""

    condition_metric_name = "column_pair_values.ratio_at_most"
    condition_domain_keys = ("batch_id", "table", "column_A", "column_B", "row_condition", "condition_parser", "ignore_row_if")
    condition_value_keys = ("max_ratio",)

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_A: pd.Series, column_B: pd.Series, max_ratio: float, **_: object) -> pd.Series:  # noqa: N803, N805 (its protocol)
        return column_A <= max_ratio * column_B


class ExpectColumnPairRatioToBeAtMost(ColumnPairMapExpectation):
    """Every row has column_A <= max_ratio * column_B; both zero is fine."""

    max_ratio: float | dict[str, str]
    ignore_row_if: Literal["either_value_is_missing"] = "either_value_is_missing"
    map_metric = "column_pair_values.ratio_at_most"
    success_keys = ("column_A", "column_B", "ignore_row_if", "max_ratio")
    args_keys = ("column_A", "column_B", "max_ratio")
