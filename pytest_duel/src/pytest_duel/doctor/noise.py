"""How noisy a machine is: equal code against itself, and how often the processor is taken away."""

import gc
import math
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy  # whose parts are imported when they are needed

from pytest_duel.doctor import steady
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.cores import lanes, pinned
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.pytest_client import Suite, pytest_workers
from pytest_duel.paired.sampling import ALPHA
from pytest_duel.statistics.paired import TRIM, Estimate, estimate
from pytest_duel.support.errors import DuelError
from pytest_duel.support.scratch import scratch

FILE = "test_steady.py"
NAME = f"{FILE}::{steady.test_work.__name__}"
LEAST_BLOCKS = 3
SPIN_SHARE = 0.1
"""Share of the time in which each CPU only looks at the clock."""
GAP = 10e-6
"""Between two looks at the clock lie some tens of nanoseconds; more than this, in seconds, and the
processor did something else."""
BLOCKS = 12
"""The number that a duel takes."""
POWER = 0.9
TRIMMED = 1.07
"""Standard error of the mean without a fifth at either end, over that of the mean, for normal
blocks."""


class NoiseError(DuelError):
    """The noise could not be measured; the message says why."""


@dataclass(frozen=True)
class Pairs:
    """A benchmark against itself, in pairs of fresh processes."""

    benchmark: str
    """Its name in messages."""
    found: Estimate
    spread: float
    """Standard deviation over blocks of the log ratio of equal arms."""
    apart: float
    """Standard deviation over processes of the log time: what single runs differ by."""


@dataclass(frozen=True)
class Gaps:
    """The time that a loop lost which does nothing but read the clock."""

    cpus: int
    seconds: float
    """The time on each CPU."""
    number: int
    lost: float
    """Share of the time."""
    longest: float
    """The longest one, in seconds."""


@dataclass(frozen=True)
class Noise:
    """The measured noise."""

    seconds: float
    pairs: Pairs
    gaps: Gaps


def measure(seconds: float) -> Noise:
    """Measure for about this many seconds.

    Raises
    ------
    NoiseError
        Where no block was measured.
    """
    started = time.monotonic()
    cpus = lanes()
    gaps = watch(cpus, SPIN_SHARE * seconds / len(cpus))
    pairs = against_itself(seconds - (time.monotonic() - started))
    return Noise(time.monotonic() - started, pairs, gaps)


def against_itself(seconds: float) -> Pairs:
    """Measure a benchmark against itself, block after block, until the time is up."""
    arm = Arm("A/A")
    with scratch() as folder:
        tests = _tests(folder)
        engine = Engine(pytest_workers(tests), [Contest(NAME, (arm, arm), alike=False)], 0)
        started = time.monotonic()
        with closing(engine.blocks()) as blocks:
            for measured in blocks:
                took = time.monotonic() - started
                # Those that have begun come to their end.
                one_block = took * len(lanes()) / measured.blocks
                if measured.blocks >= LEAST_BLOCKS and took + one_block / 2 > seconds:
                    engine.stop()
    found = engine.measured
    if NAME not in found.differences:
        why = found.errors.get(NAME, "it was not measured")
        raise NoiseError(f"the noise of this machine cannot be measured: {why}")
    return summarise(steady.SAID, found.differences[NAME], found.seconds[NAME])


def _tests(folder: Path) -> Suite:
    """Write the benchmark into a project of its own, away from any settings."""
    project = folder / "project"
    project.mkdir()
    shutil.copy(steady.__file__, project / FILE)
    (project / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return Suite(project, folder, (FILE,), benchmarks=(NAME,))


def summarise(benchmark: str, differences: Sequence[float], seconds: Sequence[float]) -> Pairs:
    """Return what blocks say of the noise: their log ratios, and the first arm's times."""
    return Pairs(
        benchmark,
        estimate(differences),
        float(np.std(differences, ddof=1)),
        float(np.std(np.log(seconds), ddof=1)),
    )


def smallest(
    spread: float, threshold: float, *, blocks: int = BLOCKS, alpha: float = ALPHA
) -> float:
    """Return the slowdown that a duel calls a regression nine times in ten, as a share.

    Its one-sided test must hold, and the median of its blocks lie beyond the threshold (see
    `statistics.paired`). For blocks that are normal, the standard error of the trimmed mean is
    `TRIMMED` that of the mean, the median's is √(π / 2) that.

    Parameters
    ----------
    spread
        Standard deviation over blocks of the log ratio.
    threshold
        From what on a slowdown counts, as a share.
    blocks
        As many as the duel takes.
    alpha
        Its level.
    """
    error = spread / math.sqrt(blocks)
    freedom = blocks - 2 * int(TRIM * blocks) - 1
    quantiles = scipy.special.stdtrit(freedom, 1 - alpha) + scipy.special.stdtrit(freedom, POWER)
    tested = quantiles * TRIMMED * error
    seen = math.log1p(threshold) + scipy.special.ndtri(POWER) * math.sqrt(math.pi / 2) * error
    return float(math.expm1(max(tested, seen)))


def watch(cpus: Sequence[int], seconds: float) -> Gaps:
    """Look at the clock for so long on each CPU in turn, and count when it jumps."""
    found: list[float] = []
    for cpu in cpus:
        with pinned([cpu]):
            found += _gaps(seconds)
    lost = sum(found) / (seconds * len(cpus))
    return Gaps(len(cpus), seconds, len(found), lost, max(found, default=0.0))


def _gaps(seconds: float) -> list[float]:
    clock = time.perf_counter
    found = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        last = clock()
        ends = last + seconds
        while last < ends:
            now = clock()
            if now - last > GAP:
                found.append(now - last)
            last = now
    finally:
        if collecting:
            gc.enable()
    return found
