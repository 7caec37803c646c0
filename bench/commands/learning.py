"""``python -m bench learning``: what training finds against the equilibrium, and how fast."""

import argparse
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

from bench.catalogue import catalogue
from bench.project import ROOT
from bench.study import learning
from easy_marl.envs import preset
from easy_marl.examples.bidding.everyone import Course, Replayed
from easy_marl.learning import PPO, equilibrium, exploitability, train
from pytest_duel.cli.parser import Commands, add_command, announce, show
from pytest_duel.results import commit_info, machine
from pytest_duel.support import files
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit

TEXT = """\
Train all agents in each way, hold them against the equilibrium, and measure how
fast TorchRL and Stable-Baselines3 learn. What is saved is not done again.

examples:
  python -m bench learning --output docs/runs/learning.json
  python -m bench learning --steps 300000 --seeds 2
"""
MARKETS = {"duopoly": 0.2, "default": 1.0}
"""Presets, and the share of the steps that each is trained for: two agents need fewer."""
WAYS = (("simultaneous", False), ("simultaneous", True), ("ibr", False), ("sbr", False))
ENVIRONMENTS = 256
"""Of a training."""
MANY, HOURS, UPDATES = 1024, 24, 2
"""Environments where speed is measured, the hours of their episodes, and how often is learnt."""


class LearningError(DuelError):
    """What is needed is missing, or what is saved is of something else."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "learning", summary="train all agents, and hold them against the equilibrium",
        text=TEXT,
    )  # fmt: skip
    for name, usual, what in (
        ("steps", 1_200_000, "environment steps that each policy learns from, at least"),
        ("seeds", 3, "trainings of each kind"),
    ):
        parser.add_argument(
            f"--{name}", type=_positive, default=usual, metavar="N",
            help=f"{what} (default: {usual:,})",
        )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="save what was found")
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0 and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def run(options: argparse.Namespace) -> Exit:
    """Train, measure, save, and say what was found."""
    data = _begun(options.output)

    def keep(kind: str, found: Mapping[str, Any]) -> None:
        data[kind].append(found)
        if options.output:
            files.write(options.output, json.dumps(data, indent=1) + "\n")

    try:
        if not data["learners"]:
            for found in torchrl_speed(), stable_baselines_speed():
                keep("learners", found)
    except ModuleNotFoundError as error:
        raise LearningError(f"it needs torchrl, tqdm and stable-baselines3 ({error})") from None
    for market, share in MARKETS.items():
        if not any(one["market"] == market for one in data["rests"]):
            keep("rests", at_rest(market))
        for schedule, shared in WAYS:
            for seed in range(options.seeds):
                named = {"market": market, "schedule": schedule, "shared": shared, "seed": seed}
                if not any(named.items() <= one.items() for one in data["trainings"]):
                    announce(f"{market}, {schedule}, {'one policy' if shared else 'each'}, {seed}")
                    keep("trainings", named | trained(named, int(options.steps * share)))
    show(f"{learning.render_schedules(data)}\n\n{learning.render_learners(data)}\n")
    return Exit.PASS


def _begun(output: Path | None) -> dict[str, Any]:
    """Return what is saved already, or nothing yet."""
    if output is not None and output.exists():
        return learning.load(output)
    return {
        "schema": learning.SCHEMA,
        "machine": machine.identify(catalogue().packages),
        "commit": commit_info.describe(ROOT),
        "rests": [],
        "trainings": [],
        "learners": [],
    }


def at_rest(market: str) -> dict[str, Any]:
    """Return what agents get where they bid cost, and where nobody gains any more."""
    at_cost, found = exploitability(market, None), equilibrium(market)
    left = exploitability(market, Replayed(found.episodes))
    return {
        "market": market,
        "agents": preset(market).agents,
        "at_cost": at_cost.total,
        "equilibrium": left.total,
        "settled": int(found.settled.sum()),
        "hours": found.settled.size,
        "profit_at_cost": learning.total(at_cost.episodes.profits),
        "profit": learning.total(found.episodes.profits),
    }


def trained(named: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Return what a training found."""
    course = Course(
        preset(named["market"]),
        named["schedule"],
        named["shared"],
        ENVIRONMENTS,
        steps,
        named["seed"],
        None,
    )
    found = train(**course.training()).rounds
    return {
        "steps": found[-1].steps,
        "cpu_seconds": sum(one.cpu_seconds for one in found),
        "exploitability": [one.exploitability for one in found],
        "profit": float(found[-1].profits.sum()),
    }


def torchrl_speed() -> dict[str, Any]:
    """Return how fast five agents learn at the same time, each with a policy of its own."""
    found = train("default", rounds=2, updates=UPDATES, environments=MANY, episodes=1)
    last = found.rounds[-1]  # in the first round things are still being set up
    return {
        "library": "TorchRL",
        "version": version("torchrl"),
        "agents": 5,
        "steps": last.steps - found.rounds[-2].steps,
        "cpu_seconds": last.cpu_seconds,
    }


def stable_baselines_speed() -> dict[str, Any]:
    """Return how fast one agent learns, with the same settings."""
    import stable_baselines3
    import torch

    from easy_marl.examples.bidding.stable_baselines import BiddingVecEnv

    torch.set_num_threads(1)
    same = PPO()
    steps = MANY * HOURS
    model = stable_baselines3.PPO(
        "MlpPolicy",
        BiddingVecEnv(MANY, "default"),
        n_steps=HOURS,
        batch_size=steps // same.minibatches,
        n_epochs=same.epochs,
        learning_rate=same.learning_rate,
        gamma=0.0,
        policy_kwargs={"net_arch": list(same.hidden)},
        seed=0,
        device="cpu",
    )
    model.learn(steps)
    started = process_time()
    model.learn(UPDATES * steps)
    return {
        "library": "Stable-Baselines3",
        "version": version("stable-baselines3"),
        "agents": 1,
        "steps": UPDATES * steps,
        "cpu_seconds": process_time() - started,
    }
