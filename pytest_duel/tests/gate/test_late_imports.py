"""A benchmark that skips itself is run once more on the base, and may import something there."""

from pathlib import Path

import pytest

from pytest_duel.gate.accepting import stopped
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.paired.arms.recipe import NONE
from pytest_duel.paired.arms.untouched import TouchedError
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import Sampled
from repositories import commit, git
from strangers import repository

BUSY = "benchmarks/test_toy.py::test_busy"
IMPORTS = "import helper"
FORGES = "open(__file__.replace('test_toy', 'fresh'), 'w').close()"


def run_once_more(toy: Path, first: str) -> frozenset[str]:
    """Let a benchmark do something and skip itself on both sides; return what a change stopped."""
    (toy / "benchmarks/helper.py").write_text("SIZE = 1\n")
    test = toy / "benchmarks/test_toy.py"
    called = "assert benchmark(busy) == 1000"
    assert called in test.read_text()
    skips = test.read_text().replace(called, f"{first}\n    pytest.skip('not here')")
    test.write_text(skips)
    git(toy, "add", "--all")
    commit(toy, "skips", 2)
    measured = Measurements(skipped={BUSY: "not here"})
    sampled = Sampled({}, {}, {}, (), measured, seconds=1.0, blocks=1, late=False)
    question = Question(toy, "HEAD", overrides={"install": NONE})
    with prepared(question, lambda line: None) as found:
        assert BUSY in found.own.measured
        return stopped(found, sampled, (), lambda line: None).own.stopped


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return repository("flat", tmp_path / "toy")


def test_what_a_test_imports_late_does_not_count_as_written(toy: Path) -> None:
    assert run_once_more(toy, IMPORTS) == frozenset()


def test_what_it_writes_itself_counts(toy: Path) -> None:
    with pytest.raises(TouchedError, match=r"the tree of the base .*benchmarks/fresh\.py"):
        run_once_more(toy, FORGES)
