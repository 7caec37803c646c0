"""One policy and what improves it: TorchRL's PPO. It needs PyTorch; nothing else here does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensordict import TensorDict
from tensordict.nn import AddStateIndependentNormalScale, TensorDictModule
from torchrl.modules import MLP, IndependentNormal, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss

from easy_marl.envs.policies import Policy, frozen
from easy_marl.learning.settings import PPO

PARTS = ["loc", "scale"]
"""Of a normal distribution, as PyTorch names them."""
LARGEST_GRADIENT = 0.5
"""Gradients of a larger norm are cut to it."""
FIRST_MEAN = 0.01
"""What the last weights of a new policy are multiplied by: it begins with bids near cost."""


class Learner:
    """A policy that learns, and the agents that follow it.

    An action changes no later hour, so what an action is worth is its hour's reward: nothing is
    discounted, and an advantage is that reward less what was expected.

    Parameters
    ----------
    agents
        Who follows it.
    features
        How many numbers an agent observes: F.
    settings
        How it learns.
    seed
        Of its first weights.
    """

    def __init__(
        self, agents: Sequence[int], features: int, settings: PPO, seed: Sequence[int]
    ) -> None:
        self.agents = list(agents)
        self._settings = settings
        with torch.random.fork_rng(devices=[]):  # the caller's stream goes on as it was
            torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
            self._mean, critic = (self._network(features, outputs) for outputs in (2, 1))
        with torch.no_grad():
            self._mean[-1].weight.mul_(FIRST_MEAN)
            self._mean[-1].bias.zero_()
        spread = AddStateIndependentNormalScale(2, init_value=float(np.log(settings.deviation)))
        self._normal = torch.nn.Sequential(self._mean, spread)
        self._actor = ProbabilisticActor(
            TensorDictModule(self._normal, ["observation"], PARTS),
            in_keys=PARTS,
            distribution_class=IndependentNormal,
            distribution_kwargs={"tanh_loc": False},
            return_log_prob=True,
        )
        self._critic = ValueOperator(critic, in_keys=["observation"])
        self._loss = ClipPPOLoss(
            self._actor,
            self._critic,
            clip_epsilon=settings.clip,
            entropy_bonus=settings.entropy > 0.0,
            entropy_coeff=settings.entropy,
            critic_coeff=0.5,
            loss_critic_type="l2",
            normalize_advantage=True,
            functional=False,
            log_explained_variance=False,
        )
        self._optimizer = torch.optim.Adam(
            self._loss.parameters(), settings.learning_rate, fused=True
        )

    def _network(self, features: int, outputs: int) -> MLP:
        return MLP(
            features, outputs, num_cells=self._settings.hidden, activation_class=torch.nn.Tanh
        )

    def explore(self, observations: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return actions about the policy's, (…, 2), which may lie beyond the bounds.

        Parameters
        ----------
        observations
            Of agents that follow it, (…, F).
        noise
            Drawn from the normal distribution, (…, 2).
        """
        with torch.no_grad():
            mean, deviation = self._normal(observations)
            explored: torch.Tensor = mean + deviation * noise
        return explored

    def learn(
        self,
        observations: torch.Tensor,
        actions: torch.Tensor,
        rewards: torch.Tensor,
        stream: np.random.Generator,
    ) -> None:
        """Improve the policy by S actions that it explored, and what they gave.

        Parameters
        ----------
        observations, actions, rewards
            (S, F), (S, 2), (S, 1).
        stream
            What the order of the minibatches is drawn from.
        """
        batch = TensorDict(
            {"observation": observations, "action": actions, "value_target": rewards},
            [len(observations)],
        )
        with torch.no_grad():
            batch["action_log_prob"] = self._actor.get_dist(batch).log_prob(actions)
            batch["advantage"] = rewards - self._critic(batch)["state_value"]
        for _ in range(self._settings.epochs):
            order = torch.from_numpy(stream.permutation(len(batch)))
            for rows in order.chunk(self._settings.minibatches):
                self._descend(batch[rows])

    def _descend(self, batch: TensorDict) -> None:
        losses = self._loss(batch)
        self._optimizer.zero_grad()
        sum(value for name, value in losses.items() if name.startswith("loss_")).backward()
        torch.nn.utils.clip_grad_norm_(self._loss.parameters(), LARGEST_GRADIENT)
        self._optimizer.step()

    def frozen(self) -> Policy:
        """Return a copy of the policy as it is, which does not explore."""
        return frozen(self._mean)

    def is_finite(self) -> bool:
        """Return whether all of its numbers are finite."""
        return all(bool(one.isfinite().all()) for one in self._loss.parameters())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it has learnt, and where its optimizer is, as arrays by name."""
        network = self._loss.state_dict()
        found = {f"network/{name}": tensor for name, tensor in network.items()}
        for index, parts in self._optimizer.state_dict()["state"].items():
            found |= {f"optimizer/{index}/{name}": tensor for name, tensor in parts.items()}
        return {name: tensor.numpy().copy() for name, tensor in found.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `arrays` returned."""
        network: dict[str, torch.Tensor] = {}
        optimizer: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in arrays.items():
            kind, _, part = name.partition("/")
            if kind == "network":
                network[part] = torch.tensor(array)
            else:
                index, _, part = part.partition("/")
                optimizer.setdefault(int(index), {})[part] = torch.tensor(array)
        self._loss.load_state_dict(network)
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": optimizer})


@contextmanager
def one_thread() -> Iterator[None]:
    """Have PyTorch use one thread.

    More are slower for networks as small as these, when they act as when they learn, the more so
    where other work runs on the machine; and they may add up in another order.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
