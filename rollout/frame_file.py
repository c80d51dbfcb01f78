"""Frames of samples that a person hands to the judge: read strictly, since a misread column would be a wrong verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import ArrowException

from rollout.errors import InputError

NAMES = ("agent", "machine", "metric")
NUMBERS = ("t", "value")
OPTIONAL_NUMBERS = ("weight", "traffic")
FLAGS = ("treated",)
OPTIONAL_FLAGS = ("contaminated", "reset", "up")
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".parquet": pd.read_parquet,
    ".csv": lambda file: pd.read_csv(file, dtype=dict.fromkeys(NAMES, str)),
}
TOO_DENSE = 0.6
"""Share of the scrape interval: samples closer than that would fall on one step of the judge's grid, and one of them would be lost."""


def read_frame(file: Path) -> pd.DataFrame:
    """The judge's frame of a Parquet or CSV file; columns as judge_batch wants them, others are kept.

    Missing values are missing samples. Raises InputError naming the file, the column and the reason; a first bad row is counted from 1.
    """
    frame = _read(file)
    for column in (*NAMES, *NUMBERS, *FLAGS):
        if column not in frame.columns:
            raise InputError(file, column, f"is missing; the file has {', '.join(map(str, frame.columns)) or 'no columns'}")
    for column in NAMES:
        _refuse_rows(file, column, frame[column].isna().to_numpy() | (frame[column] == "").to_numpy(), "names nobody")
    for column in (*NUMBERS, *OPTIONAL_NUMBERS):
        if column in frame.columns:
            frame[column] = _numbers(file, frame[column])
    _refuse_rows(file, "t", ~np.isfinite(frame["t"].to_numpy()), "is no moment")
    for column in (*FLAGS, *OPTIONAL_FLAGS):
        if column in frame.columns:
            frame[column] = _flags(file, frame[column], required=column in FLAGS)
    _refuse_both(file, frame)
    return frame


def _read(file: Path) -> pd.DataFrame:
    """The file as it is, by the reader that its ending asks for."""
    if file.suffix not in READERS:
        raise InputError(file, "", f"is neither {' nor '.join(READERS)}")
    try:
        return READERS[file.suffix](file)
    except OSError as error:
        raise InputError(file, "", error.strerror or str(error)) from error
    except (ArrowException, ValueError) as error:
        raise InputError(file, "", f"cannot be read: {str(error).splitlines()[0]}") from error


def refuse_denser(file: Path, frame: pd.DataFrame, scrape_interval: float) -> None:
    """Raise InputError if the samples lie closer together than the policy counts them; rarer ones are missing samples, which the judge tells."""
    rows = frame.sort_values(["agent", "machine", "metric", "t"])
    steps = rows.groupby(["agent", "machine", "metric"], observed=True)["t"].diff().dropna()
    if len(steps) and (usual := float(steps.quantile(0.1))) < TOO_DENSE * scrape_interval:
        raise InputError(file, "t", f"samples are {usual:g} s apart, the policy counts one each {scrape_interval:g} s (--scrape-interval)")


def _numbers(file: Path, column: pd.Series) -> pd.Series:
    """The column as floats; text that is no number is refused."""
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    _refuse_rows(file, str(column.name), (numbers.isna() & column.notna()).to_numpy(), "is no number")
    return numbers


def _flags(file: Path, column: pd.Series, *, required: bool) -> pd.Series:
    """The column as booleans, written as true and false or as 1 and 0; a missing one is refused where it is required, kept otherwise."""
    known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
    flags = column.astype(str).str.lower().map(known).where(column.notna()).astype(float)
    _refuse_rows(file, str(column.name), (flags.isna() & (column.notna() | required)).to_numpy(), "is neither true nor false")
    return flags.astype(bool) if flags.notna().all() else flags


def _refuse_both(file: Path, frame: pd.DataFrame) -> None:
    """An agent is of the batch or a control, never both."""
    sides = frame.groupby(["machine", "agent"], observed=True)["treated"].nunique()
    if (sides > 1).any():
        machine, agent = sides.index[(sides > 1).to_numpy()][0]
        raise InputError(file, "treated", f"{agent} on {machine} is both true and false")


def _refuse_rows(file: Path, column: str, bad: np.typing.NDArray[np.bool_], reason: str) -> None:
    """Raise InputError for the first bad row."""
    if bad.any():
        raise InputError(file, column, f"row {int(np.flatnonzero(bad)[0]) + 1} {reason} ({int(bad.sum())} such rows)")
