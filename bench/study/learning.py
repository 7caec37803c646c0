"""What trainings of all agents found, against the equilibrium, and how fast libraries learn."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_duel.support import markdown, schema
from pytest_duel.support.schema import ANY, COUNT, NUMBER, SECONDS, TALLY, TEXT
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
        {
            "library": TEXT, "version": TEXT, "agents": COUNT, "steps": COUNT,
            "cpu_seconds": SECONDS, "samples?": [SECONDS], "commit?": {"id?": TEXT},
        }
    ],
    "command?": {"seconds": SECONDS, "commit?": {"id?": TEXT}},
}  # fmt: skip
"""What a file holds.

`steps` of a learner are those of each sample; `cpu_seconds` is the median of samples, or the only
one in earlier files. `command` is the example that trains all, as a user runs it.
"""
EXPLOITABILITY = "exploitability after the last round"
FIVE = 5
"""The agents that libraries are compared by."""


def load(path: Path) -> dict[str, Any]:
    """Read saved trainings.

    Raises
    ------
    SchemaError
        Where the file is missing, or holds something else.
    """
    needed = {name for name in SHAPE if not name.endswith("?")}
    return schema.load(path, {"schema", *needed}, SCHEMA, "holds no trainings", SHAPE)


def headline(data: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> str:
    """Say where parts of the file were measured; those without a commit have that of the file."""
    commits = [(one.get("commit") or data["commit"]).get("id") for one in parts]
    # One after the other, and each once.
    told = "".join(f", commit {made[:10]}" for made in dict.fromkeys(commits) if made)
    machine = data["machine"]
    return f"On {machine['cpu']}, {machine['usable_cores']} cores{told}:"


def render_schedules(data: Mapping[str, Any]) -> str:
    """Return what each schedule found, as Markdown."""
    header = (
        "market", "what agents do", "trainings", "steps of a policy", EXPLOITABILITY,
        "after the best", "profit of all",
    )  # fmt: skip
    rows = markdown.table(header, [*_rows(data)], [markdown.LEFT] * 2 + [markdown.RIGHT] * 5)
    return "\n".join([headline(data, [data]), "", *rows])


def _rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for rest in data["rests"]:
        name = rest["market"]
        at_cost = f"{rest['at_cost']:.2f}"
        yield name, "bid cost", "–", "–", at_cost, "–", f"{rest['profit_at_cost']:,.0f}"
        ways: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
        for one in data["trainings"]:
            if one["market"] == name:
                ways.setdefault((one["schedule"], one["shared"]), []).append(one)
        for (schedule, shared), group in ways.items():
            yield (
                name,
                f"learn, {schedule} ({'one policy' if shared else 'each its own'})",
                str(len(group)),
                f"{_steps_of_a_policy(group[0], rest['agents']):,}",
                _range([one["exploitability"][-1] for one in group], ".2f"),
                # The first one is that before anybody has learnt.
                _range([min(one["exploitability"][1:]) for one in group], ".2f"),
                _range([one["profit"] for one in group], ",.0f"),
            )
        settled = f"equilibrium, {rest['settled']} of {count(rest['hours'], 'hour')} settled"
        left = f"{rest['equilibrium']:.2f}"
        yield name, settled, "–", "–", left, "–", f"{rest['profit']:,.0f}"


def _steps_of_a_policy(training: Mapping[str, Any], agents: int) -> int:
    """Return how many environment steps each policy has learnt from."""
    steps: int = training["steps"]
    return steps if training["schedule"] == "simultaneous" else steps // agents


def _range(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


def render_learners(data: Mapping[str, Any]) -> str:
    """Return how fast libraries learn, as Markdown."""
    header = ("library", "agents that learn from a step", "steps", "steps of five learning agents")
    rows = [*_learners(data)]
    command = data.get("command")
    parts = [*data["learners"], *([command] if command else [])]
    lines = [
        headline(data, parts),
        "",
        "Environment steps learnt from in a second of processor time: the median of samples, and "
        "in brackets the lowest and the highest.",
        "",
        *markdown.table(header, rows, [markdown.LEFT] + [markdown.RIGHT] * 3),
    ]
    if command:
        lines += [
            "",
            f"`learn --all` took {command['seconds']:.0f} seconds by the clock, as a whole.",
        ]
    return "\n".join(lines)


def _learners(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in data["learners"]:
        samples = one.get("samples") or [one["cpu_seconds"]]
        rates = [one["steps"] / seconds for seconds in samples]
        yield _speed(f"{one['library']} {one['version']}", one["agents"], rates)
    rates = [
        one["steps"] / one["cpu_seconds"] for one in data["trainings"] if _is_of_five(data, one)
    ]
    if rates:
        yield _speed("TorchRL, in the trainings above", FIVE, rates)


def _is_of_five(data: Mapping[str, Any], training: Mapping[str, Any]) -> bool:
    """Return whether five agents learnt from each step, each with a policy of its own."""
    agents = {one["market"]: one["agents"] for one in data["rests"]}
    how = training["schedule"], training["shared"], agents.get(training["market"])
    return how == ("simultaneous", False, FIVE)


def _speed(name: str, agents: int, rates: Sequence[float]) -> tuple[str, ...]:
    of_five = [rate * agents / FIVE for rate in rates]
    return name, str(agents), _spread(rates), _spread(of_five)


def _spread(rates: Sequence[float]) -> str:
    """Return the median, and where there are several the lowest and the highest."""
    middle, low, high = (
        f"{float(f'{rate:.3g}'):,.0f}"
        for rate in (statistics.median(rates), min(rates), max(rates))
    )
    return middle if low == high else f"{middle} ({low} to {high})"


def total(profits: Any) -> float:
    """Return what all agents earn in an episode on average, given (E, T, N)."""
    return float(np.asarray(profits).sum(axis=(1, 2)).mean())
