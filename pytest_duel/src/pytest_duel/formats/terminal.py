"""Plain text in 80 columns, the verdict last, where a terminal ends."""

from collections.abc import Iterator, Sequence

from pytest_duel.support.terminal import WIDTH, wrapped
from pytest_duel.verdicts.model import Judgement, Row


def render(judgement: Judgement) -> str:
    """Return every row, the means after the cases."""
    lines = [*wrapped(f"{judgement.command}: {judgement.title}"), ""]
    for warning in judgement.warnings:
        lines += wrapped(f"WARNING: {warning}")
    if judgement.warnings:
        lines.append("")
    widths = _widths(judgement)
    for rows in (judgement.rows, judgement.means):
        for group in dict.fromkeys(row.group for row in rows):
            lines += [group, "-" * len(group), _line("", judgement.columns, "verdict", widths)]
            for row in rows:
                if row.group == group:
                    lines += _row(row, widths)
            lines.append("")
    for note in judgement.notes:
        lines += wrapped(f"  {note}")
    lines += wrapped(f"verdict: {judgement.word} ({counts(judgement)}){_loudly(judgement)}")
    return "\n".join(lines) + "\n"


def counts(judgement: Judgement) -> str:
    """Say how many cases have which verdict."""
    said = ", ".join(f"{number} {word}" for word, number in judgement.counts.items())
    return f"{said} of {len(judgement.rows)} cases" if judgement.rows else "no cases"


def _loudly(judgement: Judgement) -> str:
    number = len(judgement.warnings)
    return f"; {number} warning{'s' if number > 1 else ''} above" if number else ""


def _widths(judgement: Judgement) -> list[int]:
    rows = (*judgement.rows, *judgement.means)
    table = [judgement.columns, *(row.cells for row in rows)]
    cells = [max(map(len, column)) for column in zip(*table, strict=True)]
    rest = WIDTH - sum(width + 1 for width in cells) - 2 - _longest([row.word for row in rows])
    return [max(0, min(_longest([row.label for row in rows]), rest)), *cells]


def _longest(texts: Sequence[str]) -> int:
    return max(map(len, texts), default=0)


def _row(row: Row, widths: Sequence[int]) -> Iterator[str]:
    label = row.label
    if len(label) > widths[0]:
        yield label
        label = ""
    yield _line(label, row.cells, row.word, widths)
    for line in row.note.splitlines():  # a compiler's message has many
        yield from wrapped(f"    {line}")


def _line(label: str, cells: Sequence[str], word: str, widths: Sequence[int]) -> str:
    middle = "".join(f" {cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
    return f"{label:<{widths[0]}}{middle}  {word}".rstrip()
