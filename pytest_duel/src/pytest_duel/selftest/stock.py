"""How ``--benchmark-compare-fail`` of pytest-benchmark judges two of its runs."""

from pytest_benchmark.utils import parse_compare_fail

from pytest_duel.support.errors import DuelError

RULES = ("min:5%", "mean:5%")

Run = dict[str, dict[str, float]]
"""The statistics that a rule may use, by benchmark."""


class StockError(DuelError):
    """A run of pytest-benchmark failed; the message says why."""


def flagged(before: Run, after: Run, rule: str) -> set[str]:
    """Return the benchmarks that a rule fails."""
    check = parse_compare_fail(rule)
    return {name for name in before if check.fails(after[name], before[name])}
