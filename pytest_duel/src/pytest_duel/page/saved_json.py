"""JSON that other commands have saved, checked before it is used."""

import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_duel.results.runs import RunError
from pytest_duel.support import schema
from pytest_duel.support.schema import NUMBER, TALLY, TEXT, Each, Is, SchemaError, check

SCHEMA = 1
RATIO = Is(lambda value: NUMBER.tell(value) and value > 0, "a number above 0")
SIDE = Is(lambda value: value in ("raw", "relative"), "'raw' or 'relative'")
INTERVAL = {"ratio?": RATIO, "low?": NUMBER, "high?": NUMBER}
CASE = {"name": TEXT, "verdict": TEXT, "exit_code": TALLY, "note?": TEXT}
WHOLE = {
    "schema": Is(lambda value: value == SCHEMA, f"{SCHEMA}, the schema that this version reads"),
    "title": TEXT,
    "verdict": TEXT,
    "exit_code": TALLY,
    "counts": Each(TALLY),
    "warnings": [TEXT],
    "notes": [TEXT],
}
"""Parts by name; those with a question mark may be missing or null."""
JUDGED = {
    **WHOLE,
    "threshold?": NUMBER,
    "blocks?": TALLY,
    "parity_calls?": TALLY,
    "nulls?": Each(INTERVAL),
    "cases": [
        {
            **CASE, **INTERVAL, "threshold?": NUMBER, "trusted?": SIDE,
            "raw?": INTERVAL, "relative?": INTERVAL,
            "old?": RATIO, "new?": RATIO, "seconds?": RATIO,
        }
    ],
}  # fmt: skip
TARGETS = {
    **WHOLE,
    "when": TEXT,
    "machine": {"cpu?": TEXT, "virtualisation?": TEXT, "versions": {}},
    "commit": {"id?": TEXT},
    "taken": TALLY,
    "cases": [
        {**CASE, **INTERVAL, "target": TEXT, "n?": TALLY, "at_least?": RATIO, "at_most?": RATIO}
    ],
}
SHAPES: Mapping[str, Any] = {
    "compare": {**JUDGED, "runs?": {"old": TALLY, "new": TALLY}},
    "duel": JUDGED,
    "gate": JUDGED,
    "targets": TARGETS,
}
"""By command, what its JSON must hold for a page."""
TAKEN = f"{', '.join([*SHAPES][:-1])} and {[*SHAPES][-1]}"


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the saved output of a command, if the file is one.

    Raises
    ------
    RunError
        Where it is of a command that the page shows nothing of, or a part is not as it must be.
    """
    if path.suffix != ".json":
        return
    try:
        data = schema.parse(schema.content(path))
    except SchemaError:
        return  # what reads runs says what is wrong with it
    if isinstance(data, dict) and "benchmarks" in data:
        return
    command = _command(data)
    if command is None:
        raise RunError(
            f"{path}: this is no pytest-benchmark run, nor what {TAKEN} have saved as JSON"
        )
    if not isinstance(command, str) or command not in SHAPES:
        raise RunError(
            f"{path}: a page shows runs, and the JSON of {TAKEN}, not of {reprlib.repr(command)}"
        )
    try:
        check(data, SHAPES[command])
    except SchemaError as error:
        raise RunError(f"{path}: {error}") from None
    yield data


def _command(data: Any) -> Any:
    """Return what has saved an object, None where it does not tell."""
    if not isinstance(data, dict):
        return None
    return data.get("command", "selftest" if "trials" in data else None)
