"""How far processes lie apart in a benchmark's time, as all benchmarks of a report tell."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pytest_duel.results.benchmarks import SavedTimes
from pytest_duel.statistics.sharing import ENOUGH, Spread, shared
from pytest_duel.verdicts.groups import Timed

Time = Callable[[SavedTimes], float]
Spreads = Mapping[Timed, Spread]


def spreads(members: Sequence[Timed], time: Time) -> Spreads:
    """Return the spread of each benchmark that all processes have timed.

    What slowed a whole process is taken out: it is the middle of all benchmarks. Empty where
    there is one process, or too few benchmarks.

    Parameters
    ----------
    members
        All benchmarks of a report.
    time
        The one time that stands for a benchmark in a process.
    """
    processes = {name for one in members for name in one.processes}
    whole = [one for one in members if len(one.processes) == len(processes)]
    if len(processes) < 2 or len(whole) < ENOUGH:
        return {}
    logs = np.log([[time(one.processes[name]) for one in whole] for name in sorted(processes)])
    logs -= np.median(logs - logs.mean(axis=0), axis=1, keepdims=True)
    own = [Spread(float(one), len(processes) - 1.0) for one in logs.var(axis=0, ddof=1)]
    return dict(zip(whole, shared(own, logs.mean(axis=0)), strict=True))
