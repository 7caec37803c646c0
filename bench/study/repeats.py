"""How often sweeps of the same code say the same: reading what is saved, and the docs' tables."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.study import sweeps, winners
from bench.study.sweeps import Question, questions
from pytest_duel.support import markdown, schema
from pytest_duel.support.schema import ANY, COUNT, TALLY, TEXT
from pytest_duel.support.units import count, ratio

SCHEMA = 1
SHAPE = {
    "machine": {"cpu": TEXT, "usable_cores": COUNT},
    "commit": {"id?": TEXT, "dirty?": ANY},
    "beside": TALLY,
    "duels?": winners.SHAPE,
    "sweeps": [sweeps.SHAPE],
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


HEADER = ("question", "sizes", "called", "opposed", "crossovers", "advice")


def rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each question, as `HEADER` has it."""
    for one in questions(data):
        yield (
            one.name,
            str(len(one.sizes)),
            _called(one),
            ", ".join(f"{int(size):,}" for size in one.opposed) or "–",
            _counted(one.crossovers),
            _counted(one.advice),
        )


def _called(question: Question) -> str:
    """Say how often a winner was called, and which sizes seldom are."""
    number = len(question.sweeps)
    told = f"{question.called} of {len(question.sizes) * number}"
    seldom = [f"{int(size):,} ({own} of {number})" for size, own in question.seldom.items()]
    return f"{told}; seldom: {', '.join(seldom)}" if seldom else told


def _counted(found: Counter[str]) -> str:
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text} ({number}×)" for text, number in found.most_common())


def headline(data: Mapping[str, Any]) -> str:
    """Say where and how the sweeps ran, how long they took, and what differs between them."""
    own, asked = data["sweeps"], questions(data)
    beside = f", with {count(data['beside'], 'busy loop')} beside them" if data["beside"] else ""
    opposed = sum(len(one.opposed) for one in asked)
    moved = max(one.moved for one in asked)
    return (
        f"{count(len(own), 'sweep')} of {own[0]['blocks']} blocks in a row on "
        f"{data['machine']['cpu']}, {data['machine']['usable_cores']} cores{beside}, "
        f"{_commit(data['commit'])}: {_took(own)}. Sizes at which two sweeps call different "
        f"winners: {opposed}. Sizes by which a crossover moves: {moved}."
    )


def _took(own: Sequence[Mapping[str, Any]]) -> str:
    """Say how long sweeps took, how much they wrote, and how busy the machine was before."""
    parity = max(one["parity_seconds"] for one in own)
    told = [
        f"{_span([one['seconds'] for one in own])}, of it at most {parity:.0f} s for parity",
        f"at most {max(one['lines'] for one in own)} lines",
    ]
    tables = [one["table_seconds"] for one in own if one.get("table_seconds") is not None]
    if tables:
        told.append(f"the first table after at most {max(tables):.0f} s")
    loads = [one["load"] for one in own if one.get("load") is not None]
    if loads:
        told.append(f"a load of at most {max(loads):.1f} at their start")
    return ", ".join(told)


def _span(seconds: Sequence[float]) -> str:
    least, most = f"{min(seconds):.0f}", f"{max(seconds):.0f}"
    return f"{most} s" if least == most else f"{least} to {most} s each"


def _commit(found: Mapping[str, Any]) -> str:
    if not found.get("id"):
        return "of no known commit"
    changes = "" if found.get("dirty") is False else " with changes"
    return f"commit {found['id'][:10]}{changes}"


def render(data: Mapping[str, Any]) -> str:
    """Return what is said of repeated sweeps, as Markdown."""
    duels = data.get("duels")
    if duels is None:
        told = "Their winners were not held against a duel."
        return "\n".join([f"{headline(data)} {told}", "", *markdown.table(HEADER, [*rows(data)])])
    where = f"{data['machine']['cpu']}, {_commit(duels['commit'])}"
    found = ([*row, winners.cell(duels, row[0])] for row in rows(data))
    return "\n".join(
        [
            f"{headline(data)} {winners.headline(duels, where)}",
            "",
            *markdown.table([*HEADER, "duel"], found),
            "",
            LEADS,
            "",
            *markdown.table(LEADS_HEADER, leads(data)),
        ]
    )


LEADS = (
    "How many times as fast as the next backend: the middle one of the sweeps and their range, "
    "and the duel with its interval, which is wide enough for all duels together."
)
LEADS_HEADER = ("question", "n", "backends", "sweeps", "duel")


def leads(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each duel with the next backend, as `LEADS_HEADER` has it."""
    asked = {one.name: one for one in questions(data)}
    nearest: dict[tuple[str, int, str], tuple[list[float], Mapping[str, Any]]] = {}
    for one in data["duels"]["found"]:
        place = one["question"], one["n"], one["winner"]
        own = asked[one["question"]].leads(str(one["n"]), one["winner"], one["other"])
        if not own or one.get("ratio") is None:
            continue
        if place not in nearest or statistics.median(own) < statistics.median(nearest[place][0]):
            nearest[place] = own, one
    for (question, n, winner), (own, one) in nearest.items():
        yield (
            question,
            f"{n:,}",
            f"{winner} before {one['other']}",
            ratio(statistics.median(own), min(own), max(own)),
            ratio(one["ratio"], one["low"], one["high"]),
        )


def render_all(saved: Sequence[Mapping[str, Any]]) -> str:
    """Return what is said of all that is saved: quiet machines first, then busy ones."""
    parts = [render(one) for one in sorted(saved, key=lambda one: one["beside"])]
    if not any(one["beside"] == 0 for one in saved):
        parts.insert(0, "No sweeps on a quiet machine are saved.")
    if not any(one["beside"] for one in saved):
        parts.append("No sweeps with a busy process beside them are saved.")
    return "\n\n".join(parts)
