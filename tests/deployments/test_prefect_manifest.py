"""prefect.yaml: what it promises, and what is refused in it."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.client.schemas.objects import ConcurrencyLimitStrategy

from deployments.apply import SETTLE
from deployments.automations import DAY_TAG, SILENT, automations
from deployments.manifest import MANIFEST, read_manifest
from deployments.programs import ROOT, Pool
from rollout.document import read_yaml
from rollout.errors import InputError

SAMPLE = Path(__file__).with_name("prefect.yaml")


def test_the_days_are_deployed_one_at_a_time_and_sleeping() -> None:
    """One name each, a second run is cancelled, schedules wait for a person, no emergency waits behind a day, no run has a pipe that could break."""
    deployments = read_manifest().deployments
    assert {"day-0", "day-1"} <= {each.name for each in deployments}
    assert len({each.name for each in deployments}) == len(deployments)
    for each in deployments:
        assert each.description
        assert not each.work_pool.job_variables.stream_output
    for each in (each for each in deployments if DAY_TAG in each.tags):
        assert each.work_pool.name is (Pool.SETTLE if "emergency" in each.tags else Pool.ROLLOUT)
        assert (each.concurrency_limit.limit, each.concurrency_limit.collision_strategy) == (1, ConcurrencyLimitStrategy.CANCEL_NEW)
        assert not any(schedule.active for schedule in each.schedules)


def test_settling_never_waits_for_a_day_and_never_settles_itself() -> None:
    """It has a pool of its own, a second one waits instead of being dropped, and the automations do not see it as a day."""
    deployment = next(each for each in read_manifest().deployments if each.name == SETTLE)
    assert deployment.work_pool.name is Pool.SETTLE
    assert deployment.concurrency_limit.collision_strategy is ConcurrencyLimitStrategy.ENQUEUE
    assert DAY_TAG not in deployment.tags


def test_what_the_automations_wait_for() -> None:
    """A cancelled and a crashed day start settle-run with the run's id as text; a silent one is marked crashed unless it ended or is suspended."""
    cancelled, crashed, silent = automations(uuid4())
    for automation, state in ((cancelled, "Cancelled"), (crashed, "Crashed")):
        assert automation.trigger.expect == {f"prefect.flow-run.{state}"}
        assert automation.actions[0].parameters == {"parameters": {"run": "{{ flow_run.id | string }}", "after": state.lower()}}
    assert silent.trigger.expect == {"prefect.flow-run.heartbeat", *SILENT}
    assert silent.trigger.after == {"prefect.flow-run.heartbeat"}


def test_prefects_own_command_reads_the_same_file() -> None:
    """`prefect deploy` understands it, sees the same deployments, and fetches no code: the one pull step only changes the folder."""
    theirs = PrefectYamlModel.model_validate(read_yaml(MANIFEST))
    assert [each.name for each in theirs.deployments] == [each.name for each in read_manifest().deployments]
    assert theirs.pull == [{"prefect.deployments.steps.set_working_directory": {"directory": "{{ $ROLLOUT_ROOT }}"}}]


def test_no_path_of_a_machine_stands_in_it() -> None:
    """The file serves every machine: entrypoints are relative and the project's place is the worker's knowledge."""
    assert str(ROOT) not in MANIFEST.read_text(encoding="utf-8")
    assert not any(Path(each.entrypoint).is_absolute() for each in read_manifest().deployments)


@pytest.mark.parametrize(
    ("right", "wrong", "key"),
    [
        ("name: rollout,", "name: production,", "deployments.0.work_pool.name"),
        ("CANCEL_NEW", "CANCEL_ALL", "deployments.0.concurrency_limit.collision_strategy"),
        ("limit: 1", "limit: 0", "deployments.0.concurrency_limit.limit"),
        ("0 8 * * MON", "0 25 * * MON", "deployments.0.schedules.0.cron"),
        ("Europe/Berlin", "Europe/Bonn", "deployments.0.schedules.0.timezone"),
        ("active: false", "aktive: false", "deployments.0.schedules.0.aktive"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, right: str, wrong: str, key: str) -> None:
    """A wrong value is refused with its place in the file, before anything is sent to a server."""
    text = SAMPLE.read_text(encoding="utf-8")
    assert right in text
    file = tmp_path / "prefect.yaml"
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_manifest(file)
    assert (error.value.file, error.value.key) == (str(file), key)


def test_the_pools_keep_settling_apart() -> None:
    """A full first pool must never keep a rollback waiting, so there are two."""
    assert [pool.value for pool in Pool] == ["rollout", "rollout-settle"]
