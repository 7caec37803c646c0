"""``pytest-duel compare`` as its users run it."""

import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from pytest_benchmark.utils import get_machine_id

from places import settle
from pytest_duel.catalogue.project import TABLE
from pytest_duel.cli import compare as command
from pytest_duel.cli.main import PROGRAM, main
from pytest_duel.formats import FORMATS, delivery
from pytest_duel.gate.settings import Settings
from pytest_duel.results import storage
from pytest_duel.support.terminal import WIDTH
from simulated import CASES, MACHINE, SECTION, Factor, document, save, times_of

Save = Callable[..., Path]


@pytest.fixture
def keep(workplace: Path) -> Save:
    """Return a function that saves a run under a number and name, in the stock storage."""
    tmp_path = workplace
    rng = np.random.default_rng(30)
    number = 0

    def write(
        name: str, factor: Factor = lambda case: 1.0, noise: float = 0.001, **more: Any
    ) -> Path:
        nonlocal number
        number += 1
        saved = document(times_of(rng, factor=factor, noise=noise, drift=0.05), **more)
        return save(
            tmp_path / ".benchmarks" / get_machine_id() / f"{number:04}_{name}.json", saved
        )

    return write


def rust(by: float) -> Factor:
    return lambda case: by if case.backend == "rust" else 1.0


def run(*arguments: str) -> int:
    return main(["compare", *arguments])


Capture = pytest.CaptureFixture[str]


def test_several_runs_by_name(keep: Save, capsys: Capture) -> None:
    for _ in range(4):
        keep("before")
        keep("after", rust(1.2))
    assert run("before", "after") == 1
    out = capsys.readouterr().out
    assert "(4 runs) → " in out
    assert out.splitlines()[-1].startswith("verdict: regression (8 regression, ")
    assert run("after", "before") == 0
    assert "verdict: improvement (8 improvement" in capsys.readouterr().out
    assert run("before", "after", "--fail-on", "none") == 0
    assert run("1,3", "5,7") == 0


def test_one_run_a_side_is_inconclusive_under_ten_per_cent(keep: Save, capsys: Capture) -> None:
    keep("before")
    keep("after", rust(1.07))
    assert run("latest~1", "latest") == 0
    out = capsys.readouterr().out
    assert "verdict: inconclusive (32 inconclusive of 32 cases)" in out
    assert "WARNING: " in out
    assert "save several runs of each" in " ".join(out.split())
    assert run("1", "2", "--fail-on", "inconclusive") == 3
    keep("worse", rust(1.5))
    assert run("1", "3") == 1


def test_a_case_that_is_gone_fails(keep: Save, tmp_path: Path, capsys: Capture) -> None:
    keep("before")
    path = keep("after")
    saved = json.loads(path.read_text(encoding="utf-8"))
    del saved["benchmarks"][0]
    save(path, saved)
    assert run("before", "after") == 2
    out = capsys.readouterr().out
    assert "gone" in out
    assert "verdict: error (1 gone, " in out
    assert run("before", "after", "--fail-on", "regression") == 0
    assert run("after", "before") == 0
    assert "1 new" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"machine": {**MACHINE, "cpu": {"brand_raw": "B"}}}, "machine: cpu A CPU → B"),
        ({"machine": {**MACHINE, "versions": {"python": "3.14.0"}}}, "python 3.11.7 → 3.14.0"),
        ({"section": {**SECTION, "build_info": {"profile": "debug"}}}, "profile release → debug"),
        ({"section": {**SECTION, "tier": "smoke"}}, "settings: tier default → smoke"),
    ],
)
def test_what_differs_is_said_loudly(
    keep: Save, capsys: Capture, more: dict[str, Any], said: str
) -> None:
    keep("before")
    keep("after", **more)
    assert run("before", "after") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"WARNING: different {said}" in out or said in out
    assert run("before", "after", "--fail-on", "different") == 3
    assert "verdict: void" in capsys.readouterr().out


def test_runs_of_one_revision_are_called_that(keep: Save, capsys: Capture) -> None:
    keep("before")
    keep("after", commit="2" * 40)
    keep("after")
    run("before", "3")
    assert "both sides are the same revision" in " ".join(capsys.readouterr().out.split())
    run("before", "after")
    out = " ".join(capsys.readouterr().out.split())
    assert "WARNING: different revisions on one side: commit 1111111111 → 1111111111, 22" in out
    assert "both sides are the same revision" not in out


def test_raw_changes_can_be_trusted_instead(keep: Save, capsys: Capture) -> None:
    for _ in range(4):
        keep("before")
        keep("after", lambda case: 1.5)
    assert run("before", "after") == 0
    assert "itself changed by +" in " ".join(capsys.readouterr().out.split())
    assert run("before", "after", "--control", "none") == 1


def test_output_is_written_whole_and_nothing_beside_it(
    keep: Save, tmp_path: Path, capsys: Capture
) -> None:
    keep("before")
    keep("after", rust(2.0))
    folder = tmp_path / "reports"
    folder.mkdir()
    path = folder / "out.xml"
    path.write_text("an older report", encoding="utf-8")
    path.chmod(0o640)
    assert run("before", "after", "--output", str(path)) == 1
    assert "\nverdict: regression (" in capsys.readouterr().out
    assert ET.parse(path).getroot().findall(".//failure")  # noqa: S314
    assert list(folder.iterdir()) == [path]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640


def test_one_run_writes_several_reports(keep: Save, tmp_path: Path, capsys: Capture) -> None:
    keep("before")
    keep("after", rust(2.0))
    names = ("out.txt", "out.md", "out.json", "out.xml")
    options = [f"--output={tmp_path / name}" for name in names]
    assert run("before", "after", "--format", "github", *options) == 1
    assert capsys.readouterr().out.startswith("::error title=compare%3A regression::")
    text, markdown, said, _ = ((tmp_path / name).read_text(encoding="utf-8") for name in names)
    assert "\nverdict: regression (" in text
    assert markdown.startswith("**compare: regression**")
    assert json.loads(said)["exit_code"] == 1
    assert ET.parse(tmp_path / "out.xml").getroot().tag == "testsuites"  # noqa: S314


def test_a_format_that_fails_leaves_no_report(
    keep: Save, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError

    keep("before")
    keep("after")
    monkeypatch.setattr(delivery, "FORMATS", {**FORMATS, "junit": broken})
    first, second = tmp_path / "out.json", tmp_path / "out.xml"
    assert run("1", "2", "--output", str(first), "--output", str(second)) == 2
    assert capsys.readouterr().out == ""
    assert not first.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_report_that_cannot_be_written_is_an_error_after_the_screen(
    keep: Save, tmp_path: Path, capsys: Capture
) -> None:
    keep("before")
    keep("after")
    full = tmp_path / "out.md"
    full.symlink_to("/dev/full")
    assert run("1", "2", "--output", str(full)) == 2
    captured = capsys.readouterr()
    assert "verdict: " in captured.out
    assert "out.md" in captured.err
    assert list(full.parent.glob(".out*")) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("out.html", "one of .txt, .md, .json, .xml"),
        ("out", "'out' does not end in one of"),
        ("none/out.xml", "'none/out.xml' is in a folder that does not exist"),
    ],
)
def test_an_output_that_cannot_be_is_said_before_anything_is_read(
    path: str, reason: str, capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("no run", "no run", "--output", "out.md", "--output", path)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


FOREIGN: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "truncated": (lambda saved: json.dumps(saved)[:500], "no whole JSON"),
    "foreign": (lambda saved: '{"a": 1}', "no pytest-benchmark run"),
    "newer": (lambda saved: json.dumps({**saved, "bench": {"schema": 9}}), "schema 9"),
    "empty": (lambda saved: json.dumps({**saved, "benchmarks": []}), "timed no case"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_run_is_named(
    keep: Save, tmp_path: Path, capsys: Capture, kind: str
) -> None:
    change, reason = FOREIGN[kind]
    keep("before")
    saved = document(times_of(np.random.default_rng(0)))
    path = tmp_path / "strange.json"
    path.write_text(change(saved), encoding="utf-8")
    for sides in (("1", "strange.json"), ("strange.json", "1")):
        assert run(*sides) == 2
        err = capsys.readouterr().err
        assert "pytest-duel compare: strange.json" in err
        assert reason in err
        assert "Traceback" not in err


def test_the_same_run_on_both_sides_is_an_error(keep: Save, capsys: Capture) -> None:
    keep("before")
    keep("after")
    assert run("1,2", "after") == 2
    assert "the same run on both sides: " in capsys.readouterr().err
    assert run("1", "before,2") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("1",),
        ("1", "2", "--format", "html"),
        ("1", "2", "--fail-on", "nonsense"),
        ("1", "2", "--fail-on", ""),
        ("1", "2", "--threshold", "x"),
        ("1", "2", "--threshold", "-1%"),
        ("1", "2", "--threshold", "1"),
        ("1", "2", "--threshold", "inf%"),
    ],
)
def test_misuse_is_a_usage_error(keep: Save, arguments: tuple[str, ...]) -> None:
    keep("before")
    keep("after")
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "arguments", [("1", "9"), ("1", "2", "--control", "gpu"), ("1", "2", "--storage", "none")]
)
def test_what_is_not_there_is_an_error(
    keep: Save, capsys: Capture, arguments: tuple[str, ...]
) -> None:
    keep("before")
    keep("after")
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith("pytest-duel compare: ")


def test_a_fault_of_the_harness_is_no_regression(
    keep: Save, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    keep("before")
    keep("after")
    monkeypatch.setattr(command, "judge", broken)
    assert run("1", "2") == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_runs_without_raw_rounds_are_compared_and_said(keep: Save, capsys: Capture) -> None:
    keep("before", raw=False)
    keep("after", rust(1.5))
    assert run("1", "2") == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"{len(CASES)} cases were saved without raw rounds" in out


def test_runs_that_the_sweep_saved_are_compared(
    toy: Callable[..., pytest.RunResult], capsys: Capture
) -> None:
    quick = ("--bench-backends=plain,quick", "--bench-tier=smoke", "--benchmark-only")
    for name in "first", "second":
        assert toy(f"--benchmark-save={name}", *quick).ret == pytest.ExitCode.OK
    settle(Path(), "simulated_project")
    assert run("first", "second", "--fail-on", "missing") == 0
    out = capsys.readouterr().out
    assert "quick 4" in out
    assert "there are 0" in " ".join(
        out.split()
    )  # this catalogue knows none of the toy's backends


TAUGHT: dict[str, tuple[str, ...]] = {
    "compare": (storage.DEFAULT,),
    "doctor": ("--no-noise", "Exit code 0"),
    "history": (storage.DEFAULT, "--ignore", "virtualisation", "exit code"),
    "duel": ("[REVISION:]BACKEND", "FILE::TEST", "exit code 0"),
    "gate": (f"[{TABLE}]", *(f"\n  {one.name} " for one in dataclasses.fields(Settings))),
    "selftest": ("placement",),
    "report": ("--history",),
}  # fmt: skip


def test_help_is_taught_of_every_command() -> None:
    assert set(TAUGHT) == {*PROGRAM.commands}


@pytest.mark.parametrize("arguments", [(), *((name,) for name in TAUGHT)])
def test_help_teaches(
    arguments: tuple[str, ...], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "exit codes:" in out
    assert "1  regression" in out
    assert "3  inconclusive or void" in out
    assert max(map(len, out.splitlines())) <= WIDTH
    for name in arguments:
        assert "examples:" in out
        for said in TAUGHT[name]:
            assert said in out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_screen_that_lacks_characters_costs_nothing(
    keep: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    keep("before")
    keep("after", rust(1.5))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert run("1", "2", "--output", "out.txt") == 1
    sys.stdout.flush()
    shown = written.getvalue().decode(encoding)
    whole = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "→" in whole
    assert "→" not in shown
    assert "verdict: regression" in shown
    assert shown.replace(os.linesep, "\n") == whole.encode(encoding, "replace").decode(encoding)


def test_a_screen_that_fails_does_not_cost_the_reports(
    keep: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    keep("before")
    keep("after", rust(1.5))
    monkeypatch.setattr(sys, "stdout", Closed())
    assert run("1", "2", "--output", "out.md", "--output", "out.json") == 2
    assert "Broken pipe" in capsys.readouterr().err
    assert (tmp_path / "out.md").read_text(encoding="utf-8").startswith("**compare: regression**")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["exit_code"] == 1
