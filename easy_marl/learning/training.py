"""All agents learn, round by round; after each it is told how they do and saved where they are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from easy_marl.envs.parameters import Parameters
from easy_marl.envs.policies import Policy
from easy_marl.envs.simulation import parameters_of
from easy_marl.envs.vector import BiddingVectorEnv
from easy_marl.learning.checkpoints import Checkpoint, check_arguments, held, load, naming, save
from easy_marl.learning.episodes import count_of
from easy_marl.learning.evaluation import Evaluation, evaluated
from easy_marl.learning.grid import checked_grid
from easy_marl.learning.plans import Plan
from easy_marl.learning.responses import exploitability
from easy_marl.learning.settings import PPO, check_count

if TYPE_CHECKING:
    from easy_marl.learning.rounds import Rounds

NEEDED = "train needs torchrl, tqdm and filelock: `pip install torchrl tqdm filelock`"


@dataclass(frozen=True, eq=False, kw_only=True)
class Training:
    """What agents have learnt.

    Attributes
    ----------
    parameters : Parameters
        Generators, demand and rewards.
    policies : list of callables
        One for each agent, as `exploitability` and the environments take them. They do not
        explore.
    rounds : list of Evaluation
        How agents did before the first round, and after each.
    """

    parameters: Parameters
    policies: list[Policy]
    rounds: list[Evaluation]


def train(
    parameters: Parameters | str,
    *,
    schedule: str = "simultaneous",
    shared: bool = False,
    rounds: int = 20,
    updates: int = 4,
    environments: int = 1024,
    update_probability: float = 1.0,
    settings: PPO | None = None,
    checkpoint: str | Path | None = None,
    on_round: Callable[[Evaluation], object] | None = None,
    progress: bool | None = None,
    grid: ArrayLike | None = None,
    episodes: int | None = None,
    seed: int = 0,
    observation: str = "cyclic",
    backend: str | None = None,
    threads: int | None = None,
) -> Training:
    """Train all agents by PPO, each with a policy of its own or all with one.

    It needs TorchRL, tqdm and filelock (the extra `learn`). The same arguments give the same
    policies to the last bit on the same machine, whether or not a training was interrupted in
    between.

    Parameters
    ----------
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    schedule : {"simultaneous", "ibr", "sbr"}
        Who learns when. With "simultaneous", all learn at the same time, while the others explore,
        too. With "ibr" (iterated best response), one agent after the other learns against what the
        others do by then; with "sbr" (simultaneous best response), each learns against what the
        others did before the round. There, others are frozen and do not explore.
    shared : bool
        Whether all agents follow one policy, which tells them apart by what they observe. Only
        with "simultaneous": elsewhere one agent learns while the others are frozen.
    rounds : int
        How many rounds are learnt.
    updates : int
        How often a policy is updated in a round; each time, all environments play an episode.
    environments : int
        How many environments are played at once.
    update_probability : float
        With what probability a policy learns in a round, or else stays as it is (inertia).
    settings : PPO, optional
        How policies learn.
    checkpoint : str or Path, optional
        A file that is written after each round. Where it exists, the training goes on from there;
        `rounds` may be more than before, all else that matters must be the same. One training at
        a time may have it.
    on_round : callable, optional
        Called with the `Evaluation` of each round, also of that before the first.
    progress : bool, optional
        Whether to show a bar with the time that is left on stderr; without it, in a terminal.
    grid, episodes
        Of the evaluation after each round, as in `best_response`.
    seed : int
        Of all that is random: demand, first weights, exploration. The episodes of the evaluation
        are those of `exploitability(…, seed=seed)`.
    observation, backend, threads
        As in `best_response`.

    Returns
    -------
    Training
        The policies, and how each round went.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, the checkpoint is damaged, in use, cannot be read or written,
        or is of another training, or a policy has become NaN; the message names the place and the
        value.
    ModuleNotFoundError
        If TorchRL, tqdm or filelock is not installed.

    Examples
    --------
    >>> found = train("duopoly", schedule="ibr", rounds=10)  # doctest: +SKIP
    >>> found.rounds[0].exploitability > found.rounds[-1].exploitability  # doctest: +SKIP
    True
    """
    check_count("rounds", rounds)
    check_count("environments", environments)
    _check_told(on_round, progress)
    parameters = parameters_of(parameters)
    market: dict[str, Any] = {
        "observation": observation, "backend": backend, "threads": threads,
    }  # fmt: skip
    BiddingVectorEnv(1, parameters, agents="all", **market)  # refuses what does not fit
    plan = Plan(
        parameters=parameters,
        schedule=schedule,
        shared=shared,
        updates=updates,
        environments=environments,
        update_probability=update_probability,
        settings=PPO() if settings is None else settings,
        seed=seed,
        observation=observation,
        grid=checked_grid(grid),
        episodes=count_of(episodes, parameters),
    )
    with _held(checkpoint) as file:
        saved = None if file is None else _saved(file, plan, rounds)
        learning: Rounds = _library("easy_marl.learning.rounds").Rounds(plan, backend, threads)
        told: list[Evaluation] = []
        if saved is not None:
            told = [Evaluation.of_json(one) for one in saved.rounds]
            learning.restore(saved.arrays, told[-1].steps)
        left = learning.size * (rounds + 1 - max(1, len(told)))
        hidden = None if progress is None else not progress  # tqdm's None: but in a terminal
        with _library("tqdm").tqdm(total=left, desc="training", disable=hidden) as bar:
            for number in range(len(told), rounds + 1):
                told.append(_round(learning, number, market, bar.update))
                if file is not None:
                    now = [one.as_json() for one in told]
                    save(file, Checkpoint(plan.as_json(), now, learning.arrays()))
                bar.set_postfix_str(f"exploitability {told[-1].exploitability:.3g}")
                if on_round is not None:
                    on_round(told[-1])
    return Training(parameters=parameters, policies=learning.policies(), rounds=told)


def _round(
    learning: "Rounds", number: int, market: dict[str, Any], tell: Callable[[int], object]
) -> Evaluation:
    """Learn for a round, and look how all do; number 0 only looks."""
    plan = learning.plan
    with _library("easy_marl.learning.learners").one_thread():
        started, used = perf_counter(), process_time()
        if number:
            learning.run(number, tell)
        seconds, cpu_seconds = perf_counter() - started, process_time() - used
        found = exploitability(
            plan.parameters,
            learning.policies(),
            grid=plan.grid,
            episodes=plan.episodes,
            seed=plan.seed,
            **market,
        )
    return evaluated(
        found, round=number, steps=learning.steps, seconds=seconds, cpu_seconds=cpu_seconds
    )


def _library(name: str) -> Any:
    """Import what an extra brings, or what needs it, or say how to get it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{NEEDED} ({error})", name=error.name) from error


def _check_told(on_round: object, progress: object) -> None:
    """Raise unless these say who is told of a training."""
    if on_round is not None and not callable(on_round):
        kind = type(on_round).__name__
        raise TypeError(f"on_round has type {kind}: on_round must be callable")
    if progress is not None and not isinstance(progress, bool):
        kind = type(progress).__name__
        raise TypeError(f"progress has type {kind}: progress must be a bool or None")


@contextmanager
def _held(checkpoint: object) -> "Iterator[Path | None]":
    """Return the file, which nobody else may write meanwhile; None where there is none."""
    if checkpoint is None:
        yield None
        return
    if not isinstance(checkpoint, str | Path):
        kind = type(checkpoint).__name__
        raise TypeError(f"checkpoint has type {kind}: checkpoint must be the path of a file")
    file = Path(checkpoint)
    with naming(file, "written"):
        fits = file.parent.is_dir() and not file.is_dir()
    if not fits:
        raise ValueError(
            f"checkpoint is {str(file)!r}: checkpoint must be a file in a folder that exists"
        )
    _library("filelock")
    with held(file):
        yield file


def _saved(file: Path, plan: Plan, rounds: int) -> Checkpoint | None:
    """Return where the training is that was saved, if it was."""
    if not file.exists():
        return None
    saved = load(file)
    check_arguments(file, saved.arguments, plan.as_json())
    if len(saved.rounds) > rounds + 1:
        raise ValueError(
            f"rounds is {rounds}: checkpoint {file} has {len(saved.rounds) - 1} rounds already"
        )
    return saved
