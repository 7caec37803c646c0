"""What decides what is learnt: the arguments of a training, checked, and as files keep them."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from easy_marl.envs.parameters import Parameters
from easy_marl.envs.simulation import random_stream
from easy_marl.learning.schedules import SIMULTANEOUS, check_schedule
from easy_marl.learning.settings import PPO, check_count
from easy_marl.market.arguments import is_number
from easy_marl.market.stepping import Singles


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """The arguments of `train` that decide what is learnt, and what is told of it.

    Raises
    ------
    TypeError, ValueError
        If one does not fit; the message names it and its value.
    """

    parameters: Parameters
    schedule: str
    shared: bool
    updates: int
    environments: int
    update_probability: float
    settings: PPO
    seed: int
    observation: str
    grid: Singles
    episodes: int

    def __post_init__(self) -> None:
        check_schedule(self.schedule)
        if not isinstance(self.shared, bool):
            raise TypeError(f"shared has type {_kind(self.shared)}: shared must be a bool")
        if self.shared and self.schedule != SIMULTANEOUS:
            raise ValueError(
                f"shared is True: with the schedule {self.schedule!r} one agent learns at a time, "
                "while the others are frozen, so they cannot share a policy"
            )
        for name in "updates", "environments":
            check_count(name, getattr(self, name))
        given = self.update_probability
        chance = float(given) if is_number(given) and 0 <= given <= 1 else 0.0
        if chance == 0.0:
            raise ValueError(
                f"update_probability is {given!r}: update_probability must be a number above 0 "
                "and at most 1"
            )
        object.__setattr__(self, "update_probability", chance)  # longdouble is no JSON
        if not isinstance(self.settings, PPO):
            raise TypeError(f"settings has type {_kind(self.settings)}: settings must be PPO")
        random_stream(self.seed)  # refuses what is none

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _kind(value: object) -> str:
    return type(value).__name__


def _plain(value: Any) -> Any:
    """Return a value as it is once it was written as JSON and read again."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
