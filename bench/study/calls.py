"""What `compare` and `report` call in recorded runs, as tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_duel.support import markdown, schema
from pytest_duel.support.schema import COUNT, NUMBER, TALLY, TEXT, Each
from pytest_duel.support.units import count

SCHEMA = 2
SHAPE = {
    "suites": Each(
        {
            "benchmarks": COUNT,
            "runs": COUNT,
            "machine": TEXT,
            "sides": [
                {"old": COUNT, "new": COUNT, "compared": COUNT, "false": TALLY,
                 "found": Each([TALLY])},
            ],
            "far_apart": NUMBER,
            "any_apart": Each(NUMBER),
            "reports": [
                {"processes": COUNT, "reports": COUNT, "groups": COUNT, "false": TALLY,
                 "with_any": TALLY},
            ],
            "boldest": {"shared": NUMBER, "stands_out": NUMBER, "lead": NUMBER},
        }
    ),
    "left_out": Each(
        {"shared": NUMBER, "stands_out": NUMBER, "compared": COUNT, "false": TALLY,
         "lead": NUMBER, "false_leads": NUMBER}
    ),
    "strangers": Each(
        {
            "benchmarks": COUNT,
            "runs": COUNT,
            "machine": TEXT,
            "sides": [{"old": COUNT, "new": COUNT, "compared": COUNT, "false": TALLY}],
        }
    ),
}  # fmt: skip


def load(path: Path) -> dict[str, Any]:
    """Read what was counted.

    Raises
    ------
    SchemaError
        Where the file is missing, or holds something else.
    """
    return schema.load(path, {"schema", *SHAPE}, SCHEMA, "holds no counted calls", SHAPE)


def render(saved: Mapping[str, Any]) -> str:
    """Return what was called: of equal code, and of benchmarks that were slowed."""
    suites = saved["suites"]
    machine = ", ".join(dict.fromkeys(one["machine"] for one in suites.values()))
    parts = (_comparisons(suites), _apart(suites), _left_out(saved), _reports(suites))
    told = "; ".join(
        f"{name}: {count(one['benchmarks'], 'benchmark')}, {one['runs']} runs"
        for name, one in suites.items()
    )
    return (
        f"On {machine} ({told}). Below each factor: how many of the benchmarks "
        f"slowed by it were called slower.\n\n" + "\n\n".join(parts)
    )


def _comparisons(suites: Mapping[str, Any]) -> str:
    factors = [f"{by}×" for by in next(iter(suites.values()))["sides"][0]["found"]]
    rows = [
        [
            name, f"{one['old']} and {one['new']}", f"{one['false']} of {one['compared']}",
            *(f"{found} of {slowed}" for found, slowed in one["found"].values()),
        ]
        for name, suite in suites.items()
        for one in suite["sides"]
    ]  # fmt: skip
    return "\n".join(markdown.table(["suite", "runs", "equal code: any call", *factors], rows))


def _apart(suites: Mapping[str, Any]) -> str:
    """Return how often equal code looks as if a benchmark had changed by so much."""
    factors = [f"{by}×" for by in next(iter(suites.values()))["any_apart"]]
    rows = [
        [name, *(f"{one:.0%}" for one in suite["any_apart"].values())]
        for name, suite in suites.items()
    ]
    return "\n".join(
        markdown.table(["two runs of equal code: some benchmark is off by", *factors], rows)
    )


def _left_out(saved: Mapping[str, Any]) -> str:
    """Return what is called in suites that the constants were chosen without."""
    rows = [
        [
            name, f"{one['shared']:g}", f"{one['stands_out']:g}",
            f"{one['false']} of {one['compared']}",
            f"{one['lead']:g}×", f"{one['false_leads']:.1%}",
        ]
        for name, one in saved["left_out"].items()
    ]  # fmt: skip
    for name, one in saved["strangers"].items():
        false, compared = (sum(own[of] for own in one["sides"]) for of in ("false", "compared"))
        about = f"{name}: {count(one['benchmarks'], 'benchmark')}, {one['runs']} runs, "
        rows.append(
            [about + one["machine"], *["as it is"] * 2, f"{false} of {compared}", "–", "–"]
        )
    heads = [
        "not chosen by", "others say", "stands out", "equal code: any call",
        "a lead", "so far apart",
    ]  # fmt: skip
    return "\n".join(markdown.table(heads, rows))


def _reports(suites: Mapping[str, Any]) -> str:
    rows = [
        [
            name, str(one["processes"]), f"{one['false']} of {one['reports'] * one['groups']:,}",
            f"{one['with_any']} of {one['reports']}",
        ]
        for name, suite in suites.items()
        for one in suite["reports"]
    ]  # fmt: skip
    heads = ["identical alternatives", "processes", "a lead called", "reports with any"]
    apart = ", ".join(f"{name} {suite['far_apart']:.1%}" for name, suite in suites.items())
    told = f"Benchmarks that two runs of equal code time so far apart as is called: {apart}."
    return "\n".join([told, "", *markdown.table(heads, rows)])
