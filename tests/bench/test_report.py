"""The docs' generated parts are true to the runs in the repository."""

from pathlib import Path

import pytest

from bench import report
from bench.markdown import TABLES, Sources


@pytest.fixture(scope="module")
def sources() -> Sources:
    return report.sources()


def test_no_document_is_stale() -> None:
    assert report.update_docs(write=False) == []


def test_every_table_is_in_a_document(sources: Sources) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in report.documents())
    lacking = {name for name in TABLES if f"<!-- generated: {name} -->" not in texts}
    # There is nothing to show of targets before they were judged.
    assert lacking - ({"targets"} if sources.targets is None else set()) == set()


def test_a_stale_part_is_made_anew_and_the_rest_left_alone(sources: Sources) -> None:
    document = "before\n<!-- generated: where -->\nan old claim\n<!-- end -->\nafter\n"
    fresh = report.refresh(document, sources, Path("x.md"))
    assert "an old claim" not in fresh
    assert fresh.startswith("before\n<!-- generated: where -->\nMeasured 20")
    assert fresh.endswith("\n<!-- end -->\nafter\n")
    assert report.refresh(fresh, sources, Path("x.md")) == fresh


def test_an_unknown_table_is_named(sources: Sources) -> None:
    document = "<!-- generated: nonsense -->\n<!-- end -->\n"
    with pytest.raises(report.ReportError, match=r"x\.md: no table is called 'nonsense'"):
        report.refresh(document, sources, Path("x.md"))


@pytest.mark.parametrize("half", ["<!-- generated: where -->\n", "<!-- end -->\n"])
def test_half_a_marker_is_an_error(sources: Sources, half: str) -> None:
    with pytest.raises(report.ReportError, match="no partner"):
        report.refresh(half, sources, Path("x.md"))


def test_the_saved_runs_timed_the_default_tier_and_found_no_disagreement(
    sources: Sources,
) -> None:
    kernels = sources.catalogue.kernels
    expected = {case for kernel in kernels for case in sources.catalogue.cases(kernel)}
    assert len(sources.runs) > 1
    for run in (*sources.runs, sources.study):
        left_out = run.section.get("left_out", {})
        assert all(sources.catalogue.backends[name].optional for name in left_out)
        assert {result.case for result in run.results} == {
            case for case in expected if case.backend not in left_out
        }
        assert run.section["parity"]["disagreements"] == []
        assert not run.section["missing"]
        assert run.section["build_info"] == sources.study.section["build_info"]
