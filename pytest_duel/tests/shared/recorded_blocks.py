"""Sweeps of equal code in blocks, recorded as numbers: what real blocks and runs differ by.

`data/blocks.json.gz` has the median of each case in each block, of three sweeps of four blocks
within half an hour on a shared virtual machine of two CPUs. To record others:

    python pytest_duel/tests/shared/recorded_blocks.py RUN.json ...
"""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from places import DATA
from pytest_duel.catalogue.model import Case
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import Benchmark, Result
from pytest_duel.results.runs import Run
from simulated import MACHINE, SECTION, document

HOME = DATA / "blocks.json.gz"
DIGITS = 4


def sweeps(factor: Callable[[Case], float] = lambda case: 1.0) -> list[Run]:
    """Return the sweeps; in each block a case has one round, its median times its factor."""
    saved = json.loads(gzip.decompress(HOME.read_bytes()))
    cases = [Case(*one) for one in saved["cases"]]
    return [_run(number, cases, one, factor) for number, one in enumerate(saved["sweeps"])]


def _run(
    number: int, cases: list[Case], times: list[list[float]], factor: Callable[[Case], float]
) -> Run:
    empty = runs.from_json(document({}, machine=MACHINE))
    results = []
    for at, case in enumerate(cases):
        data = tuple(factor(case) * block[at] for block in times)
        whole = Result(
            case=case, benchmark=Benchmark(case.id), distinct=8, median=data[0], mean=data[0],
            stddev=0.0, min=min(data), rounds=len(data), data=data,
            blocks=tuple((one,) for one in data),
        )  # fmt: skip
        results.append(whole)
    return Run(
        results=tuple(results), section={**SECTION, "process": str(number)},
        machine=empty.machine, commit=empty.commit, when=empty.when,
    )  # fmt: skip


def thin(found: list[Run]) -> dict[str, Any]:
    """Return what is kept of saved sweeps: the cases that all blocks have."""
    blocks = [[{one.case: one for one in own.results} for own in run.processes] for run in found]
    cases = [case for case in blocks[0][0] if all(case in one for run in blocks for one in run)]
    return {
        "cases": [[case.kernel, case.backend, case.scenario, case.n] for case in cases],
        "sweeps": [
            [[float(f"{one[case].median:.{DIGITS}e}") for case in cases] for one in run]
            for run in blocks
        ],
    }


def main(*paths: str) -> None:
    text = json.dumps(thin([runs.load(Path(one)) for one in paths]), separators=(",", ":"))
    HOME.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
