"""The report as one page: what it says, what it refuses, and that no run can break it."""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import runs
from bench.__main__ import main
from bench.catalogue import catalogue
from bench.exits import Exit
from bench.formats import FORMATS
from bench.page import answers, contents, document, material, origin, parity, rounds
from bench.page.material import Material
from bench.page.section import MISSING, Cell, Section
from bench.registry import Backend, Case, Catalogue, Role
from bench.storage import Saved
from tests.bench import simulated
from tests.bench.simulated import CASES, MACHINE, SECTION, run_of, save, times_of
from tests.bench.simulated_history import judged_history
from tests.bench.simulated_targets import judged_targets
from tests.bench.test_formats import gate_regression

Medians = Mapping[int, Mapping[str, float]]
Capture = pytest.CaptureFixture[str]
CATALOGUE = replace(simulated.CATALOGUE, counted="units")
LARGEST = 2e6
"""Bytes: what is larger does not pass as an attachment everywhere."""


def made_of(*medians: Medians, spread: float = 0.005, **more: Any) -> Material:
    """Return the material of runs with these medians in µs, by n and backend."""
    found = [
        run_of(
            {
                Case("clear", name, "uniform", n): 1e-6 * value
                for n, row in one.items()
                for name, value in row.items()
            },
            spread=spread,
            **more,
        )
        for one in medians
    ]
    return Material(
        [Saved(Path(f"{number}.json"), run) for number, run in enumerate(found)], CATALOGUE
    )


def of_three(values: Mapping[int, Sequence[float]]) -> Medians:
    return {
        n: dict(zip(("numpy", "numba", "rust"), row, strict=True)) for n, row in values.items()
    }


WINNER = of_three({5: (20, 1.2, 0.2), 100: (24, 2, 1), 1000: (80, 9, 6)})
CROSSING = of_three(
    {5: (20, 1.2, 0.2), 100: (24, 2, 1.95), 1000: (80, 9, 18), 10_000: (80, 9, 18)}
)


def answer(made: Material) -> Any:
    (section,) = answers.sections(made)
    (found,) = section.answers
    return found


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
    needs_rust = replace(CATALOGUE.backends["rust"], needs="rust_market")
    own = replace(CATALOGUE, backends={**CATALOGUE.backends, "rust": needs_rust})
    without = made_of({5: {"numpy": 20, "numba": 1}}, section={**SECTION, "no_rust": True})
    (said,) = origin.warnings(replace(without, catalogue=own))
    assert said.startswith("Measured with --bench-no-rust: rust took no part")
    assert list(origin.warnings(made_of(WINNER, section={**SECTION, "no_rust": False}))) == []


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


class Page(HTMLParser):
    """What a page holds: ids, links, tags, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.policy = ""
        self.tags: list[str] = []
        self.texts: list[str] = []
        self._kind: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if "id" in own:
            self.ids.append(own["id"])
        if tag == "a":
            self.links.append(own["href"])
        if own.get("http-equiv") == "Content-Security-Policy":
            self.policy = own["content"]
        self.sources += [own[name] for name in ("src", "srcset", "action") if name in own]
        if tag == "link":
            self.sources.append(own["href"])
        self._kind = own.get("type", tag) if tag in ("script", "style") else None
        if self._kind:
            self.scripts.append((self._kind, ""))

    def handle_data(self, data: str) -> None:
        if self._kind:
            kind, before = self.scripts[-1]
            self.scripts[-1] = kind, before + data
        else:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._kind = None


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


def a_run(cases: Sequence[Case] = CASES, **more: Any) -> dict[str, Any]:
    times = {case: simulated.truth(case) for case in cases}
    return simulated.document(times, **more)


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


@pytest.mark.parametrize("cut", [0, 1, 400])
def test_a_truncated_run_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: Capture, cut: int
) -> None:
    whole = json.dumps(a_run())
    path, out = tmp_path / "cut.json", tmp_path / "report.html"
    path.write_text(whole[: len(whole) - cut] if cut else "", encoding="utf-8")
    out.write_text("the last page", encoding="utf-8")
    assert main(["report", str(path), "-o", str(out)]) == Exit.ERROR
    assert f"{path} is no whole JSON file" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "the last page"
    assert sorted(tmp_path.iterdir()) == [path, out]


def test_a_foreign_json_file_is_named(tmp_path: Path, capsys: Capture) -> None:
    path = save(tmp_path / "foreign.json", {"name": "x"})
    assert main(["report", str(path), "-o", str(tmp_path / "x.html")]) == Exit.ERROR
    assert f"{path}: this is no pytest-benchmark run" in capsys.readouterr().err


GATE = json.loads(FORMATS["json"](gate_regression()))
JUDGED = json.loads(FORMATS["json"](judged_targets()))


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ({"command": "gate"}, "schema is missing"),
        ({"command": ["x"]}, "compare, duel, gate and targets, not of ['x']"),
        ({"command": "tomorrow"}, "not of 'tomorrow'"),
        (["gate"], "this is no pytest-benchmark run, nor what compare, duel, gate and targets"),
        (GATE | {"schema": 2}, "schema is 2: it must be 1"),
        (GATE | {"command": "duel", "cases": None}, "cases is None: it must be a list"),
        (GATE | {"command": "duel", "cases": [None]}, "cases[0] is None: it must be an object"),
        (GATE | {"counts": {"slow": None}}, "counts.slow is None: it must be a count"),
        (GATE | {"nulls": {"A/A": 1}}, "nulls.A/A is 1: it must be an object"),
        (GATE | {"cases": [GATE["cases"][0] | {"ratio": 0}]}, "cases[0].ratio is 0: it must be"),
        (GATE | {"cases": [{"name": "x"}]}, "cases[0].verdict is missing"),
        (GATE | {"threshold": float("nan")}, "threshold is nan: it must be a number"),
        (GATE | {"threshold": 10**400}, "it must be a number"),
        (GATE | {"title": "\ud800"}, "title is '\\ud800': it must be a text"),
        (JUDGED | {"when": None}, "when is None: it must be a text"),
        (JUDGED | {"cases": [JUDGED["cases"][0] | {"n": "5"}]}, "cases[0].n is '5'"),
    ],
)
def test_what_a_command_has_saved_is_checked_before_anything_is_written(
    tmp_path: Path, capsys: Capture, saved: Any, said: str
) -> None:
    path, run = save(tmp_path / "x.json", saved), save(tmp_path / "run.json", a_run())
    out = tmp_path / "x.html"
    assert main(["report", str(run), str(path), "-o", str(out)]) == Exit.ERROR
    told = capsys.readouterr().err
    assert f"{path}: " in told
    assert said in told
    assert "Traceback" not in told
    assert not out.exists()


def test_what_a_page_shows_nothing_of_is_refused_by_name(tmp_path: Path, capsys: Capture) -> None:
    history = tmp_path / "history.json"
    history.write_text(FORMATS["json"](judged_history()), encoding="utf-8")
    selftest = save(tmp_path / "selftest.json", {"schema": 1, "key": {}, "trials": []})
    run = save(tmp_path / "run.json", a_run())
    for path in history, selftest:
        assert main(["report", str(run), str(path), "-o", str(tmp_path / "x.html")]) == Exit.ERROR
        assert (
            f"{path}: a page shows runs, and the JSON of compare, duel, gate and targets, "
            f"not of {path.stem!r}" in capsys.readouterr().err
        )


def test_judgements_alone_are_no_report(tmp_path: Path, capsys: Capture) -> None:
    path = save(tmp_path / "gate.json", GATE)
    assert main(["report", str(path), "-o", str(tmp_path / "x.html")]) == Exit.ERROR
    assert "there is no saved run to report on" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "said"), [("x.pdf", "end in .html"), ("no/x.html", "no folder")])
def test_a_path_that_cannot_be_is_refused(
    tmp_path: Path, capsys: Capture, name: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "-o", str(tmp_path / name)])
    assert ended.value.code == Exit.ERROR
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--check-docs", "-o", "{out}"], "--check-docs is of the runs in the repository"),
        (["--update-docs", "{run}"], "--update-docs is of the runs in the repository, and takes"),
        (["--check-docs", "--history", "."], "takes no --history"),
        (["--check-docs", "--update-docs"], "exclude each other"),
        (["{run}", "--history", "."], "--history is shown on a page only"),
    ],
)
def test_an_option_that_would_go_unheeded_is_refused(
    tmp_path: Path, capsys: Capture, given: Sequence[str], said: str
) -> None:
    out, path = tmp_path / "x.html", save(tmp_path / "run.json", a_run())
    assert main(["report", *(one.format(out=out, run=path) for one in given)]) == Exit.ERROR
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_a_page_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    own = Path.open

    def refuse(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if mode == "x":
            raise PermissionError(13, "Permission denied", str(self))
        return own(self, mode, *rest, **more)

    path, out = save(tmp_path / "run.json", a_run()), tmp_path / "x.html"
    monkeypatch.setattr(Path, "open", refuse)
    assert main(["report", str(path), "-o", str(out)]) == Exit.ERROR
    assert capsys.readouterr().err.endswith(f": {out} cannot be written: Permission denied\n")


def test_a_page_too_large_for_a_mail_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path, out = save(tmp_path / "run.json", a_run()), tmp_path / "x.html"
    assert main(["report", str(path), "-o", str(out)]) == Exit.PASS
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("bench.commands.report.LARGEST", 1000)
    assert main(["report", str(path), "-o", str(out)]) == Exit.PASS
    assert f"{out} has {out.stat().st_size:,} bytes, more than 1,000" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["altair", "vl_convert", "jinja2"])
def test_what_is_not_installed_is_told_and_the_text_needs_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, module: str
) -> None:
    for name in [one for one in sys.modules if re.match(r"bench\.(page|charts|figures)\b", one)]:
        monkeypatch.delitem(sys.modules, name)
    for name in [one for one in sys.modules if one.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delattr("bench.page")
    path, out = save(tmp_path / "run.json", a_run()), tmp_path / "report.html"
    assert main(["report", str(path), "-o", str(out)]) == Exit.ERROR
    said = capsys.readouterr().err
    assert f"charts need {module}, of the dependency group `report`" in said
    assert not out.exists()
    assert main(["report", str(path)]) == Exit.PASS
    assert "Which backend at which size" in capsys.readouterr().out


@pytest.mark.slow
def test_the_study_in_this_repository_fits_into_a_mail(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert main(["report", "-o", str(out)]) == Exit.PASS
    assert out.stat().st_size < LARGEST
    page = Page(out.read_text(encoding="utf-8"))
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()
    assert len(set(page.ids)) == len(page.ids)
    expected = {"answer", "rounds", "targets", "parity", "origin"}
    assert expected | set(catalogue().kernels) <= set(page.ids)


def test_what_commands_save_is_told_from_runs(tmp_path: Path) -> None:
    run = save(tmp_path / "run.json", a_run())
    gate = save(tmp_path / "gate.json", GATE)
    made = material.gather([gate, run], CATALOGUE)
    assert [saved.path for saved in made.runs] == [run]
    assert [(path, data["command"]) for path, data in made.judgements] == [(gate, "gate")]
    assert made.targets is None
