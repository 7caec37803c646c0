"""The printed summary, held against files in `data/summary`.

After a change that is meant, write them anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest pytest_duel/tests/verdicts/test_summary.py
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from places import DATA
from pytest_duel.catalogue.model import Backend, Case, Catalogue, Kernel, Role, Scenario
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import Benchmark, Result
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.results.leads import comparisons_together
from pytest_duel.results.runs import Run
from pytest_duel.results.summary import Leaders, Size, Summary, summarise
from pytest_duel.statistics.bootstrap import Ratio
from pytest_duel.support import units
from pytest_duel.support.terminal import WIDTH
from pytest_duel.verdicts import text

GOLDEN = DATA / "summary"
REGENERATE = "UPDATE_GOLDEN"

ROLES = {
    "numpy": Role.BACKEND,
    "numba": Role.BACKEND,
    "rust": Role.BACKEND,
    "public": Role.PUBLIC,
    "floor": Role.FLOOR,
    "study-numba": Role.BASELINE,
    "study-rust": Role.BASELINE,
}
CATALOGUE = Catalogue(
    reference="numpy",
    kernels={
        "clear": Kernel("clear", ("price", "cleared")),
        "cold_start": Kernel("cold_start", (), item="process", self_timed=True),
    },
    backends={name: Backend(name, dict, role) for name, role in ROLES.items()},
    scenarios={"uniform": Scenario("uniform", lambda *_: [], seed=1)},
    sweeps=(),
)

NOTES = {"floor": "the same call with no work behind it", "public": "with dispatch"}

Times = Mapping[int, Mapping[str, float]]
"""Medians in seconds, by size and backend."""


def result(case: Case, median: float, spread: float = 0.02) -> Result:
    """Return eleven rounds around a median."""
    data = [median * (1 + spread * step / 5) for step in range(-5, 6)]
    stddev = median * spread * (11 * 10 / 12 / 10 * 2) ** 0.5 / 5
    return Result(
        case=case, benchmark=Benchmark(case.id), median=median, mean=median, stddev=stddev,
        min=data[0], rounds=11, data=tuple(data), distinct=4096,
    )  # fmt: skip


def run_of(times: Times, kernel: str = "clear", scenario: str = "uniform") -> Run:
    results = [
        result(Case(kernel, name, scenario, n), median)
        for n, row in times.items()
        for name, median in row.items()
    ]
    return Run(tuple(results), {}, {}, CommitInfo(), "")


def summaries(times: Times, kernel: str = "clear") -> list[Summary]:
    return summarise(run_of(times, kernel), CATALOGUE)


def rows(us: Mapping[int, Sequence[float]], names: str = "numpy numba rust floor") -> Times:
    return {
        n: {name: 1e-6 * value for name, value in zip(names.split(), values, strict=True)}
        for n, values in us.items()
    }


WINNER = rows({5: (21.0, 1.3, 0.2, 0.15), 200: (29.0, 4.2, 2.0, 0.19)})
CLOSE = rows({5: (21.0, 1.30, 1.25, 0.15), 200: (29.0, 4.0, 4.2, 0.19)})
CROSSOVER = rows(
    {
        5: (21.0, 1.3, 0.2, 0.15),
        100: (25.0, 2.0, 1.95, 0.15),
        1000: (90.0, 20.0, 44.0, 0.4),
        100_000: (9000.0, 8000.0, 4000.0, 40.0),
    }
)
PARTLY = rows({5: (21.0, 1.3, 0.2, 0.15), 200: (29.0, 4.1, 4.0, 0.19)})
SITUATIONS: dict[str, tuple[Times, str]] = {
    "winner": (WINNER, "clear"),
    "too-close": (CLOSE, "clear"),
    "crossover": (CROSSOVER, "clear"),
    "partly-close": (PARTLY, "clear"),
    "one-size": (rows({432: (60.0, 9.0, 4.0, 0.3)}), "clear"),
    "no-floor": (rows({5: (21.0, 1.3, 0.2), 50: (24.0, 2.2, 0.6)}, "numpy numba rust"), "clear"),
    "no-reference": (rows({5: (1.3, 0.2, 0.15)}, "numba rust floor"), "clear"),
    "one-backend": (rows({5: (0.2, 0.15), 50: (0.6, 0.15)}, "rust floor"), "clear"),
    "no-backend": (rows({5: (0.15, 1.1)}, "floor study-numba"), "clear"),
    "uneven": (
        {**rows({5: (21.0, 1.3, 0.2, 0.15)}), **rows({50: (24.0, 0.6)}, "numpy rust")}, "clear"),
    "seconds": (rows({5: (90e3, 8.2e6, 95e3)}, "numpy numba rust"), "cold_start"),
}  # fmt: skip


def check(name: str, rendered: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if REGENERATE in os.environ:
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered + "\n", encoding="utf-8")
    assert rendered + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SITUATIONS)
def test_summary_reads_as_agreed(name: str) -> None:
    rendered = text.render(summaries(*SITUATIONS[name]), NOTES)
    check(name, rendered)
    assert max(map(len, rendered.splitlines())) <= WIDTH
    assert "\x1b" not in rendered


def test_summary_of_a_saved_run_reads_as_agreed() -> None:
    rendered = text.render(summarise(runs.load(DATA / "run.json"), CATALOGUE), NOTES)
    check("saved-run", rendered)
    assert max(map(len, rendered.splitlines())) <= WIDTH


def test_a_run_without_raw_rounds_has_times_but_no_winner() -> None:
    results = [replace(one, data=(), distinct=1) for one in run_of(WINNER).results]
    (summary,) = summarise(Run(tuple(results), {}, {}, CommitInfo(), ""), CATALOGUE)
    assert summary.overall is None
    assert all(size.leaders is None for size in summary.sizes)
    rendered = text.render([summary], NOTES)
    check("no-rounds", rendered)
    assert "fastest at" not in rendered


def test_cases_that_this_catalogue_does_not_know_are_left_out() -> None:
    times = {5: {"numpy": 1e-6, "gpu": 1e-7}}
    (summary,) = summaries(times)
    assert [row.result.case.backend for row in summary.sizes[0].rows] == ["numpy"]
    assert summarise(run_of(WINNER, "unknown"), CATALOGUE) == []
    assert "Which backend" in text.render([], NOTES)


def test_conclusions() -> None:
    def concluded(times: Times) -> str:
        return " ".join(" ".join(text.conclusion(*summaries(times))).split())

    assert "none, rust is fastest at every size" in concluded(WINNER)
    assert concluded(WINNER).endswith("use rust")
    assert "undecided, all sizes are too close to call" in concluded(CLOSE)
    assert concluded(CLOSE).endswith("are too close to call; use either")
    assert "rust → numba between 5 and 1,000; numba → rust between 1,000 and 100,000" in concluded(
        CROSSOVER
    )
    assert concluded(CROSSOVER).endswith("choose by size, see above")
    assert "none, rust is fastest at every size that can be called" in concluded(PARTLY)
    assert concluded(PARTLY).endswith("use rust")


def test_sizes_stand_in_order_whatever_order_they_were_asked_for() -> None:
    (summary,) = summaries(dict(sorted(CROSSOVER.items(), reverse=True)))
    assert [size.n for size in summary.sizes] == [5, 100, 1000, 100_000]
    assert text.crossover(summary).startswith("rust → numba between 5 and 1,000")


def test_overall_compares_only_backends_that_are_at_every_size() -> None:
    times, kernel = SITUATIONS["uneven"]
    (summary,) = summaries(times, kernel)
    assert summary.overall is not None
    assert {summary.overall.first, summary.overall.second} == {"numpy", "rust"}
    # Over both sizes: (21 / 0.2 · 24 / 0.6) ** 0.5.
    assert summary.overall.lead.value == pytest.approx((105 * 40) ** 0.5)


def test_baselines_floor_and_public_do_not_win() -> None:
    times = rows({5: (9.0, 3.0, 0.5, 0.1, 0.2)}, "numpy rust public floor study-rust")
    ((size,),) = (summary.sizes for summary in summaries(times))
    assert size.leaders is not None
    assert (size.leaders.winner, size.leaders.second) == ("rust", "numpy")
    by_name = {row.result.case.backend: row for row in size.rows}
    assert by_name["numpy"].speedup is None
    assert by_name["public"].speedup is not None
    assert by_name["public"].speedup.value == pytest.approx(18.0)
    assert by_name["rust"].to_floor == pytest.approx(30.0)


POSITIVE = st.floats(1e-9, 1e12, allow_subnormal=False)


@given(POSITIVE, st.integers(1, 5))
def test_figures_are_the_number_rounded_without_an_exponent(value: float, digits: int) -> None:
    said = units.figures(value, digits)
    assert set(said) <= set("0123456789.")
    exact = Context(prec=digits, rounding=ROUND_HALF_EVEN).create_decimal(value)
    assert Decimal(said) == exact
    if "." in said:  # digits that are shown are significant, zeros at the end included
        assert len(said.replace(".", "").lstrip("0")) == digits


@given(POSITIVE, st.integers(1, 5))
def test_figures_of_a_rounded_number_are_the_same(value: float, digits: int) -> None:
    said = units.figures(value, digits)
    assert units.figures(float(said), digits) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (9.995, "9.99"),
        (9.996, "10.0"),
        (0.09996, "0.100"),
        (999.6, "1000"),
        (12345.0, "12300"),
        (0.0012345, "0.00123"),
        (1.0, "1.00"),
    ],
)
def test_figures_by_example(value: float, said: str) -> None:
    assert units.figures(value) == said


def test_ratio_shows_its_interval() -> None:
    assert text.ratio(Ratio(2.0, 1.95, 2.051)) == "2.00 [1.95, 2.05]"
    assert text.ratio(Ratio(110.4, 99.6, 121.0)) == "110 [99.6, 121]"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1.234, "1.23 s"),
        (0.9999, "1.00 s"),
        (4.217e-6, "4.22 µs"),
        (9.994e-4, "999 µs"),
        (1e-3, "1.00 ms"),
        (3.4e-11, "0.0340 ns"),
    ],
)
def test_duration_has_its_unit(seconds: float, said: str) -> None:
    assert units.duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.02, "2%"), (0.005, "0.5%"), (0.1, "10%"), (0.0, "0%"), (1.0, "100%"), (0.065, "6.5%")],
)
def test_shares_have_a_decimal_place_where_they_need_it(value: float, said: str) -> None:
    assert units.share(value) == said


def in_blocks(case: Case, medians: Sequence[float], rounds: Sequence[int] = ()) -> Result:
    """Return rounds in each of several processes, three or so many, around a median of its own."""
    numbers = rounds or [3] * len(medians)
    blocks = tuple(
        tuple(one * (1 + 0.02 * (at / (number - 1) - 0.5)) for at in range(number))
        for one, number in zip(medians, numbers, strict=True)
    )
    data = tuple(time for block in blocks for time in block)
    middle = float(np.median(data))
    return Result(
        case=case, benchmark=Benchmark(case.id), median=middle, mean=float(np.mean(data)),
        stddev=float(np.std(data, ddof=1)), min=min(data), rounds=len(data), data=data,
        distinct=4096, blocks=blocks,
    )  # fmt: skip


def over_blocks(
    times: Mapping[int, Mapping[str, Sequence[float]]],
    rounds: Mapping[str, Sequence[int]] | None = None,
) -> list[Summary]:
    """Return a summary of medians by size, backend and process, with so many rounds in each."""
    results = [
        in_blocks(Case("clear", name, "uniform", n), medians, (rounds or {}).get(name, ()))
        for n, row in times.items()
        for name, medians in row.items()
    ]
    return summarise(Run(tuple(results), {}, {}, CommitInfo(), ""), CATALOGUE)


STEADY = [4.0e-4] * 4
GROUPED = [3.4e-4, 6.26e-4, 3.42e-4, 6.3e-4]
"""Times of a case that depends on its process."""


@pytest.mark.parametrize("others", [(), ("rust",), ("rust", "numpy"), ("rust", "numpy", "floor")])
def test_a_case_that_depends_on_its_process_is_told_beside_few_and_many(
    others: Sequence[str],
) -> None:
    (summary,) = over_blocks({10_000: {"numba": GROUPED, **dict.fromkeys(others, STEADY)}})
    assert text.by_process(summary) == {
        Case("clear", "numba", "uniform", 10_000): [
            "two groups of processes: 341 µs or 628 µs",
            "as measured: 340, 626, 342, 630 µs",
        ]
    }


def test_what_slows_three_in_a_block_is_the_machine_and_times_are_told_as_measured() -> None:
    pace = (1.0, 1.0, 1.5, 1.0)
    busy = {
        name: [at * time for at, time in zip(pace, times, strict=True)]
        for name, times in (("numba", GROUPED), ("rust", STEADY), ("numpy", STEADY))
    }
    (summary,) = over_blocks({10_000: busy})
    ((case, (groups, measured)),) = text.by_process(summary).items()
    assert case.backend == "numba"
    assert groups == "two groups of processes: 341 µs or 628 µs"
    assert measured == "as measured: 340, 626, 513, 630 µs"


def test_what_many_processes_took_does_not_pass_the_margin() -> None:
    (summary,) = over_blocks({5: {"numba": GROUPED * 9, "rust": STEADY * 9}})
    lines = list(text.details(summary, text.by_process(summary)))
    assert any(line.lstrip().startswith("as measured: 340, 626, ") for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_a_summary_over_processes_reads_as_agreed() -> None:
    us = 1e-6
    found = over_blocks(
        {
            5: {"numpy": [21 * us] * 4, "numba": [1.3 * us] * 4, "rust": [0.2 * us] * 4},
            200: {
                "numpy": [29 * us] * 4,
                "numba": [1.40 * us, 1.41 * us, 1.39 * us, 1.40 * us],
                "rust": [1.34 * us, 1.35 * us, 1.34 * us, 1.34 * us],
            },
            10_000: {
                "numpy": [300 * us] * 4,
                "numba": [34 * us, 62 * us, 34.2 * us, 61.5 * us],
                "rust": [44 * us, 45 * us, 43.5 * us, 44.2 * us],
            },
        }
    )
    rendered = text.render(found, NOTES)
    check("over-blocks", rendered)
    assert max(map(len, rendered.splitlines())) <= WIDTH
    winners = [size.leaders.winner for size in found[0].sizes if size.leaders]
    assert winners == ["rust", "rust", None]


def test_a_round_more_in_a_slow_process_makes_no_slower_backend_the_winner() -> None:
    # In each process numba takes 10 % longer; of all rounds more are quick than of rust.
    found = over_blocks(
        {5: {"numba": [110.0, 220.0, 110.0, 220.0], "rust": [100.0, 200.0, 100.0, 200.0]}},
        {"numba": (3, 2, 3, 3), "rust": (3, 4, 3, 3)},
    )
    (size,) = found[0].sizes
    medians = {row.result.case.backend: row.result.median for row in size.rows}
    assert medians["numba"] < medians["rust"]
    assert size.leaders is not None
    assert (size.leaders.winner, size.leaders.second) == ("rust", "numba")
    assert size.leaders.lead.value == pytest.approx(1.1)
    assert text.fastest(size) == "rust, 1.1× numba"
    assert found[0].overall is not None
    assert found[0].overall.winner == "rust"


def test_a_winner_is_certain_against_every_other_backend() -> None:
    found = over_blocks(
        {
            5: {
                "numpy": [
                    95.0,
                    140.0,
                    85.0,
                    150.0,
                ],  # usually slower than numba, or faster than any
                "numba": [110.0, 110.1, 109.9, 110.0],
                "rust": [100.0, 100.1, 99.9, 100.0],
            }
        }
    )
    (size,) = found[0].sizes
    assert size.leaders is not None
    assert (size.leaders.first, size.leaders.second) == ("rust", "numba")
    assert size.leaders.lead.low > 1.09
    assert (size.leaders.winner, size.leaders.close) == (None, ("rust", "numpy"))
    assert text.fastest(size) == "too close: rust, numpy"
    assert "rust and numpy are too close to call; use either" in " ".join(
        text.conclusion(found[0])
    )


def test_a_winner_at_one_size_is_no_advice_against_the_winner_over_all() -> None:
    found = over_blocks(
        {
            5: {"numba": [1.0, 1.001, 1.0, 0.999], "rust": [1.05] * 4},
            # Which process is slow differs: over both sizes together it is alike.
            200: {"numba": [1.2, 8.0, 1.3, 7.5], "rust": [1.0] * 4},
            10_000: {"numba": [8.0, 1.2, 7.5, 1.3], "rust": [1.0] * 4},
        }
    )
    (summary,) = found
    winners = [size.leaders.winner for size in summary.sizes if size.leaders]
    assert winners == ["numba", None, None]
    assert summary.overall is not None
    assert summary.overall.winner == "rust"
    said = " ".join(" ".join(text.in_short(found)).split())
    assert said.startswith("clear, uniform: choose by size, see above; over all 3 sizes")
    assert "rust is" in said


def test_the_interval_of_a_lead_stands_in_the_table_where_there_is_room() -> None:
    (summary,) = summaries(WINNER)
    assert [*text.table(summary)][1:] == [
        "        n    numpy    numba     rust  fastest [95 %]",
        "        5     21.0     1.30    0.200  rust, 6.5× [6.4, 6.6] numba",
        "      200     29.0     4.20     2.00  rust, 2.1× [2.1, 2.1] numba",
    ]
    wide = replace(summary, refused={"a-backend-of-a-very-long-name": "wrong"})
    _, head, *rows = text.table(wide)
    assert head.endswith("  fastest")
    assert rows[0].endswith("wrong  rust, 6.5× numba")


def test_a_lead_near_one_has_an_interval_that_shows_on_which_side_it_is() -> None:
    found = over_blocks({5: {"numba": [1.12, 1.20, 1.18, 1.10], "rust": [1.0] * 4}})
    (size,) = found[0].sizes
    assert text.fastest(size, with_interval=True) == "rust, 1.15× [1.08, 1.23] numba"


def test_many_backends_that_are_too_close_are_counted() -> None:
    lead = Ratio(1.0, 0.9, 1.1)
    size = Size(5, (), Leaders("rust", "numba", lead, ("numba", "numpy", "plain", "other")))
    assert text.fastest(size) == "too close: rust, numba, numpy, 2 more"


def test_the_header_of_a_table_is_told_from_its_rows() -> None:
    found = text.render(summaries(WINNER), NOTES).splitlines()
    assert [line for line in found if text.is_header(line)] == [
        "        n    numpy    numba     rust    floor  fastest [95 %]"
    ]


@pytest.mark.parametrize(("backends", "tests"), [(2, 6.0), (3, 6.0), (5, 12.0)])
def test_a_lead_is_held_to_more_where_more_backends_could_be_called(
    backends: int, tests: float
) -> None:
    assert comparisons_together(backends, sizes=6) == tests


@pytest.mark.parametrize(("names", "sweeps"), [("numba rust", 400), ("numpy numba rust", 100)])
def test_equal_backends_are_seldom_called_at_any_size(names: str, sweeps: int) -> None:
    rng = np.random.default_rng(16)
    called = 0
    for _ in range(sweeps):
        times = {
            n: {name: np.exp(rng.normal(0.0, 0.05, 3)).tolist() for name in names.split()}
            for n in (5, 10, 50, 200, 1000, 10_000)
        }
        (summary,) = over_blocks(times)
        called += any(size.leaders and size.leaders.winner for size in summary.sizes)
    # The level is 5 % for all sizes; three standard errors above that, for so many sweeps.
    assert called / sweeps < 0.05 + 3 * (0.05 * 0.95 / sweeps) ** 0.5
