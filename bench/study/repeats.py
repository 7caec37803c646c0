"""How often sweeps of the same code say the same: data of each sweep, and what differs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.study import winners
from pytest_duel.catalogue.model import Catalogue
from pytest_duel.results.runs import Run
from pytest_duel.results.summary import Summary, summarise
from pytest_duel.support import markdown, schema
from pytest_duel.support.schema import ANY, COUNT, NUMBER, TALLY, TEXT, Each
from pytest_duel.support.units import count
from pytest_duel.verdicts.text import recommendation

SCHEMA = 1
SHAPE = {
    "machine": {"cpu": TEXT, "usable_cores": COUNT},
    "commit": {"id?": TEXT, "dirty?": ANY},
    "beside": TALLY,
    "duels?": winners.SHAPE,
    "sweeps": [
        {
            "when": TEXT,
            "seconds": NUMBER,
            "parity_seconds": NUMBER,
            "lines": COUNT,
            "blocks": COUNT,
            "questions": Each(
                {"winners": Each(ANY), "leads": Each([ANY]), "advice": TEXT},
            ),
        }
    ],
}


def load(path: Path) -> dict[str, Any]:
    """Read saved sweeps.

    Raises
    ------
    SchemaError
        Where the file is missing, or holds something else.
    """
    parts = {"schema", *(name for name in SHAPE if not name.endswith("?"))}
    return schema.load(path, parts, SCHEMA, "holds no repeated sweeps", SHAPE)


def said(run: Run, catalogue: Catalogue) -> dict[str, Any]:
    """Return what a sweep says of each kernel and scenario: winners by size, and the advice."""
    return {
        f"{one.kernel}, {one.scenario}": {
            "winners": {str(size.n): size.leaders.winner for size in one.sizes if size.leaders},
            "leads": {
                str(size.n): [
                    size.leaders.first,
                    round(size.leaders.lead.value, 4),
                    size.leaders.second,
                ]
                for size in one.sizes
                if size.leaders
            },
            "advice": recommendation(one),
        }
        for one in summarise(run, catalogue)
        if _is_advice(one)
    }


def _is_advice(summary: Summary) -> bool:
    return bool(summary.overall) and not summary.diagnostic


class Question:
    """What several sweeps say of one kernel and scenario.

    Parameters
    ----------
    name
        Kernel and scenario.
    sweeps
        Of each sweep its `said` of this question.
    """

    def __init__(self, name: str, sweeps: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.sweeps = sweeps
        self.sizes = list(sweeps[0]["winners"])

    @property
    def called(self) -> int:
        """Return how often a winner was called, over sizes and sweeps."""
        return sum(one is not None for sweep in self.sweeps for one in sweep["winners"].values())

    def winners(self, size: str) -> Counter[str]:
        """Return how often each backend was called the winner at a size."""
        found = (sweep["winners"][size] for sweep in self.sweeps)
        return Counter(one for one in found if one is not None)

    @property
    def opposed(self) -> list[str]:
        """Return the sizes at which two sweeps call different winners."""
        return [size for size in self.sizes if len(self.winners(size)) > 1]

    @property
    def crossovers(self) -> Counter[str]:
        """Return how often each set of crossovers was found."""
        return Counter(_crossovers(sweep["winners"]) for sweep in self.sweeps)

    @property
    def advice(self) -> Counter[str]:
        """Return how often each advice was given, without remarks, which some commits have."""
        return Counter(sweep["advice"].partition(" (")[0] for sweep in self.sweeps)


def _crossovers(winners: Mapping[str, str | None]) -> str:
    called = [(size, one) for size, one in winners.items() if one is not None]
    found = [
        f"{one} → {other} between {n} and {m}"
        for (n, one), (m, other) in pairwise(called)
        if one != other
    ]
    return "; ".join(found) or "none"


def questions(data: Mapping[str, Any]) -> list[Question]:
    """Return what sweeps say, question by question."""
    sweeps = [one["questions"] for one in data["sweeps"]]
    return [Question(name, [one[name] for one in sweeps]) for name in sweeps[0]]


HEADER = ("question", "sizes", "called", "opposed", "crossovers", "advice")


def rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each question, as `HEADER` has it."""
    for one in questions(data):
        yield (
            one.name,
            str(len(one.sizes)),
            f"{one.called} of {len(one.sizes) * len(one.sweeps)}",
            ", ".join(one.opposed) or "–",
            _counted(one.crossovers),
            _counted(one.advice),
        )


def _counted(found: Counter[str]) -> str:
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text} ({number}×)" for text, number in found.most_common())


def headline(data: Mapping[str, Any]) -> str:
    """Say where and how the sweeps ran, and how long they took."""
    sweeps = data["sweeps"]
    seconds = sorted(one["seconds"] for one in sweeps)
    parity = max(one["parity_seconds"] for one in sweeps)
    opposed = sum(len(one.opposed) for one in questions(data))
    beside = f", with {count(data['beside'], 'busy loop')} beside them" if data["beside"] else ""
    lines = max(one["lines"] for one in sweeps)
    least, most = f"{seconds[0]:.0f}", f"{seconds[-1]:.0f}"
    took = f"{most} s" if least == most else f"{least} to {most} s each"
    return (
        f"{count(len(sweeps), 'sweep')} of {sweeps[0]['blocks']} blocks in a row on "
        f"{data['machine']['cpu']}, {data['machine']['usable_cores']} cores{beside}, "
        f"{_commit(data['commit'])}: {took}, of it at most "
        f"{parity:.0f} s for parity, at most {lines} lines. Sizes "
        f"at which two sweeps call different winners: {opposed}."
    )


def _commit(found: Mapping[str, Any]) -> str:
    if not found.get("id"):
        return "of no known commit"
    changes = "" if found.get("dirty") is False else " with changes"
    return f"commit {found['id'][:10]}{changes}"


def render(data: Mapping[str, Any]) -> str:
    """Return what is said of repeated sweeps, as Markdown."""
    duels = data.get("duels")
    if duels is None:
        said = "Their winners were not held against a duel."
        return "\n".join([f"{headline(data)} {said}", "", *markdown.table(HEADER, [*rows(data)])])
    where = f"{data['machine']['cpu']}, {_commit(duels['commit'])}"
    heads = [*HEADER, "duel"]
    told = ([*row, winners.cell(duels, row[0])] for row in rows(data))
    return "\n".join(
        [f"{headline(data)} {winners.headline(duels, where)}", "", *markdown.table(heads, told)]
    )


def render_all(saved: Sequence[Mapping[str, Any]]) -> str:
    """Return what is said of all that is saved: quiet machines first, then busy ones."""
    parts = [render(one) for one in sorted(saved, key=lambda one: one["beside"])]
    if not any(one["beside"] == 0 for one in saved):
        parts.insert(0, "No sweeps on a quiet machine are saved.")
    if not any(one["beside"] for one in saved):
        parts.append("No sweeps with a busy process beside them are saved.")
    return "\n\n".join(parts)
