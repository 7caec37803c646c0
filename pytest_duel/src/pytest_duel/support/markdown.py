"""Tables in Markdown."""

from collections.abc import Iterable, Sequence

LEFT, RIGHT = ":--", "--:"


def line(cells: Iterable[str]) -> str:
    """Return a row of a table, or its heading; the cells are taken as they are."""
    return f"| {' | '.join(cells)} |"


def table(
    heading: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str] | None = None
) -> list[str]:
    """Return the lines of a table; `align` is `LEFT` or `RIGHT` by column, else all are right."""
    return [line(heading), line(align or [RIGHT] * len(heading)), *map(line, rows)]
