"""Frames from people's files: what is accepted, and what is refused with column and reason."""

from __future__ import annotations

import pandas as pd
import pytest

from rollout.errors import InputError
from rollout.frame_file import read_frame, refuse_denser
from rollout.judge.batch import judge_batch
from tests.judge.fleet_frames import POLICY, make_frame

SMALL = make_frame(agents=14, batch=4)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_both_formats_judge_alike(tmp_path, ending):
    """The verdict and every number are those of the frame itself, whatever the file."""
    file = tmp_path / f"frame.{ending}"
    getattr(SMALL, f"to_{ending}")(file, index=False)
    assert judge_batch(read_frame(file), POLICY) == judge_batch(SMALL, POLICY)


def test_flags_are_true_and_false_or_one_and_zero(tmp_path):
    """Other tools write 1 and 0; a missing optional flag stays missing."""
    file = tmp_path / "frame.csv"
    SMALL.assign(treated=SMALL["treated"].astype(int), up=1.0).to_csv(file, index=False)
    frame = read_frame(file)
    assert frame["treated"].dtype == bool
    assert frame["treated"].tolist() == SMALL["treated"].tolist()


@pytest.mark.parametrize("column", ["agent", "machine", "metric", "t", "value", "treated"])
def test_a_missing_column_is_named(tmp_path, column):
    """Each needed column, by its name and the file's."""
    file = tmp_path / "frame.csv"
    SMALL.drop(columns=column).to_csv(file, index=False)
    with pytest.raises(InputError, match="is missing") as refused:
        read_frame(file)
    assert (refused.value.file, refused.value.key) == (str(file), column)


@pytest.mark.parametrize(
    ("column", "bad", "reason"),
    [
        ("value", "much", "row 3 is no number"),
        ("weight", "many", "row 3 is no number"),
        ("t", None, "row 3 is no moment"),
        ("treated", "perhaps", "row 3 is neither true nor false"),
        ("treated", None, "row 3 is neither true nor false"),
        ("agent", None, "row 3 names nobody"),
        ("treated", "True", "is both true and false"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, column, bad, reason):
    """Column, row and reason; nothing is guessed."""
    file = tmp_path / "frame.csv"
    frame = SMALL.astype({column: object})
    frame.loc[2, column] = bad
    frame.to_csv(file, index=False)
    with pytest.raises(InputError, match=reason) as refused:
        read_frame(file)
    assert refused.value.key == column


def test_a_missing_value_is_a_missing_sample(tmp_path):
    """An empty cell in `value` is no error: the scrape ran and had nothing."""
    file = tmp_path / "frame.csv"
    frame = SMALL.copy()
    frame.loc[:5, "value"] = float("nan")
    frame.to_csv(file, index=False)
    assert read_frame(file)["value"].isna().sum() == 6


@pytest.mark.parametrize(("name", "content"), [("frame.txt", b"x"), ("frame.parquet", b"x"), ("frame.csv", b""), ("gone.csv", None)])
def test_what_is_no_frame_is_refused(tmp_path, name, content):
    """Another ending, no parquet inside, nothing inside, no file."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_frame(file)


def test_samples_that_the_policy_would_lose_are_refused(tmp_path):
    """One sample a second under a policy of 15 s would be thrown away silently; rarer samples are only missing ones."""
    file = tmp_path / "frame.csv"
    dense = pd.concat([SMALL.assign(t=SMALL["t"] / 15)])
    with pytest.raises(InputError, match="1 s apart"):
        refuse_denser(file, dense, 15.0)
    refuse_denser(file, dense, 1.0)
    refuse_denser(file, SMALL[::3], 15.0)
