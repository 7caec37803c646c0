"""The material of a page: saved runs, judged targets, and other saved output of commands."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_duel.catalogue.model import Catalogue
from pytest_duel.charts.look import ON_PAGE, Look
from pytest_duel.charts.palette import Style, of_backends
from pytest_duel.compare.comparison import compare
from pytest_duel.compare.judgement import Fail, judge
from pytest_duel.duel import targets_text
from pytest_duel.formats import FORMATS
from pytest_duel.history import commits, history
from pytest_duel.history.commits import Log
from pytest_duel.history.history import Settings
from pytest_duel.history.trends import History
from pytest_duel.page import saved_json
from pytest_duel.results import reading
from pytest_duel.results.alike import alike
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.results.index import Entry, entry_of
from pytest_duel.results.reading import Reading, Saved
from pytest_duel.results.runs import Run
from pytest_duel.results.speedups import Results, by_case
from pytest_duel.results.storage import Files
from pytest_duel.results.summary import Summary, middle, summarise
from pytest_duel.support.errors import DuelError
from pytest_duel.support.units import AUTO, duration
from pytest_duel.verdicts import groups, noted
from pytest_duel.verdicts.fastest import Outcome, outcomes
from pytest_duel.verdicts.groups import Group, Timed


@dataclass(frozen=True)
class Asked:
    """What a user asks of a page."""

    by: Sequence[str] = ()
    """What benchmarks that belong to no sweep are grouped by: words of `groups.WORDS`."""
    columns: Sequence[str] = ()
    """Entries of `extra_info`."""
    ignore: Collection[str] = ()
    """Facts that do not tell machines apart."""
    unit: str = AUTO
    """What times of benchmarks that belong to no sweep are shown in: a word of `units.UNITS`."""


ASKED = Asked()


@dataclass(frozen=True)
class Material:
    """All that the sections draw from."""

    runs: Sequence[Saved]
    """Every run that was given, the oldest first."""
    catalogue: Catalogue
    judgements: Sequence[tuple[Path, Mapping[str, Any]]] = ()
    """Saved JSON of commands, with its paths."""
    earlier: Sequence[Entry] = ()
    """Runs in short, for the history alone."""
    log: Log = field(default_factory=Log)
    """Facts about the commits, from the repository."""
    unread: Mapping[Path, DuelError] = field(default_factory=dict)
    """What is wrong with files that could not be read."""
    asked: Asked = ASKED

    @cached_property
    def keys(self) -> Sequence[str]:
        """Return the entries of `extra_info` that tables have a column for."""
        return noted.shown((own for one in self.timed for own in one.noted), self.asked.columns)

    def duration(self, seconds: float) -> str:
        """Return a time in the unit that was asked for."""
        return duration(seconds, self.asked.unit)

    @property
    def look(self) -> Look:
        """Return how charts look, with times in the unit that was asked for."""
        return replace(ON_PAGE, unit=self.asked.unit)

    @cached_property
    def shown(self) -> Sequence[Run]:
        """Return the runs of the newest code on the newest run's machine: what is shown."""
        return alike([saved.run for saved in self.runs], self.asked.ignore)

    @cached_property
    def processes(self) -> Sequence[Run]:
        """Return what each process of those gave."""
        return [process for run in self.shown for process in run.processes]

    @cached_property
    def study(self) -> Run:
        """Return the middle one of those."""
        return middle(self.shown, self.catalogue)

    @cached_property
    def summaries(self) -> Sequence[Summary]:
        """Return its summary."""
        return summarise(self.study, self.catalogue)

    @cached_property
    def results(self) -> Results:
        """Return what each case gave, process by process."""
        return by_case(self.processes)

    @cached_property
    def timed(self) -> Sequence[Timed]:
        """Return the benchmarks that belong to no sweep."""
        return groups.timed(self.processes)

    @cached_property
    def groups(self) -> Sequence[Group]:
        """Return the same in groups."""
        return groups.grouped(self.timed, self.asked.by)

    @cached_property
    def outcomes(self) -> Sequence[Outcome]:
        """Return what is fastest in each group of alternatives."""
        return outcomes(self.groups)

    @cached_property
    def anchors(self) -> Mapping[Benchmark, str]:
        """Return the id of each of those benchmarks on the page: no name from elsewhere is one."""
        return {one.benchmark: f"benchmark-{at}" for at, one in enumerate(self.timed, 1)}

    @cached_property
    def styles(self) -> Mapping[str, Style]:
        """Return how each backend looks."""
        return of_backends(self.catalogue.backends)

    @cached_property
    def history(self) -> History | None:
        """Return the trend over commits, where there are several."""
        own = [entry_of(saved.run, saved.path) for saved in self.runs]
        seen = {one.process for one in self.earlier}
        fresh = [one for one in own if one.process not in seen]
        entries = [one for one in (*self.earlier, *fresh) if one.commit]
        if len({(one.commit, one.dirty) for one in entries}) < 2:
            return None
        settings = Settings(ignore=frozenset(self.asked.ignore))
        return history.read(entries, self.catalogue, self.log, settings)

    def compared_with(self, old: Reading) -> "Material":
        """Return the same with what has changed since some older runs, as `compare` judges it.

        Raises
        ------
        RunError
            Where the two have no benchmark in common, or a process is on both sides.
        """
        reading.check_apart(old.saved, [one for one in self.runs if one.run in self.shown])
        compared = compare(old.runs, self.shown, self.catalogue)
        found = judge(compared, old.runs, self.shown, tuple(Fail)[:1])
        saved = json.loads(FORMATS["json"](found))
        return replace(
            self,
            judgements=[(Path(found.command), saved), *self.judgements],
            unread={**self.unread, **old.faults},
        )

    @property
    def targets(self) -> Mapping[str, Any] | None:
        """Return the judged targets that were given last."""
        found = [data for _, data in self.judgements if data["command"] == targets_text.COMMAND]
        return found[-1] if found else None

    @property
    def several(self) -> bool:
        """Tell whether there are several processes to compare."""
        return len(self.processes) > 1

    @property
    def unknown(self) -> int:
        """Return how many cases of the study the catalogue does not know."""
        known = sum(len(size.rows) for summary in self.summaries for size in summary.sizes)
        return len(self.study.results) - known


def gather(
    files: Files,
    catalogue: Catalogue,
    asked: Asked = ASKED,
    *,
    earlier: Sequence[Entry] = (),
    unread: Mapping[Path, DuelError] = MappingProxyType({}),
) -> Material:
    """Read runs, and what the commands have saved as JSON.

    Parameters
    ----------
    files
        Of both; those in folders are runs only.
    catalogue
        What the project measures.
    asked
        How to show it.
    earlier
        Runs in short, for the history alone.
    unread
        What is wrong with files that belong to it.

    Raises
    ------
    RunError
        Where none is a run, or a page shows nothing of what a command has saved.
    """
    judgements = [(path, data) for path in files.named for data in saved_json.read(path)]
    told = {path for path, _ in judgements}
    own = reading.read(files.without(told))
    ids = [one.run.commit.id or "" for one in own.saved] + [one.commit for one in earlier]
    return Material(
        runs=sorted(own.saved, key=lambda one: one.run.when),
        catalogue=catalogue,
        judgements=judgements,
        earlier=earlier,
        log=commits.read(ids, Path.cwd()),
        unread={**own.faults, **unread},
        asked=asked,
    )
