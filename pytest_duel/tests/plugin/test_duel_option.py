"""``pytest --duel REV``: what is asked of the gate, and how it ends."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_duel.gate.question import Question
from pytest_duel.plugin import duel
from pytest_duel.support import interrupts
from pytest_duel.support.exit_codes import Exit


@pytest.fixture(autouse=True)
def _no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "listen", lambda: None)


def config(folder: Path, *paths: str) -> Any:
    """Return the settings of a pytest that was started in a folder."""
    return SimpleNamespace(
        getoption={"keyword": "fast", "markexpr": ""}.get,
        invocation_params=SimpleNamespace(dir=folder),
        known_args_namespace=SimpleNamespace(file_or_dir=list(paths)),
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
