"""The page's history, and what compare, duel and gate concluded."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from judged import gate_idle, gate_regression, gate_void, messy, several
from pytest_duel.cli.main import main
from pytest_duel.formats import FORMATS
from pytest_duel.history.commits import Log
from pytest_duel.page import document, judgements, trends
from pytest_duel.page.material import Material
from pytest_duel.page.section import Figure, Section, Table
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.results.reading import Saved
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement
from simulated import CATALOGUE, MACHINE, save
from simulated_history import documents, entries, name_of, step
from simulated_page import WINNER, made_of

pytestmark = pytest.mark.usefixtures("workplace")

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = "</script><script>alert('commit')</script>"


def judged(judgement: Judgement) -> Material:
    """Return the material of a run and a judgement, as it is saved."""
    data = json.loads(FORMATS["json"](judgement))
    return replace(made_of(WINNER), judgements=[(Path("judgement.json"), data)])


def section_of(judgement: Judgement) -> Section:
    (section,) = judgements.sections(judged(judgement))
    return section


def values(figure: Figure) -> list[dict[str, Any]]:
    """Return the rows that a figure draws: the longest of its data."""
    sources = figure.specification["datasets"].values()
    return max(sources, key=lambda rows: len(json.dumps(rows)))


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_a_gate_is_told_in_words_and_drawn_case_by_case() -> None:
    section = section_of(gate_regression())
    assert section.id == "gate-1"
    assert section.intro == "Regression: clear[rust-uniform-5] 5.2% slower."
    (figure,) = section.figures
    rows = {row["case"]: row for row in values(figure)}
    slow = rows["clear[rust-uniform-5]"]
    assert slow["low"] < slow["ratio"] < slow["high"]
    assert (slow["least"], slow["most"]) == pytest.approx((1 / 1.02, 1.02))
    assert rows["clear[rust-uniform-200]"]["most"] == pytest.approx(1.065)  # its own
    assert [name for name in rows if name.startswith("A/A")] == [
        "A/A clear[rust-uniform-5]", "A/A clear[rust-uniform-1000]",
    ]  # fmt: skip
    assert figure.series[0].name == "regression"
    assert "threshold 2%" in json.dumps(figure.specification)
    assert dict(section.facts)["Verdict"] == "regression (exit code 1)"
    assert "A/A clear[rust-uniform-5]" in dict(section.facts)["Same code"]
    measured, others = section.tables
    assert ["bench/test_train.py::train[rust-bidding-5]", "gone"] in [
        row[:2] for row in texts(others)
    ]
    assert {row[5] for row in texts(measured)} >= {"regression", "tolerated", "inconclusive"}


def test_the_same_code_that_was_not_measured_is_not_told() -> None:
    data = json.loads(FORMATS["json"](gate_regression()))
    nulls = {**data["nulls"], "A/A lost": {"ratio": None}, "A/A gone": {}}
    made = replace(made_of(WINNER), judgements=[(Path("a.json"), {**data, "nulls": nulls})])
    (section,) = judgements.sections(made)
    said = dict(section.facts)["Same code"]
    assert "A/A clear[rust-uniform-5]" in said
    assert "lost" not in said
    assert "gone" not in said


def test_no_two_regions_are_called_alike() -> None:
    data = json.loads(FORMATS["json"](gate_regression()))
    made = replace(made_of(WINNER), judgements=[(Path(f"{name}.json"), data) for name in "abc"])
    titles = [section.title for section in judgements.sections(made)]
    assert titles[1:] == [f"{titles[0]} (2)", f"{titles[0]} (3)"]
    labels = re.findall('role="region" aria-label="([^"]*)"', document.render(made))
    assert len(labels) > 6
    assert len(set(labels)) == len(labels)


def test_a_gate_that_is_void_or_wrong_says_so_first() -> None:
    section = section_of(gate_void())
    assert section.intro.startswith("Something is missing or wrong: clear[rust-uniform-5]")
    assert any(
        term == "Beware" and "clear[rust-uniform-1000] +4.1%" in said
        for term, said in section.facts
    )
    void = replace(gate_void(), rows=gate_void().rows[1:])
    assert section_of(void).intro.startswith("Void: the same code differed from itself")


def test_a_gate_without_a_measurement_has_no_figure() -> None:
    section = section_of(gate_idle())
    assert section.figures == []
    assert all(row[1] == "new" for row in texts(section.tables[0]))


def test_a_comparison_shows_what_its_verdicts_rest_on() -> None:
    section = section_of(several(1.3))
    assert section.intro == "Regression: clear[rust-uniform-200] 30.0% slower."
    slow = values(section.figures[0])[0]
    assert slow["case"] == "clear[rust-uniform-200]"
    assert slow["ratio"] == pytest.approx(1.3, rel=0.01)
    assert [one.name for one in section.figures[0].series] == ["regression", "no change"]
    strange = section_of(messy())
    assert "clear[floor-uniform-5]" in [row[0] for row in texts(strange.tables[-1])]


def test_many_cases_are_in_the_table_and_the_gravest_in_the_figure() -> None:
    judgement = several(1.3)
    quiet = judgement.rows[0]
    rows = tuple(replace(quiet, name=f"case {number}") for number in range(200))
    section = section_of(replace(judgement, rows=(*rows, *judgement.rows)))
    shown = values(section.figures[0])
    assert len(shown) == judgements.MOST
    assert shown[0]["case"] == "clear[rust-uniform-200]"
    assert "more are in the table" in section.figures[0].caption
    assert len(section.tables[0].rows) == 206


def test_where_nothing_is_decided_the_largest_changes_are_named_and_drawn() -> None:
    judgement = several(1.0)
    quiet = replace(judgement.rows[0], word="inconclusive")
    ratio = {"ratio": 0.6, "low": 0.5, "high": 1.1}
    far = replace(quiet, name="a.py::test_far", data={**quiet.data, "relative": ratio})
    rows = (*(replace(quiet, name=f"case {number}") for number in range(200)), far)
    section = section_of(replace(judgement, rows=rows, means=()))
    assert section.intro == (
        f"{judgements.WHOLE['inconclusive']} The largest that are not decided: test_far 40.0% "
        "faster."
    )
    shown = values(section.figures[0])
    assert len(shown) == judgements.MOST
    assert shown[-1]["case"] == "test_far"
    decided = replace(far, word="improvement")
    section = section_of(replace(judgement, rows=(*rows[:-1], decided), means=()))
    assert section.intro.startswith("Faster: a.py::test_far 40.0% faster. Of the rest, ")


def with_history(found: Any, **more: Any) -> Material:
    made = made_of(WINNER)
    (saved,) = made.runs
    unversioned = replace(
        saved, run=replace(saved.run, commit=CommitInfo())
    )  # it shall not take part
    return replace(made, runs=[unversioned], earlier=found, **more)


def test_the_history_shows_cases_over_commits_and_where_they_changed() -> None:
    order = tuple(name_of(number) for number in range(30))
    log = Log(order, dict.fromkeys(order, 0), {order[20]: SCRIPT})
    made = with_history(entries(30, step(20, 1.2), runs=3), log=log)
    (section,) = trends.sections(made)
    place = f"between {order[19][:10]} and {order[20][:10]}"
    assert f"2 of 8 cases changed, {place}." in section.intro
    (figure,) = section.figures
    row = values(figure)[0]
    assert (row["scenario"], row["before"], row["after"]) == (
        "0 clear[rust-uniform-5]", [19], [20],
    )  # fmt: skip
    assert (row["start"], row["end"]) == ([0, 20], [19, 29])
    assert row["level"][1] / row["level"][0] == pytest.approx(1.2, abs=0.03)
    assert row["runs"] == [3] * 30
    assert figure.choice is not None
    assert [text for _, _, text in figure.choice.options][:3] == [
        "clear[rust-uniform-5] (1 change)", "clear[rust-uniform-200] (1 change)",
        "clear[numpy-uniform-5]",
    ]  # fmt: skip
    (table,) = section.tables
    assert texts(table)[0][-2:] == [f"{order[20][:10]} ({SCRIPT})", "–"]
    page = document.render(made)
    assert SCRIPT not in page
    assert "alert" in page


def test_machines_are_told_apart() -> None:
    other = {**MACHINE, "cpu": {"brand_raw": "Another CPU"}}
    made = with_history([*entries(12), *entries(12, machine=other, seed=1)])
    (section,) = trends.sections(made)
    figure = section.figures[0]
    assert figure.choice is not None
    assert {group for group, _, _ in figure.choice.options} == {
        "A CPU, cores 2", "Another CPU, cores 2",
    }  # fmt: skip


def test_runs_of_one_commit_have_no_history() -> None:
    assert list(trends.sections(made_of(WINNER, WINNER))) == []
    one, other = (
        Saved(Path(name), made_of(WINNER, commit=name * 40).runs[0].run) for name in "12"
    )
    (section,) = trends.sections(Material([one, other], CATALOGUE))
    assert "2 runs of 2 commits" in section.intro
    assert "9 have too few commits to tell" in section.intro


def test_few_commits_are_not_called_steady_and_the_mean_says_what_it_found() -> None:
    (section,) = trends.sections(with_history(entries(6, step(3, 1.3), runs=3, noise=0.03)))
    assert "8 have too few commits, or too much noise, to show a step of 10%" in section.intro
    place = f"between {name_of(2)[:10]} and {name_of(3)[:10]}"
    (section,) = trends.sections(with_history(entries(30, step(3, 1.3), runs=3)))
    assert "All cases of clear by rust, taken together, became" in section.intro
    assert f"slower {place}." in section.intro


@pytest.mark.parametrize("kind", ["each on its own machine", "disjoint cases"])
def test_commits_that_share_no_case_have_a_history_without_a_figure(
    folder: Path, kind: str
) -> None:
    one, other = documents(2)
    if kind == "disjoint cases":
        half = len(one["benchmarks"]) // 2
        one["benchmarks"], other["benchmarks"] = (
            one["benchmarks"][:half],
            other["benchmarks"][half:],
        )
    else:
        other["machine_info"] = {**MACHINE, "node_hash": "another"}
    paths = [
        str(save(folder / f"{kind[:4]}-{n}.json", saved)) for n, saved in enumerate((one, other))
    ]
    assert main(["report", *paths, "-o", "page.html"]) == Exit.PASS
    page = Path("page.html").read_text(encoding="utf-8")
    assert "2 runs of 2 commits" in page
    assert "Nothing is drawn: no case was timed at more than one commit" in page
    assert 'id="history-figure"' not in page


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trends, "BUDGET", 100)
    (section,) = trends.sections(with_history(entries(30, step(20, 1.2))))
    assert len(values(section.figures[0])) == 3
    assert any("5 more cases are in pytest-duel history" in note for note in section.notes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from pytest_duel.results import index

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(index.load, "__defaults__", (tmp_path / "index",))
    for number, saved in enumerate(documents(8)):
        save(tmp_path / "runs" / f"{number:04}_x.json", saved)
    return tmp_path / "runs"


def test_the_command_takes_a_history_and_judgements(folder: Path) -> None:
    Path("gate.json").write_text(FORMATS["json"](gate_regression()), encoding="utf-8")
    run = str(folder / "0007_x.json")
    made = ["report", run, "gate.json", "-o", "page.html", "--history", "runs"]
    assert main(made) == Exit.PASS
    page = Path("page.html").read_text(encoding="utf-8")
    assert "8 runs of 8 commits" in page  # the run that is in both counts once
    assert "Gate: " in page


def test_a_bad_file_in_the_history_is_said_on_the_page_and_by_the_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "0009_bad.json").write_text('{"benchmarks": [', encoding="utf-8")
    run = str(folder / "0007_x.json")
    assert main(["report", run, "-o", "page.html", "--history", "runs"]) == Exit.ERROR
    assert "0009_bad.json is no whole JSON file" in capsys.readouterr().err
    page = Path("page.html").read_text(encoding="utf-8")
    assert "0009_bad.json could not be read" in page


def test_unknown_words_and_numbers_do_not_break_the_page() -> None:
    data: Mapping[str, Any] = json.loads(FORMATS["json"](several(1.3)))
    case = dict(data["cases"][0], name=SCRIPT, verdict="odd")
    case["relative"] = {"ratio": 1.1, "low": None, "high": None}
    strange = {**data, "verdict": "odd", "cases": [case], "threshold": None, "counts": {"odd": 1}}
    made = replace(made_of(WINNER), judgements=[(Path("a.json"), strange)])
    (section,) = judgements.sections(made)
    assert section.intro == "Odd."
    assert SCRIPT not in document.render(made)
