"""What every gate of a run was given and what it found, stored in the report's folder, so that it can be judged again anywhere."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rollout.errors import InputError
from rollout.on_record import on_record
from rollout.private_folder import private_folder
from rollout.verdict import Finding

GATES = "gates.jsonl"
"""One JSON object a line, in the order in which the gates judged; a resumed run adds to it."""
Cell = str | float | bool | None


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One judgement of one suite. rows: the frame's; dtypes: of its columns; samples: behind the evidence; found: verdict and sentence by check.

    What is not finite stands as null: neither is a measurement.
    """

    suite: str
    what: str
    bounds: Mapping[str, float]
    agents: tuple[str, ...]
    metrics: tuple[str, ...]
    samples: int
    dtypes: Mapping[str, str]
    rows: tuple[tuple[Cell, ...], ...]
    found: Mapping[str, tuple[str, str]]

    @property
    def frame(self) -> pd.DataFrame:
        """As the gate was given it, but for its index."""
        made = pd.DataFrame([list(row) for row in self.rows], columns=list(self.dtypes), dtype=object)
        return made.astype({column: dtype for column, dtype in self.dtypes.items() if dtype != "object"})


def gate_record(  # noqa: PLR0913, PLR0917 (all that a gate is given)
    suite: str,
    frame: pd.DataFrame,
    bounds: Mapping[str, float],
    samples: int,
    agents: Sequence[str],
    metrics: Sequence[str],
    what: str,
    found: Sequence[Finding],
) -> GateRecord:
    """One judgement as it is stored."""
    dtypes = {str(column): str(dtype) for column, dtype in frame.dtypes.items()}
    rows = tuple(tuple(_cell(value) for value in row) for row in frame.itertuples(index=False))
    told = {finding.check: (finding.verdict.name, finding.sentence) for finding in found}
    return GateRecord(suite, what, dict(bounds), tuple(agents), tuple(metrics), samples, dtypes, rows, told)


def about(what: str, sentence: str) -> str:
    """The sentence of a check that a report tells more than once, told apart by what was judged."""
    return f"{what[:1].upper()}{what[1:]}: {sentence}"


def add_gate(folder: Path, record: GateRecord) -> None:
    """Append one judgement to the run's file. Raises Held where it cannot be written, and then no part of it stands."""
    line, file = (json.dumps(asdict(record), allow_nan=False) + "\n").encode(), folder / GATES
    with on_record("the file of what gates judged", file):
        private_folder(folder)
        with file.open("ab", buffering=0) as stream:
            end = stream.tell()
            try:
                while line:
                    line = line[stream.write(line) :]
            except OSError:
                stream.truncate(end)
                raise


def read_gates(folder: Path) -> Iterator[GateRecord]:
    """Every judgement of a run in its order; none where it stored none. Raises InputError (file, line, reason)."""
    file = folder / GATES
    if not file.exists():
        return
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            yield _record(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(file, f"line {number}", f"is no judgement of a gate: {error}") from error


def _record(stored: dict[str, Any]) -> GateRecord:
    tuples = {name: tuple(stored[name]) for name in ("agents", "metrics")}
    rows = tuple(tuple(row) for row in stored["rows"])
    found = {check: (str(verdict), str(sentence)) for check, (verdict, sentence) in stored["found"].items()}
    return GateRecord(**stored | tuples | {"rows": rows, "found": found})


def _cell(value: Any) -> Cell:  # noqa: ANN401 (a frame's cell may be anything)
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return None
    return plain if isinstance(plain, (str, int, float, bool)) or plain is None else str(plain)
