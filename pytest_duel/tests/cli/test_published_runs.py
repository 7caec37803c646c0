"""What the commands say of runs that public projects keep in their repositories."""

import json
from pathlib import Path

import pytest

import published
from pytest_duel.cli.main import main
from pytest_duel.results import provenance, reading
from pytest_duel.results.storage import Files
from pytest_duel.support.exit_codes import Exit

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: Capture) -> str:
    return " ".join(capsys.readouterr().out.split())


WHOLE = {"cachew": 3, "lagom": 12, "pdfminer": 2, "pytest-benchmark": 29}


@pytest.mark.parametrize("name", WHOLE)
def test_every_version_is_read(tmp_path: Path, name: str) -> None:
    paths = published.files(name, tmp_path)
    found = reading.read(Files(tuple(paths)))
    assert len(found.saved) == WHOLE[name]
    assert len(found.faults) == len(paths) - WHOLE[name]
    for one, document in zip(
        found.saved,
        (one for one, path in zip(published.documents(name), paths, strict=True)
         if path not in found.faults),
        strict=True,
    ):  # fmt: skip
        assert one.run.unread == ()
        assert len(one.run.benchmarks) == len(document["benchmarks"])
        facts = provenance.facts_of(one.run)
        assert facts["versions", "pytest-benchmark"] == document["version"]
        assert facts["versions", "python"] == document["machine_info"]["python_version"]
        assert one.run.commit.id == document["commit_info"]["id"]


def test_a_new_host_for_each_run_is_told_and_can_be_ignored(
    tmp_path: Path, capsys: Capture
) -> None:
    published.files("lagom", tmp_path / "runs")
    assert main(["history", "runs"]) == Exit.PASS
    out = said(capsys)
    assert out.startswith("history: 12 runs, 6 commits, 12 machines")
    assert "with --ignore node_hash,release they are of 10" in out
    assert main(["history", "runs", "--ignore", "node_hash,release"]) == Exit.PASS
    out = said(capsys)
    assert "python 3.8" in out
    assert "python 3.11" in out


def test_what_else_differs_is_said_beside_a_hundredfold_change(
    tmp_path: Path, capsys: Capture
) -> None:
    """The benchmarks were shortened under the same name, and each run is of another machine."""
    paths = [str(path) for path in published.files("lagom", tmp_path)]
    assert main(["compare", ",".join(paths[:3]), ",".join(paths[-3:])]) == Exit.PASS
    out = said(capsys)
    assert "WARNING: different machine: cpu" in out
    assert "WARNING: different versions: python" in out
    assert "3 improvement, 1 new of 4 cases" in out
    assert "all runs have 3: the raw changes count" in out


def test_runs_that_have_nothing_in_common_say_what_they_have(
    tmp_path: Path, capsys: Capture
) -> None:
    one, two = map(str, published.files("pdfminer", tmp_path))
    assert main(["compare", one, two]) == Exit.ERROR
    err = capsys.readouterr().err
    assert "the old runs have benchmarks/bench_psparser.py::" in err
    assert "test_nexttoken and 8 more, the new ones benchmarks/bench_end_to_end.py::" in err
    assert main(["report", one, two]) == Exit.PASS
    out = said(capsys)
    assert "test_parse_large_pdf 14.6 ms" in out
    assert "test_nexttoken" in out  # of the same revision, on the same machine
    assert "2 of 2 runs of this report had uncommitted changes" in out


def test_what_is_no_longer_measured_is_missing(tmp_path: Path, capsys: Capture) -> None:
    paths = list(map(str, published.files("cachew", tmp_path)))
    assert main(["compare", paths[0], paths[1]]) == Exit.ERROR
    assert "48 gone" in said(capsys)


def test_nothing_is_called_slower_where_writing_became_faster(
    tmp_path: Path, capsys: Capture
) -> None:
    paths = list(map(str, published.files("cachew", tmp_path)))
    arguments = ("--columns", "serialized_avg_bytes", "--format", "json")
    assert main(["compare", paths[1], paths[2], *arguments]) == Exit.PASS
    cases = {one["name"]: one for one in json.loads(capsys.readouterr().out)["cases"]}
    assert len(cases) == 208
    assert "regression" not in {one["verdict"] for one in cases.values()}
    (faster,) = [
        one
        for name, one in cases.items()
        if name.endswith("dump_e2e[cachew-real-sqlite-primitive-int-100k]")
    ]
    assert faster["relative"]["ratio"] == pytest.approx(0.63, abs=0.01)
    assert faster["verdict"] == "improvement"  # with one run a side, for it stands out
    assert [one["verdict"] for one in cases.values()].count("improvement") == 1
    assert faster["noted"]["serialized_avg_bytes"]["old"] == [4.8889]


def test_alternatives_in_a_group_are_told_from_each_other(tmp_path: Path, capsys: Capture) -> None:
    *_, last = map(str, published.files("cachew", tmp_path))
    assert main(["report", last]) == Exit.PASS
    out = said(capsys)
    assert (
        "cattrs was 1.46× as fast as msgspec-msgpack, the next of 5, in one process: not called"
        in out
    )
    assert "pickle is 12.3 [11.0, 13.8]× as fast as cattrs, the next of 3" in out


def test_the_page_of_a_project_claims_nothing_that_its_files_lack(
    tmp_path: Path, capsys: Capture
) -> None:
    path, *_ = published.files("pdfminer", tmp_path)
    assert main(["report", str(path), "-o", "page.html"]) == Exit.PASS
    page = Path("page.html").read_text(encoding="utf-8")
    assert "whose rounds were not saved" in page
    assert "thin lines" not in page
    assert ">range" not in page
    assert "test_nexttoken" in page


def test_a_run_that_contradicts_itself_is_named_beside_twenty_nine(
    tmp_path: Path, capsys: Capture
) -> None:
    published.files("pytest-benchmark", tmp_path / "runs")
    assert main(["report", "runs"]) == Exit.ERROR
    told = capsys.readouterr()
    assert "over 29 processes" in told.out
    assert "stats.stddev is 0, but stats.min is not stats.max" in told.err
