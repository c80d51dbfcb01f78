"""What a task of the house is handed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prefect import Task
from prefect.utilities.engine import collect_task_run_inputs_sync

from tasks.task import step


class Sealed(list[int]):
    """A fleet so large that walking through it once is too much."""

    def __iter__(self) -> Iterator[int]:
        """Fail."""
        raise AssertionError("somebody walked through the arguments")


@step("count", "count {many}")
def count(fleet: list[int], many: int) -> int:
    """Any task."""
    return len(fleet) + many


def test_nobody_walks_through_what_a_task_is_handed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's own search for other tasks' results stops at each argument, by place or by name, and finds the argument itself inside."""
    handed: list[Any] = []
    monkeypatch.setattr(Task, "__call__", lambda _, *arguments, **named: handed.extend([*arguments, *named.values()]))
    fleet = Sealed([1, 2])
    count(fleet, many=3)
    with pytest.raises(AssertionError, match="walked through"):
        collect_task_run_inputs_sync(fleet)
    assert [collect_task_run_inputs_sync(each) for each in handed] == [set(), set()]
    assert handed[0].unwrap() is fleet
