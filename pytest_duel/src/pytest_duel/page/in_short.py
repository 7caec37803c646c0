"""What can be said in short of benchmarks that belong to no sweep: it opens their page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from pytest_duel.page import judgements
from pytest_duel.page.material import Material
from pytest_duel.page.section import Answer, Cell, Section, Table, TableRow
from pytest_duel.support import harmless
from pytest_duel.support.units import count, figures
from pytest_duel.verdicts.fastest import BOUND, Outcome, Race, tallies
from pytest_duel.verdicts.groups import Timed
from pytest_duel.verdicts.groups_text import sentence
from pytest_duel.verdicts.parameters import function, said

ANSWERS = 12
"""The most in sentences; of more there is a table."""
BUSY = 1.5
"""A typical round takes so many times the fastest one: it was not the code alone."""
DECIDED = 0.25
"""The share of the comparisons of a parameter's values that must be called to say anything."""
STRETCHES = 6
"""The most stretches of sizes that are told one by one."""
NAMED = 3


def sections(material: Material) -> Iterator[Section]:
    """Yield the section, where there are such benchmarks."""
    if not material.timed:
        return
    called = [one for one in material.outcomes if one.races]
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
        notes=() if few else [_evidence(material)],
    )


def _intro(material: Material) -> str:
    timed = material.timed
    functions = {function(one.benchmark) for one in timed}
    times = [one.time for one in timed]
    span = (
        f"a call takes from {material.duration(min(times))} to {material.duration(max(times))}"
        if len(times) > 1
        else f"a call takes {material.duration(times[0])}"
    )
    of = f" of {count(len(functions), 'function')}" if len(functions) < len(timed) else ""
    told = f"{count(len(timed), 'benchmark')}{of}; {span}."
    grouped = any(group.is_choice and len(group.members) > 1 for group in material.groups)
    if grouped or len(timed) == 1 or material.judgements:
        return told
    return (
        f"{told} No two share a group, so it is not known which of them are alternatives: "
        "--group-by func compares those of one function, and a test names its group with "
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
        sentence=told(outcome),
        evidence=_evidence(material),
        href=f"#{_anchor(outcome, material)}",
    )


def _parameters(material: Material) -> Iterator[Answer]:
    """Yield what the values of a parameter come to, where benchmarks are in no group."""
    members = [one for group in material.groups if not group.is_choice for one in group.members]
    for tally in tallies(members):
        wins, number = tally.wins, len(tally.races)
        decided = sum(map(len, wins.values()))
        if not wins or decided < DECIDED * number:
            continue
        told = [f"{name} is the fastest in {_won(own)}" for name, own in wins.items()]
        told += [f"{number - decided} not called"] if decided < number else []
        yield Answer(
            title=f"By {harmless.line(tally.name)}",
            use=next(iter(wins)) if len(wins) == 1 else "it depends",
            sentence=f"Of {number} comparisons with all else equal: {'; '.join(told)}.",
            evidence=_evidence(material, brackets=False),
            href="",
        )


def _won(races: Sequence[Race]) -> str:
    """Return how often a value is the fastest, and by how much."""
    return f"{len(races)} ({_leads(races)} as fast as the next best)"


def _leads(races: Sequence[Race]) -> str:
    """Return how far ahead the fastest is: ``1.2× to 3.5×``."""
    leads = [one.lead.value for one in races if one.lead]
    least, most = (f"{figures(value)}×" for value in (min(leads), max(leads)))
    return least if least == most else f"{least} to {most}"


def _anchor(outcome: Outcome, material: Material) -> str:
    return f"group-{material.groups.index(outcome.group) + 1}"


def _evidence(material: Material, *, brackets: bool = True) -> str:
    """Say what a lead rests on."""
    number = len(material.processes)
    if material.several:
        held = "; brackets hold 95 % intervals" if brackets else ""
        return f"A lead must hold over {number} processes, for all comparisons together{held}."
    held = "; brackets hold what timing it again would give" if brackets else ""
    return (
        "One process was timed, which does not show what another would give. So a lead is called "
        f"only if it is at least {1 + BOUND:g} times, and so by the fastest rounds, too{held}."
    )


def _use(outcome: Outcome) -> str:
    """Return the word at a glance."""
    names = {_winner(one, outcome) for one in outcome.races}
    if len(names) == 1:
        return next(iter(names)) or "not called"
    return "it depends"


def told(outcome: Outcome) -> str:
    """Return what is the fastest of a group, in sentences."""
    return ". ".join(_sentences(outcome)) + "."


def _sentences(outcome: Outcome) -> Iterator[str]:
    """Yield who wins, for neighbouring places together; how often, where that takes too long."""
    races = outcome.races
    if len(races) == 1:
        yield sentence(races[0], outcome)
        return
    stretches = [
        (name, list(own))
        for (name, _), own in groupby(races, lambda one: (_winner(one, outcome), _words(one)))
    ]
    if len(stretches) > STRETCHES:
        yield _often(outcome)
        return
    for name, own in stretches:
        yield _stretch(name, own, outcome)


def _winner(race: Race, outcome: Outcome) -> str:
    """Return the name of the fastest; empty where it is not called."""
    return outcome.name(race.winner) if race.winner else ""


def _words(race: Race) -> tuple[str, ...]:
    """Return what is equal in a race besides the numbers."""
    return tuple(value.text for _, value in race.at if value.number is None)


def _often(outcome: Outcome) -> str:
    """Say how often each alternative wins."""
    wins: dict[str, list[Race]] = {}
    for one in outcome.races:
        wins.setdefault(_winner(one, outcome), []).append(one)
    close = len(wins.pop("", ()))
    told = [f"{name} is the fastest in {_won(own)}" for name, own in wins.items()]
    told += [f"{close} not called"] if close else []
    return f"Of {len(outcome.races)} comparisons with all else equal: {'; '.join(told)}"


def _stretch(winner: str, races: Sequence[Race], outcome: Outcome) -> str:
    where = _where(races)
    if not winner:
        close = dict.fromkeys(
            f"{outcome.name(one.order[0])} and {outcome.name(one.rival)}" for one in races
        )
        return f"{'; '.join(close)}: not called{where}"
    seconds = dict.fromkeys(outcome.name(race.rival) for race in races)
    second = next(iter(seconds)) if len(seconds) == 1 else "the next best"
    return f"{winner} is {_leads(races)} as fast as {second}{where}"


def _where(races: Sequence[Race]) -> str:
    """Say at which parameters."""
    first, last = dict(races[0].at), dict(races[-1].at)
    sizes = [name for name, value in first.items() if value.number is not None]
    words = said(first, [name for name in first if name not in sizes])
    if len(races) == 1:
        return f" at {said(first, first)}"
    if len(sizes) == 1:
        (size,) = sizes
        span = f" from {said(first, sizes)} to {last[size].text}"
    else:
        span = f" at {len(races)} combinations of {', '.join(sizes or first)}"
    return f"{span} ({words})" if words and sizes else span


def _facts(material: Material) -> Iterator[tuple[str, str]]:
    """Yield what else a reader should know of the times."""
    timed = material.timed
    yield "Times", _spread(material)
    if len(timed) > NAMED:
        slowest = sorted(timed, key=lambda one: -one.time)[:NAMED]
        yield (
            "Slowest",
            "; ".join(f"{_label(one)} {material.duration(one.time)}" for one in slowest),
        )
    apart = [one for one in timed if one.typical and one.typical.is_apart]
    if apart:
        yield (
            "By process",
            f"{count(len(apart), 'benchmark')} of {len(timed)} took a fifth longer in one process "
            f"than in another, such as {_label(apart[0])}.",
        )
    busy = [one for one in timed if one.time > BUSY * one.min]
    if busy:
        yield (
            "Unsteady",
            f"In {count(len(busy), 'benchmark')} of {len(timed)} the typical round took more than "
            f"{BUSY:g} times as long as the fastest, such as {_label(busy[0])}: other work of the "
            "machine, or calls that differ.",
        )


def _spread(material: Material) -> str:
    """Say what times and their ranges are."""
    if material.several:
        return (
            f"The geometric mean over {len(material.processes)} processes of the median of each; "
            "a range reaches from the lowest to the highest of these medians."
        )
    if not any(one.range for one in material.timed):
        return (
            "The median of one process, whose rounds were not saved. Another process may differ: "
            "several runs on one page show how far."
        )
    return (
        "The median of one process; a range is its 95 % interval within that process. Another "
        "process may lie outside: several runs on one page show how far."
    )


def _label(one: Timed) -> str:
    return harmless.line(one.benchmark.label)


def _table(outcomes: Sequence[Outcome], material: Material) -> Table:
    wins = Counter(_use(one) for one in outcomes)
    (word, number), *_ = wins.most_common(1)
    return Table(
        id="fastest",
        caption=f"The fastest of each of {len(outcomes)} groups; most often {word}, in {number}",
        columns=("group", "fastest", "what was found"),
        rows=[
            TableRow(
                [
                    Cell(one.group.name, href=f"#{_anchor(one, material)}"),
                    Cell(_use(one)),
                    Cell(told(one).removesuffix(".")),
                ]
            )
            for one in outcomes
        ],
        words=frozenset({0, 1, 2}),
    )
