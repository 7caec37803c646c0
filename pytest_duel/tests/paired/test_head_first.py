"""What is no module of an arm comes from the head's tree, on both sides."""

from pathlib import Path

import pytest

from pytest_duel.paired.pytest_client import Suite
from strangers import arm, copied, listed

TESTS = """
import pytest, subprocess, sys
from benchmarks.inputs import WHOSE

child = subprocess.run([sys.executable, "benchmarks/ask.py"], stdout=subprocess.PIPE, text=True)
other = subprocess.run([sys.executable, "-m", "benchmarks.ask"], stdout=subprocess.PIPE, text=True)

@pytest.mark.parametrize("whose", [f"{WHOSE} {child.stdout.strip()} {other.stdout.strip()}"])
def test_toy(benchmark, whose):
    benchmark(len, whose)
"""


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Return both trees. Helpers of their benchmarks tell which one they come from."""
    for name in ("base", "head"):
        folder = copied("flat", tmp_path / name)
        (folder / "benchmarks/inputs.py").write_text(f"WHOSE = {name!r}\n")
        (folder / "benchmarks/ask.py").write_text(
            "import toy.work\nfrom benchmarks.inputs import WHOSE\n"
            "print(WHOSE, toy.work.__file__.split('/')[-3])\n"
        )
        (folder / "benchmarks/test_toy.py").write_text(TESTS)
    return tmp_path / "base", tmp_path / "head"


@pytest.mark.parametrize("side", ["base", "head"])
def test_helpers_of_tests_are_the_heads(side: str, trees: tuple[Path, Path]) -> None:
    """Where a side is imported from its tree, that has helpers, too."""
    own = arm(side, trees[side == "head"])
    names = listed(own, Suite(trees[1], trees[1].parent, ("benchmarks",)))
    assert names == [f"benchmarks/test_toy.py::test_toy[head head {side} head {side}]"]
