"""``pytest --duel REV``: what is asked of the gate, and how it ends."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pytest_duel.cli.main import main
from pytest_duel.formats import delivery
from pytest_duel.gate.changes import Placement
from pytest_duel.gate.question import Question
from pytest_duel.plugin import duel
from pytest_duel.selftest import quoted
from pytest_duel.support import interrupts, streams
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement, Row


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "listen", lambda: None)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def config(folder: Path, *paths: str) -> Any:
    """Return the settings of a pytest that was started in a folder."""
    return SimpleNamespace(
        invocation_params=SimpleNamespace(dir=folder, args=["--duel=main", "-k", "fast", *paths]),
        option=SimpleNamespace(file_or_dir=list(paths), xmlpath=None),
    )


def test_the_project_is_found_from_a_folder_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    inner = tmp_path / "tests"
    inner.mkdir()
    monkeypatch.chdir(inner)
    asked: list[Question] = []

    def run(question: Question, announce: object) -> None:
        asked.append(question)
        raise OSError("no more")

    monkeypatch.setattr(duel, "run", run)
    assert duel.gated(config(inner, "test_io.py::test_read"), "main") == Exit.ERROR
    assert asked[0].folder == tmp_path
    assert asked[0].paths == ("tests/test_io.py::test_read",)
    assert asked[0].selection == ("-k", "fast")
    assert "pytest --duel: no more" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [RuntimeError("a fault"), KeyboardInterrupt()])
def test_what_goes_wrong_is_an_error_and_no_verdict(
    fault: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(question: Question, announce: object) -> None:
        raise fault

    monkeypatch.setattr(duel, "run", run)
    assert duel.gated(config(tmp_path), "main") == Exit.ERROR


@pytest.mark.parametrize(("arguments", "named"), [
    (["--runslow", "--duel=main"], "--runslow"),
    (["--size", "big", "-k", "fast"], "--size"),
    (["--deselect=a.py::b", "--ignore", "c", "-oxfail_strict=1"], "--deselect, --ignore, -o"),
    (["-vp", "mine", "-c", "other.ini"], "-p, -c"),
    (["--benchmark-timer=time.time"], "--benchmark-timer"),
])  # fmt: skip
def test_options_that_the_gate_cannot_be_given_are_refused(
    arguments: list[str], named: str
) -> None:
    with pytest.raises(duel.RefusedError, match=f"cannot hand on {named}: "):
        duel.refuse_unheard(arguments)


@pytest.mark.parametrize(("arguments", "named"), [
    (["--collect-only", "--duel=main"], "--collect-only"),
    (["--lf", "-k", "fast", "--html=out.html"], "--lf, --html"),
    (["--benchmark-json", "out.json", "--benchmark-only"], "--benchmark-json"),
    (["--benchmark-compare-fail=mean:5%"], "--benchmark-compare-fail"),
    (["--duel-blocks", "3", "--duel-columns=a"], "--duel-blocks, --duel-columns"),
    (["--duel-baseline=a", "--duel-memory"], "--duel-baseline, --duel-memory"),
    (["--duel-memory-by=memray"], "--duel-memory-by"),
    (["--sw-skip", "--stepwise-skip", "--stepwise-reset"],
     "--sw-skip, --stepwise-skip, --stepwise-reset"),
    (["--testmon", "--testmon-forceselect"], "--testmon, --testmon-forceselect"),
    (["--doctest-modules", "--doctest-glob=*.md"], "--doctest-modules, --doctest-glob"),
])  # fmt: skip
def test_what_a_gate_does_not_do_is_refused(arguments: list[str], named: str) -> None:
    with pytest.raises(duel.RefusedError, match=f"cannot do {named}: .*--junitxml"):
        duel.refuse_unheard(arguments)


def test_the_verdicts_are_written_where_junit_xml_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = Row("test_read", "test_read", "test_read", (), "regression", Exit.REGRESSION, "slower")
    judgement = Judgement("gate", title="a gate", columns=(), rows=(row,))
    monkeypatch.setattr(duel, "run", lambda question, announce: judgement)
    asked = config(tmp_path)
    asked.option.xmlpath = str(tmp_path / "new" / "out.xml")
    assert duel.gated(asked, "main") == Exit.REGRESSION
    written = ET.fromstring((tmp_path / "new" / "out.xml").read_bytes())  # noqa: S314
    assert written.find(".//testcase[@name='test_read']/failure") is not None
    assert "test_read" in capsys.readouterr().out
    asked.option.xmlpath = str(tmp_path)
    assert duel.gated(asked, "main") == Exit.ERROR
    assert "pytest --duel: " in capsys.readouterr().err


def test_options_that_change_no_benchmark_are_none_of_them() -> None:
    duel.refuse_unheard([
        "--benchmark-only", "--benchmark-min-rounds=9", "-vvk", "fast", "-m", "not slow", "-rA",
        "--benchmark-autosave", "-vra", "-xqs", "-n", "4", "--cov=toy", "--tb=short",
        "--color", "yes", "--duel", "main", "tests", "--", "--a-file",
    ])  # fmt: skip


def test_options_of_the_variable_are_refused_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--runslow")
    assert duel.gated(config(tmp_path), "main") == Exit.ERROR
    told = capsys.readouterr().err
    assert told.startswith("pytest --duel: --duel cannot hand on --runslow: ")
    assert told.count("\n") == 1


def test_a_refusal_ends_pytest_as_a_gate_ends(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.xml").write_text("<testsuites/>", encoding="utf-8")
    arguments = ["--duel=main", "--lf", "--junitxml=out.xml"]
    assert pytester.inline_run(*arguments, no_reraise_ctrlc=True).ret == Exit.ERROR
    told = capsys.readouterr().err
    assert told.startswith("pytest --duel: --duel cannot do --lf: ")
    assert "Traceback" not in told
    assert "cannot do --lf" in Path("out.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("of_variable", [False, True])
def test_arguments_in_a_file_are_arguments(
    of_variable: bool,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As pytest's parser reads ``@FILE``: one a line, and further files in it."""
    pytester.makefile(".txt", outer="-k\nfast or slow\n@inner.txt", inner="-m\nnot big\n")
    asked: list[Question] = []

    def run(question: Question, announce: object) -> None:
        asked.append(question)
        raise OSError("no more")

    monkeypatch.setattr(duel, "run", run)
    more = ["@outer.txt"]
    if of_variable:
        monkeypatch.setenv("PYTEST_ADDOPTS", more.pop())
    assert pytester.inline_run("--duel=main", *more, no_reraise_ctrlc=True).ret == Exit.ERROR
    assert asked[0].selection == ("-k", "fast or slow", "-m", "not big")
    pytester.makefile(".txt", inner="--collect-only")
    assert pytester.inline_run("--duel=main", *more, no_reraise_ctrlc=True).ret == Exit.ERROR
    assert "cannot do --collect-only: " in capsys.readouterr().err


def test_no_older_report_stands_for_a_gate_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(question: Question, announce: object) -> None:
        raise OSError("no more")

    monkeypatch.setattr(duel, "run", run)
    report = tmp_path / "out.xml"
    report.write_text("<testsuites/>", encoding="utf-8")
    asked = config(tmp_path)
    asked.option.xmlpath = str(report)
    assert duel.gated(asked, "main") == Exit.ERROR
    error = ET.fromstring(report.read_bytes()).find(".//testcase/error")  # noqa: S314
    assert error is not None
    assert "no more" in str(error.get("message"))


def test_a_report_is_written_where_the_screen_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(text: str) -> None:
        raise OSError("standard output cannot be written: the disk is full")

    row = Row("test_read", "test_read", "test_read", (), "no change")
    judgement = Judgement("gate", title="a gate", columns=(), rows=(row,))
    monkeypatch.setattr(duel, "run", lambda question, announce: judgement)
    monkeypatch.setattr(streams, "out", full)
    asked = config(tmp_path)
    asked.option.xmlpath = str(tmp_path / "out.xml")
    assert duel.gated(asked, "main") == Exit.ERROR
    assert "test_read" in (tmp_path / "out.xml").read_text(encoding="utf-8")
    assert "pytest --duel: standard output cannot be written" in capsys.readouterr().err


def test_a_format_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError

    judgement = Judgement("gate", title="a gate", columns=(), rows=())
    monkeypatch.setattr(duel, "run", lambda question, announce: judgement)
    monkeypatch.setattr(delivery, "FORMATS", {"terminal": broken})
    assert duel.gated(config(tmp_path), "main") == Exit.ERROR


SELFTEST = {
    "schema": 1, "when": "2026-11-23T12:00:00+00:00", "commit": {},
    "key": {"benchmarks": ["test_read"]}, "machine": {"versions": {}},
    "trials": [{"kind": "same", "index": 0, "exit": 0, "cases": {}}],
}  # fmt: skip


@pytest.mark.parametrize("program", ["pytest --duel", "pytest-duel gate"])
def test_the_saved_self_test_of_the_settings_is_used_and_quoted(
    program: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest-duel]\nselftest = 'saved.json'\n", encoding="utf-8"
    )
    (tmp_path / "saved.json").write_text(json.dumps(SELFTEST), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asked: list[Question] = []

    def run(question: Question, announce: object) -> Judgement:
        asked.append(question)
        return Judgement("gate", title="a gate", columns=(), rows=())

    monkeypatch.setattr(quoted, "run_gate", run)
    if program == "pytest --duel":
        assert duel.gated(config(tmp_path), "main") == Exit.PASS
    else:
        assert main(["gate", "--base=main", "-k", "fast"]) == Exit.PASS
    assert (asked[0].base, asked[0].selection) == ("main", ("-k", "fast"))
    assert asked[0].placement
    assert asked[0].placement(tmp_path, "saved.json") == Placement(elsewhere=True)
    assert "self-test on another machine" in capsys.readouterr().out


def test_the_value_of_a_projects_own_option_is_no_path(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before pytest has read conftest.py it takes the value for one."""
    pytester.makeconftest("def pytest_addoption(parser):\n    parser.addoption('--size')\n")
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\naddopts = '--size big'\n")
    asked: list[Question] = []

    def run(question: Question, announce: object) -> None:
        asked.append(question)
        raise OSError("no more")

    monkeypatch.setattr(duel, "run", run)
    assert pytester.inline_run("--duel=main", no_reraise_ctrlc=True).ret == Exit.ERROR
    assert asked[0].paths == ()


@pytest.mark.parametrize(("arguments", "chosen"), [
    (["--duel", "main", "tests"], ()),
    (["-vvk", "fast", "-m", "not slow", "-p", "no:x"], ("-k", "fast", "-m", "not slow")),
    (["-m", "", "--tb", "short", "-kfast or slow"], ("-k", "fast or slow", "-m", "")),
    (["-k", "one", "-k", "other", "--", "-m"], ("-k", "other")),
    (["-vra", "-qrA", "-srs", "-vvrfE", "-r", "a", "-k", "fast"], ("-k", "fast")),
])  # fmt: skip
def test_what_is_chosen_on_the_command_line_holds_for_both_sides(
    arguments: list[str], chosen: tuple[str, ...]
) -> None:
    """What `addopts` chooses is not among it: each side has its own."""
    assert duel.selection(arguments) == chosen
