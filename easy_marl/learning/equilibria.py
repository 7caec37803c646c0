"""Where no agent gains any more: best responses in turns, until nobody moves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl.envs.parameters import Parameters
from easy_marl.learning.episodes import Episodes
from easy_marl.learning.hours import Hours
from easy_marl.learning.policies import Policies
from easy_marl.market.arguments import is_int, is_number


@dataclass(frozen=True, eq=False, kw_only=True)
class Equilibrium:
    """What agents do where none of them gains by doing otherwise, hour by hour.

    An hour is settled, or it cycles, or neither, where there were too few rounds. Where it is not
    settled, its actions are those of the last round, and no equilibrium.

    Attributes
    ----------
    episodes : Episodes
        What agents do and get.
    settled : ndarray of bool, shape (E, T)
        Whether a whole round passed in which nobody moved.
    cycles : ndarray of int64, shape (E, T)
        After how many rounds the same actions came back, and would do so for ever; 0 where they
        did not.
    rounds : ndarray of int64, shape (E, T)
        How many rounds were played; the last one of a settled hour is that without a move.
    steps : int
        How many environment steps this took.
    seconds : float
        How long it took.
    """

    episodes: Episodes
    settled: NDArray[np.bool_]
    cycles: NDArray[np.int64]
    rounds: NDArray[np.int64]
    steps: int
    seconds: float


def equilibrium(
    parameters: Parameters | str,
    *,
    policies: Policies = None,
    grid: ArrayLike | None = None,
    least_gain: float = 1e-9,
    rounds: int = 100,
    episodes: int | None = None,
    seed: int = 0,
    observation: str = "cyclic",
    backend: str | None = None,
    threads: int | None = None,
) -> Equilibrium:
    """Let agents respond in turns, in each hour, until nobody moves.

    In a round all agents move, one after the other from the first on, each to its best response to
    what the others do by then. There may be several equilibria; this returns one that is reached
    from `policies`, and in this order.

    Parameters
    ----------
    policies : callable, sequence of callables, or None
        What agents do at first. Without it, they bid cost and withhold nothing.
    least_gain : float
        An agent moves where it gains more than this, in units of reward. The default keeps the
        rounding of sums from moving anybody.
    rounds : int
        The most rounds in an hour.
    parameters, grid, episodes, seed, observation, backend, threads
        As in `best_response`.

    Returns
    -------
    Equilibrium
        It tells which hours settled, and which cycle.

    Raises
    ------
    TypeError, ValueError
        As `best_response`.

    Examples
    --------
    >>> found = equilibrium("duopoly")
    >>> bool(found.settled.all())
    True
    >>> found.episodes.prices.tolist()
    [[20.0, 40.0, 40.0, 40.0]]
    """
    _check(least_gain, rounds)
    hours = Hours(
        parameters,
        policies,
        grid=grid,
        episodes=episodes,
        seed=seed,
        observation=observation,
        backend=backend,
        threads=threads,
    )
    turns = Turns(hours, least_gain)
    for _ in range(rounds):
        if not turns.open().size:
            break
        turns.round()
    shape = hours.played.demand.shape
    return Equilibrium(
        episodes=hours.with_actions(turns.actions),
        settled=turns.settled.reshape(shape),
        cycles=turns.cycles.reshape(shape),
        rounds=turns.rounds.reshape(shape),
        steps=hours.steps,
        seconds=hours.seconds,
    )


class Turns:
    """Hours in which agents respond in turns.

    Parameters
    ----------
    hours
        What agents do at first, and what they may do.
    least_gain
        An agent moves where it gains more than this.
    """

    def __init__(self, hours: Hours, least_gain: float) -> None:
        self.actions = hours.actions.copy()
        count = len(self.actions)
        self.settled = np.zeros(count, np.bool_)
        self.cycles, self.rounds = np.zeros((2, count), np.int64)
        self._hours, self._least_gain = hours, least_gain
        # A round follows from the actions before it, so actions that come back do so for ever.
        self._seen = [{actions.tobytes(): 0} for actions in self.actions]

    def open(self) -> NDArray[np.intp]:
        """Return the hours that neither settled nor cycle."""
        return np.flatnonzero(~self.settled & (self.cycles == 0))

    def round(self) -> None:
        """Let all agents move once in the open hours."""
        rows = self.open()
        demand, actions = self._hours.demand[rows], self.actions[rows]
        moved = np.zeros(len(rows), np.bool_)
        for agent in range(actions.shape[1]):
            best = self._hours.best(demand, actions, agent)
            moves = best.gains > self._least_gain
            actions[moves, agent] = best.actions[moves]
            moved |= moves
        self.actions[rows] = actions
        self.rounds[rows] += 1
        self.settled[rows[~moved]] = True
        for row in rows[moved].tolist():
            self._look_for_cycle(row)

    def _look_for_cycle(self, row: int) -> None:
        number = int(self.rounds[row])
        first = self._seen[row].setdefault(self.actions[row].tobytes(), number)
        self.cycles[row] = number - first


def _check(least_gain: Any, rounds: Any) -> None:
    if not is_number(least_gain) or not 0.0 <= least_gain < np.inf:
        raise ValueError(
            f"least_gain is {least_gain!r}: least_gain must be a finite number, and not negative"
        )
    if not is_int(rounds) or rounds < 1:
        raise ValueError(f"rounds is {rounds!r}: rounds must be a positive int")
