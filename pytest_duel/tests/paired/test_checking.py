"""A sweep's cases in workers of a gate: checked on both sides, and then each one benchmark."""

from pathlib import Path

import pytest

from pytest_duel.paired.checking import check
from pytest_duel.paired.pytest_client import Suite
from strangers import arm, copied, listed, one_block

NAMES = [
    f"benchmarks/test_several.py::test_{kernel}[{backend}-ints-4]"
    for kernel in ("double", "nap")
    for backend in ("plain", "quick")
]
QUICK = NAMES[1]
DYING = "import os, signal\n\n\ndef quick(values):\n    os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture
def several(tmp_path: Path) -> Suite:
    """Return the tests of a project with a sweep, whose head can be changed."""
    for name in ("head", "base"):
        copied("several", tmp_path / name)
    (tmp_path / "scratch").mkdir()
    return Suite(tmp_path / "head", tmp_path / "scratch", ("benchmarks",))


def test_cases_of_a_sweep_are_benchmarks(several: Suite) -> None:
    head = arm("head", several.folder, "several")
    base = arm("base", several.folder.parent / "base", "several")
    assert listed(head, several) == NAMES
    assert check([base, head], several, NAMES).wrong == {"base": {}, "head": {}}
    found = one_block((base, head), several, NAMES)
    assert found.errors == {}
    # A self-timed call says how long it took: here, always the same.
    assert found.differences[NAMES[2]][0] == pytest.approx(0.0, abs=1e-9)
    assert found.seconds[NAMES[2]][0] == pytest.approx(4e-4)


@pytest.mark.parametrize(("code", "reason"), [
    ("\n\ndef quick(values):\n    return [0, *values[1:]]\n", "quick disagrees with plain"),
    (DYING, "was ended by SIGKILL"),
])  # fmt: skip
def test_a_side_that_is_wrong_is_named_with_the_reason(
    several: Suite, code: str, reason: str
) -> None:
    with (several.folder / "several/__init__.py").open("a") as file:
        file.write(code)
    head = arm("head", several.folder, "several")
    base = arm("base", several.folder.parent / "base", "several")
    found = check([base, head], several, NAMES)
    assert found.wrong["base"] == {}
    assert list(found.wrong["head"]) == [QUICK]
    assert reason in found.reasons[QUICK]


def test_what_skips_itself_is_not_wrong(several: Suite) -> None:
    file = "benchmarks/test_skips.py"
    (several.folder / file).write_text(
        "import pytest\n\n\ndef test_skips(benchmark):\n    pytest.skip('not today')\n"
    )
    head = arm("head", several.folder, "several")
    assert check([head], several, [f"{file}::test_skips"]).reasons == {}


READS = """
import toy


def test_pedantic(benchmark):
    assert benchmark.pedantic(toy.busy, rounds=5) == 1000


def test_looped(benchmark):
    assert benchmark.pedantic(toy.busy, rounds=5, iterations=3) == 1000
    assert benchmark.stats.stats.rounds == 1


def test_set_up(benchmark):
    made = []
    benchmark.pedantic(toy.busy, setup=lambda: made.append(1), rounds=5)
    assert made == [1]


def test_statistics(benchmark):
    benchmark(toy.busy)
    assert benchmark.stats.stats.mean >= 0
    assert benchmark.stats["rounds"] == 1
"""


def test_a_check_runs_a_round_whose_result_and_statistics_can_be_read(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "head")
    file = "benchmarks/test_reads.py"
    (project / file).write_text(READS)
    (tmp_path / "scratch").mkdir()
    tests = Suite(project, tmp_path / "scratch", (file,))
    names = [f"{file}::test_{name}" for name in ("pedantic", "looped", "set_up", "statistics")]
    assert check([arm("head", project)], tests, names).reasons == {}
