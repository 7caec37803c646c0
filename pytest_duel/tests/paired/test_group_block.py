"""How often the benchmarks of a group are called, and in which order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_duel.paired.group_block import MOST_ROUNDS, interleaved, planned

SLOTS = st.dictionaries(st.integers(0, 5), st.integers(1, 40), min_size=1)


@given(SLOTS, st.integers())
def test_each_has_its_rounds_spread_over_the_whole(rounds: dict[int, int], seed: int) -> None:
    order = interleaved(rounds, random.Random(seed))  # noqa: S311
    assert {slot: order.count(slot) for slot in rounds} == rounds
    # Half of the order holds half of each one's rounds, but for one at either end.
    half = order[: len(order) // 2]
    for slot, number in rounds.items():
        assert abs(half.count(slot) - number / 2) <= len(rounds) + 1


def test_the_order_is_another_one_each_time() -> None:
    rng = random.Random(1)  # noqa: S311
    assert len({tuple(interleaved({0: 9, 1: 9}, rng)) for _ in range(20)}) > 1


@given(
    per_call=st.floats(1e-9, 100.0),
    seconds=st.floats(0.0, 100.0),
    least=st.integers(1, 50),
    limit=st.one_of(st.none(), st.integers(5, 10_000)),
    blocks=st.integers(1, 20),
)
def test_a_block_keeps_to_what_the_test_allows(
    per_call: float, seconds: float, least: int, limit: int | None, blocks: int
) -> None:
    opened = {"seconds": seconds, "rounds": least, "limit": limit}
    plan = planned(per_call, opened, 1, blocks)
    assert plan.rounds >= 1
    assert plan.calls >= 1
    if limit is None:
        assert least <= plan.rounds * blocks <= max(least, MOST_ROUNDS) + blocks
    else:
        assert 1 + plan.rounds * plan.calls <= limit


@pytest.mark.parametrize(("blocks", "rounds"), [(1, 100), (4, 25)])
def test_blocks_share_the_time(blocks: int, rounds: int) -> None:
    opened = {"seconds": 1.0, "rounds": 5, "limit": None}
    assert planned(0.01, opened, 1, blocks).rounds == rounds
