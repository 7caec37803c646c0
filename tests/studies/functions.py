"""Functions of studies, at the top of a module, so that other processes can import them."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from easy_marl.studies import Study

Parameters = Mapping[str, Any]
FALLEN = "fallen"
"""Written by whoever kills, once; it holds the number of the process that is killed."""


def draws(parameters: Parameters, seed: int) -> dict[str, Any]:
    """Draw some numbers around a mean."""
    rng = np.random.default_rng(seed)
    return {
        "seed": [seed] * 3,
        "x": parameters["mean"] + rng.normal(size=3),
        "name": ["a", "b", "c"],
    }


def falls(parameters: Parameters, seed: int) -> dict[str, Any]:
    """Kill its own process at one scenario, the first time."""
    if parameters["falls"] and claimed(parameters["folder"], os.getpid()):
        os.kill(os.getpid(), signal.SIGKILL)
    return draws(parameters, seed)


def always_falls(parameters: Parameters, seed: int) -> dict[str, Any]:
    """Kill its own process at one scenario, whenever that is tried."""
    if parameters["falls"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return draws(parameters, seed)


def node_falls(parameters: Parameters, seed: int) -> dict[str, Any]:
    """Kill the node that computes it, once, unless that is the head; the head waits for it."""
    import ray

    own: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call, unused-ignore]
    if own != parameters["head"] and claimed(parameters["folder"], os.getppid()):
        os.kill(os.getppid(), signal.SIGKILL)  # the raylet, which has started all of its workers
        os.kill(os.getpid(), signal.SIGKILL)
    while not (Path(parameters["folder"]) / FALLEN).exists():
        time.sleep(0.05)
    return draws(parameters, seed)


def claimed(folder: str, process: int) -> bool:
    """Return whether nobody was here before, and write down who falls."""
    try:
        with (Path(folder) / FALLEN).open("x") as file:
            file.write(str(process))
    except FileExistsError:
        return False
    return True


def raises(parameters: Parameters, seed: int) -> dict[str, Any]:
    """Fail in one scenario."""
    if parameters["mean"] == 3.0:
        raise ZeroDivisionError("three is too many")
    return draws(parameters, seed)


def study(count: int = 7, block_size: int = 2, seed: int = 5, function: Any = draws) -> Study:
    """Return a study of a few draws."""
    parameters = [{"mean": float(one)} for one in range(count)]
    return Study(function=function, parameters=parameters, seed=seed, block_size=block_size)


def falling(folder: Path, function: Any = falls, **more: Any) -> Study:
    """Return a study in whose fourth scenario something falls, the first time."""
    common = {"folder": str(folder), **more}
    parameters = [{"mean": float(one), "falls": one == 3, **common} for one in range(7)]
    return Study(function=function, parameters=parameters, seed=5, block_size=2)


def tried(config: dict[str, Any]) -> None:
    """Report rounds as a trial of Ray Tune does, without learning; the last one counts."""
    from ray import tune

    for value in 99.0, config["rate"] + config["seed"]:
        tune.report({"exploitability": value})
