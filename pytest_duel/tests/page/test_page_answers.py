"""What the page answers: which backend to use, and why to believe it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_duel.catalogue.model import Backend, Case, Role
from pytest_duel.page.material import Material
from pytest_duel.results.reading import Saved
from simulated import SECTION, run_of
from simulated_page import CATALOGUE, WINNER, Medians, answer, made_of, of_three

CROSSING = of_three(
    {5: (20, 1.2, 0.2), 100: (24, 2, 1.95), 1000: (80, 9, 18), 10_000: (80, 9, 18)}
)


@pytest.mark.parametrize(
    ("medians", "use", "sentence"),
    [
        (
            WINNER,
            "rust",
            "On uniform inputs rust is 1.5× to 6.0× as fast as numba from 5 to 1,000 units; "
            "no crossover.",
        ),
        (
            CROSSING,
            "choose by size",
            "On uniform inputs rust is 6.0× as fast as numba at 5 units; rust and numba are too "
            "close to call at 100 units; numba is 2.0× as fast as rust from 1,000 to 10,000 "
            "units; crossover between 5 and 1,000.",
        ),
        (
            of_three({5: (20, 1.2, 1.25), 100: (20, 2, 2.01)}),
            "either",
            "On uniform inputs numba and rust are too close to call from 5 to 100 units.",
        ),
        (
            {432: {"numpy": 60, "rust": 4}},
            "rust",
            "On uniform inputs rust is 15× as fast as numpy.",
        ),
        (
            {5: {"rust": 1}, 50: {"rust": 2}},
            "one backend",
            "Only rust was timed, so there is nothing to choose from.",
        ),
        (
            {5: {"numpy": 20, "numba": 1}},
            "numba",
            "On uniform inputs numba is 20× as fast as numpy.",
        ),
        (
            {5: {"numba": 1.18, "rust": 1}},
            "rust",
            "On uniform inputs rust is 1.18× as fast as numba.",
        ),
    ],
)  # fmt: skip
def test_the_answer_is_a_sentence(medians: Medians, use: str, sentence: str) -> None:
    found = answer(made_of(medians))
    assert (found.use, found.sentence) == (use, sentence)


def test_the_evidence_is_the_range_over_processes() -> None:
    slower = {n: {**row, "rust": row["rust"] * 1.1} for n, row in WINNER.items()}
    faster = {n: {**row, "rust": row["rust"] * 0.8} for n, row in WINNER.items()}
    found = answer(made_of(slower, WINNER, faster))
    assert "In 3 processes the lead of rust was 1.36× to 7.5×." in found.evidence
    assert "1.5× to 6.0×" in found.sentence  # of the middle one


def test_the_evidence_of_one_process_says_so() -> None:
    noisy = made_of(WINNER, spread=0.2)
    assert answer(noisy).evidence.startswith("One process; the 95 % intervals")


def test_a_range_that_the_sentence_has_is_not_told_again() -> None:
    found = answer(made_of({5: {"numba": 20, "rust": 2}}, {5: {"numba": 20, "rust": 2}}))
    assert "10×" in found.sentence
    assert "10×" not in found.evidence


def on_two_kinds(other: Mapping[int, Sequence[float]]) -> Material:
    """Return the material of a run in which `tied` inputs give other times than `uniform`."""
    kinds = {"uniform": WINNER, "tied": of_three(other)}
    times = {
        Case("clear", name, kind, n): 1e-6 * value
        for kind, one in kinds.items()
        for n, row in one.items()
        for name, value in row.items()
    }
    uniform = CATALOGUE.scenarios["uniform"]
    own = replace(CATALOGUE, scenarios={"uniform": uniform, "tied": replace(uniform, name="tied")})
    return Material([Saved(Path("x"), run_of(times))], own)


@pytest.mark.parametrize(
    ("other", "use", "said"),
    [
        (
            {5: (20, 4, 2), 1000: (80, 12, 10)},
            "rust",
            "On tied inputs rust is fastest as well, its lead down to 1.20× (tied, 1,000 units).",
        ),
        (
            {5: (20, 4, 2), 100: (20, 2, 2.02), 1000: (80, 5, 10)},
            "choose by input",
            "On tied inputs numba is 2.0× as fast as rust (tied, 1,000 units); rust is fastest "
            "elsewhere, its lead down to 2.0× (tied, 5 units); too close to call: tied, 100 "
            "units.",
        ),
        ({5: (20, 2, 2.02)}, "rust", "On tied inputs it is too close to call."),
    ],
)  # fmt: skip
def test_other_kinds_of_input_have_the_least_lead_and_whom_they_favour(
    other: Mapping[int, Sequence[float]], use: str, said: str
) -> None:
    found = answer(on_two_kinds(other))
    assert found.sentence.startswith("On uniform inputs rust is 1.5× to 6.0×")
    assert found.use == use
    assert said in found.evidence


def test_the_evidence_says_what_was_compared() -> None:
    section: dict[str, Any] = dict(SECTION)
    section["parity"] = {"calls": {"clear numba": 1200, "clear rust": 34}}
    evidence = answer(made_of(WINNER, section=section)).evidence
    assert "1,234 calls were compared with numpy: not a bit differed." in evidence
    section = {
        **SECTION,
        "parity": {
            "calls": {"clear numba": 1200},
            "disagreements": ["clear: numba disagrees with numpy on …"],
        },
        "refused": {"clear": {"numba": "wrong"}},
    }
    evidence = answer(made_of(WINNER, section=section)).evidence
    assert "1 disagreed" in evidence
    assert "Left out: numba (wrong)." in evidence


def test_what_is_faster_but_does_not_compete_is_told() -> None:
    threads = Backend("rust-parallel", dict, Role.VARIANT, note="rust on 2 threads")
    own = replace(CATALOGUE, backends={**CATALOGUE.backends, threads.name: threads})
    times = {5: 0.21, 100: 0.5, 1000: 3.0}  # the first is no faster than rust, which takes 0.2
    medians = {n: {**row, threads.name: times[n]} for n, row in WINNER.items()}
    found = answer(replace(made_of(medians), catalogue=own))
    said = "but outside this choice: rust-parallel (rust on 2 threads) in 2 of 3 cases."
    assert said in found.evidence
    assert found.sentence.startswith("On uniform inputs rust is 1.5× to 6.0×")
    assert "outside this choice" not in answer(made_of(WINNER)).evidence
