"""``python -m bench repeat``: sweeps of the same code, and where they say different things."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.catalogue import catalogue
from bench.commands import repeat
from bench.study import repeats, winners
from bench.study.sweeps import questions, said
from bench.study.winners import Claim, Word
from pytest_duel.catalogue.model import Case
from pytest_duel.paired.measurements import Measurements
from pytest_duel.results.benchmarks import Benchmark, Result
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.results.runs import Run
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.processes import Line, Output

Winners = dict[str, str | None]


def paces(first: str) -> dict[str, float]:
    """Return how long backends took, relative to the first."""
    return {first: 1.0, {"rust": "numba", "numba": "rust"}[first]: 1.5}


def sweep(*questions: tuple[str, Winners, str]) -> dict[str, Any]:
    """Return what a sweep is saved as."""
    return {
        "when": "2026-01-02T03:04:05+00:00", "seconds": 100.0, "parity_seconds": 9.0,
        "lines": 50, "blocks": 4,
        "questions": {
            name: {
                "winners": winners,
                "relative": {size: paces(one or "rust") for size, one in winners.items()},
                "advice": advice,
            }
            for name, winners, advice in questions
        },
    }  # fmt: skip


def saved(*sweeps: dict[str, Any], beside: int = 0) -> dict[str, Any]:
    return {
        "schema": repeats.SCHEMA,
        "machine": {"cpu": "Some CPU", "usable_cores": 2},
        "commit": {"id": "0123456789abcdef", "dirty": False},
        "beside": beside,
        "sweeps": list(sweeps),
    }


SIZES = ("5", "50", "500", "5000", "50000")


def clear(winners: Sequence[str | None], advice: str = "use rust") -> dict[str, Any]:
    return sweep(("clear, uniform", dict(zip(SIZES, winners, strict=False)), advice))


def test_winners_that_differ_are_opposed_and_undecided_ones_are_not() -> None:
    data = saved(
        clear(["rust", "rust", None]),
        clear(["rust", None, "numba"]),
        clear(["rust", "numba", None]),
    )
    (found,) = questions(data)
    assert found.opposed == ["50"]
    assert found.called == 6
    assert found.winners("50") == {"rust": 1, "numba": 1}
    assert found.crossovers == {
        "none": 1, "rust → numba between 5 and 500": 1, "rust → numba between 5 and 50": 1,
    }  # fmt: skip


def test_the_headline_counts_what_differs_and_names_the_machine() -> None:
    data = saved(clear(["rust"] * 3), clear(["numba", "rust", "rust"], "choose by size"), beside=1)
    said = repeats.headline(data)
    assert "Some CPU, 2 cores, with 1 busy loop beside them" in said
    assert "call different winners: 1." in said
    (row,) = repeats.rows(data)
    assert row == (
        "clear, uniform", "3", "6 of 6", "5", "none (1×); numba → rust between 5 and 50 (1×)",
        "use rust (1×); choose by size (1×)",
    )  # fmt: skip


def test_a_size_that_few_sweeps_call_is_named() -> None:
    data = saved(*[clear(["rust", "rust", None])] * 9, clear(["rust", None, "rust"]))
    (row,) = repeats.rows(data)
    assert row[2] == "20 of 30; seldom: 500 (1 of 10)"


@pytest.mark.parametrize(("one", "other", "moved"), [
    (["rust", "numba", None, None, None], ["rust", None, "rust", "numba", "numba"], 2),
    (["rust", None, "rust", "numba", None], ["rust", "rust", "numba", None, None], 1),
    # It may be at the same place: sizes between are too close to call.
    (["rust", "numba", None, None, None], ["rust", None, None, None, "numba"], 0),
    (["rust", "numba", None, None, None], ["rust", None, None, None, None], 0),
    # Of two crossovers the nearer counts, and only one between the same backends.
    (["rust", "numba", "rust", "numba", None], ["rust", "rust", "rust", "numba", "numba"], 2),
    (["rust", "numba", None, None, None], [None, None, None, "numba", "rust"], 0),
])  # fmt: skip
def test_a_crossover_moves_by_sizes(
    one: Sequence[str | None], other: Sequence[str | None], moved: int
) -> None:
    data = saved(clear(one), clear(other))
    assert questions(data)[0].moved == moved
    assert repeats.headline(data).endswith(f"Sizes by which a crossover moves: {moved}.")


def test_a_crossover_that_moves_by_more_than_a_size_fails(tmp_path: Path) -> None:
    data = saved(
        clear(["rust", "numba", None, None, None]),
        clear(["rust", None, "rust", "numba", "numba"]),
    )
    assert not questions(data)[0].opposed
    assert shown(data, tmp_path) == Exit.REGRESSION


def shown(data: Mapping[str, Any], folder: Path) -> int:
    """Return what the command ends with that shows what is saved."""
    file = folder / "repeat.json"
    file.write_text(json.dumps(data))
    return main(["repeat", "0", "--output", str(file)])


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Have sweeps come from a list, on a clean commit."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(repeat, "_sweep", lambda: found.pop(0))
    return found


def test_sweeps_are_saved_one_by_one_and_added_to(
    swept: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "repeat.json"
    swept += [clear(["rust"] * 3)] * 2
    assert main(["repeat", "2", "--output", str(file)]) == Exit.PASS
    assert "| clear, uniform | 3 | 6 of 6 | – | none | use rust |" in capsys.readouterr().out
    swept += [clear(["numba", "rust", "rust"])]
    assert main(["repeat", "1", "--output", str(file)]) == Exit.REGRESSION
    assert len(repeats.load(file)["sweeps"]) == 3
    capsys.readouterr()
    assert main(["repeat", "0", "--output", str(file)]) == Exit.REGRESSION
    assert capsys.readouterr().out.startswith("3 sweeps of 4 blocks in a row on ")


SWEEPS = [clear(["rust", "rust", None]), clear(["rust", "numba", None])]


def test_each_winner_that_a_sweep_calls_is_held_against_every_other_backend() -> None:
    found = winners.claims(questions(saved(*SWEEPS)), catalogue())
    assert [(one.n, one.winner, one.other, one.is_open) for one in found] == [
        (5, "rust", "numba", False),
        (50, "rust", "numba", False), (50, "numba", "rust", False),
        (500, "rust", "numba", True),  # which none calls
    ]  # fmt: skip
    assert [case.id for case in found[2].cases()] == [
        "clear[numba-uniform-50]", "clear[rust-uniform-50]",
    ]  # fmt: skip


def test_the_leader_of_a_size_that_none_calls_is_who_is_ahead_in_most() -> None:
    sweeps = [clear([None]) for _ in range(3)]
    for own in sweeps[1:]:
        own["questions"]["clear, uniform"]["relative"]["5"] = paces("numba")
    (found,) = winners.claims(questions(saved(*sweeps)), catalogue())
    assert (found.winner, found.other, found.is_open) == ("numba", "rust", True)


@pytest.fixture
def duels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have duels find rust 1.5 times as fast as numba, and slower at 500; one does not work."""
    asked: list[str] = []

    def measured(arrange: Any, blocks: int) -> Measurements:
        logs, slower = (np.log(one * (blocks // 2)).tolist() for one in ([1.5, 1.51], [0.8, 0.81]))
        at_5, at_50, turned, at_500 = asked
        found = {at_5: logs, at_50: logs, at_500: slower}
        return Measurements(found, errors={turned: "it is wrong"})

    def of_cases(cases: Any, _: Any) -> None:
        asked.extend(cases)

    monkeypatch.setattr("pytest_duel.duel.pairs.of_cases", of_cases)
    monkeypatch.setattr(repeat, "measured", measured)
    return asked


def test_duels_are_saved_with_the_sweeps_and_go_with_new_ones(
    swept: list[dict[str, Any]], duels: list[str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "repeat.json"
    swept += SWEEPS
    main(["repeat", "2", "--output", str(file)])
    assert "Their winners were not held against a duel." in capsys.readouterr().out
    assert main(["repeat", "0", "--duel", "24", "--output", str(file)]) == Exit.ERROR
    said = capsys.readouterr().out
    assert "in duels of 24 blocks with other backends on " in said
    assert "2 held, 0 refuted, 1 not measured. Where none calls a winner, " in said
    assert "the one that is ahead in most: 0 held, 1 refuted." in said
    assert "2 held; not measured: numba before rust at 50: it is wrong; never called, " in said
    assert "never called, refuted: rust before numba at 500, 0.805 [" in said
    assert "| clear, uniform | 5 | rust before numba | 1.50 [1.50, 1.50] | 1.5" in said
    saved = repeats.load(file)["duels"]
    assert (saved["blocks"], len(saved["found"])) == (24, 4)
    assert saved["found"][0]["ratio"] == pytest.approx(1.505, rel=0.01)
    swept += [clear(["rust"] * 3)]
    main(["repeat", "1", "--output", str(file)])
    assert "duels" not in repeats.load(file)


def dueled(*found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sweep with duels at 5 units, as they are saved."""
    own = {"question": "clear, uniform", "n": 5, "winner": "rust", "other": "numba"}
    duels = {
        "when": "2026-01-02T03:04:05+00:00",
        "blocks": 24,
        "commit": {"id": "0123456789"},
        "found": [{**own, **one} for one in found],
    }
    return {**saved(clear(["rust"])), "duels": duels}


HELD = {"ratio": 1.5, "low": 1.4, "high": 1.6}
REFUTED = {"ratio": 0.8, "low": 0.7, "high": 0.9}


@pytest.mark.parametrize(("found", "code"), [
    ([HELD], Exit.PASS),
    ([{"ratio": 1.0, "low": 0.9, "high": 1.1}], Exit.PASS),
    ([HELD, REFUTED], Exit.REGRESSION),
    ([HELD, REFUTED | {"is_open": True}], Exit.PASS),  # no sweep has claimed it
    ([HELD, {"error": "it is wrong"}], Exit.ERROR),
    ([HELD, {"error": "it is wrong", "is_open": True}], Exit.ERROR),
])  # fmt: skip
def test_the_exit_code_is_that_of_the_duels(
    found: Sequence[Mapping[str, Any]], code: Exit, tmp_path: Path
) -> None:
    assert shown(dueled(*found), tmp_path) == code


def test_the_leads_of_sweeps_stand_beside_those_of_duels() -> None:
    data = dueled(HELD, {"other": "numpy", "ratio": 20.0, "low": 19.0, "high": 21.0})
    sweeps = [clear(["rust"]) for _ in range(3)]
    for own, pace in zip(sweeps, (1.9, 2.1, 2.5), strict=True):
        paces = {"rust": 1.0, "numba": pace, "numpy": 30.0}
        own["questions"]["clear, uniform"]["relative"]["5"] = paces
    assert [*repeats.leads(data | {"sweeps": sweeps})] == [
        ("clear, uniform", "5", "rust before numba", "2.10 [1.90, 2.50]", "1.50 [1.40, 1.60]")
    ]


def test_a_duel_that_was_not_measured_has_no_lead() -> None:
    assert [*repeats.leads(dueled({"error": "it is wrong"}))] == []


@pytest.mark.parametrize(("ratios", "word"), [
    ((1.1, 1.12), Word.HELD), ((0.9, 1.1), Word.OPEN), ((0.9, 0.92), Word.REFUTED),
])  # fmt: skip
def test_a_duel_holds_or_refutes_where_its_whole_interval_does(
    ratios: tuple[float, float], word: Word
) -> None:
    claim = Claim("clear, uniform", 5, "rust", "numba")
    logs = [float(one) for one in np.log(ratios * 12)]
    (found,) = winners.judged([claim], Measurements({claim.name: logs}), 24)
    assert winners.word(found) is word


def test_the_intervals_of_many_duels_are_wider() -> None:
    claims = [Claim("clear, uniform", n, "rust", "numba") for n in range(1, 21)]
    logs = [float(one) for one in np.log((1.0, 1.2) * 12)]
    measured = Measurements({one.name: logs for one in claims})
    one, many = (winners.judged(some, measured, 24)[0] for some in (claims[:1], claims))
    assert many["low"] < one["low"] < one["high"] < many["high"]


def test_the_docs_show_quiet_and_busy_sweeps_and_say_which_are_not_saved() -> None:
    quiet, busy = saved(clear(["rust"] * 3)), saved(clear(["rust"] * 3), beside=1)
    both = repeats.render_all([busy, quiet])
    assert both.index("2 cores, commit") < both.index("2 cores, with 1 busy loop")
    assert "are saved" not in both
    assert "No sweeps with a busy process beside them are saved." in repeats.render_all([quiet])
    assert "No sweeps on a quiet machine are saved." in repeats.render_all([busy])


@pytest.mark.parametrize(("key", "value"), [
    ("commit", {"id": "another"}), ("beside", 3), ("machine", {"cpu": "Other", "usable_cores": 1}),
])  # fmt: skip
def test_sweeps_of_something_else_are_not_added_to(
    key: str, value: Any, swept: list[dict[str, Any]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "repeat.json"
    swept += [clear(["rust"] * 3)] * 2
    assert main(["repeat", "1", "--output", str(file)]) == Exit.PASS
    before = json.dumps(json.loads(file.read_text()) | {key: value})
    file.write_text(before)
    assert main(["repeat", "1", "--output", str(file)]) == Exit.ERROR
    assert f"has sweeps of another {key}" in capsys.readouterr().err
    assert file.read_text() == before


@pytest.mark.parametrize(("content", "reason"), [
    ("{", "cannot be read"),
    ("{}", "holds no repeated sweeps"),
    (json.dumps(saved(clear(["rust"] * 3)) | {"schema": 99}), "has schema 99"),
    (json.dumps(saved(clear(["rust"] * 3)) | {"sweeps": 3}), "sweeps is 3: it must be a list"),
    (json.dumps(saved()), "there is no sweep to show"),
])  # fmt: skip
def test_a_file_of_something_else_is_refused(
    content: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "repeat.json"
    file.write_text(content)
    assert main(["repeat", "0", "--output", str(file)]) == Exit.ERROR
    assert reason in capsys.readouterr().err
    assert file.read_text() == content


@pytest.mark.parametrize(("commit", "said"), [
    ({"id": "0123456789abcdef", "dirty": True}, "commit 0123456789 with changes: "),
    ({"id": None, "dirty": None}, "of no known commit: "),
])  # fmt: skip
def test_what_is_in_no_commit_is_not_told_as_one(commit: dict[str, Any], said: str) -> None:
    data = saved(clear(["rust"] * 3)) | {"commit": commit}
    assert said in repeats.headline(data)


def test_a_sweep_that_fails_says_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Output(1, [Line("some output", 0.1), Line("its last line", 0.2)], 0.3)
    monkeypatch.setattr("pytest_duel.support.processes.run_by_line", lambda *_, **__: failed)
    assert main(["repeat", "1"]) == Exit.ERROR
    assert "its last line" in capsys.readouterr().err


def run_of(medians: Mapping[str, float], **section: Any) -> Run:
    """Return a run of two blocks at 5 units."""
    results = [
        Result(
            case=Case("clear", name, "uniform", 5), benchmark=Benchmark(name), median=median,
            mean=median, stddev=0.01 * median, min=median, rounds=4, data=(median,) * 4,
            distinct=4096, blocks=((median,) * 2,) * 2,
        )
        for name, median in medians.items()
    ]  # fmt: skip
    return Run(tuple(results), {"parity": {"seconds": 9.0}, **section}, {}, CommitInfo(), "")


def test_a_sweep_tells_how_much_slower_than_the_fastest_each_backend_is() -> None:
    found = said(run_of({"numpy": 20e-6, "numba": 3e-6, "rust": 2e-6}), catalogue())
    assert found["clear, uniform"]["relative"] == {"5": {"rust": 1.0, "numba": 1.5, "numpy": 10.0}}


def test_of_a_sweep_is_saved_when_its_table_came_and_how_busy_the_machine_was() -> None:
    run = run_of({"numba": 3e-6, "rust": 2e-6}, load=[0.25, 1.5])
    header = Line("        n    numba     rust  fastest [95 %]", 34.56)
    done = Output(0, [Line("parity: …", 12.0), header, header], 123.45)
    found = repeat._of_sweep(done, run)
    assert found["table_seconds"] == 34.6
    assert (found["load"], found["lines"], found["seconds"]) == (0.25, 3, 123.5)
    data = saved({"when": "", **found})
    assert "at most 3 lines, the first table after at most 35 s, a load of at most 0.2" in (
        repeats.headline(data)
    )


def test_what_a_sweep_does_not_tell_is_not_made_up(tmp_path: Path) -> None:
    found = repeat._of_sweep(Output(0, [], 100.0), run_of({"numba": 3e-6, "rust": 2e-6}))
    assert (found["table_seconds"], found["load"]) == (None, None)
    data = saved({"when": "", **found} | {"lines": 1})
    assert shown(data, tmp_path) == Exit.PASS
    assert "at most 1 lines. Sizes" in repeats.headline(data)
