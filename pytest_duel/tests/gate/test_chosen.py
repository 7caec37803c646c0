"""Choosing benchmarks: what pytest is asked for holds for collecting and measuring alike."""

import json
from pathlib import Path

import pytest

from few_blocks import one_by_one, take_few
from pytest_duel.cli.main import main
from pytest_duel.gate.collect import Benchmark, CollectError
from pytest_duel.gate.plan import PlanError, plan
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.recipe import NONE
from repositories import git
from strangers import listed, repository

FILE = "benchmarks/test_toy.py"
SLOW_LEFT_OUT = """
[tool.pytest.ini_options]
addopts = "-m 'not slow'"
markers = ["slow"]
"""
SIZES = """
def pytest_addoption(parser):
    parser.addoption("--sizes", choices=["few", "all"], default="few")


def pytest_generate_tests(metafunc):
    if "length" in metafunc.fixturenames:
        few = metafunc.config.getoption("--sizes") == "few"
        metafunc.parametrize("length", [10] if few else [10, 20])
"""
SIZED = """
from toy import total


def test_sized(benchmark, length):
    benchmark(total, range(length))
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository of the flat project, in which all work."""
    folder = repository("flat", tmp_path / "toy")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def slow_left_out(toy: Path) -> Path:
    """Return the same with a benchmark that the project's own settings leave out."""
    with (toy / "pyproject.toml").open("a") as file:
        file.write(SLOW_LEFT_OUT)
    test = toy / FILE
    text = test.read_text()
    test.write_text(text.replace("def test_busy(", "@pytest.mark.slow\ndef test_busy("))
    git(toy, "commit", "--quiet", "--all", "--message", "slow")
    return toy


def chosen(toy: Path, *selection: str, paths: tuple[str, ...] = ()) -> list[str]:
    """Return the names of what is to be measured, which the workers of both sides collect."""
    question = Question(toy, "HEAD", paths=paths, selection=selection, overrides={"install": NONE})
    with prepared(question, lambda line: None) as found:
        names = list(found.own.measured)
        for arm in (found.base, found.head):
            assert sorted(listed(arm, found.tests)) == sorted(names)
    return [name.removeprefix(f"{FILE}::test_") for name in names]


def test_marks_that_are_asked_for_come_before_those_of_the_project(slow_left_out: Path) -> None:
    assert chosen(slow_left_out, "-m", "slow") == ["busy"]
    assert "busy" not in chosen(slow_left_out)
    assert chosen(slow_left_out, "-m", "", "-k", "busy or upper") == ["busy", "upper"]


def test_what_an_option_of_the_project_adds_is_collected_by_workers(toy: Path) -> None:
    (toy / "conftest.py").write_text(SIZES)
    (toy / "benchmarks/test_sized.py").write_text(SIZED)
    git(toy, "add", "--all")
    git(toy, "commit", "--quiet", "--message", "sized")
    named = ("benchmarks/test_sized.py",)
    assert len(chosen(toy, paths=named)) == 1
    assert len(chosen(toy, "--sizes=all", paths=named)) == 2


def test_marks_that_are_asked_for_are_measured(
    slow_left_out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_few(monkeypatch, looks=(1,))
    one_by_one(monkeypatch)
    report = slow_left_out.parent / "gate.json"
    main(["gate", "--base", "HEAD", "--install", "none", "-m", "slow", "--output", str(report)])
    (row,) = json.loads(report.read_text())["cases"]
    assert row["name"] == f"{FILE}::test_busy"
    assert row["ratio"] == pytest.approx(1.0)


def test_settings_may_name_what_was_not_asked_for(toy: Path) -> None:
    with (toy / "pyproject.toml").open("a") as file:
        file.write(
            "\n[tool.pytest-duel]\n"
            f'benchmarks = ["{FILE}::test_busy", "{FILE}::test_upper"]\n'
            'thresholds = { "*test_upper*" = 0.05 }\n'
        )
    test = toy / FILE
    test.write_text(
        test.read_text().replace(
            "def test_upper(", '@pytest.mark.benchmark(group="letters")\ndef test_upper('
        )
    )
    with (toy / "pyproject.toml").open("a") as file:
        file.write('group_thresholds = { "letters" = 0.1 }\n')
    git(toy, "commit", "--quiet", "--all", "--message", "settings")
    assert chosen(toy, "-k", "busy") == ["busy"]
    assert chosen(toy, paths=(f"{FILE}::test_busy",)) == ["busy"]
    with pytest.raises(PlanError, match=r"no pattern of `benchmarks` matches what -k, -m and"):
        chosen(toy, "-k", "joined")


def test_a_path_that_neither_side_has_is_refused(toy: Path) -> None:
    message = r"neither the base nor the head has 'benchmarks/test_typo\.py'; files that git ign"
    with pytest.raises(CollectError, match=message):
        chosen(toy, paths=(FILE, "benchmarks/test_typo.py::test_busy"))


NAMES = ("a.py::test_one", "a.py::test_other", "a.py::test_third")
BOTH = {name: Benchmark(name, "a.py", "/a.py", {}, {}) for name in NAMES}


def test_a_pattern_comes_before_the_threshold_that_is_given_by_hand() -> None:
    own = Settings(threshold=0.02, thresholds={"*one": 0.02, "*other": 0.05})
    found = plan(BOTH, BOTH, own, own, threshold=0.5).thresholds
    assert list(found.values()) == [0.02, 0.05, 0.5]


def test_what_only_the_settings_of_the_base_name_is_measured_all_the_same() -> None:
    head, base = Settings(benchmarks=("*one",)), Settings(benchmarks=("*",))
    other = {name: one for name, one in BOTH.items() if name.endswith("other")}
    found = plan(other, other, head, base, is_narrowed=True)
    assert list(found.measured) == [*other]
