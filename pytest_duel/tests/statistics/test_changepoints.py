"""Change points of series whose truth is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from pytest_duel.statistics.changepoints import (
    FINEST,
    POWER,
    SHORTEST,
    noise,
    penalty,
    steps,
    visible,
)

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]


def normal(rng: np.random.Generator, size: int) -> Floats:
    return rng.normal(0, 0.02, size)


def heavy_tails(rng: np.random.Generator, size: int) -> Floats:
    drawn: Floats = 0.015 * rng.standard_t(3, size)
    return drawn


def outliers(rng: np.random.Generator, size: int) -> Floats:
    """One commit in twenty is disturbed."""
    return rng.normal(0, 0.02, size) + (rng.random(size) < 0.05) * rng.normal(0, 0.1, size)


def slow_processes(rng: np.random.Generator, size: int) -> Floats:
    """Return the middle of three runs, of which one in ten is 15 to 40 % slower throughout."""
    slow = (rng.random((3, size)) < 0.1) * np.log1p(rng.uniform(0.15, 0.4, (3, size)))
    middle: Floats = np.median(rng.normal(0, 0.015, (3, size)) + slow, axis=0)
    return middle


def slow_single(rng: np.random.Generator, size: int) -> Floats:
    """Return single runs, of which one in ten is 15 to 40 % slower throughout."""
    slow = (rng.random(size) < 0.1) * np.log1p(rng.uniform(0.15, 0.4, size))
    return rng.normal(0, 0.015, size) + slow


NOISES = (normal, heavy_tails, outliers, slow_processes)
LEVELS = (0.05, 1e-3, 1e-4)
"""Of which each is stricter than the one before."""


def alarms(draw: Noise, size: int, level: float, trials: int) -> int:
    rng = np.random.default_rng(7)
    return sum(bool(steps(draw(rng, size), level)) for _ in range(trials))


@pytest.mark.parametrize("size", [6, 12, 30, 100])
@pytest.mark.parametrize("draw", NOISES)
def test_where_nothing_changed_change_points_are_as_rare_as_promised(
    draw: Noise, size: int
) -> None:
    trials, level = 300, 0.05
    # More than this happens once in a thousand such tests at most, where the promise holds.
    assert alarms(draw, size, level, trials) <= stats.binom.ppf(0.999, trials, level)


@pytest.mark.slow
@pytest.mark.parametrize("size", [6, 12, 30, 300])
@pytest.mark.parametrize("draw", [normal, heavy_tails])
def test_so_they_are_over_many_seeds(draw: Noise, size: int) -> None:
    trials, rng = 1000, np.random.default_rng(7)
    alarmed = [draw(rng, size) for _ in range(trials)]
    for level in LEVELS:
        # What raises none at a looser level raises none here: see the next test.
        alarmed = [values for values in alarmed if steps(values, level)]
        assert len(alarmed) <= stats.binom.ppf(0.999, trials, level), level


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([6, 8, 30, 100]),
    step=st.floats(0, 0.15),
    draw=st.sampled_from([normal, heavy_tails]),
)
def test_what_changes_at_a_level_changes_at_every_looser_one(
    seed: int, size: int, step: float, draw: Noise
) -> None:
    values = draw(np.random.default_rng(seed), size)
    values[size // 2 :] += step
    found = [bool(steps(values, level)) for level in LEVELS]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("draw", NOISES)
@pytest.mark.parametrize("at", [15, 25, 5])
def test_a_step_of_ten_per_cent_is_found_at_its_commit(draw: Noise, at: int) -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(100):
        values = draw(rng, 30)
        values[at:] += np.log(1.1)
        found.append(steps(values, 0.01))
    right = [one for one in found if len(one) == 1 and abs(one[0].at - at) <= 1]
    assert len(right) >= 90
    exact = [one for one in right if one[0].at == at]
    assert len(exact) >= 80
    assert np.median([one[0].change for one in right]) == pytest.approx(0.1, abs=0.01)


def test_several_steps_are_told_apart() -> None:
    values = normal(np.random.default_rng(1), 60)
    values[20:] += np.log(1.2)
    values[40:] -= np.log(1.3)
    first, second = steps(values, 0.01)
    assert (first.at, second.at) == (20, 40)
    assert first.change == pytest.approx(0.2, abs=0.02)
    assert second.change == pytest.approx(1 / 1.3 - 1, abs=0.02)


def are_shown(draw: Noise, size: int, level: float, trials: int) -> bool:
    """Tell whether steps as large as series of the same noise could show are found often enough.

    Less than that happens once in a thousand such tests at most, where the promise holds.
    """
    rng, found, needed = np.random.default_rng(11), 0, stats.binom.ppf(1e-3, trials, POWER)
    for _ in range(trials):
        could = visible(draw(rng, size), level, 0.05)
        values = draw(rng, size)
        values[size // 2 :] += np.log1p(could)
        found += bool(steps(values, level, 0.05))
        if found >= needed:
            return True
    return False


@pytest.mark.parametrize("level", [0.05, 0.05 / 467])
@pytest.mark.parametrize("size", [6, 12, 30])
def test_a_step_that_would_show_is_found_as_often_as_promised(size: int, level: float) -> None:
    assert are_shown(normal, size, level, trials=100)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [6, 20, 100])
@pytest.mark.parametrize("draw", [normal, heavy_tails])
def test_so_it_is_over_many_seeds(draw: Noise, size: int, level: float) -> None:
    assert are_shown(draw, size, level, trials=200)


def test_what_would_show_shrinks_with_commits_and_grows_with_noise() -> None:
    values = normal(np.random.default_rng(5), 60)
    assert visible(values[:6], 1e-4) > visible(values[:12], 1e-4) > visible(values, 1e-4)
    assert visible(2 * values, 1e-4) > visible(values, 1e-4) > visible(values, 0.05)
    assert visible(values, 0.05, 0.3) > 0.3
    assert visible(values[:5], 0.05) == np.inf


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2 * SHORTEST, 80),
    at=st.integers(0, 79),
    height=st.floats(-10, 10),
)
def test_no_single_commit_makes_a_change_point(
    seed: int, size: int, at: int, height: float
) -> None:
    values = normal(np.random.default_rng(seed), size)
    values[at % size] += height
    # Without the odd commit it is flat: of that a false alarm is one in a million.
    assert steps(values, 1e-6) == ()


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1), size=st.integers(0, 60), shift=st.floats(-30, 30),
    height=st.floats(-1, 1),
)  # fmt: skip
def test_units_do_not_matter_and_levels_are_as_long_as_promised(
    seed: int, size: int, shift: float, height: float
) -> None:
    values = normal(np.random.default_rng(seed), size)
    values[size // 2 :] += height
    found = steps(values, 0.05)
    bounds = [0, *(one.at for one in found), size]
    assert not found or min(np.diff(bounds)) >= SHORTEST
    assert [one.at for one in steps(values + shift, 0.05)] == [one.at for one in found]
    mirrored = steps(-values, 0.05)
    assert [one.at for one in mirrored] == [one.at for one in found]
    changes = [1 / (1 + one.change) - 1 for one in found]
    assert [one.change for one in mirrored] == pytest.approx(changes)


def test_changes_below_the_threshold_are_none_and_do_not_part_a_level() -> None:
    values = np.tile([0.0, 0.001, -0.001], 20)
    values[20:] += np.log(1.03)
    values[40:] += np.log(1.2)
    assert [one.at for one in steps(values, 0.05)] == [20, 40]
    (only,) = steps(values, 0.05, threshold=0.05)
    assert only.at == 40
    assert only.change == pytest.approx(0.22, abs=0.01)
    assert steps(values, 0.05, threshold=0.5) == ()


@pytest.mark.parametrize("values", [[], [1.0] * 5, [0.0] * 40])
def test_what_is_short_or_flat_has_none(values: list[float]) -> None:
    assert steps(values, 0.05) == ()


@pytest.mark.parametrize("values", [[[1.0]], [1.0, float("nan")], [float("inf")] * 9])
def test_what_is_no_series_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values must be a sequence of finite numbers"):
        steps(values, 0.05)


def test_noise_is_seen_through_steps_and_outliers() -> None:
    rng = np.random.default_rng(2)
    found = [noise(rng.normal(0, 0.02, 40) + 3 * (np.arange(40) > 20)) for _ in range(200)]
    assert np.median(found) == pytest.approx(0.02, rel=0.1)
    assert noise(np.zeros(9)) == FINEST


def test_the_penalty_grows_with_what_is_asked_of_it() -> None:
    assert penalty(30, 1e-4) > penalty(30, 0.01) > penalty(30, 0.05)
    assert penalty(8, 0.01) > penalty(30, 0.01)
    # With the noise known, one change point has size - 1 places: Bonferroni's bound of them.
    single = float(stats.chi2.isf(0.01 / 999, 1))
    assert single < penalty(1_000, 0.01) < 1.05 * single


def table(heading: str) -> list[list[str]]:
    """Return the rows of a table in docs/history.md, by the beginning of its heading."""
    text = (Path(__file__).parents[3] / "docs" / "history.md").read_text(encoding="utf-8")
    lines = text[text.index(heading) :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def told(cell: str, caught: int, trials: int) -> bool:
    """Tell whether a rate in the docs, of thousands of trials, may be that of these."""
    low, high = (float(cell.rstrip("%")) / 100 + side * 0.006 for side in (-1, 1))
    least = stats.binom.ppf(5e-4, trials, max(0.0, low))
    return bool(least <= caught <= stats.binom.ppf(1 - 5e-4, trials, min(1.0, high)))


@pytest.mark.slow
def test_the_docs_tell_how_often_it_is_wrong() -> None:
    (_, *sizes), _, *rows = table("| nothing changed; noise")
    draws = (*NOISES, slow_single)
    for draw, (name, *cells) in zip(draws, rows, strict=True):
        for size, cell in zip(sizes, cells, strict=True):
            number, rng = int(size.split()[0]), np.random.default_rng(17)
            caught = sum(bool(steps(draw(rng, number), 0.05, 0.05)) for _ in range(300))
            assert told(cell, caught, 300), (name, size, caught)


@pytest.mark.slow
def test_the_docs_tell_what_it_finds() -> None:
    _, _, *rows = table("| watched | step")
    for watched, *cells in rows:
        series, size = (int(part.split()[0]) for part in watched.replace("one", "1").split(","))
        for at, cell in zip((size // 2, size - 3), cells, strict=True):
            rng, caught = np.random.default_rng(18), 0
            for _ in range(200):
                values = normal(rng, size)
                values[at:] += np.log(1.1)
                caught += bool(steps(values, 0.05 / series, 0.05))
            assert told(cell, caught, 200), (watched, cell, caught)


def test_the_docs_tell_how_large_a_step_must_be_to_show() -> None:
    _, _, *rows = table("| a step must be, to show")
    for watched, *cells in rows:
        series, size = (int(part.split()[0]) for part in watched.replace("one", "1").split(","))
        for spread, cell in zip((0.01, 0.02), cells, strict=True):
            rng = np.random.default_rng(19)
            level = 0.05 / series
            could = [visible(rng.normal(0, spread, size), level, 0.05) for _ in range(200)]
            usual = 100 * float(np.median(could))
            if cell == ">100%":
                assert usual > 100
            else:
                assert usual == pytest.approx(float(cell.rstrip("%")), rel=0.15), watched
