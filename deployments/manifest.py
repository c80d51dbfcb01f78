"""prefect.yaml as a frozen value: the one place that says which flows can be started, where, when and how many at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from pydantic import Field, ValidationError, field_validator

from deployments.programs import ROOT, Pool
from rollout.document import Document, read_yaml, validated

MANIFEST = ROOT / "prefect.yaml"


class Schedule(Document):
    """When a deployment would start by itself. slug: its name, by which it is found again when a person has switched it on."""

    slug: str
    cron: str
    timezone: str
    active: bool = False

    @property
    def timing(self) -> CronSchedule:
        """As Prefect wants it."""
        return CronSchedule(cron=self.cron, timezone=self.timezone)

    @field_validator("timezone")
    @classmethod
    def _known(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            raise ValueError(f"no such time zone: {timezone}")
        return timezone

    @field_validator("cron")
    @classmethod
    def _possible(cls, cron: str) -> str:
        try:
            CronSchedule(cron=cron)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
        return cron


class JobVariables(Document):
    """What the worker does with the process of a run. stream_output: whether its output goes through the worker, so that both die together."""

    stream_output: bool


class WorkPool(Document):
    """The pool that runs a deployment."""

    name: Pool
    job_variables: JobVariables


class Limit(Document):
    """How many runs at a time, and what becomes of one too many. A courtesy to people: the ledger's lock is the guarantee."""

    limit: int = Field(ge=1)
    collision_strategy: ConcurrencyLimitStrategy


class Deployment(Document):
    """One flow that can be started. entrypoint: `file.py:function`, the file relative to the project."""

    name: str
    description: str
    entrypoint: str
    tags: tuple[str, ...]
    work_pool: WorkPool
    concurrency_limit: Limit
    schedules: tuple[Schedule, ...] = ()


class Manifest(Document):
    """All deployments. pull: the steps before each run, resolved on the worker."""

    name: str
    pull: tuple[dict[str, Any], ...]
    deployments: tuple[Deployment, ...]


def read_manifest(file: Path = MANIFEST) -> Manifest:
    """The manifest of that file. Raises InputError with file, key and reason."""
    return validated(Manifest, read_yaml(file), file)
