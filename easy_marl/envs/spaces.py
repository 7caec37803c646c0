"""The spaces of actions and observations, the same for all environments here."""

from typing import cast

import numpy as np
from gymnasium.spaces import Box, Space

from easy_marl.envs.parameters import Parameters
from easy_marl.market.stepping import Singles


def action_space(agents: tuple[int, ...] = ()) -> Space[Singles]:
    """Return float32 from -1 to 1: what to withhold and the change of the bid, for each agent."""
    return cast("Space[Singles]", Box(-1.0, 1.0, (*agents, 2), np.float32))


def observation_space(
    parameters: Parameters, features: int, agents: tuple[int, ...] = ()
) -> Space[Singles]:
    """Return float32: demand / all capacity, then features from -1 to 1, for each agent."""
    high = np.ones((*agents, features), np.float32)
    low = -high
    low[..., 0] = 0.0
    high[..., 0] = np.nextafter(
        np.float32(parameters.largest_demand() / parameters.capacities.sum()), np.float32(np.inf)
    )
    return cast("Space[Singles]", Box(low, high, dtype=np.float32))
