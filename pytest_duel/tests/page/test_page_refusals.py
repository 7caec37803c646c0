"""What the page refuses, by name, and before anything is written."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from judged import gate_regression
from pytest_duel.cli.main import main
from pytest_duel.formats import FORMATS
from pytest_duel.support.exit_codes import Exit
from simulated import save
from simulated_history import judged_history
from simulated_page import a_run
from simulated_targets import judged_targets

pytestmark = pytest.mark.usefixtures("workplace")

Capture = pytest.CaptureFixture[str]


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
    assert sorted(tmp_path.glob("*.*")) == [path, tmp_path / "pyproject.toml", out]


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
        (GATE | {"counts": {"slow": None}}, "counts.slow is None: it must be a whole number"),
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
    assert "there is no saved run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"), [("x.pdf", "end in .html"), ("no/x.html", "does not exist")]
)
def test_a_path_that_cannot_be_is_refused(
    tmp_path: Path, capsys: Capture, name: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "-o", str(tmp_path / name)])
    assert ended.value.code == Exit.ERROR
    assert said in capsys.readouterr().err


def test_an_option_that_would_go_unheeded_is_refused(tmp_path: Path, capsys: Capture) -> None:
    path = save(tmp_path / "run.json", a_run())
    assert main(["report", str(path), "--history", "."]) == Exit.ERROR
    assert "--history is shown on a page only" in capsys.readouterr().err


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


@pytest.mark.parametrize("module", ["altair", "vl_convert", "jinja2"])
def test_what_is_not_installed_is_told_and_the_text_needs_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, module: str
) -> None:
    for name in [one for one in sys.modules if re.match(r"pytest_duel\.(page|charts)\b", one)]:
        monkeypatch.delitem(sys.modules, name)
    for name in [one for one in sys.modules if one.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delattr("pytest_duel.page")
    path, out = save(tmp_path / "run.json", a_run()), tmp_path / "report.html"
    assert main(["report", str(path), "-o", str(out)]) == Exit.ERROR
    said = capsys.readouterr().err
    assert f"charts need {module}, of the extra `page`" in said
    assert not out.exists()
    assert main(["report", str(path)]) == Exit.PASS
    assert "Which backend at which size" in capsys.readouterr().out
