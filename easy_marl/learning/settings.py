"""How a learner learns: the settings of PPO, checked."""

import math
from dataclasses import dataclass
from typing import Any

from easy_marl.market.arguments import is_int, is_number


@dataclass(frozen=True, kw_only=True)
class PPO:
    """The settings of proximal policy optimization, the same for all learners.

    Attributes
    ----------
    hidden : tuple of int
        The widths of a network's hidden layers; policy and critic have a network each.
    learning_rate : float
        Of Adam.
    epochs : int
        How often an update passes over what was played. Once unless told: new markets are played
        in a small part of the time that learning takes.
    minibatches : int
        In how many parts it does so.
    clip : float
        By how much an update may change the likelihood of an action before it gains no more.
    entropy : float
        What each unit of the policy's entropy is rewarded with.
    deviation : float
        Standard deviation of exploration at first, in units of action; it is learnt.

    Raises
    ------
    TypeError, ValueError
        If a value does not fit.
    """

    hidden: tuple[int, ...] = (32, 32)
    learning_rate: float = 3e-3
    epochs: int = 1
    minibatches: int = 8
    clip: float = 0.2
    entropy: float = 0.0
    deviation: float = 0.4

    def __post_init__(self) -> None:
        if not isinstance(self.hidden, tuple):
            kind = type(self.hidden).__name__
            raise TypeError(f"hidden has type {kind}: hidden must be a tuple of widths")
        widths = (check_count(f"hidden[{layer}]", one) for layer, one in enumerate(self.hidden))
        # As Python's numbers, which checkpoints hold: NumPy's are no JSON.
        checked: dict[str, Any] = {"hidden": tuple(widths)}
        for name in "epochs", "minibatches":
            checked[name] = check_count(name, getattr(self, name))
        for name in "learning_rate", "clip", "deviation":
            checked[name] = _amount(name, getattr(self, name), zero=False)
        checked["entropy"] = _amount("entropy", self.entropy, zero=True)
        for name, value in checked.items():
            object.__setattr__(self, name, value)


def check_count(name: str, value: Any) -> int:
    """Return a value as Python's int; raise unless it is a positive one."""
    if not is_int(value) or value < 1:
        raise ValueError(f"{name} is {value!r}: {name} must be a positive int")
    return int(value)


def _amount(name: str, value: Any, *, zero: bool) -> float:
    """Return a value as Python's float; raise unless it is a finite one, and not too small."""
    try:
        amount = float(value) if is_number(value) else math.nan
    except OverflowError:  # an int beyond all floats
        amount = math.inf
    if not 0.0 <= amount < math.inf or (amount == 0.0 and not zero):
        least = "not negative" if zero else "positive"
        raise ValueError(f"{name} is {value!r}: {name} must be a finite number, and {least}")
    return amount
