"""The report as one page: what it says and holds, and that no run can break it."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulated
from judged import gate_regression
from pages import Page
from pytest_duel.catalogue.model import Case, Catalogue
from pytest_duel.cli.main import main
from pytest_duel.formats import FORMATS
from pytest_duel.page import answers, contents, document, material, origin, parity, rounds
from pytest_duel.page.material import Material
from pytest_duel.page.section import MISSING, Cell, Section
from pytest_duel.results import runs
from pytest_duel.results.reading import Saved
from pytest_duel.results.storage import Files
from pytest_duel.support.exit_codes import Exit
from simulated import CASES, MACHINE, SECTION, run_of, save, times_of
from simulated_page import CATALOGUE, WINNER, a_run, answer, made_of
from simulated_targets import judged_targets

pytestmark = pytest.mark.usefixtures("workplace")

Capture = pytest.CaptureFixture[str]
LARGEST = 2e6
"""Bytes: what is larger does not pass as an attachment everywhere."""


def test_runs_without_parity_say_that_nothing_is_proved() -> None:
    made = made_of(WINNER, section={"schema": 1})
    assert "does not tell what was compared" in answer(made).evidence
    (section,) = parity.sections(made)
    assert "nothing here proves" in section.intro


def test_a_disagreement_is_told_in_the_section_on_parity() -> None:
    said = "clear: rust disagrees with numpy on tied-5: price is 1.0, numpy has 2.0"
    checked: dict[str, Any] = {
        "calls": {"clear numba": 10, "clear rust": 10},
        "disagreements": [said],
    }
    (section,) = parity.sections(made_of(WINNER, section=dict(SECTION) | {"parity": checked}))
    assert "1 disagreement was found" in section.intro
    assert "is zero" not in section.intro
    assert section.notes == [said]
    (table,) = section.tables
    assert [row.cells[-1].text for row in table.rows] == ["0", "wrong: not timed"]


def test_runs_of_another_machine_or_revision_take_no_part() -> None:
    own = simulated.document(times_of(np.random.default_rng(1)))
    later = own | {"datetime": "2026-11-24T00:00:00+00:00"}
    elsewhere = own | {"machine_info": dict(MACHINE) | {"node_hash": "def"}}
    earlier = own | {"commit_info": {"id": "2" * 40, "dirty": False}}
    files = [
        Saved(Path(f"{number}.json"), runs.from_json(one))
        for number, one in enumerate((elsewhere, earlier, own, later))
    ]
    made = Material(files, CATALOGUE)
    assert list(made.shown) == [files[2].run, files[3].run]
    (said,) = origin.warnings(made)
    assert said.startswith("2 of the 4 runs are of another machine")
    (section,) = origin.sections(made)
    assert [row.cells[-1].text for row in section.tables[0].rows][:2] == ["no", "no"]


def test_a_run_without_rust_says_so_before_any_number() -> None:
    needs_rust = replace(CATALOGUE.backends["rust"], needs="rust_wheel")
    own = replace(CATALOGUE, backends={**CATALOGUE.backends, "rust": needs_rust})
    without = made_of(
        {5: {"numpy": 20, "numba": 1}}, section={**SECTION, "without": ["rust_wheel"]}
    )
    (said,) = origin.warnings(replace(without, catalogue=own))
    assert said.startswith("Measured without rust_wheel: rust ")
    assert list(origin.warnings(made_of(WINNER, section={**SECTION, "without": []}))) == []


def test_cases_that_the_catalogue_does_not_know_are_counted() -> None:
    times = {Case("clear", name, "uniform", 5): 1e-6 for name in ("numpy", "rust")}
    odd = (Case("clear", "gpu", "uniform", 5), Case("clear", "rust", "lunar", 5))
    made = Material([Saved(Path("x"), run_of(times | dict.fromkeys(odd, 1e-6)))], CATALOGUE)
    (said,) = origin.warnings(made)
    assert said.startswith("2 cases are left out")


def test_a_run_that_the_catalogue_knows_nothing_of_makes_a_page() -> None:
    made = Material([Saved(Path("x"), run_of({Case("sort", "c", "any", 5): 1e-6}))], CATALOGUE)
    (section,) = answers.sections(made)
    assert section.intro == "Nothing was timed that the catalogue knows."
    assert "Nothing was timed" in document.render(made)


def test_runs_without_raw_rounds_make_a_page() -> None:
    made = made_of(WINNER, raw=False)
    assert answer(made).use == "no backend"
    assert list(rounds.sections(made)) == []
    assert "clear[rust-uniform-5]" in document.render(made)


def test_the_rounds_keep_their_median_and_their_ends() -> None:
    made = made_of(WINNER, WINNER)
    (section,) = rounds.sections(made)
    processes = section.figures[0].data["case-clear-rust-uniform-5"]
    result = made.results[Case("clear", "rust", "uniform", 5)][0]
    assert len(processes) == 2
    assert processes[0][len(processes[0]) // 2] == pytest.approx(result.median * 1e9, rel=1e-3)
    assert processes[0][0] == pytest.approx(min(result.data) * 1e9, rel=1e-3)
    assert processes[0][-1] == pytest.approx(max(result.data) * 1e9, rel=1e-3)


@pytest.mark.parametrize("lines", [1, 1401, 3000, 100_000])
def test_many_cases_have_fewer_marks_each_and_always_a_middle_one(lines: int) -> None:
    marks = rounds._marks(lines)
    assert marks % 2 == 1
    assert 5 <= marks <= rounds.MARKS
    assert marks == 5 or marks * lines <= rounds.BUDGET


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        (Cell("a word"), None),
        (Cell("1,000", 1000), None),
        (Cell("5", 5), None),
        (Cell("1.20 µs", 1.2e-6), "1.2e-06"),
        (MISSING, None),
        (Cell("tomorrow", "2026-11-24"), "2026-11-24"),
    ],
)
def test_a_cell_has_a_key_where_its_text_does_not_do_as_one(cell: Cell, key: str | None) -> None:
    assert cell.key == key


Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that saves runs and returns the page that the command makes of them."""

    def of(*documents: Mapping[str, Any], more: Sequence[Path] = ()) -> str:
        paths = [
            save(tmp_path / f"run-{number}.json", one) for number, one in enumerate(documents)
        ]
        out = tmp_path / "report.html"
        assert main(["report", *map(str, (*paths, *more)), "-o", str(out)]) == Exit.PASS
        return out.read_text(encoding="utf-8")

    return of


def test_the_page_holds_all_that_it_needs(write: Write) -> None:
    page = Page(write(a_run()))
    assert page.sources == []
    assert "link" not in page.tags
    assert {"answer", "clear", "rounds", "parity", "origin"} <= set(page.ids)
    assert "default-src 'none'" in page.policy
    for kind in "script", "style":
        for content in (text for name, text in page.scripts if name == kind):
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in page.policy
    assert "unsafe" not in page.policy


def test_ids_are_unique_and_links_lead_somewhere(write: Write) -> None:
    page = Page(write(a_run()))
    assert len(set(page.ids)) == len(page.ids)
    assert page.links
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()
    for case in CASES:
        assert f"case-clear-{case.backend}-uniform-{case.n}" in page.ids


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"'&{{ 7 * 7 }}<!--"


def test_text_in_a_run_stays_text(write: Write) -> None:
    hostile = a_run(
        commit=HOSTILE,
        machine=dict(MACHINE) | {"cpu": {"brand_raw": HOSTILE}, "versions": {HOSTILE: HOSTILE}},
        section=dict(SECTION)
        | {
            "tier": HOSTILE,
            "missing": {HOSTILE: HOSTILE},
            "left_out": {HOSTILE: HOSTILE},
            "refused": {"clear": {HOSTILE: HOSTILE}},
            "parity": {"calls": {HOSTILE: 5}, "disagreements": [HOSTILE]},
            "variables": {HOSTILE: HOSTILE},
        },
    )
    page, plain = Page(write(hostile)), Page(write(a_run()))
    assert "img" not in page.tags
    assert page.tags.count("script") == plain.tags.count("script")
    assert sum(HOSTILE in text for text in page.texts) >= 6


def test_names_in_charts_stay_text() -> None:
    name = "</script><!--<script>"
    roles = {**CATALOGUE.backends, name: CATALOGUE.backends["rust"]}
    odd = Catalogue("numpy", CATALOGUE.kernels, roles, CATALOGUE.scenarios, ())
    run = run_of({Case("clear", one, "uniform", n): 1e-6 for one in roles for n in (5, 50)})
    page = Page(document.render(Material([Saved(Path("x"), run)], odd)))
    found = [json.loads(text) for kind, text in page.scripts if kind == "application/json"]
    assert name in json.dumps(found)


@pytest.mark.parametrize(
    "cases",
    [
        CASES[:1],
        [case for case in CASES if case.backend != "rust"],
        [case for case in CASES if case.backend == "floor"],
        [case for case in CASES if case.n == 5],
    ],
    ids=["one case", "no rust", "floor only", "one size"],
)
def test_runs_of_every_kind_make_a_page(write: Write, cases: Sequence[Case]) -> None:
    page = Page(write(a_run(cases)))
    assert page.tags.count("figure") >= 1
    assert len({one for one in page.ids if one.startswith("case-")}) == len(cases)


def test_hundreds_of_cases_fit_into_a_mail(write: Write) -> None:
    many = [Case("clear", name, "uniform", n) for n in range(5, 155) for name in simulated.ROLES]
    page = write(a_run(many), a_run(many), a_run(many))
    assert len(page.encode()) < LARGEST


def test_judged_targets_are_shown(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    path.write_text(FORMATS["json"](judged_targets()), encoding="utf-8")
    page = Page(write(a_run(), more=[path]))
    assert "targets" in page.ids
    assert "missed" in page.texts


def test_a_section_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Section(id="own", title="A section of its own", intro="It says so.")
    monkeypatch.setattr(contents, "SECTIONS", (*contents.SECTIONS, lambda _: [own]))
    page = Page(document.render(made_of(WINNER)))
    assert "own" in page.ids
    assert page.links.count("#own") == 1


def test_a_page_too_large_for_a_mail_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path, out = save(tmp_path / "run.json", a_run()), tmp_path / "x.html"
    assert main(["report", str(path), "-o", str(out)]) == Exit.PASS
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("pytest_duel.cli.report.LARGEST", 1000)
    assert main(["report", str(path), "-o", str(out)]) == Exit.PASS
    assert f"{out} has {out.stat().st_size:,} bytes, more than 1,000" in capsys.readouterr().err


def test_what_commands_save_is_told_from_runs(tmp_path: Path) -> None:
    run = save(tmp_path / "run.json", a_run())
    gate = save(tmp_path / "gate.json", json.loads(FORMATS["json"](gate_regression())))
    made = material.gather(Files((gate, run)), CATALOGUE)
    assert [saved.path for saved in made.runs] == [run]
    assert [(path, data["command"]) for path, data in made.judgements] == [(gate, "gate")]
    assert made.targets is None
