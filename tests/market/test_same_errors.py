"""One table of bad inputs over all backends and the public functions: same type, same text."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import easy_marl.market as market
from bench.catalogue import CHOICE, catalogue
from easy_marl.market import Backend, get_backend
from tests.market import test_errors as errors
from tests.market import test_step as step

Call = Callable[..., Any]


@pytest.fixture(scope="session")
def every_backend(request: pytest.FixtureRequest) -> list[Backend]:
    known = catalogue().backends
    needs = {name: known[name].needs for name in CHOICE}
    there = [name for name, needed in needs.items()
             if not needed or request.getfixturevalue(needed) is not None]  # fmt: skip
    return [get_backend(name) for name in there]


def said(function: Call, *arguments: Any, **options: Any) -> tuple[str, str]:
    """Return the type and the text of what a call raises."""
    with pytest.raises((TypeError, ValueError)) as caught:
        function(*arguments, **options)
    return type(caught.value).__name__, str(caught.value)


def bad_inputs(good: Mapping[str, Any], table: Any) -> Iterator[dict[str, Any]]:
    for change, _ in table:
        yield {**good, **change}
    for name in "bids", "quantities":
        for value, _ in errors.DTYPES:
            yield {**good, name: value}
    for value, _ in errors.SCALAR_DTYPES:
        yield {**good, "scarcity_price": value}
    for name in (*good, "scarcity_price"):
        for masked in errors.MASKED.values():
            yield {**good, name: masked(good.get(name, 9.0))}


def test_clear(every_backend: list[Backend]) -> None:
    for bad in bad_inputs(errors.GOOD, errors.ONE_MARKET):
        alike = {said(backend.clear, **bad) for backend in every_backend}
        alike |= {said(market.clear, **bad, backend=backend.name) for backend in every_backend}
        assert len(alike) == 1, (bad, alike)


def test_clear_batch(every_backend: list[Backend]) -> None:
    prices, cleared = np.empty(3), np.empty((3, 2))
    outs: tuple[Any, ...] = (
        [], (prices,), (prices, [cleared]), (cleared, prices), (prices[:2], cleared),
        (prices.astype(np.float32), cleared), (prices, cleared.T), (prices, np.empty((2, 3)).T),
        (cleared[:, 0], cleared), (np.ma.array(prices), cleared), (prices, np.ma.array(cleared)),
        (prices, step.read_only(cleared.copy())), (step.misaligned(prices), cleared),
        (cleared.reshape(-1)[:3], cleared),
    )  # fmt: skip
    table = [*errors.IN_A_BATCH, *(({"out": out}, "") for out in outs)]
    for bad in bad_inputs(errors.BATCH, table):
        alike = {said(backend.clear_batch, **bad) for backend in every_backend}
        alike |= {
            said(market.clear_batch, **bad, backend=backend.name) for backend in every_backend
        }
        assert len(alike) == 1, (bad, alike)


def test_step_batch(every_backend: list[Backend]) -> None:
    for name, bad, *_ in step.REFUSALS:
        alike = {
            said(backend.step_batch, *step.changed(step.some_arguments(), name, bad))
            for backend in every_backend
        }
        assert len(alike) == 1, (name, bad, alike)
    for threads in 0, -1, True, 1.5, "2":
        alike = {
            said(backend.step_batch, *step.some_arguments(), threads=threads)
            for backend in every_backend
        }
        assert len(alike) == 1, (threads, alike)


def test_the_documented_errors_of_a_step_are_among_them() -> None:
    page = Path(__file__).parents[2] / "docs" / "semantics.md"
    _, _, text = page.read_text(encoding="utf-8").partition("### A step of environments")
    table, _, _ = text.partition("\n## ")
    rows = re.findall(r"\| `(TypeError|ValueError)` \| `([^`]+)`", table)
    assert len(rows) > 5
    known = {(error.__name__, message) for _, _, error, message in step.REFUSALS}
    # Those that no field alone brings about; tests beside that table have them.
    known |= {
        ("TypeError", "state has type list: it must be a tuple of 3"),
        ("ValueError", "outcome.profits overlaps outcome.rewards: outputs must not"),
        ("ValueError", "state.hours[4] is 3: it must be at least 0 and less than 3 where active"),
    }
    assert set(rows) <= known
