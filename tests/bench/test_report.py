"""The docs' generated parts are true to the runs in the repository."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bench.project import ROOT
from bench.study import documents as report
from bench.study.by_processor import BY_PROCESSOR
from bench.study.figures import FIGURES, Figure
from bench.study.inputs import Inputs
from bench.study.tables import TABLES, where
from pytest_duel.catalogue.model import FULL
from pytest_duel.charts.palette import COLOURS, GREY, GREYS, of_backends
from pytest_duel.results.runs import Run
from simulated import Floats


@pytest.fixture(scope="module")
def studies() -> list[Inputs]:
    return report.made_from()


@pytest.fixture(scope="module")
def inputs(studies: list[Inputs]) -> Inputs:
    return studies[0]


def test_no_document_is_stale() -> None:
    assert report.update_docs(write=False) == []


def test_every_table_is_in_a_document(inputs: Inputs) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in report.documents())
    lacking = {
        name for name in (*TABLES, *BY_PROCESSOR) if f"<!-- generated: {name} -->" not in texts
    }
    # There is nothing to show of targets before they were judged.
    assert lacking - ({"targets"} if inputs.targets is None else set()) == set()


def test_every_figure_is_in_a_document_and_in_its_files(studies: list[Inputs]) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in report.documents())
    for name in FIGURES:
        assert f"<!-- generated: {name} -->" in texts
        pictures = [*(ROOT / "docs" / "figures").glob(f"{name[7:]}-*.svg")]
        assert len(pictures) == len(studies)
        for picture in pictures:
            assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314  our own


@pytest.fixture(scope="module")
def figures(inputs: Inputs) -> dict[str, list[Figure]]:
    return {name: [draw(inputs)] for name, draw in FIGURES.items()}


def test_a_figure_is_an_image_with_what_it_shows(
    inputs: Inputs, figures: dict[str, list[Figure]]
) -> None:
    document = "<!-- generated: figure_lead -->\n<!-- end -->\n"
    chip = replace(inputs, runs=[on("Chip(R) 9", run) for run in inputs.runs])
    for path, to in (
        ("README.md", "docs/figures/lead-chip-9.svg"),
        ("docs/performance.md", "figures/lead-chip-9.svg"),
    ):
        made = report.refresh(document, [chip], ROOT / path, figures)
        assert ", lead of rust over the next best backend against n, by kind" in made
        assert f"]({to})\n" in made


def on(processor: str, run: Run) -> Run:
    """Return a run as if it was measured elsewhere."""
    return replace(run, machine={**run.machine, "cpu": {"brand_raw": processor}})


def test_each_processor_has_tables_of_its_own(inputs: Inputs) -> None:
    both = [replace(inputs, runs=[on(name, run) for run in inputs.runs]) for name in ("A", "B")]
    document = "<!-- generated: year -->\n<!-- end -->\n"
    made = report.refresh(document, both, Path("x.md"))
    first, second = (BY_PROCESSOR["year"](one) for one in both)
    folded = f"<details>\n<summary>On B, 2 cores</summary>\n\n{second}\n\n</details>"
    tables = f"On A, 2 cores:\n\n{first}\n\n{folded}"
    assert made == document.replace("\n<!-- end", f"\n{tables}\n<!-- end")
    answer = report.refresh("<!-- generated: batch -->\n<!-- end -->\n", both, Path("x.md"))
    assert "<summary>On B, 2 cores: use rust; over all 3 sizes " in answer
    said = report.refresh("<!-- generated: where -->\n<!-- end -->\n", both, Path("x.md"))
    assert said.count("Measured ") == 2


def test_a_study_says_where_native_code_lay(inputs: Inputs) -> None:
    built = {name: part for name, part in inputs.study.section.items() if name != "placements"}
    placements = {"modules": ["rust_market"], "faults": ["native code lies as in earlier blocks"]}

    def said(section: Mapping[str, Any]) -> str:
        return where(replace(inputs, runs=[replace(inputs.study, section=section)]))

    assert "Native code lay as it was built in all processes. Before the timing" in said(built)
    placed = said({**built, "placements": placements})
    assert "rust_market was linked anew for each block, its functions in another random" in placed
    assert "order; native code lies as in earlier blocks. Before the timing" in placed


def test_a_picture_that_was_changed_by_hand_is_drawn_anew(
    studies: list[Inputs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "made_from", lambda: studies)
    monkeypatch.setattr(report, "documents", lambda _: [])
    shutil.copytree(ROOT / "docs" / "figures", tmp_path / "docs" / "figures")
    folder = tmp_path / "docs" / "figures"
    changed, gone = (sorted(folder.glob(f"{one}-*.svg"))[0] for one in ("times", "lead"))
    old = folder / "times-of-a-study-that-is-gone.svg"
    old.touch()
    whole = changed.read_text(encoding="utf-8")
    changed.write_text(whole.replace("rust", "dust"), encoding="utf-8")
    gone.unlink()
    stale = [path.relative_to(tmp_path) for path in (changed, gone, old)]
    assert report.update_docs(write=False, root=tmp_path) == stale
    assert not gone.exists()
    assert old.exists()
    assert report.update_docs(write=True, root=tmp_path) == stale
    assert changed.read_text(encoding="utf-8") == whole
    assert not old.exists()
    assert report.update_docs(write=False, root=tmp_path) == []


def test_no_two_backends_look_alike(inputs: Inputs) -> None:
    styles = of_backends(inputs.catalogue.backends)
    assert len(set(styles.values())) == len(inputs.catalogue.backends)
    assert {one.colour for one in styles.values()} <= set(range(GREY + 1))
    competing = [styles[name] for name in ("numpy", "numba", "rust")]
    assert len({one.colour for one in competing}) == len({one.shape for one in competing}) == 3
    assert all(not one.dash for one in competing)


GROUNDS = ("#ffffff", "#16181c")
SEEN = {
    "all": np.eye(3),
    "no red": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
    "no green": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "no blue": np.array(
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]
    ),
}  # fmt: skip
"""What linear RGB becomes to eyes that lack a cone: Machado, Oliveira and Fernandes (2009)."""
TO_XYZ = np.array([[0.434, 0.376, 0.190], [0.213, 0.715, 0.072], [0.018, 0.109, 0.873]])
"""Linear RGB in parts of white."""


def linear(colour: str) -> Floats:
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(seen: Floats) -> Floats:
    """Return CIE L*a*b* of linear RGB."""
    x, y, z = np.cbrt(np.clip(TO_XYZ @ np.clip(seen, 0, 1), 0.001, 1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_the_ground(place: int) -> None:
    ground = TO_XYZ[1] @ linear(GROUNDS[place])
    for pair in (*COLOURS, GREYS):
        low, high = sorted((TO_XYZ[1] @ linear(pair[place]), ground))
        assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2, for graphics


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", SEEN)
def test_the_colour_blind_can_tell_lines_apart(eyes: str, place: int) -> None:
    colours = [lab(SEEN[eyes] @ linear(pair[place])) for pair in (*COLOURS, GREYS)]
    apart = {
        pair: float(np.linalg.norm(colours[pair[0]] - colours[pair[1]]))
        for pair in combinations(range(len(colours)), 2)
    }
    assert min(apart.values()) >= 10  # more than a just noticeable difference, by far
    competing = {pair: far for pair, far in apart.items() if max(pair) < 3}
    assert min(competing.values()) >= (11 if eyes == "no blue" else 25)


def test_a_stale_part_is_made_anew_and_the_rest_left_alone(inputs: Inputs) -> None:
    document = "before\n<!-- generated: where -->\nan old claim\n<!-- end -->\nafter\n"
    fresh = report.refresh(document, [inputs], Path("x.md"))
    assert "an old claim" not in fresh
    assert fresh.startswith("before\n<!-- generated: where -->\nMeasured 20")
    assert fresh.endswith("\n<!-- end -->\nafter\n")
    assert report.refresh(fresh, [inputs], Path("x.md")) == fresh


def test_a_kernel_that_has_changed_since_is_named(inputs: Inputs) -> None:
    said = TABLES["where"](replace(inputs, changed=["numba", "rust"]))
    assert said.endswith("the sources of numba and rust have changed, and the times may have.")
    assert "changed" not in TABLES["where"](replace(inputs, changed=[]))


def test_an_unknown_table_is_named(inputs: Inputs) -> None:
    document = "<!-- generated: nonsense -->\n<!-- end -->\n"
    with pytest.raises(
        report.ReportError, match=r"x\.md: no table or figure is called 'nonsense'"
    ):
        report.refresh(document, [inputs], Path("x.md"))


@pytest.mark.parametrize("half", ["<!-- generated: where -->\n", "<!-- end -->\n"])
def test_half_a_marker_is_an_error(inputs: Inputs, half: str) -> None:
    with pytest.raises(report.ReportError, match="no partner"):
        report.refresh(half, [inputs], Path("x.md"))


def test_the_saved_runs_timed_all_and_found_no_disagreement(studies: list[Inputs]) -> None:
    for inputs in studies:
        check_whole(inputs)


def check_whole(inputs: Inputs) -> None:
    kernels = inputs.catalogue.kernels
    expected = {case for kernel in kernels for case in inputs.catalogue.cases(kernel, FULL)}
    assert len(inputs.processes) > 1
    for run in (*inputs.runs, inputs.study):
        left_out = run.section.get("left_out", {})
        assert all(inputs.catalogue.backends[name].optional for name in left_out)
        assert {result.case for result in run.results} == {
            case for case in expected if case.backend not in left_out
        }
        assert run.section["parity"]["disagreements"] == []
        assert not run.section["missing"]
        assert run.section["build_info"] == inputs.study.section["build_info"]


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ('n,clear,processor\n5,1.5,"Some, ""fast"" one\x1b"\n', 'On Some, "fast" one\\x1b:'),
        ('n,clear,processor\n5,1.5,""\n', "On an unknown processor:"),
        ("n,clear\n5,1.5\n", "On an unknown processor:"),  # before benchmarks named it
    ],
)
def test_a_table_without_python_says_what_it_was_measured_on(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: str, said: str
) -> None:
    (tmp_path / "ways.csv").write_text(saved, encoding="utf-8")
    monkeypatch.setattr(report, "NATIVE", tmp_path)
    table = TABLES["ways"](replace(inputs, native=report.native_tables()))
    assert table == f"{said}\n\n| n | clear |\n| --: | --: |\n| 5 | 1.50 |"


def test_a_boundary_names_both_processors(inputs: Inputs) -> None:
    crate = replace(inputs.native["clear"], processor="Some processor")
    said = TABLES["boundary"](replace(inputs, native={"clear": crate}))
    study = inputs.study.machine["cpu"]["brand_raw"]
    assert said.startswith(
        f"From Python on {study}, crate alone on Some processor, so the difference is not told:"
    )
    assert "boundary" not in said
    crate = replace(crate, processor=study)
    same = TABLES["boundary"](replace(inputs, native={"clear": crate}))
    assert same.startswith(f"From Python on {study}, crate alone on {study}:\n\n| n |")
    assert "| boundary | its share |" in same


def test_a_duel_of_tables_is_shown_library_by_library(inputs: Inputs) -> None:
    case = {"name": "b.py::test_arrays[polars] / b.py::test_tables[polars]"}
    duel = {
        "when": "2026-11-29T20:00:00+00:00",
        "machine": {"cpu": "some CPU", "usable_cores": 2, "versions": {"python": "3.11.7"}},
        "commit": {"id": "abc", "dirty": False},
        "blocks": 8,
        "cases": [case | {"ratio": 1.25, "low": 1.2, "high": 1.3}],
    }
    shown = TABLES["tables_of_offers"](replace(inputs, tables=duel))
    assert TABLES["totals_of_year"](replace(inputs, totals=duel)).endswith(
        "| polars | 1.25 [1.20, 1.30] |"
    )
    assert shown.startswith("some CPU, 2 cores; python 3.11.7; commit abc; begun 2026-11-29.")
    assert "| polars | 1.25 [1.20, 1.30] |" in shown
    assert "No duel" in TABLES["tables_of_offers"](replace(inputs, tables=None))
