"""Train all generators by PPO, and show how far they are from an equilibrium.

`python -m easy_marl.examples.bidding.learn --all` runs this; TorchRL does the learning.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from easy_marl.envs import Parameters
from easy_marl.learning import (
    Episodes,
    Equilibrium,
    Exploitability,
    Training,
    equilibrium,
    exploitability,
    train,
)
from easy_marl.market.stepping import Floats, Singles

COLOURS = "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb"
STATES = ("at cost", "trained", "equilibrium")
"""What is held against each other."""
UPDATES = 4
"""Of a policy in a round."""
MANY = 7
"""More generators than this are not drawn each in a colour of its own."""


class Course(NamedTuple):
    """Who learns, how, and how long."""

    parameters: Parameters
    schedule: str
    shared: bool
    environments: int
    steps: int
    """From at least so many environment steps each policy learns, in whole rounds."""
    seed: int
    backend: str | None
    checkpoint: Path | None = None

    @property
    def rounds(self) -> int:
        """How many rounds that takes."""
        steps = self.environments * self.parameters.hours * UPDATES
        return -(-self.steps // steps)

    def training(self) -> dict[str, Any]:
        """Return it as `train` takes it."""
        return {
            "parameters": self.parameters,
            "schedule": self.schedule,
            "shared": self.shared,
            "environments": self.environments,
            "rounds": self.rounds,
            "updates": UPDATES,
            "seed": self.seed,
            "backend": self.backend,
            "checkpoint": self.checkpoint,
        }


class Outcome(NamedTuple):
    """What came out, and what it is held against; all in the same episodes."""

    at_cost: Exploitability
    training: Training
    trained: Exploitability
    equilibrium: Equilibrium
    left: Exploitability
    """What could be gained where the equilibrium was looked for: nothing, where hours settled."""

    def episodes(self) -> dict[str, Episodes]:
        """Return what happens in each state."""
        found = self.at_cost.episodes, self.trained.episodes, self.equilibrium.episodes
        return dict(zip(STATES, found, strict=True))


class Replayed:
    """A policy that does what was done, hour by hour."""

    def __init__(self, episodes: Episodes) -> None:
        self._hours = iter(np.moveaxis(episodes.actions, 1, 0))

    def __call__(self, _: Singles) -> Singles:
        """Return the actions of the next hour."""
        actions: Singles = next(self._hours)
        return actions


def learn(course: Course) -> Outcome:
    """Train all, and return what came out."""
    import matplotlib.figure  # noqa: F401  or it would be missed after the training

    judge: dict[str, Any] = {"seed": course.seed, "backend": course.backend}
    training = train(**course.training())
    rest = equilibrium(course.parameters, **judge)
    return Outcome(
        exploitability(course.parameters, None, **judge),
        training,
        exploitability(course.parameters, training.policies, **judge),
        rest,
        exploitability(course.parameters, Replayed(rest.episodes), **judge),
    )


def report(course: Course, outcome: Outcome) -> Iterator[str]:
    """Yield the lines that say what was learnt."""
    parameters, rounds = course.parameters, outcome.training.rounds
    policies = "one policy of all" if course.shared else "a policy each"
    yield (
        f"{parameters.agents} generators, {parameters.hours} hours an episode, {policies}, "
        f"schedule {course.schedule}, seed {course.seed}"
    )
    count = len(outcome.at_cost.episodes.demand)
    yield f"profit an episode, mean of {count} (and deviation), in currency:"
    yield f"  {'generator':10}" + "".join(f"{state:>24}" for state in STATES)
    means = {state: _profits(episodes) for state, episodes in outcome.episodes().items()}
    for agent in range(parameters.agents):
        columns = (_profit(found[:, agent]) for found in means.values())
        yield f"  {agent:<10}{''.join(columns)}".rstrip()
    yield "exploitability, in units of reward: by how much all together could gain, each alone"
    for label, found in (
        ("bidding at cost", outcome.at_cost.total),
        ("before training", rounds[0].exploitability),
        ("after training", outcome.trained.total),
        ("grid equilibrium", outcome.left.total),
    ):
        yield f"  {label:26}{found:12.2f}"
    settled = outcome.equilibrium.settled
    yield f"the equilibrium settled in {int(settled.sum())} of {settled.size} hours"
    steps, seconds = rounds[-1].steps, sum(one.seconds for one in rounds)
    rate = steps / sum(one.cpu_seconds for one in rounds)
    yield (
        f"training: {steps:,} environment steps in {seconds:.1f} s, "
        f"{rate:,.0f} in a second of processor time"
    )


def _profits(episodes: Episodes) -> Floats:
    profits: Floats = episodes.profits.sum(axis=1)
    return profits


def _profit(profits: Floats) -> str:
    deviation = f"({profits.std(ddof=1):,.0f})" if len(profits) > 1 else ""
    return f"{profits.mean():14,.0f}{deviation:>10}"


def picture(course: Course, outcome: Outcome) -> Any:
    """Return a Matplotlib figure: the learning curve, prices, bids and profits."""
    from matplotlib.figure import Figure

    figure = Figure((11.0, 8.0), layout="constrained")
    (curve, prices), (bids, profits) = figure.subplots(2, 2)
    _draw_curve(curve, outcome)
    _draw_prices(prices, outcome)
    _draw_bids(bids, course, outcome)
    _draw_profits(profits, outcome)
    return figure


def _draw_curve(axes: Any, outcome: Outcome) -> None:
    from matplotlib.ticker import EngFormatter

    rounds = outcome.training.rounds
    axes.plot(
        [one.steps for one in rounds], [one.exploitability for one in rounds],
        color=COLOURS[0], marker=".", label="trained",
    )  # fmt: skip
    axes.axhline(outcome.at_cost.total, color="#222222", linestyle="--", label="bidding at cost")
    axes.axhline(outcome.left.total, color=COLOURS[2], linestyle=":", label="grid equilibrium")
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_xlabel("environment steps of training")
    axes.set_ylabel("exploitability, units of reward")
    axes.set_title("what all could still gain", loc="left", fontsize="medium")
    axes.legend(fontsize="small")


def _draw_prices(axes: Any, outcome: Outcome) -> None:
    for (state, episodes), colour, line in zip(
        outcome.episodes().items(), ("#222222", COLOURS[0], COLOURS[2]), ("--", "-", ":"),
        strict=True,
    ):  # fmt: skip
        prices = episodes.prices.mean(axis=0)
        axes.step(
            range(len(prices)), prices, where="mid", color=colour, linestyle=line, label=state
        )
    axes.set_xlabel("hour")
    axes.set_ylabel("mean price, currency/MWh")
    axes.set_title("prices", loc="left", fontsize="medium")
    axes.legend(fontsize="small")


def _draw_bids(axes: Any, course: Course, outcome: Outcome) -> None:
    parameters, episodes = course.parameters, outcome.trained.episodes
    for agent in range(parameters.agents):
        own = episodes.actions[:, :, agent]
        colour = COLOURS[agent] if parameters.agents <= MANY else COLOURS[0]
        bids = parameters.costs[agent] + own[:, :, 1] * parameters.bid_change
        offered = 1.0 - np.maximum(0.0, own[:, :, 0])
        axes.scatter(
            episodes.demand, bids, s=14.0 * offered + 0.5, color=colour, linewidths=0.0,
            label=f"generator {agent}",
        )  # fmt: skip
        axes.axhline(parameters.costs[agent], color=colour, linestyle="--", linewidth=0.7)
    axes.set_xlabel("demand, MW")
    axes.set_ylabel("bid, currency/MWh")
    axes.set_title(
        "trained bids; dashed: cost; small: little is offered", loc="left", fontsize="medium"
    )
    if parameters.agents <= MANY:  # beside the bids, which may be anywhere
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_profits(axes: Any, outcome: Outcome) -> None:
    width = 0.8 / len(STATES)
    for place, ((state, episodes), colour) in enumerate(
        zip(outcome.episodes().items(), ("#999999", COLOURS[0], COLOURS[2]), strict=True)
    ):
        profits = _profits(episodes)
        agents = np.arange(profits.shape[1])
        spread = profits.std(axis=0, ddof=1) if len(profits) > 1 else None
        axes.bar(
            agents + (place - 1) * width, profits.mean(axis=0), width, yerr=spread, color=colour,
            label=state,
        )  # fmt: skip
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("generator")
    axes.set_ylabel("profit an episode, currency")
    axes.set_title("profits; lines: deviation", loc="left", fontsize="medium")
    axes.legend(fontsize="small")
