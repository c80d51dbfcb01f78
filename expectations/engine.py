"""The only code that runs Great Expectations. Importing it takes seconds and 200 MB: gate.py does so when the first frame is judged.

Great Expectations keeps one current context and one parser per process, so everything here happens under one lock, each time in a fresh
ephemeral context: no files, no analytics, no progress bars.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from expectations.suite import Check
from rollout.errors import InputError

with warnings.catch_warnings():
    # Great Expectations imports two modules of the standard library that are deprecated since 3.11.
    warnings.filterwarnings("ignore", message=r"module 'sre_(constants|parse)' is deprecated", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.registry import get_expectation_impl

    import expectations.spread  # noqa: F401 (registers an expectation; a suite built before that would lose the check)

ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Great Expectations says it did for one check.

    judged: how many rows it looked at and did not skip; unexpected: the row numbers that broke the check;
    kwargs: the bounds as it used them; fault: why it could not judge, empty when it could.
    """

    judged: int
    unexpected: tuple[int, ...]
    kwargs: Mapping[str, object]
    fault: str = ""


def build(checks: Iterable[Check], file: Path) -> list[Any]:
    """The checks as expectations, each built by itself, since a suite drops what it cannot build and only logs it.

    Raises:
        InputError: a type that Great Expectations does not have, that does not judge row by row, or whose kwargs do not fit.
    """
    return [_build(check, file) for check in checks]


def _build(check: Check, file: Path) -> Any:  # noqa: ANN401 (Great Expectations gives no types)
    try:
        kind = get_expectation_impl(check.type)
    except GreatExpectationsError as error:
        raise InputError(file, check.meta.id, f"unknown type {check.type}") from error
    if not issubclass(kind, (ColumnMapExpectation, ColumnPairMapExpectation)):
        raise InputError(file, check.meta.id, f"{check.type} does not judge row by row, so it could name nobody")
    nulls = {"ignore_row_if": "either_value_is_missing"} if issubclass(kind, ColumnPairMapExpectation) else {}
    try:
        return ExpectationConfiguration(
            type=check.type, kwargs={**check.kwargs, **nulls}, meta={"id": check.meta.id}, severity=FailureSeverity(check.severity.value)
        ).to_domain_obj()
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise InputError(file, check.meta.id, " ".join(str(error).split())) from error


def run(checks: Sequence[Check], file: Path, rows: pd.DataFrame, bounds: Mapping[str, float]) -> dict[str, Outcome]:
    """Judges the rows; returns what came of each check by its id. A check that is missing from the answer was not judged.

    Args:
        checks: those whose columns the frame has and whose bounds are given.
        file: the suite's file, for the error.
        rows: index 0..n-1, at least one row.
        bounds: numbers by name; those that the checks use are finite.
    """
    with ONE_AT_A_TIME:
        frames = _fresh_context().data_sources.add_pandas("frames").add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all")
        batch = frames.get_batch({"dataframe": rows})
        numbers = {name: float(bound) for name, bound in bounds.items()}
        try:
            results = _results(batch, checks, file, numbers, "BASIC")
            broken = [check for check in checks if check.meta.id in results and results[check.meta.id].result.get("unexpected_count")]
            if broken:
                results |= _results(batch, broken, file, numbers, "COMPLETE")
        except GreatExpectationsError as error:
            return {check.meta.id: Outcome(0, (), {}, fault=str(error)) for check in checks}
        return {check: _outcome(result) for check, result in results.items()}


def _results(batch: Any, checks: Sequence[Check], file: Path, numbers: Mapping[str, float], detail: str) -> dict[str, Any]:  # noqa: ANN401
    """What Great Expectations answers, by the check's id. detail: which rows broke a check takes longer to tell than how many."""
    suite = gx.ExpectationSuite(name=file.stem, expectations=build(checks, file))
    judged = batch.validate(suite, expectation_parameters=numbers, result_format=detail)
    return {result.expectation_config.meta["id"]: result for result in judged.results}


def _fresh_context() -> Any:  # noqa: ANN401
    """A context that knows no other gate's frame and writes nothing."""
    quiet = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False, progress_bars=ProgressBarsConfig(globally=False)
    )
    return gx.get_context(mode="ephemeral", project_config=quiet)


def _outcome(result: Any) -> Outcome:  # noqa: ANN401
    """One result; a success flag is not read at all: the rows speak."""
    found, kwargs = result.result, result.expectation_config.kwargs
    broken = () if found.get("unexpected_count") == 0 else found.get("unexpected_index_list")
    if "element_count" not in found or broken is None:
        return Outcome(0, (), kwargs, fault=_fault(result.exception_info))
    return Outcome(found["element_count"] - found.get("missing_count", 0), tuple(broken), kwargs)


def _fault(info: Mapping[str, Any]) -> str:
    """The message of the first exception: alone, or one per metric that could not be computed."""
    for fault in (info, *(value for value in info.values() if isinstance(value, dict))):
        if message := fault.get("exception_message"):
            return str(message)
    return "it judged no rows and gave no reason"
