"""A threshold for a group of benchmarks: what pytest-benchmark's issue 219 asks for."""

from pathlib import Path

import pytest

from loaded import LOADED
from pytest_duel.gate import groups
from pytest_duel.gate.collect import Benchmark, Collected, collect
from pytest_duel.gate.plan import plan
from pytest_duel.gate.settings import Settings, SettingsError
from pytest_duel.paired.pytest_client import Suite
from strangers import arm

TESTS = """
import pytest

import toy

pytestmark = pytest.mark.benchmark(group="io")


def test_read(benchmark): ...


@pytest.mark.duel(threshold="400%")
def test_write(benchmark): ...


def test_named(benchmark): ...


@pytest.mark.benchmark(group="sums")
def test_sum(benchmark): ...


class TestAlone:
    pytestmark = pytest.mark.benchmark(min_rounds=3)

    def test_alone(self, benchmark): ...
"""
SETTINGS = Settings(
    threshold=0.02, thresholds={"*::test_named": 0.1}, group_thresholds={"i*": 1.5}
)


def limits(head: Collected, base: Collected, before: Settings = SETTINGS) -> dict[str, float]:
    """Return what is allowed, by the name of the test."""
    sides = groups.limited(head, SETTINGS), groups.limited(base, before)
    found = plan(sides[0].benchmarks, sides[1].benchmarks, SETTINGS, before)
    return {name.rpartition("::")[2]: limit for name, limit in found.thresholds.items()}


@pytest.fixture
def found(tmp_path: Path) -> Collected:
    """Return what a worker collects."""
    project, scratch = tmp_path / "project", tmp_path / "scratch"
    project.mkdir()
    scratch.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_toy.py").write_text(TESTS)
    (project / "toy.py").write_text("")
    return collect(arm("head", project), Suite(project, scratch, LOADED), "the head")


def test_a_group_may_have_a_threshold_of_its_own(found: Collected) -> None:
    assert limits(found, found) == {
        "test_read": 1.5,  # of its group
        "test_write": 4.0,  # of its marker
        "test_named": 0.1,  # of a pattern of its name
        "test_sum": 0.02,
        "test_alone": 0.02,
    }


def test_a_change_cannot_loosen_the_threshold_of_a_group(found: Collected) -> None:
    assert limits(found, found, Settings(threshold=0.02))["test_read"] == 0.02


def test_a_group_that_no_benchmark_is_in_is_told() -> None:
    one = Benchmark("a.py::test_a", "a.py", "/a.py", {}, {"group": "sums"})
    sides = (Collected({one.name: one}, "/", ""), None)
    groups.check(Settings(group_thresholds={"sum*": 0.1}), sides)
    with pytest.raises(SettingsError, match="group_thresholds: no benchmark is in a group 'sun'"):
        groups.check(Settings(group_thresholds={"sun": 0.1}), sides)
