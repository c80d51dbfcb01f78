"""Simulated fleets with known effects: what the judge is measured on.

Agents of unlike level and noise on two machines, autocorrelated and heavy-tailed, under a daily drift and machine shocks that each agent feels
in its own measure, with a warm-up after restarts and scrapes that are missing. All numbers here are about the simulated world, none about the judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

INTERVAL = 15.0
BEFORE, AFTER = 60, 60  # scrapes; the second bake adds its own
REQUESTS_PER_SCRAPE = 30.0


@dataclass(frozen=True)
class Noise:
    """Typical noise of one metric, as fractions: of one sample, of an autocorrelated part, of an agent's slow wandering; daily: size of its tide."""

    sample: float
    lasting: float
    wander: float
    daily: float


NOISES = {
    "latency": Noise(0.10, 0.030, 0.025, 0.10),
    "cpu": Noise(0.14, 0.047, 0.039, 0.10),
    "memory": Noise(0.006, 0.009, 0.0135, 0.01),
}


@dataclass(frozen=True)
class World:
    """One kind of fleet. machines: agents on each; steep: how far the daily drift moves inside the window, in units of its size.

    gaps: share of scrapes missing. shock: log size of a noisy neighbour's arrival on the first machine (0: none). on_first: the whole batch
    stands there. tails: degrees of freedom of the samples' noise. loud: factor on all noise.
    after: scrapes after activation. same_wander: agents differ in the noise of samples only.
    """

    machines: tuple[int, ...] = (54, 23)
    batch: int = 10
    steep: float = 0.3
    gaps: float = 0.02
    shock: float = 0.0
    on_first: bool = False
    tails: float = 4.0
    loud: float = 1.0
    error_rate: float = 0.001
    after: int = AFTER
    same_wander: bool = False


@dataclass(frozen=True)
class Effect:
    """What the change does: factor per metric on `agents` of the batch (None: all); errors: points added as a fraction."""

    factors: dict[str, float] = field(default_factory=dict)
    errors: float = 0.0
    agents: int | None = None


NO_EFFECT = Effect()


@dataclass(frozen=True)
class Case:
    """One simulated batch: the frame that the judge reads, and who was really affected."""

    frame: pd.DataFrame
    affected: tuple[str, ...]
    affected_metrics: tuple[str, ...]


def simulate(rng: np.random.Generator, world: World, effect: Effect = NO_EFFECT) -> Case:
    """One batch in a fresh fleet of that kind."""
    agents = sum(world.machines)
    machine = np.repeat(np.arange(len(world.machines)), world.machines)
    pool = np.flatnonzero(machine == 0) if world.on_first else np.arange(agents)
    treated = rng.choice(pool, size=min(world.batch, len(pool)), replace=False)
    hit = treated[: effect.agents] if effect.agents is not None else treated
    time = np.arange(-BEFORE, world.after) * INTERVAL
    shock = _shock(rng, world, machine, time)
    parts = []
    for name, noise in NOISES.items():
        logs = _metric(rng, world, noise, machine, time) + shock * (0.1 if name == "memory" else 1.0)
        logs[treated] += _warm_up(time)
        logs[np.ix_(hit, time >= 0)] += np.log(effect.factors.get(name, 1.0))
        parts.append(np.exp(logs))
    requests, ratio = _errors(rng, world, agents, treated, hit, effect, time)
    values = np.stack([*parts, ratio])
    weights = np.full(values.shape, np.nan)
    weights[-1] = requests
    frame = to_frame(values, weights, machine, treated, time, rng.random(values.shape) >= world.gaps)
    moved = tuple(effect.factors) + (("errors",) if effect.errors else ())
    return Case(frame, tuple(name_of(machine[one], one) for one in hit) if moved else (), moved)


def name_of(machine: int, agent: int) -> str:
    """Identity of an agent."""
    return f"m{machine}/Agent{agent:05d}"


def to_frame(
    values: Floats, weights: Floats | None, machine: npt.NDArray[np.intp], treated: npt.NDArray[np.intp], time: Floats, held: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """Tidy rows of (metric, agent, sample) arrays; what is not held is a missing row."""
    metrics, agents, samples = values.shape
    names = [name_of(machine[one], one) for one in range(agents)]
    at = np.flatnonzero(held.ravel())
    metric, rest = np.divmod(at, agents * samples)
    agent, sample = np.divmod(rest, samples)
    labels = [*NOISES, "errors"] if metrics == len(NOISES) + 1 else [f"metric{one}" for one in range(metrics)]
    is_treated = np.zeros(agents, dtype=bool)
    is_treated[treated] = True
    columns = {
        "agent": pd.Categorical.from_codes(agent, names),
        "machine": pd.Categorical.from_codes(machine[agent], [f"m{one}" for one in range(machine.max() + 1)]),
        "metric": pd.Categorical.from_codes(metric, labels),
        "t": time[sample],
        "value": values.ravel()[at],
        "treated": is_treated[agent],
    }
    if weights is not None:
        columns["weight"] = weights.ravel()[at]
    return pd.DataFrame(columns)


def _metric(rng: np.random.Generator, world: World, noise: Noise, machine: npt.NDArray[np.intp], time: Floats) -> Floats:
    """Log values (agents, samples) of one metric without any effect."""
    agents = len(machine)
    own = np.exp(rng.normal(0.0, 0.35, (agents, 1))) * world.loud
    sample = rng.standard_t(world.tails, (agents, len(time))) / np.sqrt(world.tails / (world.tails - 2)) * noise.sample
    lasting = _autoregressive(rng, agents, len(time), 0.85) * noise.lasting
    wander = _autoregressive(rng, agents, len(time), 0.985) * noise.wander
    phase, share = rng.uniform(0, 2 * np.pi), np.exp(rng.normal(0.0, 0.2, (agents, 1)))
    tide = noise.daily * world.steep * share * (np.sin(phase + 2 * np.pi * time / 3600.0) if world.steep > 1 else time / 900.0 * np.cos(phase))
    level = rng.normal(0.0, 1.0, (agents, 1))
    slow = (world.loud if world.same_wander else own) * (lasting + wander)
    return np.asarray(level + own * sample + slow + tide)


def _autoregressive(rng: np.random.Generator, agents: int, samples: int, memory: float) -> Floats:
    """AR(1) of unit variance (agents, samples)."""
    shocks = rng.standard_normal((agents, samples)) * np.sqrt(1 - memory**2)
    path = np.empty_like(shocks)
    path[:, 0] = rng.standard_normal(agents)
    for at in range(1, samples):
        path[:, at] = memory * path[:, at - 1] + shocks[:, at]
    return path


def _shock(rng: np.random.Generator, world: World, machine: npt.NDArray[np.intp], time: Floats) -> Floats:
    """A neighbour that makes everything on the first machine slower from some moment on, each agent in its own measure (agents, samples)."""
    if not world.shock:
        return np.zeros((len(machine), len(time)))
    felt = world.shock * np.exp(rng.normal(0.0, 0.15, (len(machine), 1))) * (machine == 0)[:, None]
    return np.asarray(felt * (time >= rng.uniform(-300.0, 600.0)))


def _warm_up(time: Floats) -> Floats:
    """A fresh process is slower for a minute (samples,)."""
    return np.where(time >= 0, 0.4 * np.exp(-np.maximum(time, 0.0) / 45.0), 0.0)


def _errors(
    rng: np.random.Generator, world: World, agents: int, treated: npt.NDArray[np.intp], hit: npt.NDArray[np.intp], effect: Effect, time: Floats
) -> tuple[Floats, Floats]:
    """Requests and error ratio (agents, samples); a restart costs a few errors in its first seconds."""
    traffic = REQUESTS_PER_SCRAPE * np.exp(rng.normal(0.0, 0.5, (agents, 1)))
    requests = np.maximum(rng.poisson(traffic, (agents, len(time))), 1)
    rate = np.repeat(world.error_rate * np.exp(rng.normal(0.0, 0.8, (agents, 1))), len(time), axis=1)
    rate[np.ix_(treated, (time >= 0) & (time < 30))] = 0.2
    rate[np.ix_(hit, time >= 0)] += effect.errors
    errors = rng.binomial(requests, np.clip(rate, 0.0, 1.0))
    return requests.astype(float), errors / requests


REALISTIC = World()
TIDAL = replace(REALISTIC, steep=3.0)
GAPPY = replace(REALISTIC, gaps=0.25)
NOISY_NEIGHBOUR = replace(REALISTIC, shock=0.3, on_first=True)
