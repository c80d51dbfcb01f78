"""What agents answer over HTTP; apart from who asks them, so that a preview, which asks nobody, need not wait for an HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.observe.exposition import Exposition


@dataclass(frozen=True, slots=True)
class Health:
    """One /health answer. status 0: no answer, with the reason; features: each feature with its state, startup: seconds of its start, as it says."""

    status: int
    pid: int = 0
    started: float = 0.0
    version: str = ""
    features: Mapping[str, str] | None = None
    reason: str = ""
    startup: float | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """One /metrics answer. status 0: no answer, with the reason; seconds: from request to whole body."""

    status: int
    exposition: Exposition | None = None
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of an agent's work. status 0: no answer, with the reason; seconds: from request to whole body."""

    status: int
    body: bytes = b""
    seconds: float = 0.0
    reason: str = ""
