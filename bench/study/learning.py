"""What trainings of all agents found, against the equilibrium, and how fast libraries learn."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_duel.support import markdown, schema
from pytest_duel.support.schema import ANY, COUNT, NUMBER, TALLY, TEXT
from pytest_duel.support.units import count

SCHEMA = 1
SHAPE = {
    "machine": {"cpu": TEXT, "usable_cores": COUNT},
    "commit": {"id?": TEXT, "dirty?": ANY},
    "rests": [
        {
            "market": TEXT, "agents": COUNT, "at_cost": NUMBER, "equilibrium": NUMBER,
            "settled": TALLY, "hours": COUNT, "profit_at_cost": ANY, "profit": ANY,
        }
    ],
    "trainings": [
        {
            "market": TEXT, "schedule": TEXT, "shared": ANY, "seed": TALLY, "steps": COUNT,
            "cpu_seconds": NUMBER, "exploitability": [NUMBER], "profit": ANY, "asked?": COUNT,
            "settings?": ANY,
        }
    ],
    "learners": [
        {"library": TEXT, "version": TEXT, "agents": COUNT, "steps": COUNT, "cpu_seconds": NUMBER}
    ],
}  # fmt: skip


def load(path: Path) -> dict[str, Any]:
    """Read saved trainings.

    Raises
    ------
    SchemaError
        Where the file is missing, or holds something else.
    """
    return schema.load(path, {"schema", *SHAPE}, SCHEMA, "holds no trainings", SHAPE)


def headline(data: Mapping[str, Any]) -> str:
    """Say where the trainings ran."""
    made = data["commit"].get("id")
    commit = f", commit {made[:10]}" if made else ""
    machine = data["machine"]
    return f"On {machine['cpu']}, {machine['usable_cores']} cores{commit}:"


def render_schedules(data: Mapping[str, Any]) -> str:
    """Return what each schedule found, as Markdown."""
    header = (
        "market", "what agents do", "trainings", "steps", "exploitability", "profit of all",
    )  # fmt: skip
    rows = markdown.table(header, [*_rows(data)], [markdown.LEFT] * 2 + [markdown.RIGHT] * 4)
    return "\n".join([headline(data), "", *rows])


def _rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for rest in data["rests"]:
        name = rest["market"]
        yield (
            name,
            "bid cost",
            "–",
            "–",
            f"{rest['at_cost']:.2f}",
            f"{rest['profit_at_cost']:,.0f}",
        )
        ways: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
        for one in data["trainings"]:
            if one["market"] == name:
                ways.setdefault((one["schedule"], one["shared"]), []).append(one)
        for (schedule, shared), group in ways.items():
            yield (
                name,
                f"learn, {schedule} ({'one policy' if shared else 'each its own'})",
                str(len(group)),
                f"{group[0]['steps']:,}",
                _range([one["exploitability"][-1] for one in group], ".2f"),
                _range([one["profit"] for one in group], ",.0f"),
            )
        settled = f"equilibrium, {rest['settled']} of {count(rest['hours'], 'hour')} settled"
        yield name, settled, "–", "–", f"{rest['equilibrium']:.2f}", f"{rest['profit']:,.0f}"


def _range(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


def render_learners(data: Mapping[str, Any]) -> str:
    """Return how fast libraries learn, as Markdown."""
    header = ("library", "agents that learn from a step", "steps", "steps of five learning agents")
    rows = []
    for one in data["learners"]:
        rate = one["steps"] / one["cpu_seconds"]
        rows.append(
            (
                f"{one['library']} {one['version']}",
                str(one["agents"]),
                f"{round(rate, -2):,.0f}",
                f"{round(rate * one['agents'] / 5, -2):,.0f}",
            )
        )
    text = "Environment steps learnt from in a second of processor time:"
    return "\n".join(
        [
            headline(data),
            "",
            text,
            "",
            *markdown.table(header, rows, [markdown.LEFT] + [markdown.RIGHT] * 3),
        ]
    )


def total(profits: Any) -> float:
    """Return what all agents earn in an episode on average, given (E, T, N)."""
    return float(np.asarray(profits).sum(axis=(1, 2)).mean())
