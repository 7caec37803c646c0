"""Markdown for a pull request: short, the verdict first, ``~`` for no change."""

from collections.abc import Iterator, Sequence

from bench.formats.terminal import counts
from bench.judgement import Judgement, Row
from bench.verdict import Verdict

MOST = 40
"""Rows of cases; the rest is counted."""
_WORDS = {Verdict.NO_CHANGE: "~", Verdict.REGRESSION: f"**{Verdict.REGRESSION}**"}


def render(judgement: Judgement) -> str:
    """Return the verdict, the warnings, the means, and the cases that changed."""
    lines = [f"**{judgement.command}: {judgement.word}** ({counts(judgement)})", ""]
    lines += [_escaped(judgement.title), ""]
    if judgement.warnings:
        lines += [*(f"> ⚠ {_escaped(warning)}  " for warning in judgement.warnings), ""]
    changed = [row for row in judgement.rows if row.notable]
    if changed:
        lines += [*_table("case", judgement.columns, changed[:MOST]), ""]
    if len(changed) > MOST:
        lines += [f"… and {len(changed) - MOST} more.", ""]
    if judgement.means:
        lines += [*_table("geometric mean", judgement.columns, judgement.means), ""]
    lines += [f"- {_escaped(note)}" for note in judgement.notes]
    return "\n".join(lines).rstrip() + "\n"


def _table(name: str, columns: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    yield _line([name, *columns, "verdict"])
    yield _line([":--", *["--:"] * len(columns), ":--"])
    for row in rows:
        word = _WORDS.get(Verdict(row.word), row.word) if row.word in set(Verdict) else row.word
        said = f"{word}: {row.note}" if row.note else word
        yield _line([f"`{row.name}`", *row.cells, said])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    """Return text in which nothing is markup: names come from saved files."""
    for character in "\\`*_[]<>":
        text = text.replace(character, f"\\{character}")
    return text
