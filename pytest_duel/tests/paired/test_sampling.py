"""Looks at simulated blocks whose truth is known, and when sampling ends.

Seeds are fixed, so a test passes or fails the same way every time; the bounds allow for the
number of simulations.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_duel.paired import sampling
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import (
    ALPHA,
    LEAST,
    LOOKS,
    NULL_ALPHA,
    Looks,
    Progress,
    Sampled,
    sample,
)
from pytest_duel.statistics.paired import Verdict, decide, estimate
from simulated import (
    Floats,
    Noise,
    heavy_tails,
    normal,
    outliers,
    shared_drift,
    slow_processes,
)
from simulated_gate import no_worker

CASES = 20
GATES = 100
THRESHOLD = 0.02
NOISES = (normal, heavy_tails, outliers, shared_drift, slow_processes)


def judged(differences: Floats, threshold: float = THRESHOLD) -> Looks:
    """Look at the blocks, (cases, blocks), as sampling does."""
    looks = Looks({str(case): threshold for case in range(len(differences))})
    while looks.next is not None:
        count = looks.next
        looks.take({str(case): row[:count] for case, row in enumerate(differences)})
        if len(looks.settled) == len(differences):
            break
    return looks


def gates(noise: Noise, slowdown: float, sd: float, number: int = GATES) -> list[Looks]:
    """Simulate gates, in which the first case is slower by `slowdown`."""
    rng = np.random.default_rng(2026)
    results = []
    for _ in range(number):
        differences = noise(rng, (CASES, LOOKS[-1]), sd)
        differences[0] += np.log1p(slowdown)
        results.append(judged(differences))
    return results


@pytest.mark.parametrize("sd", [0.01, pytest.param(0.02, marks=pytest.mark.slow)])
@pytest.mark.parametrize("noise", NOISES)
def test_all_looks_together_raise_hardly_an_alarm(noise: Noise, sd: float) -> None:
    found = gates(noise, 0.0, sd)
    alarms = sum(Verdict.REGRESSION in gate.verdicts.values() for gate in found)
    assert alarms <= ALPHA * GATES
    if sd == 0.01:
        ended = sum({*gate.verdicts.values()} == {Verdict.NO_CHANGE} for gate in found)
        assert ended >= 0.95 * GATES


@pytest.mark.parametrize(("slowdown", "power"), [
    (0.03, 0.95),
    pytest.param(0.05, 0.99, marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize("noise", NOISES)
def test_a_slow_case_is_caught_by_the_last_look(
    noise: Noise, slowdown: float, power: float
) -> None:
    found = gates(noise, slowdown, 0.01)
    caught = sum(gate.verdicts["0"] is Verdict.REGRESSION for gate in found)
    blamed = sum(
        Verdict.REGRESSION in [one for name, one in gate.verdicts.items() if name != "0"]
        for gate in found
    )
    assert caught >= power * GATES
    assert blamed <= ALPHA * GATES


def placed(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    """Return differences of two placements, each drawn anew for each block and case.

    A placement gives what 16 links of a Rust kernel gave: mostly little, now and then much.
    """
    links = np.array([-5.9, -3.1, -2.6, -2.2, -1.8, -1.4, -1.0, -0.5, 0.0, 0.3, 0.8, 1.3, 1.9,
                      2.8, 4.6, 11.5])  # fmt: skip
    drawn = rng.choice(links / links.std() * sd, (2, *shape))
    found: Floats = drawn[1] - drawn[0] + rng.normal(0, 0.004, shape)
    return found


def test_placement_that_is_drawn_for_each_block_raises_hardly_an_alarm() -> None:
    found = gates(placed, 0.0, 0.033)
    assert sum(Verdict.REGRESSION in gate.verdicts.values() for gate in found) <= ALPHA * GATES


def test_one_placement_in_all_blocks_would_raise_alarms() -> None:
    def one(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
        return placed(rng, (shape[0], 1), sd) + rng.normal(0, 0.004, shape)

    found = gates(one, 0.0, 0.033, number=10)
    assert all(Verdict.REGRESSION in gate.verdicts.values() for gate in found)


BUILDS = 4
"""That could take turns where nothing can be linked again."""


def test_builds_that_come_again_are_no_blocks() -> None:
    def in_turns(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
        few = placed(rng, (shape[0], BUILDS), sd)
        return np.tile(few, shape[1] // BUILDS) + rng.normal(0, 0.004, shape)

    found = gates(in_turns, 0.0, 0.033, number=10)
    assert sum(Verdict.REGRESSION in gate.verdicts.values() for gate in found) >= 5


def test_as_many_samples_as_builds_would_find_nothing_of_use() -> None:
    rng, number = np.random.default_rng(2026), 50
    caught = 0
    for _ in range(number):
        differences = placed(rng, (CASES, BUILDS), 0.033)
        differences[0] += np.log1p(0.10)
        found = {str(case): estimate(row) for case, row in enumerate(differences)}
        verdicts = decide(found, dict.fromkeys(found, THRESHOLD), ALPHA)
        caught += verdicts["0"] is Verdict.REGRESSION
    assert caught <= 0.1 * number


@pytest.mark.parametrize(("slowdown", "sd", "least", "most"), [
    (0.05, 0.033, 0.9, 1.0),
    (0.04, 0.033, 0.9, 1.0),
    (0.03, 0.033, 0.6, 0.9),  # what the place of code costs: docs/method.md tells
    (0.03, 0.02, 0.95, 1.0),
])  # fmt: skip
def test_a_slow_kernel_is_caught_although_its_placement_is_drawn(
    slowdown: float, sd: float, least: float, most: float
) -> None:
    """As one that the change alters, which lies on each side elsewhere."""
    found = gates(placed, slowdown, sd, number=30)
    caught = sum(gate.verdicts["0"] is Verdict.REGRESSION for gate in found)
    assert least * len(found) <= caught <= most * len(found)


CHANGES = st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=5)


@settings(max_examples=40)
@given(CHANGES, st.integers(0, 2**32 - 1), st.floats(0.001, 0.05))
def test_what_is_settled_stays_settled(changes: list[float], seed: int, sd: float) -> None:
    rng = np.random.default_rng(seed)
    looks = Looks({str(case): THRESHOLD for case in range(len(changes))})
    before: dict[str, Verdict] = {}
    for expected in LOOKS:
        assert looks.next == expected
        # The truth is another one at every look.
        blocks = rng.normal(0, sd, (len(changes), expected)) + rng.permutation(changes)[:, None]
        held = {name: looks.estimates[name] for name in before}
        looks.take({str(case): row for case, row in enumerate(blocks)})
        assert {name: looks.verdicts[name] for name in before} == before
        assert {name: looks.estimates[name] for name in held} == held
        before = {name: looks.verdicts[name] for name in looks.settled}
        assert Verdict.INCONCLUSIVE not in before.values()
        assert {*looks.verdicts} == {*looks.thresholds}
    assert looks.next is None


def test_each_look_has_an_equal_share_of_the_level() -> None:
    def spread(share: float) -> list[float]:
        """Return twelve blocks around 2.5 %."""
        return [0.025 + share * step for step in range(-6, 7) if step]

    # Sure at all of the level, but not at a third of it.
    unsure = next(
        blocks
        for blocks in map(spread, np.linspace(0.001, 0.02, 400))
        if estimate(blocks).p_slower > ALPHA / len(LOOKS)
    )
    thresholds = {"case": 0.01}
    assert decide({"case": estimate(unsure)}, thresholds, ALPHA)["case"] is Verdict.REGRESSION
    looks = Looks(thresholds)
    looks.take({"case": unsure})
    assert looks.verdicts == {"case": Verdict.INCONCLUSIVE}


def test_a_case_without_blocks_has_no_verdict() -> None:
    looks = Looks({"case": 0.02, "gone": 0.02})
    looks.take({"case": [0.0] * 12, "null": [0.1] * 12})
    assert looks.verdicts == {"case": Verdict.NO_CHANGE}


# When sampling ends.


class Blocks(Engine):
    """An engine whose blocks come from a table and take seconds of a clock of its own."""

    def __init__(
        self,
        differences: Mapping[str, Floats],
        seconds: float = 1.0,
        errors: Mapping[int, Mapping[str, str]] | None = None,
        compared_at: int = 1,
        leftover: int = 0,
    ) -> None:
        super().__init__(no_worker, [], 0)
        self.table = differences
        self.dropped: set[str] = set()
        self.pace = seconds
        self.faults = errors or {}
        self.compared_at = compared_at
        self.leftover = leftover
        self.now = 1000.0
        self.closed = False

    def drop(self, names: Collection[str]) -> None:
        self.dropped |= {*names}

    def blocks(self) -> Iterator[Measurements]:  # type: ignore[override]
        try:
            while not self._stopped or self.leftover > 0:
                self.leftover -= self._stopped
                self.now += self.pace
                number = self.measured.blocks
                errors = dict(self.faults.get(number, {}))
                self.dropped |= {*errors}
                alive = {name: own for name, own in self.table.items() if name not in self.dropped}
                self.measured.add(
                    Measurements(
                        differences={name: [float(own[number])] for name, own in alive.items()},
                        seconds={name: [1e-4] for name in alive},
                        errors=errors,
                        blocks=1,
                        compared=number + 1 >= self.compared_at,
                    )
                )
                yield self.measured
        finally:
            self.closed = True


def noisy(**changes: float) -> dict[str, Floats]:
    """Return blocks of which no look makes sense, around a change."""
    rng = np.random.default_rng(4)
    return {
        name: np.log1p(change) + rng.permuted(np.repeat([[0.003, -0.003]], 100, 0), axis=1).ravel()
        for name, change in changes.items()
    }


def sampled(
    engine: Blocks,
    monkeypatch: pytest.MonkeyPatch,
    budget: float = 1e6,
    announce: Callable[[Progress], None] = lambda _: None,
) -> Sampled:
    clock = SimpleNamespace(monotonic=lambda: engine.now)
    monkeypatch.setattr(sampling, "time", clock)
    nulls = {name: THRESHOLD for name in engine.table if name.startswith("null")}
    cases = {name: THRESHOLD for name in engine.table if name not in nulls}
    found = sample(engine, cases, nulls, budget, announce)
    assert engine.closed
    return found


def test_sampling_ends_at_the_first_look_where_all_is_plain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Blocks(noisy(slow=0.1, same=0.0, fast=-0.1, null=0.0))
    told: list[Progress] = []
    found = sampled(engine, monkeypatch, announce=told.append)
    assert found.verdicts == {
        "slow": Verdict.REGRESSION,
        "same": Verdict.NO_CHANGE,
        "fast": Verdict.IMPROVEMENT,
    }
    assert found.measured.blocks == LOOKS[0]
    assert (found.late, found.tripped, found.seconds) == (False, (), LOOKS[0])
    assert {*found.nulls} == {"null"}
    assert [one.blocks for one in told] == list(range(1, LOOKS[0]))
    assert {one.undecided for one in told} == {3}
    assert told[0].left == LOOKS[-1] - 1


def test_only_what_is_undecided_is_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Blocks(noisy(same=0.0, unclear=THRESHOLD, null=0.0))
    found = sampled(engine, monkeypatch)
    lengths = {name: len(own) for name, own in found.measured.differences.items()}
    assert lengths == {"same": LOOKS[0], "unclear": LOOKS[-1], "null": LOOKS[-1]}
    assert engine.dropped == {"same"}
    assert found.verdicts["unclear"] is Verdict.INCONCLUSIVE
    assert not found.late  # the last look ended it, not the budget


@pytest.mark.parametrize(("budget", "blocks"), [
    (4.5, 4), (12.0, 12), (13.5, 13), (30.0, 30), (47.9, 47),
])  # fmt: skip
def test_the_budget_ends_it_and_says_so(
    budget: float, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Blocks(noisy(unclear=THRESHOLD, null=0.0))
    found = sampled(engine, monkeypatch, budget)
    assert found.measured.blocks == blocks
    assert found.seconds <= budget
    assert found.late
    assert found.verdicts == {"unclear": Verdict.INCONCLUSIVE}
    assert found.estimates["unclear"].blocks == blocks


@pytest.mark.parametrize("leftover", [1, 3])
@pytest.mark.parametrize(("budget", "blocks", "late"), [
    (4.5, 4, True), (47.9, 47, True), (1e6, 48, False),
])  # fmt: skip
def test_what_comes_in_after_the_end_does_not_change_why_it_ended(
    budget: float, blocks: int, late: bool, leftover: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Blocks(noisy(unclear=THRESHOLD, null=0.0), leftover=leftover)
    found = sampled(engine, monkeypatch, budget)
    assert found.measured.blocks == blocks + leftover
    assert (found.blocks, found.late) == (blocks, late)
    assert found.seconds == blocks
    assert found.estimates["unclear"].blocks == blocks


def test_the_budget_leaves_what_is_plain_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    found = sampled(Blocks(noisy(slow=0.3, same=0.0)), monkeypatch, budget=9.0)
    assert found.measured.blocks == 9
    assert found.verdicts == {"slow": Verdict.REGRESSION, "same": Verdict.NO_CHANGE}


def test_few_blocks_are_taken_whatever_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    # A change so large that a block takes longer than the budget is plain all the same.
    found = sampled(Blocks(noisy(slow=30.0, unclear=0.02)), monkeypatch, budget=0.5)
    assert (found.measured.blocks, found.late) == (LEAST, True)
    assert found.verdicts == {"slow": Verdict.REGRESSION, "unclear": Verdict.INCONCLUSIVE}


def test_no_look_is_taken_before_the_answers_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = Blocks(noisy(slow=0.3), compared_at=20)
    found = sampled(hangs, monkeypatch, budget=5.0)
    assert found.measured.blocks == 20


@pytest.mark.parametrize("when", [0, 5])
def test_it_ends_where_nothing_is_left_to_measure(
    when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = {when: {"one": "it died", "two": "it died, too"}}
    engine = Blocks(noisy(one=0.0, two=0.0, null=0.0), errors=errors)
    found = sampled(engine, monkeypatch)
    assert found.measured.blocks == when + 1
    assert not found.verdicts
    assert not found.estimates
    assert found.measured.errors == errors[when]
    assert not set(errors[when]) & set(found.measured.differences)


def test_an_error_leaves_the_others_to_be_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Blocks(noisy(one=0.0, two=0.1), errors={3: {"one": "it died"}})
    found = sampled(engine, monkeypatch)
    assert found.verdicts == {"two": Verdict.REGRESSION}
    assert {*found.measured.errors} == {"one"}


@pytest.mark.parametrize(("change", "tripped"), [
    (0.05, True), (-0.05, True), (0.0, False), (0.01, False), (-0.01, False),
])  # fmt: skip
def test_a_null_with_a_difference_is_reported(
    change: float, tripped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sampled(Blocks(noisy(same=0.0, null=change, null_two=0.0)), monkeypatch)
    assert found.tripped == (("null",) if tripped else ())
    assert found.verdicts == {"same": Verdict.NO_CHANGE}
    assert {*found.nulls} == {"null", "null_two"}


@pytest.mark.parametrize("noise", [normal, heavy_tails])
def test_equal_code_is_seldom_void(noise: Noise, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2026)
    void = 0
    for _ in range(500):
        one, two = noise(rng, (2, LOOKS[0]), 0.04)  # more than any machine that is of use
        found = {"one": estimate(one), "two": estimate(two)}
        verdicts = decide(found, dict.fromkeys(found, THRESHOLD), NULL_ALPHA).values()
        void += any(verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) for verdict in verdicts)
    assert void <= 0.02 * 500


def test_an_interrupt_closes_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Blocks(noisy(unclear=THRESHOLD))

    def interrupted(progress: Progress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sampling, "time", SimpleNamespace(monotonic=lambda: engine.now))
    with pytest.raises(KeyboardInterrupt):
        sample(engine, {"unclear": THRESHOLD}, {}, 1e6, interrupted)
    assert engine.closed
