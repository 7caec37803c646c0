"""Train one bidder with Stable-Baselines3's PPO, or all, and show what was learnt.

    pip install ".[train]"    # in a clone
    python -m easy_marl.examples.bidding.learn --steps 500000 --output learnt.png
    pip install ".[learn]"
    python -m easy_marl.examples.bidding.learn --all --output learnt.png

One learner is among others that bid their cost; `--all` is done by `everyone.py`. The markets of a
step are cleared by the fastest backend that is installed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from easy_marl.envs import BiddingVectorEnv, Parameters, preset
from easy_marl.examples.bidding import everyone
from easy_marl.learning import SCHEDULES
from easy_marl.market import BackendUnavailable

Array = NDArray[Any]
Act = Callable[[Array], Array]
"""From observations to actions."""

EVALUATIONS = 256
"""Episodes over which a profit is the mean."""
EVALUATION_SEED = 1_000_000
"""Far from the seeds of training."""
HOURS_A_UPDATE = 24
"""Steps of every environment between two changes of the network."""
FORMATS = (".png", ".svg", ".pdf")
NEEDED = (
    "training needs stable-baselines3 and matplotlib: `pip install stable-baselines3 matplotlib`"
)
NEEDED_BY_ALL = (
    "training all needs torchrl, tqdm and matplotlib: `pip install torchrl tqdm matplotlib`"
)
LEARNER = 2
"""Who learns, where one does and nobody is named."""


class Usual(NamedTuple):
    """What is learnt from unless told."""

    environments: int
    steps: int


ONE = Usual(256, 500_000)
ALL = Usual(512, 1_000_000)


class Lesson(NamedTuple):
    """What is learnt, by whom, and how long."""

    parameters: Parameters
    learner: int
    environments: int
    steps: int
    seed: int
    backend: str | None


class Learnt(NamedTuple):
    """What came out: profits in currency an episode."""

    at_cost: float
    before: float
    after: float
    history: list[tuple[int, float]]
    """Steps so far, and the profit of the episodes that ended since, exploration included."""
    act: Act
    steps: int
    seconds: float


def environments(lesson: Lesson, count: int) -> BiddingVectorEnv:
    """Return environments of a lesson."""
    return BiddingVectorEnv(
        count, lesson.parameters, learner=lesson.learner, backend=lesson.backend
    )


def mean_profit(lesson: Lesson, act: Act) -> float:
    """Return the mean profit of an episode, on demand that is the same for all policies."""
    markets = environments(lesson, EVALUATIONS)
    observations, _ = markets.reset(seed=EVALUATION_SEED)
    for _ in range(lesson.parameters.hours):
        observations, _, _, _, infos = markets.step(act(observations))
    profits: Array = infos["episode_statistics"]["profit"]
    return float(profits.mean())


def at_cost(observations: Array) -> Array:
    """Bid the marginal cost, withhold nothing."""
    return np.zeros((len(observations), 2), np.float32)


def learn(lesson: Lesson) -> Learnt:
    """Train, and return what came out."""
    import matplotlib.figure  # noqa: F401  or it would be missed after the training
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback

    from easy_marl.examples.bidding.stable_baselines import BiddingVecEnv

    class History(BaseCallback):  # type: ignore[misc]  # has no type here
        """Keeps the profits of episodes as they end."""

        def __init__(self) -> None:
            super().__init__()
            self.profits: list[tuple[int, float]] = []

        def _on_step(self) -> bool:
            infos = self.locals["infos"]
            ended = [info["episode"]["profit"] for info in infos if "episode" in info]
            if ended:
                self.profits.append((self.num_timesteps, float(np.mean(ended))))
            return True

    torch.set_num_threads(1)  # more are slower for a network as small as this
    history = History()
    batch = lesson.environments * HOURS_A_UPDATE
    model = PPO(
        "MlpPolicy",
        BiddingVecEnv(
            lesson.environments,
            lesson.parameters,
            learner=lesson.learner,
            backend=lesson.backend,
        ),
        n_steps=HOURS_A_UPDATE,
        batch_size=max(2, batch // 8),
        n_epochs=10,
        gamma=0.0,  # an hour's bid does not change the next hour
        gae_lambda=0.0,
        learning_rate=1e-3,
        policy_kwargs={"log_std_init": -1.0},
        seed=lesson.seed,
        device="cpu",
    )

    def act(observations: Array) -> Array:
        actions: Array = model.predict(observations, deterministic=True)[0]
        return actions

    before = mean_profit(lesson, act)
    start = perf_counter()
    model.learn(lesson.steps, callback=history)
    seconds = perf_counter() - start
    after = mean_profit(lesson, act)
    cost = mean_profit(lesson, at_cost)
    return Learnt(cost, before, after, history.profits, act, model.num_timesteps, seconds)


def report(lesson: Lesson, learnt: Learnt) -> Iterator[str]:
    """Yield the lines that say what was learnt."""
    agents, hours = lesson.parameters.agents, lesson.parameters.hours
    yield f"generator {lesson.learner} of {agents}, {hours} hours an episode, seed {lesson.seed}"
    yield f"profit an episode, mean of {EVALUATIONS}, in currency:"
    for label, profit in (
        ("bidding at marginal cost", learnt.at_cost),
        ("before training", learnt.before),
        ("after training", learnt.after),
    ):
        yield f"  {label:26}{profit:12,.0f}"
    yield f"training: {learnt.steps:,} steps in {learnt.seconds:.1f} s"


def picture(lesson: Lesson, learnt: Learnt) -> Any:
    """Return a Matplotlib figure: profit over training, and what is bid at which demand."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    figure = Figure((10.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps, profits = zip(*learnt.history, strict=True) if learnt.history else ((), ())
    left.plot(steps, profits, color="#4477aa", label="while training, exploration included")
    left.axhline(learnt.at_cost, color="#222222", linestyle="--", label="bidding at marginal cost")
    left.axhline(learnt.after, color="#ee6677", label="after training")
    left.xaxis.set_major_formatter(EngFormatter())
    left.set_xlabel("steps of training")
    left.set_ylabel("profit an episode, currency")
    left.legend(fontsize="small")

    demand, changes, withheld = responses(lesson, learnt.act)
    right.scatter(demand, changes, s=6, color="#4477aa", label="change of the bid, currency/MWh")
    right.set_xlabel("demand, MW")
    right.set_ylabel("change of the bid from cost, currency/MWh", color="#4477aa")
    other = right.twinx()
    other.scatter(demand, 100.0 * withheld, s=6, color="#ee6677", marker="^")
    other.set_ylabel("capacity withheld, %", color="#ee6677")
    other.set_ylim(-5.0, 105.0)
    right.set_title(f"what generator {lesson.learner} does", loc="left", fontsize="medium")
    return figure


def responses(lesson: Lesson, act: Act) -> tuple[Array, Array, Array]:
    """Return demand (MW), the change of the bid (currency/MWh) and the share withheld."""
    markets = environments(lesson, 16)
    observations, _ = markets.reset(seed=EVALUATION_SEED)
    demand, changes, withheld = [], [], []
    for _ in range(lesson.parameters.hours):
        actions = act(observations)
        demand.append(observations[:, 0] * lesson.parameters.capacities.sum())
        changes.append(actions[:, 1] * lesson.parameters.bid_change)
        withheld.append(np.maximum(0.0, actions[:, 0]))
        observations, *_ = markets.step(actions)
    return np.concatenate(demand), np.concatenate(changes), np.concatenate(withheld)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; bad arguments exit with 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check(parser, options)
    try:
        lines, figure = _of_all(options) if options.all else _of_one(options)
    except (ValueError, OSError, BackendUnavailable) as fault:
        parser.error(str(fault))
    except ModuleNotFoundError as fault:
        parser.error(f"{NEEDED_BY_ALL if options.all else NEEDED} ({fault})")
    for line in lines:
        sys.stdout.write(line + "\n")
    try:
        figure().savefig(options.output, dpi=120)
    except OSError as fault:
        parser.error(f"argument --output: {fault}")
    sys.stdout.write(f"picture: {options.output}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m easy_marl.examples.bidding.learn",
        description="Train one bidder with PPO, or all, and show what was learnt.",
    )
    parser.add_argument("--parameters", default="default", metavar="NAME", help="a preset")
    parser.add_argument(
        "--learner", type=int, metavar="AGENT",
        help=f"who learns, where one does (default: {LEARNER})",
    )  # fmt: skip
    parser.add_argument("--environments", type=int, metavar="N")
    parser.add_argument(
        "--steps", type=int, metavar="K", help="environment steps that each policy learns from"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", metavar="NAME", help="default: the fastest installed")
    parser.add_argument(
        "--output", type=Path, default=Path("learnt.png"), metavar="FILE",
        help="where to save the picture: .png, .svg or .pdf",
    )  # fmt: skip
    every = parser.add_argument_group("all generators")
    every.add_argument("--all", action="store_true", help="train all of them")
    every.add_argument(
        "--schedule", choices=SCHEDULES, help=f"who learns when (default: {SCHEDULES[0]})"
    )
    every.add_argument("--shared", action="store_true", help="have all follow one policy")
    every.add_argument(
        "--checkpoint", type=Path, metavar="FILE",
        help="save the training there after each round, and go on from there",
    )  # fmt: skip
    return parser


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Fill in what depends on who learns, and end where an option does not fit."""
    if options.all and options.learner is not None:
        parser.error("argument --learner: with --all there is no one learner")
    for name in "schedule", "shared", "checkpoint":
        if getattr(options, name) and not options.all:
            parser.error(f"argument --{name}: it needs --all")
    usual = ALL if options.all else ONE
    for name, value in (*usual._asdict().items(), ("learner", LEARNER)):
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.schedule = options.schedule or SCHEDULES[0]
    for name in "environments", "steps":
        if (value := getattr(options, name)) < 1:
            parser.error(f"argument --{name}: {value} is less than 1")
    if options.output.suffix not in FORMATS or not options.output.parent.is_dir():
        parser.error(
            f"argument --output: {options.output} is no file name in an existing folder that ends "
            f"in {', '.join(FORMATS)}"
        )


def _of_one(options: argparse.Namespace) -> tuple[Iterator[str], Callable[[], Any]]:
    """Train one; return what to say, and what draws."""
    lesson = Lesson(
        preset(options.parameters),
        options.learner,
        options.environments,
        options.steps,
        options.seed,
        options.backend,
    )
    environments(lesson, 1)
    learnt = learn(lesson)
    return report(lesson, learnt), lambda: picture(lesson, learnt)


def _of_all(options: argparse.Namespace) -> tuple[Iterator[str], Callable[[], Any]]:
    """Train all; return what to say, and what draws."""
    course = everyone.Course(
        preset(options.parameters),
        options.schedule,
        options.shared,
        options.environments,
        options.steps,
        options.seed,
        options.backend,
        options.checkpoint,
    )
    outcome = everyone.learn(course)
    return everyone.report(course, outcome), lambda: everyone.picture(course, outcome)


if __name__ == "__main__":
    sys.exit(main())
