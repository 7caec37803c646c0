"""A duel of ordinary benchmarks: what the arms are, what is said of them, and a real one."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_duel.cli.main import main
from pytest_duel.duel.ordinary import Named, judge, labels
from pytest_duel.gate import arms
from pytest_duel.gate.collect import Benchmark
from pytest_duel.gate.plan import Plan, null_name
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.recipe import InstallError, Recipe
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import Looks, Sampled
from pytest_duel.statistics.paired import (
    Verdict,
    decide,
    decide_both_ways,
    estimate,
)
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement
from repositories import git
from strangers import repository

BLOCKS = 24
MAIN, HERE = Named("main"), Named(None)

# The arms.


@pytest.mark.parametrize(("first", "second", "expected"), [
    (MAIN, HERE, ("main", "working tree")),
    (Named(None, "python3.12"), Named(None, "python3.14"), ("python3.12", "python3.14")),
    (
        Named("main", "python3.12", "x", ("numpy==2.3",)),
        Named("main", "python3.12", "x", ("numpy==2.4",)),
        ("numpy==2.3", "numpy==2.4"),
    ),
    (Named("v1", "py12"), Named("v2", "py14"), ("v1, py12", "v2, py14")),
    (HERE, HERE, ("A", "B")),
    (HERE, Named(None, requirements=("numpy",)), ("A", "B")),
    (Named("a" * 60), HERE, ("A", "B")),
])  # fmt: skip
def test_arms_are_called_by_what_differs(
    first: Named, second: Named, expected: tuple[str, str]
) -> None:
    found = labels(first, second)
    assert found == expected
    assert found[0] != found[1]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository of the flat project, imported from its tree."""
    folder = repository("flat", tmp_path / "toy")
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.pytest-duel]\ninstall = "none"\n')
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(folder)
    return folder


def test_each_arm_gets_its_python_and_its_requirements(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {}

    def environment(folder: Path, project: Path, recipe: Recipe, more: Sequence[str]) -> str:
        asked[folder.name] = recipe.python, tuple(more)
        if len(asked) > 1:
            raise InstallError("enough")
        return sys.executable

    monkeypatch.setattr(arms, "environment", environment)
    options = ["--with", "numpy==2.3 six", "--with", "numpy==2.4", "--python", sys.executable]
    assert main(["duel", "main", ".", *options]) == 2
    assert asked == {
        "base-env": (sys.executable, ("numpy==2.3", "six")),
        "head-env": (sys.executable, ("numpy==2.4",)),
    }
    assert "the working tree with" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("options", "reason"), [
    (["main", ".", *["--python", sys.executable] * 3], "--python is given 3 times"),
    (["main", ".", "--python", "no-such-python"], "there is no program 'no-such-python'"),
    (["main", ".", "--python", "git"], "'git' is not a Python"),
    (["nowhere", "."], "there is no revision 'nowhere'"),
    (["main", "nowhere"], "there is no revision 'nowhere'"),
    (["main", ".", "--only", "nothing"], "no benchmark matches 'nothing'"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(
    options: list[str], reason: str, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["duel", *options]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("pytest-duel duel: ")
    assert reason in last
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


# What is said.


@given(
    changes=st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=6),
    noise=st.sampled_from([0.0005, 0.005, 0.05]),
)
def test_no_difference_is_said_in_neither_direction_too_early(
    changes: list[float], noise: float
) -> None:
    draw = np.random.default_rng(1)
    found = {
        str(place): estimate(np.log1p(change) + noise * draw.standard_normal(BLOCKS))
        for place, change in enumerate(changes)
    }
    limits = dict.fromkeys(found, 0.02)
    verdicts, one_way = decide_both_ways(found, limits, 0.01), decide(found, limits, 0.01)
    for name, verdict in verdicts.items():
        if verdict is Verdict.NO_CHANGE:
            assert found[name].low >= 1 / 1.02 - 1
            assert found[name].high < 0.02
        elif verdict is not Verdict.INCONCLUSIVE:
            assert verdict is one_way[name]


def told(changes: Mapping[str, float], *, noise: float = 0.001, null: float = 0.0) -> Judgement:
    """Return what a duel says whose second arm is so much slower."""
    draw = np.random.default_rng(1)

    def blocks(change: float) -> list[float]:
        return [float(one) for one in np.log1p(change) + noise * draw.standard_normal(BLOCKS)]

    measured = Measurements(
        differences={name: blocks(one) for name, one in changes.items()},
        seconds={name: [1e-5] * BLOCKS for name in changes},
        blocks=BLOCKS,
        own_modules=1,
    )
    names = list(changes)
    measured.differences[null_name(names[0])] = blocks(null)
    measured.seconds[null_name(names[0])] = [1e-5] * BLOCKS
    looks = Looks(dict.fromkeys(names, 0.02), judge=decide_both_ways)
    looks.take(measured.differences)
    nulls = {null_name(names[0]): estimate(measured.differences[null_name(names[0])])}
    sampled = Sampled(
        looks.estimates, looks.verdicts, nulls, tuple(nulls) if abs(null) > 0.02 else (),
        measured, 10.0, BLOCKS, late=False,
    )  # fmt: skip
    own = Plan(
        measured={name: Benchmark(name, name.partition("::")[0], "", {}, {}) for name in names},
        thresholds=dict.fromkeys(names, 0.02),
        nulls=(names[0],),
        new=("a.py::new",),
        gone=("a.py::gone",),
    )
    ready: Any = SimpleNamespace(own=own, settings=Settings(), title="here against main")
    return judge(ready, sampled, (MAIN, HERE))


def words(found: Judgement) -> dict[str, str]:
    return {row.name: row.word for row in found.rows}


def test_each_benchmark_says_which_arm_is_faster() -> None:
    found = told({"a.py::slower": 0.1, "a.py::faster": -0.1, "b.py::same": 0.0})
    assert words(found) == {
        "a.py::slower": "main faster", "a.py::faster": "working tree faster",
        "b.py::same": "no difference", "a.py::new": "only in working tree",
        "a.py::gone": "only in main",
    }  # fmt: skip
    assert found.exit == Exit.PASS
    assert found.word == "each is faster somewhere"
    slower = next(row for row in found.rows if row.name == "a.py::slower")
    assert slower.cells[0] == "10.0 µs"
    assert slower.data["ratio"] == pytest.approx(1.1, rel=0.01)
    assert {row.name for row in found.means} == {"all in a.py", "all benchmarks"}


@pytest.mark.parametrize(("changes", "word"), [
    ((0.1, 0.0), "main faster"),
    ((-0.1, 0.0), "working tree faster"),
    ((0.0, 0.0), "no difference"),
])  # fmt: skip
def test_the_whole_is_said_by_its_parts(changes: tuple[float, float], word: str) -> None:
    found = told(dict(zip(("a.py::one", "a.py::other"), changes, strict=True)))
    assert (found.word, found.exit) == (word, Exit.PASS)


def test_what_is_undecided_is_no_answer() -> None:
    found = told({"a.py::one": 0.0}, noise=0.2)
    assert (found.word, found.exit) == ("inconclusive", Exit.INCONCLUSIVE)


def test_a_first_arm_that_differs_from_itself_voids_all() -> None:
    found = told({"a.py::one": 0.1}, null=0.2)
    assert (found.word, found.exit) == ("void", Exit.INCONCLUSIVE)


# A real one.


@pytest.mark.slow
@pytest.mark.usefixtures("few_blocks")
def test_a_duel_of_two_revisions(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = toy / "toy/work.py"
    work.write_text(work.read_text().replace("range(ROUNDS)", "range(10 * ROUNDS)"))
    before = git(toy, "status", "--short")
    report = toy.parent / "duel.json"
    options = ["-k", "busy", "--threshold", "50%", "--output", str(report)]
    assert main(["duel", "main", ".", *options]) == 0
    found = json.loads(report.read_text())
    assert {one["verdict"] for one in found["cases"]} == {"main faster"}
    assert found["cases"][0]["ratio"] > 2  # of ten times the work
    assert git(toy, "status", "--short") == before
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
