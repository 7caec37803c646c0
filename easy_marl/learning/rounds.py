"""Rounds of a training: markets are played, and policies learn from what they gave."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDictBase

from easy_marl.envs.policies import Policy
from easy_marl.envs.torchrl import GROUP, BiddingTorchEnv
from easy_marl.learning.learners import Learner
from easy_marl.learning.plans import Plan
from easy_marl.learning.schedules import turns

EXPLORED = "explored"
"""What a policy drew, of which the action is what lies within the bounds."""


class Rounds:
    """Policies that learn in rounds.

    All that is random in a round follows from `seed` and the round's number, so a training that
    goes on from a checkpoint is the same as one that was never interrupted.

    Parameters
    ----------
    plan
        What decides what is learnt.
    backend, threads
        Who clears the markets, and the most threads that it may use.
    """

    def __init__(self, plan: Plan, backend: str | None, threads: int | None) -> None:
        self.plan = plan
        self._environment = BiddingTorchEnv(
            plan.environments,
            plan.parameters,
            observation=plan.observation,
            backend=backend,
            threads=threads,
        )
        features = self._environment.observation_spec[GROUP, "observation"].shape[-1]
        everyone = range(plan.parameters.agents)
        self._learners = [
            Learner(agents, features, plan.settings, (plan.seed, agents[0]))
            for agents in ([everyone] if plan.shared else [[agent] for agent in everyone])
        ]
        self.steps = 0
        """How many environment steps have been learnt from."""

    @property
    def size(self) -> int:
        """How many updates a round has, of all policies together."""
        return self.plan.updates * len(self._learners)

    def run(self, number: int, on_updates: Callable[[int], object]) -> None:
        """Have policies learn for a round, the first of which is number 1.

        Parameters
        ----------
        number
            Of the round.
        on_updates
            Called with how many updates were made, or are not made.

        Raises
        ------
        ValueError
            If a policy has become NaN or infinite.
        """
        stream = np.random.default_rng([self.plan.seed, number])
        learn = stream.random(len(self._learners)) < self.plan.update_probability
        self._environment.set_seed(int(stream.integers(2**31)))
        before = self._frozen()
        for turn in turns(self.plan.schedule, np.flatnonzero(learn).tolist()):
            others = self._frozen() if turn.refreezes else before
            for _ in range(self.plan.updates):
                self._update(turn.learners, others, stream)
                self._check(number)
                on_updates(len(turn.learners))
        on_updates(self.plan.updates * int((~learn).sum()))

    def policies(self) -> list[Policy]:
        """Return what each agent does, without exploring; further rounds do not change it."""
        policies: list[Policy] = [None] * self.plan.parameters.agents  # type: ignore[list-item]
        for learner, policy in zip(self._learners, self._frozen(), strict=True):
            for agent in learner.agents:
                policies[agent] = policy
        return policies

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learnt, as arrays by name."""
        return {
            f"{index}/{name}": array
            for index, learner in enumerate(self._learners)
            for name, array in learner.arrays().items()
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], steps: int) -> None:
        """Take up what `arrays` returned."""
        self.steps = steps
        for index, learner in enumerate(self._learners):
            begin = f"{index}/"
            own = {k.removeprefix(begin): v for k, v in arrays.items() if k.startswith(begin)}
            learner.restore(own)

    def _frozen(self) -> list[Policy]:
        return [learner.frozen() for learner in self._learners]

    def _update(
        self, learning: Sequence[int], others: Sequence[Policy], stream: np.random.Generator
    ) -> None:
        """Play an episode in all environments, and improve policies by it."""

        def act(markets: TensorDictBase) -> TensorDictBase:
            seen = markets[GROUP, "observation"]
            explored = torch.empty((*seen.shape[:-1], 2))
            for index, learner in enumerate(self._learners):
                own = seen[:, learner.agents]
                if index in learning:
                    noise = stream.standard_normal((*own.shape[:-1], 2), np.float32)
                    acts = learner.explore(own, torch.from_numpy(noise))
                else:
                    acts = torch.from_numpy(others[index](own.numpy()))
                explored[:, learner.agents] = acts
            markets[GROUP, EXPLORED] = explored
            markets[GROUP, "action"] = explored.clamp(-1.0, 1.0)
            return markets

        played = self._environment.rollout(self.plan.parameters.hours, act)
        self.steps += played.numel()
        for index in learning:
            learner = self._learners[index]
            seen, explored, rewards = (
                played[key][:, :, learner.agents].flatten(0, 2)
                for key in (
                    (GROUP, "observation"), (GROUP, EXPLORED), ("next", GROUP, "reward"),
                )
            )  # fmt: skip
            learner.learn(seen, explored, rewards, stream)

    def _check(self, number: int) -> None:
        for learner in self._learners:
            if not learner.is_finite():
                raise ValueError(
                    f"the policy of agent {learner.agents[0]} is not finite in round {number}: "
                    "try a lower learning_rate, or reward_scale"
                )
