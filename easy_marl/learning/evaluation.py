"""What is found after each round of a training: how agents do, and how far they are from rest."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from easy_marl.learning.episodes import are_alike
from easy_marl.learning.responses import Exploitability
from easy_marl.market.stepping import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """What agents do after a round, without exploring, in episodes that are the same each round.

    Attributes
    ----------
    round : int
        How many rounds have passed; 0 before the first.
    steps : int
        How many environment steps have been learnt from so far.
    profits : ndarray of float64, shape (N,)
        The mean profit of each agent in an episode, in currency.
    deviations : ndarray of float64, shape (N,)
        Its standard deviation over episodes; NaN where one episode does not tell it.
    prices : ndarray of float64, shape (T,)
        The mean price of each hour, in currency/MWh.
    gains : ndarray of float64, shape (N,)
        By how much an episode's reward of each agent could be more: `Exploitability.by_agent`.
    seconds, cpu_seconds : float
        How long was learnt in this round, and how much processor time that took.
    """

    round: int
    steps: int
    profits: Floats
    deviations: Floats
    prices: Floats
    gains: Floats
    seconds: float
    cpu_seconds: float

    @property
    def exploitability(self) -> float:
        """The sum of gains, known as NashConv."""
        return float(self.gains.sum())

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> "Evaluation":
        """Return what `as_json` returned as it was."""
        arrays = {one.name for one in fields(cls) if one.type is Floats}
        values: dict[str, Any] = {
            name: np.array(one) if name in arrays else one for name, one in found.items()
        }
        return cls(**values)


def evaluated(found: Exploitability, **learnt: Any) -> Evaluation:
    """Return what a round is evaluated by; `learnt` are `round`, `steps` and how long it took."""
    episodes = found.episodes
    profits = episodes.profits.sum(axis=1)
    return Evaluation(
        profits=profits.mean(axis=0),
        deviations=_deviations(profits, same=are_alike(episodes.parameters)),
        prices=episodes.prices.mean(axis=0),
        gains=found.by_agent,
        **learnt,
    )


def _deviations(profits: Floats, *, same: bool) -> Floats:
    """Return the standard deviations of (E, N) over episodes."""
    if same:
        return np.zeros(profits.shape[1])
    if len(profits) == 1:
        return np.full(profits.shape[1], np.nan)
    deviations: Floats = profits.std(axis=0, ddof=1)
    return deviations


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
