"""Running blocks for the benchmarks of a pytest, part by part, with word of how far it is."""

import itertools
import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_duel.gate.collect import CollectError, cpus_of
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.cores import lanes
from pytest_duel.paired.engine import Draw, Engine
from pytest_duel.paired.group_block import GroupBlock
from pytest_duel.paired.measurements import Measurements, Rounds
from pytest_duel.paired.pytest_client import Suite, pytest_workers
from pytest_duel.paired.schedule import Budget
from pytest_duel.paired.surroundings import surrounded
from pytest_duel.plugin.forecast import Begun, Stage, Task
from pytest_duel.plugin.options import given
from pytest_duel.plugin.placing import Placing
from pytest_duel.plugin.progress import Progress
from pytest_duel.plugin.session import announcer
from pytest_duel.support.scratch import scratch
from pytest_duel.support.units import count

ARM = Arm("a process of its own")
"""The code as the tests import it."""
Items = Mapping[str, pytest.Item]
"""Benchmarks, by the name that a worker gives them."""


@dataclass
class Found:
    """What blocks gave, by the name of the benchmark."""

    rounds: dict[str, list[Rounds]] = field(default_factory=dict)
    """One for each block."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why there are none."""

    def add(self, measured: Measurements, groups: Sequence[Contest]) -> None:
        """Add what was measured of some groups."""
        self.rounds |= measured.rounds
        self.reasons |= {name: f"it was skipped: {why}" for name, why in measured.skipped.items()}
        self.reasons |= measured.errors
        for group in groups:
            if group.name in measured.errors:  # it was not begun
                self.reasons |= dict.fromkeys(group.benchmarks or (), measured.errors[group.name])


@dataclass(frozen=True)
class Batch:
    """Groups that need as many CPUs, so that their blocks can run side by side."""

    groups: tuple[Contest, ...]
    place: int
    """Among all batches, in the order in which they are measured."""

    @property
    def start(self) -> str:
        """Return the name of the task that starts the processes."""
        return f"start {self.place}"

    def stage(self, blocks: int) -> Stage:
        """Return what the forecast knows of it."""
        cpus = self.groups[0].cpus
        processes = max(len(one.arms) for one in self.groups)
        tasks = [
            Task(self.start, "start", processes),
            *(Task(one.name, f"{one.file} on {cpus}", len(one.arms)) for one in self.groups),
        ]
        return Stage(tuple(tasks), blocks, max(1, len(lanes()) // cpus))


class Measuring:
    """The blocks of some benchmarks. Each part has fresh processes of its own.

    Parameters
    ----------
    config
        Of this pytest, whose arguments the workers get.
    parts
        The benchmarks.
    number
        Of blocks.
    placing
        Draws where native code lies in them.
    """

    def __init__(
        self, config: pytest.Config, parts: Sequence[Items], number: int, placing: Placing
    ) -> None:
        self._config = config
        self._number = number
        self._placing = placing
        self.left = list(parts)
        """What is not measured yet."""
        batches = [_alike(contests(items)) for items in parts]
        places = itertools.count()
        self._batches = [[Batch(groups, next(places)) for groups in one] for one in batches]
        stages = [batch.stage(number) for part in self._batches for batch in part]
        self._progress = Progress(stages, announcer(config))
        self._progress.announce(
            f"timing {count(sum(map(len, parts)), 'benchmark')} in {count(number, 'block')} of "
            "fresh processes ..."
        )

    def waits(self, benchmark: pytest.Item) -> bool:
        """Tell whether a benchmark is in the part that comes next."""
        return bool(self.left) and any(one is benchmark for one in self.left[0].values())

    def run_next(self) -> Found:
        """Run the blocks of the next part, and return what they gave."""
        items, batches = self.left.pop(0), self._batches.pop(0)
        found = Found()
        with scratch() as folder:
            tests = suite(self._config, items, folder)
            seed = str(time.time_ns())
            announce = self._progress.announce
            with self._placing.drawn(ARM, tests, seed, self._number, announce) as placed:
                for first, batch in zip(itertools.count(0, self._number), batches):

                    def draw(arm: Arm, block: int, first: int = first) -> Arm:
                        return surrounded(placed(arm, first + block), seed, first + block)

                    found.add(self._run(tests, batch, draw), batch.groups)
        return found

    def _run(self, tests: Suite, batch: Batch, draw: Draw) -> Measurements:
        progress, answers = self._progress, self._placing.answers

        class TellingBlock(GroupBlock):
            ANSWERS = answers
            begun: Begun

            def _measure_all(self, found: Measurements) -> None:
                self.begun = progress.begin(batch.place)
                super()._measure_all(found)
                progress.end(self.begun)

            @contextmanager
            def timed(self, group: Contest | None) -> Iterator[None]:
                started = time.monotonic()
                yield
                seconds = time.monotonic() - started
                progress.add(self.begun, group.name if group else batch.start, seconds)

        engine = Engine(
            pytest_workers(tests), batch.groups, time.time_ns(), Budget(blocks=self._number),
            TellingBlock, self._number, draw,
        )  # fmt: skip
        with closing(engine.blocks()) as blocks:
            for _ in blocks:
                pass
        return engine.measured


def suite(config: pytest.Config, items: Items, folder: Path, *, checks: bool = False) -> Suite:
    """Return what the workers run.

    Parameters
    ----------
    config
        Of this pytest.
    items
        The benchmarks that they will be asked for.
    folder
        For files of the workers.
    checks
        They check answers, and time nothing.
    """
    return Suite(
        config.invocation_params.dir, folder, arguments(config, items), tuple(items), checks,
        path=tuple(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))),
    )  # fmt: skip


def arguments(config: pytest.Config, items: Items) -> tuple[str, ...]:
    """Return the arguments of the workers, which shall import no test file that they do not need.

    Where somebody has named files, those it is. Else the setting that says where tests are: other
    than arguments, it changes neither the root folder nor which settings file counts.
    """
    own = given(config)
    files = dict.fromkeys(str(item.path) for item in items.values())
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    if is_named or any(set("[*?") & set(file) or "::" in file for file in files):
        return own  # pytest would read more into such a path
    return ("-o", f"testpaths={shlex.join(files)}", *own)


def _alike(groups: Sequence[Contest]) -> list[tuple[Contest, ...]]:
    """Return groups by the CPUs that they need, those that need few first."""
    return [
        tuple(one for one in groups if one.cpus == cpus)
        for cpus in sorted({one.cpus for one in groups})
    ]


def contests(items: Items) -> list[Contest]:
    """Return the groups: benchmarks whose marker names the same one; each other by itself."""
    groups: dict[str, list[str]] = {}
    for name, item in items.items():
        group = next(
            (
                own.kwargs["group"]
                for own in item.iter_markers("benchmark")
                if own.kwargs.get("group")
            ),
            None,
        )
        groups.setdefault(f"group {group}" if group else name, []).append(name)
    return [
        Contest(
            name,
            (ARM,) * len(members),
            cpus=max(_cpus(items[one]) for one in members),
            alike=False,
            benchmarks=tuple(members),
            file=members[0].partition("::")[0],
        )
        for name, members in groups.items()
    ]


def _cpus(item: pytest.Item) -> int:
    marker = item.get_closest_marker("duel")
    try:
        return cpus_of(marker.kwargs if marker else {}, item.nodeid)
    except CollectError as error:
        raise pytest.UsageError(str(error)) from None
