"""What the docs' tables have in common: Markdown, and times in microseconds."""

from collections.abc import Iterable, Sequence

from pytest_duel.results.benchmarks import Result
from pytest_duel.support import markdown
from pytest_duel.support.units import figures


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    return "\n".join(markdown.table(header, rows))


def median_us(result: Result | None) -> str:
    """Return a result's median in microseconds; a dash where there is none."""
    return "–" if result is None else us(result.median)


def us(seconds: float) -> str:
    """Return seconds in microseconds."""
    return figures(seconds * 1e6)
