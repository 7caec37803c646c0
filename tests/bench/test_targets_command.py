"""``python -m bench targets``, and what the docs say of the project's targets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.catalogue import catalogue
from bench.commands import targets as command
from bench.study import documents as report
from pytest_duel.catalogue.model import Target
from pytest_duel.duel import targets
from pytest_duel.duel.targets import contests
from pytest_duel.duel.targets_text import load, render
from pytest_duel.formats import FORMATS
from pytest_duel.paired.engine import Arm, Measurements
from pytest_duel.paired.install import Checkout
from pytest_duel.support.exit_codes import Exit
from simulated_targets import NUMBA, RATIOS, RUST, TARGETS, drawn, judged_targets

ARM = Arm("working tree", ("code",))


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
        return report.refresh(document, report.sources(), Path("x.md"))

    expected = render(load(saved)) + "\n"
    assert refreshed(saved) == document.replace("old\n", expected)
    unsaved = refreshed(saved.parent / "missing.json")
    assert unsaved == document.replace("old", "No verdicts on the targets are saved.")


def test_the_command_saves_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def pretended(chosen: Any, arm: Arm, own: Any, blocks: int, *more: Any) -> Measurements:
        asked.append((len(chosen), blocks))
        return drawn(chosen, lambda name: 100.0, np.random.default_rng(1), blocks=blocks)

    @contextmanager
    def unbuilt(revision: str | None, _: object) -> Iterator[Checkout]:
        assert revision is None
        yield Checkout(ARM, tmp_path, tmp_path)

    monkeypatch.setattr(command, "prepared", unbuilt)
    monkeypatch.setattr(targets, "measure", pretended)
    path = tmp_path / "targets.json"
    arguments = ["--only", "clear_batch, uniform: numba /*", "--blocks", "5"]
    assert main(["targets", *arguments, "--output", str(path)]) == Exit.PASS
    assert asked == [(2, 5)]
    data = load(path)
    assert [one["n"] for one in data["cases"]] == [5, 50, 432]
    assert data["machine"]["versions"]["numpy"] == np.__version__
    assert "clear_batch, uniform: numba / rust" in capsys.readouterr().out
    assert render(data).count("| met |") == 3


def test_a_pair_that_two_targets_need_is_measured_once() -> None:
    own = catalogue()
    found = contests(TARGETS, ARM, own)
    names = [one.name for one in found]
    assert set(names) == set(RATIOS)
    assert len(names) == len(set(names))


def test_scenarios_may_differ_in_their_answers_and_threads_get_their_cpus() -> None:
    own = catalogue()
    parallel = ("rust-parallel", "uniform")
    one, two, three = contests(
        (
            Target("clear", ("rust", "tied"), RUST, (5,), at_most=2.0),
            Target("clear", NUMBA, RUST, (5,), at_least=2.0),
            Target("clear_batch", RUST, parallel, (5,), at_least=2.0),
        ),
        ARM,
        own,
    )
    assert (one.alike, one.cpus) == (False, 1)
    assert (two.alike, two.cpus) == (True, 1)
    assert (three.alike, three.cpus) == (True, 2)
    # The ratio is of the slow case over the fast one.
    assert [case[1] for case in three.cases] == ["rust-parallel", "rust"]


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
