"""Latencies in buckets of one per cent: a percentile is at most that much above the truth, never below it."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log

LOWEST = 1e-4
"""Seconds; whatever is faster counts as this fast."""
GROWTH = log(1.01)
LAST = 1500
"""The bucket of five minutes and more."""


class Histogram:
    """Counts by bucket; bucket n ends at LOWEST * 1.01**n seconds."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: dict[int, int] = dict(counts or {})
        self.total = sum(self._counts.values())

    @property
    def counts(self) -> dict[int, int]:
        """Bucket to count, as it is stored."""
        return dict(sorted(self._counts.items()))

    def record(self, seconds: float) -> None:
        """Count one value."""
        bucket = 0 if seconds <= LOWEST else min(ceil(log(seconds / LOWEST) / GROWTH), LAST)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.total += 1

    def percentile(self, share: float) -> float | None:
        """Seconds that this share of the values does not exceed; None without values."""
        left = max(1, ceil(share * self.total))
        for bucket, count in sorted(self._counts.items()):
            left -= count
            if left <= 0:
                return float(LOWEST * 1.01**bucket)
        return None

    def __add__(self, other: Histogram) -> Histogram:
        """Both together."""
        return Histogram({bucket: self._counts.get(bucket, 0) + other._counts.get(bucket, 0) for bucket in {*self._counts, *other._counts}})
