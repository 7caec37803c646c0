"""The catalogue: which cases there are, and mistakes in it that are caught."""

from typing import Any

import pytest

from pytest_duel.catalogue.model import (
    DEFAULT,
    FULL,
    SMOKE,
    Backend,
    Catalogue,
    Kernel,
    Scenario,
    Sweep,
    Target,
    pool_items,
)


@pytest.mark.parametrize(
    ("n", "items"),
    [(1, 4096), (5, 4096), (16, 4096), (17, 3856), (100, 656), (432, 152), (8192, 8), (10**6, 8)],
)
def test_pool_has_as_many_items_as_the_method_says(n: int, items: int) -> None:
    assert pool_items(n) == items


def make(**changes: Any) -> Catalogue:
    parts: dict[str, Any] = {
        "reference": "one",
        "kernels": {"k": Kernel("k", ())},
        "backends": {
            "one": Backend("one", dict),
            "untied": Backend("untied", dict, domain=frozenset({"untied"})),
        },
        "scenarios": {
            "plain": Scenario("plain", lambda *_: [], 1),
            "untied": Scenario("untied", lambda *_: [], 1, frozenset({"untied"})),
        },
        "sweeps": (),
    }
    return Catalogue(**(parts | changes))


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (Sweep("x", "plain", ("one",), {}), "unknown kernel 'x': choose from k"),
        (Sweep("k", "x", ("one",), {}), "unknown scenario 'x': choose from plain, untied"),
        (Sweep("k", "plain", ("one", "x"), {}), "unknown backend 'x': choose from one, untied"),
        (Sweep("k", "plain", ("untied",), {}), "untied is not right on scenario plain, which"),
    ],
)
def test_mistakes_in_a_catalogue_are_caught(sweep: Sweep, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(sweeps=(sweep,))
    make(sweeps=(Sweep("k", "untied", ("untied",), {}),))


@pytest.mark.parametrize(("kernel", "slow", "fast", "message"), [
    ("x", "one", "one", "unknown kernel 'x': choose from k"),
    ("k", "x", "one", "unknown backend 'x'"),
    ("k", "one", "untied", "untied is not right on scenario plain, which"),
])  # fmt: skip
def test_a_target_of_what_cannot_be_timed_is_caught(
    kernel: str, slow: str, fast: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(targets=(Target(kernel, (slow, "plain"), (fast, "plain"), (1,)),))


def test_a_tier_without_sizes_takes_the_next_smaller_ones() -> None:
    sweep = Sweep("k", "plain", ("one",), {"smoke": (1,), "default": (1, 2)})
    assert [sweep.sizes_at(tier) for tier in (SMOKE, DEFAULT, FULL)] == [(1,), (1, 2), (1, 2)]
    assert Sweep("k", "plain", ("one",), {"default": (3,)}).sizes_at(SMOKE) == ()


def test_backends_of_one_size_stand_side_by_side() -> None:
    sweep = Sweep("k", "untied", ("one", "untied"), {"default": (1, 2)})
    ids = [case.id for case in make(sweeps=(sweep,)).cases("k")]
    assert ids == [
        "k[one-untied-1]",
        "k[untied-untied-1]",
        "k[one-untied-2]",
        "k[untied-untied-2]",
    ]
