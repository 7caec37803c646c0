"""What can be said in short of benchmarks that belong to no sweep: it opens their page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from pytest_duel.page import judgements
from pytest_duel.page.material import Material
from pytest_duel.page.section import Answer, Cell, Section, Table, TableRow
from pytest_duel.results.leads import MARGIN
from pytest_duel.support import harmless
from pytest_duel.support.units import count, duration, figures
from pytest_duel.verdicts.fastest import Contest, Outcome, tallies
from pytest_duel.verdicts.groups import Timed
from pytest_duel.verdicts.groups_text import sentence
from pytest_duel.verdicts.parameters import Value, function, said

ANSWERS = 12
"""The most in sentences; of more there is a table."""
BUSY = 1.5
"""A typical round takes so many times the fastest one: it was not the code alone."""
NAMED = 3


def sections(material: Material) -> Iterator[Section]:
    """Yield the section, where there are such benchmarks."""
    if not material.timed:
        return
    called = [one for one in material.outcomes if one.contests]
    few = len(called) <= ANSWERS
    yield Section(
        id="in-short",
        title="In short",
        intro=_intro(material),
        answers=[
            *_changes(material),
            *(_answer(one, material) for one in called if few),
            *_parameters(material),
        ],
        facts=list(_facts(material)),
        tables=() if few else [_table(called, material)],
    )


def _intro(material: Material) -> str:
    timed = material.timed
    functions = {function(one.benchmark) for one in timed}
    times = [one.median for one in timed]
    span = (
        f"a call takes from {duration(min(times))} to {duration(max(times))}"
        if len(times) > 1
        else f"a call takes {duration(times[0])}"
    )
    of = f" of {count(len(functions), 'function')}" if len(functions) < len(timed) else ""
    told = f"{count(len(timed), 'benchmark')}{of}; {span}."
    if any(group.is_choice and len(group.members) > 1 for group in material.groups):
        return told
    if len(timed) == 1:
        return told
    return (
        f"{told} No two share a group, so nothing says which of them are alternatives: "
        "--group-by func has those of a function compared, and a test names its group with "
        "@pytest.mark.benchmark(group=…)."
    )


def _changes(material: Material) -> Iterator[Answer]:
    """Yield what each comparison found."""
    for section, data in judgements.shown(material):
        yield Answer(
            title=section.title,
            use=str(data["verdict"]),
            sentence=section.intro,
            evidence=_counts(data["counts"]),
            href=f"#{section.id}",
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {word}" for word, number in counts.items())


def _answer(outcome: Outcome, material: Material) -> Answer:
    return Answer(
        title=outcome.group.name,
        use=_use(outcome),
        sentence=". ".join(_sentences(outcome)) + ".",
        evidence=_evidence(material),
        href=f"#{_anchor(outcome, material)}",
    )


def _parameters(material: Material) -> Iterator[Answer]:
    """Yield what the values of a parameter come to, where benchmarks are in no group."""
    members = [one for group in material.groups if not group.is_choice for one in group.members]
    for tally in tallies(members):
        wins = tally.wins
        number = len(tally.contests)
        close = number - wins.total()
        told = [f"{name} is the fastest in {count}" for name, count in wins.most_common()]
        told += [f"{close} {'is' if close == 1 else 'are'} too close to call"] if close else []
        use, most = wins.most_common(1)[0] if wins else ("", 0)
        yield Answer(
            title=f"By {harmless.line(tally.name)}",
            use=use if 2 * most > number else "it depends" if wins else "too close to call",
            sentence=f"Of {number} comparisons with all else equal {'; '.join(told)}.",
            evidence=_evidence(material, brackets=False),
            href="",
        )


def _anchor(outcome: Outcome, material: Material) -> str:
    return f"group-{material.groups.index(outcome.group) + 1}"


def _evidence(material: Material, *, brackets: bool = True) -> str:
    """Say what a lead rests on."""
    number = len(material.processes)
    if material.several:
        held = "; brackets hold 95 % intervals" if brackets else ""
        return f"A lead must hold over {number} processes, for all comparisons together{held}."
    held = "; brackets hold what another look at it would give" if brackets else ""
    return (
        f"One process was timed: a lead is called above {MARGIN:.0%}, if the fastest rounds show "
        f"it too{held}."
    )


def _use(outcome: Outcome) -> str:
    """Return the word at a glance."""
    names = {outcome.name(one.winner) if one.winner else None for one in outcome.contests}
    if len(names) == 1:
        return next(iter(names)) or "too close to call"
    return "it depends"


def _sentences(outcome: Outcome) -> Iterator[str]:
    """Yield who wins, for neighbouring numbers together."""
    contests = outcome.contests
    if len(contests) == 1:
        yield sentence(contests[0], outcome)
        return
    for winner, found in groupby(contests, lambda one: one.winner and outcome.name(one.winner)):
        yield _stretch(winner, list(found), outcome)


def _stretch(winner: str | None, contests: Sequence[Contest], outcome: Outcome) -> str:
    where = _where(contests)
    if winner is None:
        close = dict.fromkeys(
            " and ".join(outcome.name(one) for one in contest.order[:2]) for contest in contests
        )
        return f"{'; '.join(close)}: too close to call{where}"
    leads = [contest.lead.value for contest in contests if contest.lead]
    seconds = dict.fromkeys(outcome.name(contest.order[1]) for contest in contests)
    second = next(iter(seconds)) if len(seconds) == 1 else "the next best"
    least, most = (f"{figures(value)}×" for value in (min(leads), max(leads)))
    lead = least if least == most else f"{least} to {most}"
    return f"{winner} is {lead} as fast as {second}{where}"


def _where(contests: Sequence[Contest]) -> str:
    """Say at which numbers."""
    first, last = contests[0].at, contests[-1].at
    if len(contests) == 1:
        return f" at {_numbers(first)}"
    if len(first) > 1:
        return f" at {len(contests)} combinations of {', '.join(name for name, _ in first)}"
    return f" from {_numbers(first)} to {last[0][1].text}"


def _numbers(at: Sequence[tuple[str, Value]]) -> str:
    values = dict(at)
    return said(values, values)


def _facts(material: Material) -> Iterator[tuple[str, str]]:
    """Yield what else a reader should know of the times."""
    timed = material.timed
    if len(timed) > NAMED:
        slowest = sorted(timed, key=lambda one: -one.median)[:NAMED]
        yield "Slowest", "; ".join(f"{_label(one)} {duration(one.median)}" for one in slowest)
    apart = [one for one in timed if one.typical and one.typical.is_apart]
    if apart:
        yield (
            "By process",
            f"{count(len(apart), 'benchmark')} of {len(timed)} took a fifth longer in one process "
            f"than in another, such as {_label(apart[0])}.",
        )
    busy = [one for one in timed if one.median > BUSY * one.min]
    if busy:
        yield (
            "Unsteady",
            f"In {count(len(busy), 'benchmark')} of {len(timed)} the typical round took more than "
            f"{BUSY:g} times as long as the fastest, such as {_label(busy[0])}: other work of the "
            "machine, or calls that differ.",
        )


def _label(one: Timed) -> str:
    return harmless.line(one.benchmark.label)


def _table(outcomes: Sequence[Outcome], material: Material) -> Table:
    wins = Counter(_use(one) for one in outcomes)
    (word, number), *_ = wins.most_common(1)
    return Table(
        id="fastest",
        caption=(
            f"The fastest of each of {len(outcomes)} groups; most often {word}, in {number}. "
            f"{_evidence(material)}"
        ),
        columns=("group", "fastest", "what was found"),
        rows=[
            TableRow(
                [
                    Cell(one.group.name, href=f"#{_anchor(one, material)}"),
                    Cell(_use(one)),
                    Cell(". ".join(_sentences(one))),
                ]
            )
            for one in outcomes
        ],
        words=frozenset({0, 1, 2}),
    )
