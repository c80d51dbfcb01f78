"""Prometheus as a source of frames, through prometheus-api-client inside the limits that were measured for it.

Its defaults wait for ever and its own frame classes fail on empty answers, so timeouts are set and frames are built here. What is slow to import
is imported with the first question: a preview and a rollback ask none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Any, Protocol

from rollout.clock import Clock
from rollout.errors import SourceFault

if TYPE_CHECKING:
    import pandas as pd
    import requests
    from prometheus_api_client import PrometheusConnect

    from rollout.observe.frame import Samples

STALE_AFTER = 5
"""Scrape intervals without any new sample after which a source does not know the present (Prometheus' own staleness is 5 minutes)."""


class Source(Protocol):
    """Somebody who can answer PromQL. Every method raises SourceFault rather than returning a guess."""

    @property
    def name(self) -> str:
        """The source's name in reports."""

    def now(self, query: str) -> pd.DataFrame:
        """The instant vector at this moment: one row per series, its labels and `value`; empty when nothing matches."""

    def window(self, query: str, start: float, end: float, step: float) -> Samples:
        """The range vector from start to end (Unix seconds) every step seconds, long format: agent, machine, t, value."""


class Prometheus:
    """One Prometheus server. timeout: seconds for one whole answer; scrape_interval: seconds, to know what is stale; credentials: user and password.

    machines: those that it has to know; by default whichever it has samples of.
    """

    def __init__(
        self,
        name: str,
        url: str,
        clock: Clock,
        scrape_interval: float,
        timeout: float = 10.0,
        credentials: tuple[str, str] | None = None,
        machines: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._clock = clock
        self._url = url
        self._timeout = timeout
        self._credentials = credentials
        self._machines = machines
        self._stale = max(STALE_AFTER * scrape_interval, 5.0)

    def now(self, query: str) -> pd.DataFrame:
        """The instant vector at this moment."""
        import pandas as pd

        result = self._ask(lambda: self._connect.custom_query(query))
        return pd.DataFrame([series["metric"] | {"value": float(series["value"][1])} for series in result])

    def window(self, query: str, start: float, end: float, step: float) -> Samples:
        """The range vector as a frame; its ends are whole seconds inside the window, since the library rounds and a rounded end lies ahead of now."""
        import pandas as pd

        from rollout.observe.frame import frame_of

        ends = pd.to_datetime([ceil(start), floor(end)], unit="s", utc=True)
        return frame_of(self._ask(lambda: self._connect.custom_query_range(query, ends[0], ends[1], f"{step:g}")))

    def require_fresh(self) -> None:
        """Raise SourceFault if the newest sample of a machine is older than a few scrape intervals, or there is none."""
        ages = self._ages()
        machine = max(ages, key=ages.__getitem__)
        if ages[machine] > self._stale:
            whose = f" of {machine}" if machine else ""
            raise SourceFault(f"{self.name} is stale: its newest sample{whose} is {ages[machine]:.0f} s old, more than {self._stale:.0f} s")

    def age(self) -> float:
        """Seconds since the newest sample was taken, of the machine that it knows least of. Raises SourceFault when there is none."""
        return max(self._ages().values())

    def _ages(self) -> dict[str, float]:
        """The same by machine: a hub of a pair gets the other machine's samples from its peer, and may be fresh for its own alone."""
        newest = self.now('max by (machine) (timestamp(up{job=~"process|probe"}))')
        machines = newest["machine"].fillna("") if "machine" in newest.columns else [""] * len(newest)
        now = self._clock.now()
        ages = {str(machine): now - at for machine, at in zip(machines, newest.get("value", ()), strict=True) if isfinite(at)}
        if not ages:
            raise SourceFault(f"{self.name} has no samples of the fleet")
        if unknown := [machine for machine in self._machines if machine not in ages]:
            raise SourceFault(f"{self.name} has no samples of {', '.join(unknown)}")
        return ages

    def head_series(self) -> float:
        """How many series the head of its database holds, as it says of itself. Raises SourceFault."""
        try:
            told = self._ask(lambda: self._session.get(f"{self._url}/api/v1/status/tsdb", timeout=self._timeout).json())
            return float(told["data"]["headStats"]["numSeries"])
        except (KeyError, TypeError) as error:
            raise SourceFault(f"{self.name} does not tell how many series it holds") from error

    @cached_property
    def _session(self) -> requests.Session:
        import requests

        from rollout.observe.in_time import InTime

        session = requests.Session()
        session.trust_env = False
        # The library mounts its own adapter on the whole source: it asks a dead one four times, over 6 s, and listens to a slow one for ever. Who
        # asks has another source, or the plan's own patience.
        session.mount(f"{self._url}/api/", InTime(self._timeout))
        session.auth = self._credentials
        session.hooks["response"].append(self._refuse_partial)
        return session

    def _refuse_partial(self, response: requests.Response, **_options: object) -> None:
        """An answer with warnings (a remote store did not answer, say) may lack series: no data. The library would drop the warnings."""
        if response.ok and b'"warnings"' in response.content:
            told = response.json()
            if isinstance(told, dict) and (warnings := told.get("warnings")):
                raise SourceFault(f"{self.name} answers in part only: {'; '.join(map(str, warnings))[:200]}")

    @cached_property
    def _connect(self) -> PrometheusConnect:
        from prometheus_api_client import PrometheusConnect

        return PrometheusConnect(url=self._url, session=self._session, timeout=self._timeout)

    def _ask(self, question: Any) -> Any:  # noqa: ANN401 (the library returns decoded JSON)
        import requests
        from prometheus_api_client.exceptions import PrometheusApiClientException

        try:
            return question()
        except requests.Timeout as error:
            raise SourceFault(f"{self.name} does not answer in time") from error
        except requests.ConnectionError as error:
            raise SourceFault(f"{self.name} cannot be reached") from error
        except (PrometheusApiClientException, requests.RequestException, ValueError) as error:
            raise SourceFault(f"{self.name} refuses the query: {str(error).splitlines()[0][:200]}") from error


@dataclass(frozen=True)
class Sources:
    """Several sources in the order in which they are believed; the first that answers and is fresh is used.

    declared: those that the site names; in_force: whether one of that name is a source yet, asked each time, since a hub may come and go.
    """

    declared: Sequence[Prometheus]
    in_force: Callable[[str], bool] = lambda _name: True

    @property
    def ordered(self) -> list[Prometheus]:
        """Those in force, in their order."""
        return [source for source in self.declared if self.in_force(source.name)]

    @property
    def name(self) -> str:
        """The names in their order."""
        return ", ".join(source.name for source in self.ordered)

    def usable(self) -> Prometheus:
        """The first source that answers with fresh samples. Raises SourceFault with every source's reason."""
        reasons = []
        for source in self.ordered:
            try:
                source.require_fresh()
            except SourceFault as fault:
                reasons.append(str(fault))
            else:
                return source
        raise SourceFault("; ".join(reasons) or "no source is configured")

    def now(self, query: str) -> pd.DataFrame:
        """The instant vector from the first usable source."""
        return self.usable().now(query)

    def window(self, query: str, start: float, end: float, step: float) -> Samples:
        """The range vector from the first usable source."""
        return self.usable().window(query, start, end, step)
