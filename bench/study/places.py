"""What it costs to run a study in each place: saved seconds, and the docs' table of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_duel.support import markdown, schema
from pytest_duel.support.schema import ANY, COUNT, NUMBER, TEXT
from pytest_duel.support.units import count, figures

SCHEMA = 1
SHAPE = {
    "machine": {"cpu": TEXT, "usable_cores": COUNT},
    "commit": {"id?": TEXT, "dirty?": ANY},
    "when": TEXT,
    "scenarios": COUNT,
    "rows": COUNT,
    "ray_start": [NUMBER],
    "places": [{"name": TEXT, "one": [NUMBER], "all": [NUMBER]}],
}


def load(path: Path) -> dict[str, Any]:
    """Read what was saved.

    Raises
    ------
    SchemaError
        Where the file is missing, or holds something else.
    """
    return schema.load(path, {"schema", *SHAPE}, SCHEMA, "holds no times of places", SHAPE)


def render(data: Mapping[str, Any]) -> str:
    """Return what is said of them, as Markdown."""
    header = ("place", "a study of 1 scenario, s", f"of {data['scenarios']:,}, s")
    return "\n".join([headline(data), "", *markdown.table(header, [*rows(data)])])


def headline(data: Mapping[str, Any]) -> str:
    """Say where and how it was measured."""
    runs = len(data["places"][0]["all"])
    start = data["ray_start"]
    ray = f" Before that, to start the nodes of Ray took {_range(start)} s." if start else ""
    return (
        f"`easy_marl.examples.studies.demand` on {data['machine']['cpu']}, "
        f"{data['machine']['usable_cores']} cores, from the start of its process to its end, in "
        f"{count(runs, 'run')}: {data['scenarios']:,} scenarios are {data['rows']:,} rows.{ray}"
    )


def rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each place."""
    for place in data["places"]:
        yield place["name"], _range(place["one"]), _range(place["all"])


def _range(seconds: Sequence[float]) -> str:
    least, most = (figures(one, 2) for one in (min(seconds), max(seconds)))
    return least if least == most else f"{least} to {most}"
