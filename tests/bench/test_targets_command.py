"""``python -m bench targets``, and what the docs say of the project's targets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import measuring
from bench.__main__ import main
from bench.catalogue import catalogue
from bench.study import documents as report
from pytest_duel.catalogue.model import FULL
from pytest_duel.duel import targets
from pytest_duel.duel.targets_text import load, render
from pytest_duel.formats import FORMATS
from pytest_duel.gate.question import Question
from pytest_duel.paired.measurements import Measurements
from pytest_duel.support.exit_codes import Exit
from simulated_targets import drawn, judged_targets


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "targets.json"
    path.write_text(FORMATS["json"](judged_targets()), encoding="utf-8")
    return path


def test_a_pattern_of_no_target_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets", "--only", "gold*"]) == Exit.ERROR
    assert "no target matches 'gold*'" in capsys.readouterr().err


def test_the_docs_part_is_made_from_the_saved_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "<!-- generated: targets -->\nold\n<!-- end -->\n"

    def refreshed(path: Path) -> str:
        monkeypatch.setattr(report, "TARGETS", path)
        return report.refresh(document, report.made_from(), Path("x.md"))

    expected = render(load(saved)) + "\n"
    assert refreshed(saved) == document.replace("old\n", expected)
    unsaved = refreshed(saved.parent / "missing.json")
    assert unsaved == document.replace("old", "No verdicts on the targets are saved.")


def test_the_command_saves_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def pretended(ready: Any, checked: Any, blocks: int, *more: Any) -> Measurements:
        asked.append((ready, checked, blocks))
        return drawn(asked[0], lambda name: 100.0, np.random.default_rng(1), blocks=blocks)

    @contextmanager
    def unbuilt(question: Question, _: object) -> Iterator[str]:
        assert (question.base, question.head) == (None, None)
        yield "ready"

    def arranged(chosen: Any, own: Any) -> Any:
        asked.append(chosen)

    monkeypatch.setattr(measuring, "prepared", unbuilt)
    monkeypatch.setattr(measuring, "checked_answers", lambda ready, _: "checked")
    monkeypatch.setattr(targets, "arrange", arranged)
    monkeypatch.setattr(targets, "measure", pretended)
    path = tmp_path / "targets.json"
    arguments = ["--only", "clear_batch, uniform: numba /*", "--blocks", "5"]
    assert main(["targets", *arguments, "--output", str(path)]) == Exit.PASS
    assert len(asked[0]) == 2
    assert asked[1] == ("ready", "checked", 5)
    data = load(path)
    assert [one["n"] for one in data["cases"]] == [5, 50, 432]
    assert data["machine"]["versions"]["numpy"] == np.__version__
    assert "clear_batch, uniform: numba / rust" in capsys.readouterr().out
    assert render(data).count("| met |") == 3


def test_every_target_is_timed_by_a_test() -> None:
    own = catalogue()
    cases = {case.id for kernel in own.kernels for case in own.cases(kernel, FULL)}
    needed = {case.id for one in own.targets for n in one.sizes for case in one.cases(n)}
    assert needed <= cases


def test_the_projects_targets_have_names_and_sizes_of_their_own() -> None:
    own = catalogue()
    rows = [
        (target.name, "mean" if target.mean else n)
        for target in own.targets
        for n in (target.sizes[:1] if target.mean else target.sizes)
    ]
    assert len(rows) == len(set(rows))
    for target in own.targets:
        assert (target.at_least > 0) != np.isfinite(target.at_most), target.name
