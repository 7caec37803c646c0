"""The answer: a sentence for each kernel, computed from what was measured."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from pytest_duel.catalogue.model import Role
from pytest_duel.page.material import Material
from pytest_duel.page.section import Answer, Section
from pytest_duel.results.leads import MARGIN
from pytest_duel.results.speedups import Lead, favourite, leads
from pytest_duel.results.summary import Size, Summary, competitors
from pytest_duel.support.units import figures
from pytest_duel.verdicts.text import listed, recommendation

REASONS = (
    (
        "Same answers first",
        "Every backend is compared with the reference bit for bit before it is timed, on the very "
        "inputs of its cases and on adversarial ones. One that disagrees is not timed.",
    ),
    (
        "Fresh inputs",
        "A case cycles through a pool of distinct inputs, the same for all backends. Timing one "
        "input again and again lets the branch predictor learn it, and the time is then that of "
        "an input that never occurs in practice.",
    ),
    (
        "Leads, not times",
        "Absolute times belong to one machine at one time. Backends are compared within one "
        f"process; a lead counts where its whole interval clears 1 ± {MARGIN:.0%}. Closer than "
        "that is too close to call.",
    ),
    (
        "Warm",
        "Compilation, imports and caches come before the timing. What they cost is a case of its "
        "own, the cold start.",
    ),
)
"""Why to believe the answers, as docs/method.md has it."""
NEAR = 1.5
"""Ratios nearer to 1 are told with two decimal places."""


def sections(material: Material) -> Iterator[Section]:
    """Yield the section that opens the page of a sweep."""
    if material.timed and not material.study.results:
        return
    answers = [
        _answer(kernel, choosing, material)
        for kernel, summaries in by_kernel(material)
        if (choosing := [summary for summary in summaries if not summary.diagnostic])
    ]
    yield Section(
        id="answer",
        title="The answer",
        intro=_intro(material) if answers else "Nothing was timed that the catalogue knows.",
        answers=answers,
        facts=REASONS if answers else (),
    )


def by_kernel(material: Material) -> list[tuple[str, list[Summary]]]:
    """Return the summaries of each kernel, the kernels as the catalogue lists them."""
    return [
        (kernel, found)
        for kernel in material.catalogue.kernels
        if (found := [summary for summary in material.summaries if summary.kernel == kernel])
    ]


def _intro(material: Material) -> str:
    processes = len(material.processes)
    told = (
        f"Each lead was measured in {processes} processes; where they differ by as much as can be "
        "seen, grey has the range over all of them."
        if material.several
        else "One process was timed; the intervals say what another look at it would give, and "
        "another process may differ by several percent."
    )
    return f"Which backend to use, at which size. {told}"


def _answer(kernel: str, summaries: Sequence[Summary], material: Material) -> Answer:
    own = material.catalogue.kernels[kernel]
    sentence = _sentence(summaries[0], material)
    return Answer(
        code=kernel,
        title=own.title or kernel,
        use=_use(summaries),
        sentence=sentence,
        evidence=" ".join(filter(None, _evidence(summaries, sentence, material))),
        href=f"#{kernel}",
    )


def _use(summaries: Sequence[Summary]) -> str:
    main, *others = summaries
    if not any(size.leaders for size in main.sizes):
        return "one backend" if any(map(competitors, main.sizes)) else "no backend"
    first = favourite(main)
    if any(size.leaders and size.leaders.winner not in (None, first) for size in _sizes(others)):
        return "choose by input"
    said = recommendation(main)
    return said.removeprefix("use ").partition(" (")[0].partition(",")[0]


def _sizes(summaries: Iterable[Summary]) -> Iterator[Size]:
    return (size for summary in summaries for size in summary.sizes)


def _sentence(summary: Summary, material: Material) -> str:
    """Say which backend is fastest at which sizes, and by how much, on one kind of input."""
    first = favourite(summary)
    if first is None:
        return _alone(summary)
    called = [size for size in summary.sizes if size.leaders]
    parts = [
        _stretch(winner, list(sizes), summary, material)
        for winner, sizes in groupby(called, lambda size: size.leaders and size.leaders.winner)
    ]
    return f"On {summary.scenario} inputs {'; '.join(parts)}{_crossover(summary)}."


def _alone(summary: Summary) -> str:
    names = dict.fromkeys(
        row.result.case.backend for size in summary.sizes for row in competitors(size)
    )
    if len(names) == 1:
        return f"Only {next(iter(names))} was timed, so there is nothing to choose from."
    return "No two backends were timed at the same size, or without raw rounds: nothing to choose."


def _stretch(winner: str | None, sizes: list[Size], summary: Summary, material: Material) -> str:
    """Say who is fastest at some neighbouring sizes."""
    where = _where(sizes, summary, material.catalogue.counted)
    leaders = sizes[0].leaders
    if winner is None and leaders:
        return f"{listed(leaders.close)} are too close to call{where}"
    numbers = {size.n for size in sizes}
    own = [lead for lead in leads(summary, str(winner), material.results) if lead.n in numbers]
    least, most = (pick(lead.value for lead in own) for pick in (min, max))
    return f"{winner} is {_range(least, most)} as fast as {_seconds(own)}{where}"


def _where(sizes: Sequence[Size], summary: Summary, counted: str) -> str:
    if len(summary.sizes) == 1:
        return ""
    low, high = sizes[0].n, sizes[-1].n
    return f" at {low:,} {counted}" if low == high else f" from {low:,} to {high:,} {counted}"


def _times(ratio: float) -> str:
    """Return a ratio; near 1, where it decides who is ahead, with a digit more."""
    return f"{ratio:.2f}×" if 1 / NEAR < ratio < NEAR else f"{figures(ratio, 2)}×"


def _range(low: float, high: float) -> str:
    least, most = _times(low), _times(high)
    return least if least == most else f"{least} to {most}"


def _seconds(own: Sequence[Lead]) -> str:
    names = list(dict.fromkeys(lead.second for lead in own))
    return names[0] if len(names) == 1 else f"the next best ({', '.join(names)})"


def _crossover(summary: Summary) -> str:
    if len(summary.sizes) < 2 or not _won(summary):
        return ""
    changes = [f"between {n:,} and {m:,}" for n, _, m, _ in summary.crossovers]
    return f"; crossover {', '.join(changes)}" if changes else "; no crossover"


def _evidence(summaries: Sequence[Summary], sentence: str, material: Material) -> Iterator[str]:
    """Yield what stands behind the sentence, and where else it holds."""
    main, *rest = summaries
    spread, said = _spread(main, material)
    if spread not in sentence:
        yield said
    yield _elsewhere(main, [summary for summary in rest if favourite(summary)], material)
    yield _compared(main.kernel, material)
    yield from _beyond(summaries, material)
    for name, why in main.refused.items():
        yield f"Left out: {name} ({why})."


def _spread(summary: Summary, material: Material) -> tuple[str, str]:
    """Return how far apart the leads are, and a sentence with it."""
    first = favourite(summary)
    own = leads(summary, first, material.results) if first else []
    if not own:
        return "", ""
    found = _range(min(one.low for one in own), max(one.high for one in own))
    if material.several:
        return found, f"In {len(material.processes)} processes the lead of {first} was {found}."
    return found, f"One process; the 95 % intervals of {first}'s lead span {found}."


def _elsewhere(main: Summary, others: Sequence[Summary], material: Material) -> str:
    """Say whether other kinds of input change the answer, and how small the lead is there."""
    if not others:
        return ""
    first = favourite(main)
    found = [
        (size.leaders, f"{summary.scenario}, {size.n:,} {material.catalogue.counted}")
        for summary in others
        for size in summary.sizes
        if size.leaders
    ]
    close = [where for leaders, where in found if leaders.winner is None]
    ahead = [(leaders.lead.value, where) for leaders, where in found if leaders.winner == first]
    lost = [
        f"{leaders.winner} is {_times(leaders.lead.value)} as fast as {leaders.second} ({where})"
        for leaders, where in found
        if leaders.winner not in (None, first)
    ]
    kinds = len({summary.scenario for summary in others})
    on = f"On {kinds} other kinds of input" if kinds > 1 else f"On {others[0].scenario} inputs"
    if len(close) == len(found):
        return f"{on} it is too close to call{' as well' if not _won(main) else ''}."
    said = list(lost)
    if ahead:
        lead, where = min(ahead)
        well = "is fastest as well, its lead" if not lost else "is fastest elsewhere, its lead"
        said.append(f"{first} {well} down to {_times(lead)} ({where})")
    if close:
        said.append(f"too close to call: {'; '.join(close)}")
    return f"{on} {'; '.join(said)}."


def _won(summary: Summary) -> bool:
    return any(size.leaders and size.leaders.winner for size in summary.sizes)


def _beyond(summaries: Sequence[Summary], material: Material) -> Iterator[str]:
    """Yield backends outside the choice that are faster, such as those with more threads."""
    faster: dict[str, list[bool]] = {}
    for size in _sizes(summaries):
        best = min((row.result.median for row in competitors(size)), default=0.0)
        for row in size.rows:
            if row.role in (Role.VARIANT, Role.BASELINE):
                ahead = row.result.median * (1 + MARGIN) < best
                faster.setdefault(row.result.case.backend, []).append(ahead)
    notes = material.catalogue.notes
    told = [
        f"{name} ({notes.get(name, 'no backend to choose')}) in {sum(found)} of {len(found)} cases"
        for name, found in faster.items()
        if any(found)
    ]
    if told:
        yield f"Faster still, but outside this choice: {'; '.join(told)}."


def _compared(kernel: str, material: Material) -> str:
    """Say how many answers were compared with the reference before this kernel was timed."""
    parity = material.study.section.get("parity", {})
    below = material.catalogue.kernels[kernel].rests_on
    calls = {
        name: count
        for name, count in parity.get("calls", {}).items()
        if name.partition(" ")[0] in (kernel, below)
    }
    if not calls:
        return "The run does not tell what was compared with the reference."
    on = f" of {below}, which it rests on," if kernel not in _kernels(calls) else ""
    wrong = [
        one for one in parity.get("disagreements", ()) if one.partition(":")[0] in (kernel, below)
    ]
    found = f"{len(wrong)} disagreed" if wrong else "not a bit differed"
    reference = material.catalogue.reference
    return f"{sum(calls.values()):,} calls{on} were compared with {reference}: {found}."


def _kernels(calls: Iterable[str]) -> set[str]:
    return {name.partition(" ")[0] for name in calls}
