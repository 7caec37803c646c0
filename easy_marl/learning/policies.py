"""What agents do, as callables: one for all of them, or one for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from easy_marl.envs.actions import without_rounding
from easy_marl.envs.policies import Policy, asked
from easy_marl.learning.grid import first_bad
from easy_marl.market.stepping import Singles

Policies = Policy | Sequence[Policy | None] | None
"""One policy for all agents, or one for each; None bids cost and withholds nothing.

A policy is what the environments take: from the observations of all agents, float32 of shape
(E, N, F), to their actions, (E, N, 2). Of a policy for one agent only that agent's actions count.
"""


@dataclass(frozen=True)
class Player:
    """A policy, and the agents who follow it."""

    name: str
    policy: Policy
    agents: list[int]

    def act(self, observations: Singles, hour: int) -> Singles:
        """Return the actions of those agents, (E, M, 2)."""
        seen = observations.copy()  # which the policy may write to
        actions = without_rounding(asked(self.name, self.policy, seen, f", in hour {hour}"))
        shape = (*observations.shape[:2], 2)
        if actions.shape != shape:
            raise ValueError(
                f"{self.name} returned shape {actions.shape} in hour {hour}: "
                f"it must return {shape}"
            )
        own = actions[:, self.agents]
        bad = first_bad(own)
        if bad is not None:
            episode, agent, _ = bad
            raise ValueError(
                f"{self.name} returned {own[bad].item()!r} for episode {episode}, agent "
                f"{self.agents[agent]} in hour {hour}: actions must be between -1 and 1"
            )
        return own


def players(policies: Policies, agents: int) -> list[Player]:
    """Return who follows which policy; who is left out bids cost and withholds nothing.

    Agents with the same policy are one player, so it is asked once for all of them; its name is
    that of the first.

    Raises
    ------
    TypeError, ValueError
        If there is no policy for each agent, or one is not callable.
    """
    if policies is None:
        return []
    if callable(policies):
        return [Player("policies", policies, list(range(agents)))]
    if not isinstance(policies, Sequence) or isinstance(policies, str):
        kind = type(policies).__name__
        raise TypeError(
            f"policies has type {kind}: policies must be callable, or one for each agent"
        )
    if len(policies) != agents:
        raise ValueError(f"policies has {len(policies)} policies: there are {agents} agents")
    chosen: dict[int, Player] = {}
    for agent, policy in enumerate(policies):
        if policy is None:
            continue
        name = f"policies[{agent}]"
        if not callable(policy):
            kind = type(policy).__name__
            raise TypeError(f"{name} has type {kind}: a policy must be callable, or None")
        chosen.setdefault(id(policy), Player(name, policy, [])).agents.append(agent)
    return list(chosen.values())


def act(everyone: list[Player], observations: Singles, hour: int) -> Singles:
    """Return the actions of all agents, (E, N, 2)."""
    actions = np.zeros((*observations.shape[:2], 2), np.float32)
    for player in everyone:
        actions[:, player.agents] = player.act(observations, hour)
    return actions
