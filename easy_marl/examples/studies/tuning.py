"""Search for the rate at which agents learn best, over several seeds, by Ray Tune.

    pip install ".[ray,learn]"    # in a clone
    python -m easy_marl.examples.studies.tuning found --parameters duopoly --rounds 20

Each trial trains all agents once. What counts is how far they are from an equilibrium then, as
the median over seeds: one lucky seed is no good rate.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

from easy_marl.files import write_whole
from easy_marl.studies import FolderError, StudyError
from easy_marl.studies.cluster import connected
from easy_marl.studies.errors import needed

Trial = Callable[[dict[str, Any]], None]
RATES = (1e-4, 1e-3, 1e-2)
SPACE = "space.json"


def trial(config: dict[str, Any]) -> None:
    """Train all agents with one rate and one seed, and tell Tune of each round."""
    from easy_marl.learning import PPO, train

    tune = needed("ray.tune")
    train(
        config["parameters"],
        settings=PPO(learning_rate=config["rate"]),
        rounds=config["rounds"],
        seed=config["seed"],
        threads=1,  # other trials have the other processors
        progress=False,
        on_round=lambda found: tune.report({"exploitability": found.exploitability}),
    )


def search(
    one: Trial, space: Mapping[str, Any], folder: Path, address: str | None = None
) -> dict[float, list[float]]:
    """Run a trial for each combination, and return what the last round of each gave, by rate.

    A search that was begun in the folder goes on, if it is the same. Without an address, Ray runs
    on this machine as long as the search.
    """
    ray, tune = needed("ray"), needed("ray.tune")
    path = folder.resolve()
    claim(path, space)
    with connected(ray, address) if address else nullcontext():
        if tune.Tuner.can_restore(str(path)):
            tuner = tune.Tuner.restore(
                str(path), one, param_space=dict(space), resume_errored=True
            )
        else:
            kept = tune.RunConfig(name=path.name, storage_path=str(path.parent), verbose=0)
            tuner = tune.Tuner(one, param_space=dict(space), run_config=kept)
        found: dict[float, list[float]] = {}
        for result in tuner.fit():
            if result.error:
                raise result.error
            found.setdefault(result.config["rate"], []).append(result.metrics["exploitability"])
    return found


def claim(folder: Path, space: Mapping[str, Any]) -> None:
    """Say in a folder what is searched, or raise where it is of another search.

    Ray goes on with what was begun, whatever it is asked for then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / SPACE
    if not file.exists():
        text = json.dumps(space, indent=1) + "\n"
        write_whole(file, lambda stream: stream.write(text.encode()))
    found = json.loads(file.read_bytes())
    for name, values in json.loads(json.dumps(space)).items():
        if found.get(name) != values:
            raise FolderError(
                f"{file} is of another search: {name} is {found.get(name)} there, and {values} "
                "here; give another folder"
            )


def report(found: Mapping[float, Sequence[float]]) -> Iterator[str]:
    """Yield the lines that say which rate came nearest to an equilibrium."""
    yield f"{'rate':>10} {'seeds':>6} {'exploitability: median':>24} {'worst':>10}"
    for rate, values in sorted(found.items(), key=lambda one: median(one[1])):
        yield f"{rate:>10g} {len(values):>6} {median(values):>24.4g} {max(values):>10.4g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; bad arguments exit with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m easy_marl.examples.studies.tuning",
        description="Search for the rate at which agents learn best.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where Ray Tune keeps trials")
    parser.add_argument("--parameters", default="duopoly", metavar="NAME", help="a preset")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, metavar="RATE")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="for each rate (3)")
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="of a training (20)")
    parser.add_argument("--ray", metavar="HOST:PORT", help="a cluster's head; else this machine")
    options = parser.parse_args(arguments)
    try:
        tune = needed("ray.tune")
        space = {
            "rate": tune.grid_search([*options.rates]),
            "seed": tune.grid_search([*range(options.seeds)]),
            "parameters": options.parameters,
            "rounds": options.rounds,
        }
        found = search(trial, space, options.folder, options.ray)
    except (StudyError, ModuleNotFoundError) as fault:
        sys.stderr.write(f"error: {fault}\n")
        return 1
    for line in report(found):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    # Other processes find the trial by the module's own name.
    from easy_marl.examples.studies import tuning

    sys.exit(tuning.main())
