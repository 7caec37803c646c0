"""A project that has nothing to do with markets: it scales numbers.

Tests copy this file as the `conftest.py` of a project of its own, so the harness has to manage
with what it finds here. Time is counted, not measured: the clock moves when a backend works, and
by one millionth of a second for every look at it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_duel.catalogue.model import (
    Backend,
    Call,
    Catalogue,
    Example,
    Kernel,
    Role,
    Scenario,
    Sweep,
)

pytest_plugins = ["pytest_duel.plugin.sweep"]

Floats = NDArray[np.float64]


class Clock:
    """What time it is, in seconds."""

    now = 0.0


def tick() -> float:
    """Look at the clock."""
    Clock.now += 1e-6
    return Clock.now


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-benchmark look at the toy's clock."""
    config.option.benchmark_timer = f"{__name__}.tick"


def scale(values: Floats, factor: float = 2.0) -> tuple[float, Floats]:
    """Return the largest value and all of them, scaled."""
    if factor < 0:
        raise ValueError(f"factor is {factor}: factor must not be negative")
    return float(values.max()) * factor, values * factor


def at_cost(seconds: float, call: Call) -> Call:
    """Let a call take `seconds` on the toy's clock."""

    def costly(*arguments: Any, **options: Any) -> Any:
        Clock.now += seconds
        return call(*arguments, **options)

    return costly


def changed(change: Call) -> Call:
    """Return `scale` with its result passed through `change`."""

    def wrong(values: Floats, factor: float = 2.0) -> Any:
        return change(*scale(values, factor))

    return wrong


def _one_ulp(peak: float, scaled: Floats) -> Any:
    scaled[2] = np.nextafter(scaled[2], np.inf)
    return peak, scaled


def _sign_of_zero(peak: float, scaled: Floats) -> Any:
    return peak, np.where(scaled == 0.0, -0.0, scaled)


def _changes_input(values: Floats, factor: float = 2.0) -> tuple[float, Floats]:
    result = scale(values, factor)
    values[0] += 1.0
    return result


def _other_words(values: Floats, factor: float = 2.0) -> tuple[float, Floats]:
    if factor < 0:
        raise ValueError("factor is negative")
    return scale(values, factor)


def _other_exception(values: Floats, factor: float = 2.0) -> tuple[float, Floats]:
    if factor < 0:
        raise TypeError(f"factor is {factor}: factor must not be negative")
    return scale(values, factor)


class Panic(BaseException):
    """What a crash in native code may become: no `Exception`."""


def _panics(values: Floats, factor: float = 2.0) -> tuple[float, Floats]:
    raise Panic("index out of bounds")


class Compiled:
    """A function that takes long the first time it sees an input of some size."""

    def __init__(self, call: Call, seconds: float) -> None:
        self.call, self.seconds = call, seconds
        self.sizes: set[int] = set()

    def __call__(self, values: Floats, *arguments: Any, **options: Any) -> Any:
        Clock.now += self.seconds if values.size in self.sizes else 1e6
        self.sizes.add(values.size)
        return self.call(values, *arguments, **options)


def _positive_only(values: Floats, factor: float = 2.0) -> tuple[float, Floats]:
    return scale(np.abs(values), factor)


def _all_of(call: Call, rows: Sequence[Floats]) -> tuple[Floats, Floats]:
    peaks, scaled = zip(*(call(values) for values in rows), strict=True)
    return np.array(peaks), np.stack(scaled)


def _nap(seconds: float, n: int) -> float:
    """Tell a time that no clock has seen."""
    return seconds * n


def backend(name: str, call: Call, seconds: float = 1.0, **more: Any) -> Backend:
    """Describe a backend of all kernels."""
    costly = call if isinstance(call, Compiled) else at_cost(seconds, call)
    calls: Mapping[str, Call] = {
        "scale": costly,
        "scale_all": partial(_all_of, costly),
        "nap": partial(_nap, seconds),
    }
    return Backend(name, lambda: calls, **more)


def _missing() -> Mapping[str, Call]:
    raise ImportError("absent is not installed: get it with `toy get absent`\nand then again")


def _unneeded() -> Mapping[str, Call]:
    raise ImportError("unneeded is not installed")


BACKENDS = (
    # Before all others: whatever it leaves behind, the others must not be blamed for it.
    backend("changes-input", _changes_input),
    backend("plain", scale, 8.0),
    backend("quick", scale, 1.0),
    backend("even", scale, 8.25),
    backend("compiled", Compiled(scale, 0.5)),
    backend("one-ulp", changed(_one_ulp)),
    backend("sign-of-zero", changed(_sign_of_zero)),
    backend("dtype", changed(lambda peak, scaled: (peak, scaled.astype("f4")))),
    backend("shape", changed(lambda peak, scaled: (peak, scaled[None]))),
    backend("scalar-type", changed(lambda peak, scaled: (np.float64(peak), scaled))),
    backend("other-words", _other_words),
    backend("other-exception", _other_exception),
    backend("no-exception", lambda values, factor=2.0: scale(values, abs(factor))),
    backend("panics", _panics),
    Backend("absent", _missing),
    Backend("unneeded", _unneeded, optional=True),
    backend("positive-only", _positive_only, 0.5, role=Role.BASELINE,
            domain=frozenset({"positive"}), survives=frozenset()),
    # No parity check warms it up.
    backend("empty", Compiled(lambda values: (0.0, values), 0.125), role=Role.FLOOR),
)  # fmt: skip
WRONG = (
    "changes-input", "one-ulp", "sign-of-zero", "dtype", "shape", "scalar-type", "other-words",
    "other-exception", "no-exception", "panics",
)  # fmt: skip
RIGHT = ("plain", "quick", "even", "compiled", "empty")


def _make(offset: float, n: int, items: int, seed: int) -> list[tuple[Floats]]:
    rng = np.random.default_rng(seed)
    pool = [(offset + rng.integers(0, 10, n) / 10.0,) for _ in range(items)]
    for (values,) in pool:
        values[1] = max(offset, 0.0)
    return pool


def _stack(pool: Sequence[tuple[Floats]], batch: int) -> list[tuple[list[Floats]]]:
    return [
        ([values for (values,) in pool[start : start + batch]],)
        for start in range(0, len(pool), batch)
    ]


def _examples() -> Iterator[Example]:
    yield Example("a negative factor", lambda: ((np.ones(3), -1.0), {}))
    yield Example("an option", lambda: ((np.ones(3),), {"factor": 3.0}))


def pytest_duel_catalogue() -> Catalogue:
    """Return what the toy measures."""
    kernels = (
        Kernel("scale", ("peak", "scaled"), item="vector", adversarial=_examples),
        Kernel("scale_all", ("peaks", "scaled"), item="vector", batch=4, arrange=_stack),
        Kernel("nap", (), item="nap", rests_on="scale", self_timed=True),
    )
    scenarios = (
        Scenario("mixed", partial(_make, -0.5), seed=11),
        Scenario("positive", partial(_make, 1.0), seed=12, traits=frozenset({"positive"})),
        Scenario("same", lambda n, _, seed: _make(0.0, n, 1, seed) * 20, seed=13),
        Scenario("sleepy", lambda n, _, seed: [(n,)], seed=14),
        Scenario("drowsy", lambda n, _, seed: [(n,)], seed=15, least=2),
    )
    everyone = (*RIGHT, *WRONG, "absent")
    # A pool of smaller vectors has thousands, and all of them are compared in every run.
    tiers = {"smoke": (400,), "default": (400, 9000), "full": (400, 500)}
    sweeps = (
        Sweep("scale", "mixed", everyone, tiers),
        Sweep("scale", "positive", ("positive-only", *RIGHT), {"default": (400, 9000)}),
        Sweep("scale", "same", (*RIGHT, "unneeded"), {"default": (6,)}),
        Sweep("scale_all", "mixed", RIGHT[:3], {"default": (9000,)}),
        Sweep("nap", "sleepy", RIGHT[:3], {"default": (2,)}),
        Sweep("nap", "drowsy", ("plain", "other-words"), {"full": (2, 3)}),
    )
    return Catalogue(
        reference="plain",
        kernels={kernel.name: kernel for kernel in kernels},
        backends={one.name: one for one in BACKENDS},
        scenarios={scenario.name: scenario for scenario in scenarios},
        sweeps=sweeps,
    )
