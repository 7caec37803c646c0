"""Electricity markets to learn bidding in, for Gymnasium and PettingZoo.

Generator i with capacity K and marginal cost c acts a in [-1, 1]² every hour: it offers
K · (1 − max(0, a₀)) and bids c + a₁ · Δ. The market clears at demand D: price P, dispatch x. The
reward is ((P − c) · x − λ · (bid − c)² − ℓ · shortage) · scale, where shortage is the demand that
offers do not reach; other rules of payment put something else for P. Demand is normal about a
profile, drawn for each hour and episode.

Importing this registers `easy_marl/Bidding-v0`. It needs Gymnasium (the extra `envs`);
rendering needs Matplotlib (the extra `plot`). `docs/environment.md` has the rules.
"""

from typing import TYPE_CHECKING, Any

try:
    import gymnasium
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "easy_marl.envs needs gymnasium: `pip install gymnasium`", name=error.name
    ) from error

from easy_marl.envs.observations import OBSERVATIONS
from easy_marl.envs.parameters import (
    PRESETS,
    Parameters,
    competitive,
    default,
    duopoly,
    fleet,
    preset,
)
from easy_marl.envs.policies import frozen
from easy_marl.envs.single import BiddingEnv
from easy_marl.envs.vector import BiddingVectorEnv

if TYPE_CHECKING:
    from easy_marl.envs.parallel import BiddingParallelEnv

__all__ = [
    "OBSERVATIONS",
    "PRESETS",
    "BiddingEnv",
    "BiddingParallelEnv",
    "BiddingVectorEnv",
    "Parameters",
    "competitive",
    "default",
    "duopoly",
    "fleet",
    "frozen",
    "preset",
]

ID = "easy_marl/Bidding-v0"

if ID not in gymnasium.registry:
    gymnasium.register(
        ID,
        entry_point="easy_marl.envs.single:BiddingEnv",
        vector_entry_point="easy_marl.envs.vector:BiddingVectorEnv",
    )


def __getattr__(name: str) -> Any:
    """Import what needs PettingZoo when it is first asked for."""
    if name == "BiddingParallelEnv":
        try:
            from easy_marl.envs.parallel import BiddingParallelEnv
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"BiddingParallelEnv needs pettingzoo: `pip install pettingzoo` ({error})",
                name=error.name,
            ) from error

        return BiddingParallelEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
