"""Policies of agents: one for each, and models of other libraries as such."""

import copy
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from easy_marl.envs.actions import numbers
from easy_marl.market.arguments import is_int
from easy_marl.market.stepping import Singles

Policy = Callable[[Singles], Any]
"""From the observations of all agents (B, N, F) to their actions (B, N, 2)."""
Policies = Sequence[Policy | None] | Mapping[int, Policy | None]
"""For each agent its policy, or those of some by agent; who has none bids its cost."""


class Asking:
    """A policy that asks others, and tells by itself which of them does not fit."""


def asked(name: str, policy: Callable[[Any], Any], observations: Singles, at: str = "") -> Singles:
    """Return what a policy does, as float32.

    Parameters
    ----------
    name
        What the caller calls the policy.
    policy, observations
        Who is asked, and what it sees.
    at
        When, for the note that goes with what the policy raises.

    Raises
    ------
    TypeError
        If it returns no numbers.
    """
    try:
        given = policy(observations)
    except Exception as error:
        if not isinstance(policy, Asking):
            error.add_note(f"{name} was given observations of shape {observations.shape}{at}")
        raise
    return numbers(f"{name}(observations)", given)


class OneEach(Asking):
    """The policies of single agents as one of all agents; see `of_agents`."""

    def __init__(self, policies: Mapping[int, Policy]) -> None:
        self._followers: dict[int, tuple[Policy, list[int]]] = {}
        for agent, policy in policies.items():
            self._followers.setdefault(id(policy), (policy, []))[1].append(agent)

    def __call__(self, observations: Singles) -> Singles:
        """Return the actions of all agents, (B, N, 2); a policy of several is asked once."""
        actions = np.zeros((*observations.shape[:2], 2), np.float32)
        for policy, agents in self._followers.values():
            name = f"policies[{agents[0]}]"
            given = asked(name, policy, observations)
            if given.shape != actions.shape:
                raise ValueError(
                    f"{name} returned shape {given.shape}: it must return {actions.shape}"
                )
            actions[:, agents] = given[:, agents]
        return actions


def of_agents(policies: Policies, agents: int, learner: int) -> OneEach | None:
    """Return the policies of the agents that do not learn as one; None if there is none.

    Raises
    ------
    TypeError, ValueError
        If they are not one for each agent, or by agent, or one cannot be called.
    """
    if isinstance(policies, Mapping):
        for agent in policies:
            if not is_int(agent) or not 0 <= agent < agents:
                raise ValueError(
                    f"policies has an entry for {agent!r}: agents go from 0 to {agents - 1}"
                )
        given = {int(agent): policy for agent, policy in policies.items()}
    elif isinstance(policies, Sequence) and not isinstance(policies, str | bytes):
        if len(policies) != agents:
            raise ValueError(
                f"policies has {len(policies)} entries: it must have {agents}, one for each agent"
            )
        given = dict(enumerate(policies))
    else:
        kind = type(policies).__name__
        raise TypeError(f"policies has type {kind}: it must be a sequence or a dict of policies")
    chosen: dict[int, Policy] = {}
    for agent, policy in sorted(given.items()):
        if policy is None:
            continue
        if not callable(policy):
            kind = type(policy).__name__
            raise TypeError(f"policies[{agent}] has type {kind}: a policy must be callable")
        if agent != learner:
            chosen[agent] = policy
    return OneEach(chosen) if chosen else None


def frozen(model: Any) -> Policy:
    """Return a copy of a model as a policy in which each agent acts upon its own observations.

    Further training does not change it. It serves as `policy` and among `policies`.

    Parameters
    ----------
    model : stable_baselines3 algorithm, or torch.nn.Module
        An algorithm of Stable-Baselines3 acts as in its `predict` with `deterministic=True`, upon
        observations that are normalised as in its training where that was under `VecNormalize`.
        A module maps observations (B, F) to actions (B, 2), which are clipped to [-1, 1]; the copy
        is on the CPU, in float32.

    Returns
    -------
    callable
        From observations (…, F) to actions (…, 2), float32.

    Raises
    ------
    TypeError
        If it is neither, or the `policy` of an algorithm, or, once asked, a module that returns no
        tensor.

    Examples
    --------
    >>> from easy_marl.envs import BiddingVectorEnv
    >>> opponent = frozen(model)  # doctest: +SKIP
    >>> BiddingVectorEnv(8, learner=2, policies={0: opponent, 1: opponent})  # doctest: +SKIP
    """
    torch = sys.modules.get("torch")  # whoever has a model of it has imported it
    kind = type(model).__name__
    if torch is not None and isinstance(model, torch.nn.Module):
        if hasattr(model, "predict") and hasattr(model, "observation_space"):
            raise TypeError(
                f"model has type {kind}, the `policy` of an algorithm: give the algorithm itself"
            )
        return _FrozenModule(model)
    if hasattr(model, "policy") and hasattr(model, "get_vec_normalize_env"):
        return _FrozenAlgorithm(model)
    raise TypeError(
        f"model has type {kind}: it must be an algorithm of stable_baselines3 or a torch.nn.Module"
    )


class _FrozenModule:
    """A copy of a module of PyTorch."""

    def __init__(self, module: Any) -> None:
        self._module = copy.deepcopy(module).eval().requires_grad_(False).cpu().float()

    def __call__(self, observations: Singles) -> Singles:
        import torch

        rows = torch.from_numpy(observations.reshape(-1, observations.shape[-1]).copy())
        with torch.no_grad():
            returned = self._module(rows)
        if not isinstance(returned, torch.Tensor):
            kind = type(returned).__name__
            raise TypeError(
                f"the module returned a value of type {kind}: it must return a tensor of shape "
                f"({len(rows)}, 2)"
            )
        actions = returned.clamp(-1.0, 1.0).numpy()
        return np.asarray(actions).reshape(*observations.shape[:-1], -1)


class _FrozenAlgorithm:
    """A copy of what an algorithm of Stable-Baselines3 acts by."""

    def __init__(self, algorithm: Any) -> None:
        # A trained policy cannot be copied deeply: it holds tensors of the last gradient.
        saved = io.BytesIO()
        algorithm.policy.save(saved)
        saved.seek(0)
        self._policy = type(algorithm.policy).load(saved, device="cpu")
        self._normalize = copy.deepcopy(algorithm.get_vec_normalize_env())

    def __call__(self, observations: Singles) -> Singles:
        rows = observations.reshape(-1, observations.shape[-1])
        if self._normalize is not None:
            rows = self._normalize.normalize_obs(rows)
        actions, _ = self._policy.predict(rows, deterministic=True)
        return np.asarray(actions).reshape(*observations.shape[:-1], -1)
