"""Which of two arms is faster, at each benchmark that is measured, and by how much."""

import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_duel.gate import findings
from pytest_duel.gate.counts import counted
from pytest_duel.gate.measure import checked_answers, measure
from pytest_duel.gate.plan import null_name
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.prepare import prepared as gate_prepared
from pytest_duel.gate.question import BASE, HEAD, Own, Question
from pytest_duel.gate.run import intention
from pytest_duel.paired.sampling import ALPHA, MEANS_ALPHA, Sampled
from pytest_duel.statistics.paired import Estimate, Verdict, decide_both_ways, estimate
from pytest_duel.support import units
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import duration, share
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.rows import EMPTY, numbers, ratio

NO_DIFFERENCE, INCONCLUSIVE = "no difference", "inconclusive"
LONGEST = 24
"""Characters of a name that stands above a column."""
LEAST_BLOCKS = 2
"""A mean over fewer has no interval."""


class NothingSharedError(DuelError):
    """The arms have no benchmark in common; the message says so."""


@dataclass(frozen=True)
class Named:
    """One side of a duel, as a user names it."""

    revision: str | None
    """None is the working tree."""
    python: str = ""
    """The interpreter as it was asked for; empty is the one that runs this."""
    executable: str = sys.executable
    """Where that is."""
    requirements: tuple[str, ...] = ()
    """The requirements that it is installed with."""
    what: str = ""
    """A backend or a benchmark, where not all benchmarks are meant."""

    @property
    def tree(self) -> str:
        """Return what its source is called."""
        return self.revision or "working tree"

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Return all that may differ between two sides."""
        return self.tree, self.what, self.python, " ".join(self.requirements)

    @property
    def described(self) -> str:
        """Return what messages call it: the source, and what it is for."""
        source = self._with_more(self.revision or "the working tree")
        return f"{source}, for {self.what}" if self.what else source

    def __str__(self) -> str:
        tree = self.revision or "the working tree"
        if self.what:
            tree = f"{self.revision}:{self.what}" if self.revision else self.what
        return self._with_more(tree)

    def _with_more(self, source: str) -> str:
        more = ", ".join(filter(None, self.parts[2:]))
        return f"{source} with {more}" if more else source


def labels(first: Named, second: Named) -> tuple[str, str]:
    """Return short names: the difference between the sides, or A and B if that is too long."""
    pairs = [
        (one, other) for one, other in zip(first.parts, second.parts, strict=True) if one != other
    ]
    one, other = (", ".join(filter(None, (pair[side] for pair in pairs))) for side in (0, 1))
    are_short = min(len(one), len(other)) > 0 and max(len(one), len(other)) <= LONGEST
    return (one, other) if are_short else ("A", "B")


def question(asked: Question, first: Named, second: Named) -> Question:
    """Return the same for two sides."""
    sides = {BASE: first, HEAD: second}
    apart = any(one.python or one.requirements for one in sides.values())
    return replace(
        asked,
        base=first.revision,
        head=second.revision,
        isolated=asked.isolated or apart,
        own={name: Own(one.executable, one.requirements) for name, one in sides.items()},
        names={name: one.described for name, one in sides.items()},
    )


def run(asked: Question, sides: tuple[Named, Named], announce: Callable[[str], None]) -> Judgement:
    """Measure, and return what was found.

    Raises
    ------
    DuelError
        Where anything is missing that a duel needs.
    """
    with gate_prepared(question(asked, *sides), announce) as ready:
        if not ready.own.measured:
            raise NothingSharedError(
                "there is no benchmark to measure that both arms have: "
                f"{len(ready.own.new)} are only in {sides[1]}, "
                f"{len(ready.own.gone) + len(ready.own.removed)} only in {sides[0]}, "
                f"{len(ready.own.skipped)} are skipped"
            )
        checked = checked_answers(ready, announce)
        announce(intention(ready))
        sampled = measure(ready, checked, asked.seed, announce, judge=decide_both_ways)
        if asked.counts:
            ready = counted(ready, sampled, announce)
        found = judge(ready, sampled, sides)
        return replace(
            found,
            warnings=(*found.warnings, *ready.shared(sampled), *ready.placing.warned()),
            notes=(*found.notes, *ready.placing.said()),
        )


def judge(ready: Prepared, sampled: Sampled, sides: tuple[Named, Named]) -> Judgement:
    """Say what a duel found.

    Raises
    ------
    NothingMeasuredError
        Where the benchmarks ran without a module of the project, or all of them skip themselves.
    """
    findings.check_measured(ready.own, sampled)
    names = labels(*sides)
    words = {
        Verdict.REGRESSION: f"{names[0]} faster",
        Verdict.IMPROVEMENT: f"{names[1]} faster",
        Verdict.NO_CHANGE: NO_DIFFERENCE,
        Verdict.INCONCLUSIVE: INCONCLUSIVE,
    }
    rows = [
        *(
            _told(row, words)
            for row in findings.measured_rows(ready.own, sampled, in_turns=ready.settings.in_turns)
        ),
        *_other_rows(ready, names),
    ]
    void = findings.is_void(sampled)
    return Judgement(
        command="duel",
        title=_title(ready.title, sides, names),
        columns=(*names, "ratio [95 %]"),
        rows=tuple(rows),
        means=tuple(_means(ready, sampled, words)),
        warnings=tuple(_warnings(sampled, sides[0])),
        notes=tuple(_notes(ready, sampled, names)),
        void=void,
        words=(INCONCLUSIVE, *(words[one] for one in (Verdict.REGRESSION, Verdict.IMPROVEMENT)),
               NO_DIFFERENCE),
        overall=overall([row.word for row in rows], words),
        data={
            "blocks": sampled.blocks,
            "seconds": sampled.seconds,
            "threshold": ready.settings.threshold,
            "nulls": {
                name: numbers(
                    one,
                    statistics.median(sampled.measured.seconds[name]),
                    sampled.measured.differences[name],
                )
                for name, one in sampled.nulls.items()
            },
        },
    )  # fmt: skip


def _title(trees: str, sides: tuple[Named, Named], names: tuple[str, str]) -> str:
    """Return what is compared: the revisions, and what they are installed with."""
    if names == ("A", "B"):
        return f"A is {sides[0]}; B is {sides[1]}"
    if sides[0].parts[1:] != sides[1].parts[1:]:
        return f"{trees.removesuffix(' against itself')}: {names[1]} against {names[0]}"
    more = ", ".join(filter(None, sides[0].parts[1:]))
    return f"{trees}, both with {more}" if more else trees


def overall(said: Sequence[str], words: Mapping[Verdict, str]) -> str:
    """Return what the rows say together."""
    first, second = words[Verdict.REGRESSION], words[Verdict.IMPROVEMENT]
    if first in said and second in said:
        return "each is faster somewhere"
    if INCONCLUSIVE in said and not {first, second} & set(said):
        return INCONCLUSIVE
    return next((word for word in (first, second) if word in said), NO_DIFFERENCE)


def _told(row: Row, words: Mapping[Verdict, str]) -> Row:
    """Return the row of a gate as one of a duel: nothing in it is anybody's fault."""
    if "ratio" not in row.data:
        return row
    told = units.ratio(*(row.data[part] for part in ("ratio", "low", "high")))
    undecided = row.word == Verdict.INCONCLUSIVE
    return replace(
        row,
        cells=(*row.cells[:2], told),
        word=words[Verdict(row.word)],
        exit=Exit.INCONCLUSIVE if undecided else Exit.PASS,
    )


def _other_rows(ready: Prepared, names: tuple[str, str]) -> Iterator[Row]:
    """Yield what was not measured."""
    own = ready.own
    kinds = (
        (dict.fromkeys(own.new, ""), f"only in {names[1]}"),
        (dict.fromkeys((*own.gone, *own.removed), ""), f"only in {names[0]}"),
        (own.skipped, findings.SKIPPED),
    )
    for notes, word in kinds:
        for name, note in notes.items():
            file, _, label = name.partition("::")
            yield Row(name, file, label, EMPTY, word, note=note)


def _means(ready: Prepared, sampled: Sampled, words: Mapping[Verdict, str]) -> Iterator[Row]:
    """Yield geometric means of the ratios, by file and of all."""
    groups: dict[str, list[str]] = {}
    for name, one in ready.own.measured.items():
        if len(sampled.measured.differences.get(name, ())) >= LEAST_BLOCKS:
            groups.setdefault(f"all in {one.file}", []).append(name)
    if len(groups) > 1:
        groups["all benchmarks"] = [name for names in groups.values() for name in names]
    groups = {label: names for label, names in groups.items() if len(names) > 1}
    found = {
        label: estimate(findings.mean(names, sampled.measured)) for label, names in groups.items()
    }
    limits = {
        label: findings.mean_threshold(ready.settings.threshold, len(names))
        for label, names in groups.items()
    }
    verdicts = decide_both_ways(found, limits, MEANS_ALPHA)
    for label, names in groups.items():
        yield _mean(label, names, sampled, found[label], words[verdicts[label]])


def _mean(label: str, names: Sequence[str], sampled: Sampled, found: Estimate, word: str) -> Row:
    measured = sampled.measured
    seconds = statistics.geometric_mean(
        statistics.median(measured.seconds[name]) for name in names
    )
    cells = duration(seconds), duration(seconds * (1 + found.median)), ratio(found)
    blocks = findings.mean(names, measured)
    data = numbers(found, seconds, blocks)
    return Row(label, "geometric means", f"{label} ({len(names)})", cells, word, data=data)


def _warnings(sampled: Sampled, first: Named) -> Iterator[str]:
    if sampled.tripped:
        told = ", ".join(f"{name} {ratio(sampled.nulls[name])}" for name in sampled.tripped)
        yield f"equal code differed on this machine, so there is no answer: {told}"
    elif findings.is_void(sampled):
        reason = next((f": {why}" for why in sampled.measured.errors.values()), "")
        yield f"{first} could not be measured against itself, so there is no answer{reason}"
    undecided = sum(one is Verdict.INCONCLUSIVE for one in sampled.verdicts.values())
    if sampled.late and undecided:
        yield (
            f"the budget was spent before all was decided; undecided: {undecided} of "
            f"{len(sampled.verdicts)}"
        )


def _notes(ready: Prepared, sampled: Sampled, names: tuple[str, str]) -> Iterator[str]:
    yield (
        f"measured for {sampled.seconds:.0f} s; blocks: {sampled.blocks}, each two fresh "
        "processes that take turns; the block is the sample. The ratio is the time of "
        f"{names[1]} over that of {names[0]}. A difference counts from "
        f"{share(ready.settings.threshold)}; verdicts are called at a level of {share(ALPHA)} in "
        "each direction, for all benchmarks, looks and means together"
    )
    nulls = ((name, sampled.nulls.get(null_name(name))) for name in ready.own.measured)
    told = ", ".join(f"{name} {ratio(one)}" for name, one in nulls if one)
    yield f"{names[0]} against itself: {told or 'not measured'}"
