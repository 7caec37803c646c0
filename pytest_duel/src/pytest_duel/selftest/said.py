"""A project's self-test as text, Markdown or JSON, and as a part of a document."""

import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_duel.results.provenance import where
from pytest_duel.selftest import rates
from pytest_duel.selftest.rates import HEADING, RateTable
from pytest_duel.selftest.records import SelftestError, measuring_code
from pytest_duel.selftest.trials import MEASURING
from pytest_duel.support import files, markdown
from pytest_duel.support.terminal import wrapped

BEGIN, END = "<!-- selftest", "<!-- end selftest -->"
_VERSIONS = ("code", "sources")
"""Of the key of a self-test: what may differ between files whose trials count together."""
OF_BUILDS = " of builds"
"""Behind the first: of gates of two builds of one source."""
_PART = re.compile(rf"(?s){BEGIN}(?P<what>|{OF_BUILDS}):(?P<names>[^>]*?)-->\n(?P<body>.*?){END}")


def terminal(data: Mapping[str, Any]) -> str:
    """Return plain text."""
    lines = wrapped(rates.intro(data))
    for table in rates.tables(data):
        lines += ["", table.title, "-" * len(table.title)]
        if table.title in (rates.UNPLANTED, rates.UNMEASURED):
            lines += [line for row in table.rows for line in wrapped(": ".join(row))]
        else:
            lines += _aligned(table)
    return "\n".join(lines) + "\n"


def _aligned(table: RateTable) -> list[str]:
    """Return the lines of a table: its first column to the left, the others to the right."""
    rows = [row for row in (table.heading, *table.rows) if any(row)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [f"{row[0]:<{widths[0]}}"]
            + [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]


def as_markdown(data: Mapping[str, Any]) -> str:
    """Return tables in Markdown."""
    lines = [rates.intro(data)]
    for table in rates.tables(data):
        lines += ["", f"**{table.title}**", "", *_marked(table.heading, table.rows)]
    return "\n".join(lines) + "\n"


def _marked(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return markdown.table(heading, rows, [markdown.LEFT, *[markdown.RIGHT] * (len(heading) - 1)])


def as_json(data: Mapping[str, Any]) -> str:
    """Return the tables and their origin as one document."""
    about = {name: data[name] for name in ("schema", "when", "key", "machine", "commit")}
    told = {
        table.title: [dict(zip(table.heading, row, strict=True)) for row in table.rows]
        for table in rates.tables(data)
    }
    return json.dumps({**about, "tables": told}, indent=2, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "terminal": terminal,
    "markdown": as_markdown,
    "json": as_json,
}


def update(path: Path) -> bool:
    """Write the rates of saved self-tests into a document; tell whether that changed it.

    Raises
    ------
    SelftestError
        Where it cannot be read, has no place for them, or a file that it names is no self-test.
    """
    try:
        before = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SelftestError(f"{path} cannot be read: {error}") from None
    after = refreshed(before, path)
    if after != before:
        files.write(path, after)
    return after != before


def refreshed(document: str, path: Path) -> str:
    """Fill the marked parts of a document from the saved self-tests that they name.

    Raises
    ------
    SelftestError
        Where there is no such part, a marker has no partner, or a file is no self-test.
    """

    def made(part: re.Match[str]) -> str:
        names = part["names"].split()
        if not names:
            raise SelftestError(f"{path}: a part names no file: it must be `{BEGIN}: FILE -->`")
        told = comparison(path.parent, names, of_builds=bool(part["what"]))
        return f"{BEGIN}{part['what']}: {' '.join(names)} -->\n{told}\n{END}"

    new, count = _PART.subn(made, document)
    if not count:
        raise SelftestError(
            f"{path} has no place for a self-test: put `{BEGIN}: FILE -->` and `{END}` on two "
            "lines"
        )
    if count != document.count(BEGIN) or count != document.count(END):
        raise SelftestError(f"{path}: a marker of a self-test has no partner")
    return new


def _place(data: Mapping[str, Any]) -> str:
    """Return the machine, the versions and the day, which several self-tests may share."""
    machine, _, _ = where(data).partition("; commit ")
    return f"{machine}; {data['when'][:10]}"


def comparison(folder: Path, names: Sequence[str], *, of_builds: bool = False) -> str:
    """Return a table with a row for each self-test, and where they were measured.

    Several files of one self-test, such as by versions of the code that measures, make one row.

    Parameters
    ----------
    folder
        To which the names of the files are relative.
    names
        Of the files.
    of_builds
        Tell of gates of two builds of one source. They take hours, so files that are not there
        yet are named, and are no error.
    """
    paths = {name: Path(os.path.normpath(folder / name)) for name in names}
    missing = [name for name, path in paths.items() if of_builds and not path.exists()]
    found = [rates.load(path) for name, path in paths.items() if name not in missing]
    lines = [_origin(found), "", *_table(found, of_builds=of_builds)] if found else []
    if missing:
        named = ", ".join(f"`{name}`" for name in missing)
        lines += [""] * bool(lines) + [f"Not measured yet: there is no {named}."]
    return "\n".join(lines)


def _age(old: Collection[bool]) -> str:
    """Say whether the code that measured has changed since, in all files or in some."""
    if not any(old):
        return ""
    return f",{'' if all(old) else ' in part'} by measuring code that has changed since"


def _origin(found: Sequence[Mapping[str, Any]]) -> str:
    own, places = measuring_code(MEASURING), dict[str, set[bool]]()
    for data in found:
        places.setdefault(_place(data), set()).add(data["key"].get("code") != own)
    told = [f"{place}{_age(old)}" for place, old in places.items()]
    return (
        f"Measured on {', and on '.join(told)}. Brackets hold 95 % intervals (Clopper and "
        "Pearson)."
    )


def _table(found: Sequence[Mapping[str, Any]], *, of_builds: bool) -> list[str]:
    heading, row = (rates.BUILDS, rates.builds) if of_builds else (HEADING, rates.summary)
    return _marked(heading, [row(data) for data in _pooled(found)])


def _pooled(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return self-tests with the trials of all files in which the same was asked."""
    asked: dict[str, list[Mapping[str, Any]]] = {}
    for data in found:
        key = {name: one for name, one in data["key"].items() if name not in _VERSIONS}
        asked.setdefault(json.dumps(key, sort_keys=True), []).append(data)
    return [
        {**own[-1], "trials": [trial for one in own for trial in one["trials"]]}
        for own in asked.values()
    ]
