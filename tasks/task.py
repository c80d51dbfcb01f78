"""The one kind of task of this house: never cached, retried for transient faults only, handed its arguments as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.utilities.annotations import quote

from rollout.errors import TransientFault

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS_AFTER_THE_FIRST = 3
BACK_OFF = [1.0, 2.0, 4.0]
"""Seconds before each further attempt."""


def transient(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 (Prefect names the parameters)
    """Whether trying again can help: a verdict, a refusal or a lost fleet never changes by asking again."""
    try:
        state.result()
    except TransientFault:
        return True
    except Exception:  # noqa: BLE001 (whatever else it was, asking again does not help)
        return False
    return False


class Step(Task[P, R]):
    """A task that no other task's future or state is given to.

    Prefect would look for them in everything that it is handed, agent by agent of a whole fleet, before each call (docs/decisions/0104).
    """

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:  # type: ignore[override]  # it is never called with return_state or wait_for
        """Run it now; Prefect takes off the quotes."""
        call: Callable[..., R] = super().__call__
        return call(*map(quote, arguments), **{name: quote(value) for name, value in named.items()})


def step(name: str, run_name: str, *, retried: bool = True) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task named by what it does; run_name may use the function's parameters, so that the UI says which agents are meant.

    retried: whether Prefect repeats it after a transient fault; measurements are repeated by the flow, within the plan's budget for sources.

    Results are never cached: the ledger and the agents themselves are the state of the world (docs/decisions/0002).
    """

    def of(function: Callable[P, R]) -> Task[P, R]:
        return Step(
            fn=function,
            name=name,
            task_run_name=run_name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=ATTEMPTS_AFTER_THE_FIRST if retried else 0,
            retry_delay_seconds=BACK_OFF,
            retry_condition_fn=transient,
        )

    return of
