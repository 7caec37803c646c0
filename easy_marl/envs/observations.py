"""What agents see, by name: tables of features, made once.

Demand stands before these features and is the only one that an episode changes. All are float32
and scaled to order one. A new kind is an entry in `OBSERVATIONS`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from easy_marl.envs.parameters import Floats, Parameters

Singles = NDArray[np.float32]

DAY = 24.0
YEAR = 365.25 * DAY
"""In hours."""


def _own(parameters: Parameters) -> Floats:
    """Return (N, 2): capacity / the largest one; cost / the largest bid that costs allow."""
    capacities = parameters.capacities / parameters.capacities.max()
    largest = np.abs(parameters.costs).max() + parameters.bid_change
    return np.stack([capacities, parameters.costs / (largest or 1.0)], axis=1)


def _own_and_peers(parameters: Parameters) -> Floats:
    """Return (N, 2 N): the same, then the capacities of the others, then their costs."""
    own = _own(parameters)
    agents = len(own)
    others = np.arange(agents) != np.arange(agents)[:, np.newaxis]
    peers = [
        np.broadcast_to(column, (agents, agents))[others].reshape(agents, agents - 1)
        for column in own.T
    ]
    return np.concatenate([own, *peers], axis=1)


Hours = NDArray[np.int_]


def _nothing(hours: Hours) -> Floats:
    """Return (K, 0): no features."""
    return np.empty((len(hours), 0))


def _cycles(hours: Hours) -> Floats:
    """Return (K, 4): sine and cosine of the hour in the day and in the year."""
    angles = [2.0 * np.pi * hours / period for period in (DAY, YEAR)]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1)


class Observation(NamedTuple):
    """How the features of an agent and of an hour are made."""

    agent: Callable[[Parameters], Floats]
    """(N, A)."""
    clock: Callable[[Hours], Floats]
    """From hours of `demand`, (K,), to features (K, C)."""


OBSERVATIONS: dict[str, Observation] = {
    "simple": Observation(_own, _nothing),
    "cyclic": Observation(_own, _cycles),
    "full": Observation(_own_and_peers, _cycles),
}
"""Observations by name; all see the share of the episode that is over before the clock."""


def features(name: str, parameters: Parameters) -> tuple[Singles, Singles]:
    """Return the features of each agent (N, A) and of each hour (T + 1, 1 + C).

    Where the start of episodes is drawn, the clock begins at hour 0 of `demand`.

    Raises
    ------
    ValueError
        If there is no observation of that name.
    """
    if not isinstance(name, str) or name not in OBSERVATIONS:
        known = ", ".join(map(repr, OBSERVATIONS))
        raise ValueError(f"observation is {name!r}: observation must be one of {known}")
    observation = OBSERVATIONS[name]
    hours = np.arange(parameters.hours + 1)
    share = (hours / parameters.hours)[:, np.newaxis]
    start = 0 if isinstance(parameters.start, str) else parameters.start
    of_hour = np.concatenate([share, observation.clock(start + hours)], axis=1)
    return observation.agent(parameters).astype(np.float32), of_hour.astype(np.float32)


def clock(name: str, parameters: Parameters) -> Singles:
    """Return the last C features of all hours that an episode may reach, shape (L + T, C)."""
    hours = np.arange(len(parameters.demand) + parameters.hours)
    return OBSERVATIONS[name].clock(hours).astype(np.float32)
