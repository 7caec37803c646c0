"""Data of results for charts."""

from collections.abc import Mapping
from typing import Any

from pytest_duel.results.benchmarks import Result
from pytest_duel.results.speedups import Lead, Results, span


def point(result: Result, results: Results) -> dict[str, Any]:
    """Return the data of a case for a chart of times."""
    low, high = span(result, results)
    case = result.case
    times = {"time": result.median, "low": low, "high": high}
    return {"series": case.backend, "scenario": case.scenario, "n": case.n} | _short(times)


def lead_point(scenario: str, lead: Lead) -> dict[str, Any]:
    """Return the data of a lead for a chart of leads."""
    numbers = {"lead": lead.value, "low": lead.low, "high": lead.high}
    return {"series": scenario, "scenario": scenario, "n": lead.n} | _short(numbers)


def _short(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return numbers with as many digits as a picture can show."""
    return {name: float(f"{value:.5g}") for name, value in numbers.items()}
