"""``python -m bench learning``: what training finds against the equilibrium, and how fast."""

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from bench.catalogue import catalogue
from bench.project import ROOT
from bench.study import learning
from easy_marl.envs import preset
from easy_marl.examples.bidding.everyone import Course, Replayed
from easy_marl.learning import PPO, equilibrium, exploitability, train
from pytest_duel.cli.parser import Commands, add_command, announce, show
from pytest_duel.results import commit_info, machine
from pytest_duel.support import files, processes
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit

TEXT = """\
Train all agents in each way, hold them against the equilibrium, and measure how
fast TorchRL and Stable-Baselines3 learn, several times, and how long the command
takes that trains all of five generators. What was found is saved after each
training, and not done again. RLlib is measured, too, where --rllib names a
Python that has it; it wants another Gymnasium than the others do.

examples:
  python -m bench learning --output docs/runs/learning.json
  python -m bench learning --steps 300000 --seeds 2
  python -m bench learning --speeds --rllib ../rllib/bin/python
"""
MARKETS = {"duopoly": 0.2, "default": 1.0}
"""Presets, and the share of the steps that each is trained for: two agents need fewer."""
WAYS = (("simultaneous", False), ("simultaneous", True), ("ibr", False), ("sbr", False))
ENVIRONMENTS = 512
"""Of a training."""
MANY, HOURS, UPDATES = 1024, 24, 2
"""Environments where speed is measured, the hours of their episodes, and how often is learnt."""
SAMPLES = 5
"""How often each speed is measured."""
RLLIB = "RLlib"
RLLIB_SECONDS = 3600.0
"""The longest that it may take, with the start of Ray."""
EXAMPLE = "easy_marl.examples.bidding.learn"
EXAMPLE_SECONDS = 3600.0
"""The longest that it may take to train all."""
Speed = Callable[[], dict[str, Any]]


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
    parser.add_argument(
        "--speeds", action="store_true", help="measure the speeds anew, and train nobody"
    )
    parser.add_argument(
        "--rllib", metavar="PYTHON", help="a Python with ray[rllib], to measure RLlib's speed by"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="save what was found")
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0 and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def run(options: argparse.Namespace) -> Exit:
    """Train, measure, save, and say what was found."""
    found = Found(options.output)
    speeds = dict(SPEEDS)
    if options.rllib:
        speeds[RLLIB] = partial(rllib_speed, options.rllib)
    for library, speed in speeds.items():
        if options.speeds or not found.has("learners", library=library):
            found.measure(library, speed)
    if options.speeds or not found.data.get("command"):
        found.time_command()
    if not options.speeds:
        for market, share in MARKETS.items():
            found.train(market, int(options.steps * share), options.seeds)
    data = found.data
    show(f"{learning.render_schedules(data)}\n\n{learning.render_learners(data)}\n")
    return Exit.PASS


class Found:
    """What was found so far, saved whenever something is added."""

    def __init__(self, output: Path | None) -> None:
        self._output = output
        self.data = _begun(output)

    def has(self, kind: str, **named: Any) -> bool:
        """Return whether there is one of these names."""
        return any(named.items() <= one.items() for one in self.data[kind])

    def measure(self, library: str, speed: Speed) -> None:
        """Measure how fast a library learns."""
        try:
            measured = speed()
        except ModuleNotFoundError as error:
            raise LearningError(f"the speed of {library} cannot be measured: {error}") from None
        middle = {"cpu_seconds": statistics.median(measured["samples"])}
        new = {"library": library} | measured | middle | _here()
        known = {one["library"]: one for one in self.data["learners"]} | {library: new}
        self.data["learners"] = [known[name] for name in (*SPEEDS, RLLIB) if name in known]
        self._save()

    def time_command(self) -> None:
        """Measure how long a user waits who has all of five generators trained."""
        announce(f"python -m {EXAMPLE} --all")
        self.data["command"] = {"seconds": command_seconds()} | _here()
        self._save()

    def train(self, market: str, steps: int, seeds: int) -> None:
        """Train all agents of a market in each way, and hold them against the equilibrium."""
        if not self.has("rests", market=market):
            self._keep("rests", at_rest(market))
        for schedule, shared in WAYS:
            for seed in range(seeds):
                named = {"market": market, "schedule": schedule, "shared": shared, "seed": seed}
                how = {"asked": steps, "settings": {**asdict(PPO()), "hidden": [*PPO().hidden]}}
                if self.has("trainings", **named):
                    self._check(named, how)
                    continue
                announce(f"{market}, {schedule}, {'one policy' if shared else 'each'}, {seed}")
                self._keep("trainings", named | how | trained(named, steps))

    def _check(self, named: Mapping[str, Any], how: Mapping[str, Any]) -> None:
        """Raise where a training is saved that was done in another way."""
        if not self.has("trainings", **named, **how):
            which = ", ".join(f"{name} {value}" for name, value in named.items())
            raise LearningError(
                f"{self._output} has a training of another length than {how['asked']:,} steps, "
                f"or by other settings ({which}): give another --output"
            )

    def _keep(self, kind: str, found: Mapping[str, Any]) -> None:
        self.data[kind].append(found)
        self._save()

    def _save(self) -> None:
        if self._output:
            files.write(self._output, json.dumps(self.data, indent=1) + "\n")


def _begun(output: Path | None) -> dict[str, Any]:
    """Return what is saved already, or nothing yet."""
    if output is not None and output.exists():
        return learning.load(output)
    return {
        "schema": learning.SCHEMA,
        "machine": machine.identify(catalogue().packages),
        **_here(),
        "rests": [],
        "trainings": [],
        "learners": [],
    }


def _here() -> dict[str, Any]:
    """Return the code that is measured: speeds may be of a later commit than trainings."""
    return {"commit": commit_info.describe(ROOT)}


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
    found = train("default", rounds=1 + SAMPLES, updates=UPDATES, environments=MANY, episodes=1)
    first, *others = found.rounds[1:]  # in the first round things are still being set up
    return {
        "version": version("torchrl"),
        "agents": 5,
        "steps": others[0].steps - first.steps,
        "samples": [one.cpu_seconds for one in others],
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
        clip_range=same.clip,
        ent_coef=same.entropy,
        gamma=0.0,
        policy_kwargs={"net_arch": list(same.hidden), "log_std_init": math.log(same.deviation)},
        seed=0,
        device="cpu",
    )
    model.learn(steps)
    return {
        "version": version("stable-baselines3"),
        "agents": 1,
        "steps": UPDATES * steps,
        "samples": [_cpu_seconds(lambda: model.learn(UPDATES * steps)) for _ in range(SAMPLES)],
    }


def _cpu_seconds(call: Callable[[], object]) -> float:
    started = process_time()
    call()
    return process_time() - started


def rllib_speed(python: str) -> dict[str, Any]:
    """Return how fast five agents learn with RLlib, by a Python that has it."""
    said = _run(f"--rllib {python}", [python, "-m", "bench.rllib", str(SAMPLES)], RLLIB_SECONDS)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def command_seconds() -> float:
    """Return how long the command takes that trains all, by the clock, from start to end."""
    with TemporaryDirectory() as folder:
        picture = str(Path(folder) / "learnt.png")
        command = [sys.executable, "-m", EXAMPLE, "--all", "--output", picture]
        started = perf_counter()
        _run(f"python -m {EXAMPLE}", command, EXAMPLE_SECONDS)
        return perf_counter() - started


def _run(name: str, command: Sequence[str], most: float) -> str:
    """Run a command that measures, and return what it says."""
    try:
        done = processes.run(command, cwd=ROOT, timeout=most)
    except OSError as fault:
        raise LearningError(f"{name} cannot be run: {fault}") from None
    except subprocess.TimeoutExpired:
        raise LearningError(f"{name} has not ended in {most:.0f} s") from None
    if done.returncode:
        last = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise LearningError(f"{name} measured nothing, but said: {last}")
    return done.stdout


SPEEDS: dict[str, Speed] = {
    "TorchRL": torchrl_speed,
    "Stable-Baselines3": stable_baselines_speed,
}
"""What measures how fast a library learns."""
