"""The judged targets as they are saved, and as Markdown for the docs."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_duel.results.provenance import where
from pytest_duel.support import markdown, schema
from pytest_duel.support.errors import DuelError
from pytest_duel.support.units import ratio

COMMAND = "targets"
SCHEMA = 1
PARTS = {"schema", "command", "when", "machine", "commit", "taken", "cases"}


class TargetsError(DuelError):
    """Targets cannot be judged or shown; the message says why."""


def load(path: Path) -> dict[str, Any]:
    """Read a file that was saved by a command that judges targets.

    Raises
    ------
    TargetsError
        Where the file is missing, truncated, foreign, or of a newer schema.
    """
    what = "holds no judged targets"
    try:
        data = schema.load(path, PARTS, SCHEMA, what)
    except schema.SchemaError as error:
        raise TargetsError(str(error)) from None
    if data["command"] != COMMAND:
        raise TargetsError(f"{path} {what}")
    return data


def needed(at_least: float | None, at_most: float | None) -> str:
    """Say what a ratio has to be."""
    least = [] if at_least is None else [f"≥ {at_least:g}"]
    most = [] if at_most is None else [f"≤ {at_most:g}"]
    return ", ".join([*least, *most])


def render(data: Mapping[str, Any]) -> str:
    """Return where the targets were judged, and a table with a line for each."""
    counts = Counter(one["verdict"] for one in data["cases"])
    said = ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))
    intro = (
        f"{where(data)}. Ratios of times, slow / fast, from {data['taken']} blocks; brackets hold "
        f"95 % intervals over blocks. Of {len(data['cases'])}: {said}."
    )
    heading = ("slow / fast", "n", "ratio", "needed", "verdict")
    align = (markdown.LEFT, *[markdown.RIGHT] * 3, markdown.LEFT)
    return "\n".join([intro, "", *markdown.table(heading, _rows(data), align)])


def _rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    told = ""
    for one in data["cases"]:
        name = "" if one["target"] == told else one["target"]
        told = one["target"]
        n = f"{one['n']:,}" if one["n"] else "geometric mean"
        known = one.get("ratio") is not None
        found = ratio(one["ratio"], one["low"], one["high"]) if known else "–"
        yield name, n, found, needed(one["at_least"], one["at_most"]), one["verdict"]
