"""What agents see, by name: tables of features, made once.

Demand stands before these features and is the only one that an episode changes. All are float32
and scaled to order one. A new kind is an entry in `OBSERVATIONS`.
"""

from collections.abc import Callable

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


def _hour(parameters: Parameters) -> Floats:
    """Return (T + 1, 1): the share of the episode that is over."""
    return (np.arange(parameters.hours + 1) / parameters.hours)[:, np.newaxis]


def _hour_and_cycles(parameters: Parameters) -> Floats:
    """Return (T + 1, 5): the same, then sine and cosine of the hour in the day and in the year."""
    hours = np.arange(parameters.hours + 1)
    angles = [2.0 * np.pi * hours / period for period in (DAY, YEAR)]
    cycles = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.concatenate([_hour(parameters), np.stack(cycles, axis=1)], axis=1)


Table = Callable[[Parameters], Floats]

OBSERVATIONS: dict[str, tuple[Table, Table]] = {
    "simple": (_own, _hour),
    "cyclic": (_own, _hour_and_cycles),
    "full": (_own_and_peers, _hour_and_cycles),
}
"""How the features of an agent and of an hour are made, by the observation's name."""


def features(name: str, parameters: Parameters) -> tuple[Singles, Singles]:
    """Return the features of each agent (N, A) and of each hour (T + 1, H).

    Raises
    ------
    ValueError
        If there is no observation of that name.
    """
    if not isinstance(name, str) or name not in OBSERVATIONS:
        known = ", ".join(map(repr, OBSERVATIONS))
        raise ValueError(f"observation is {name!r}: observation must be one of {known}")
    of_agent, of_hour = OBSERVATIONS[name]
    return of_agent(parameters).astype(np.float32), of_hour(parameters).astype(np.float32)
