"""Where the distribution is installed, a project that does not ask for it notices nothing."""

import pytest

from loaded import LOADED
from pytest_duel.support.harness import search_path

SUITE = """
import pytest

@pytest.mark.duel(threshold=0.05)
def test_sum(benchmark):
    assert benchmark(sum, [1, 2]) == 3
"""


@pytest.mark.parametrize("option", ["--benchmark-only", "--benchmark-disable", "--strict-markers"])
def test_a_strangers_benchmarks_run_as_ever(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", search_path())
    pytester.makepyfile(SUITE)
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")
    # Hypothesis is imported by its plugin when a run ends, which takes longer than the run.
    done = pytester.runpytest_subprocess(*LOADED, "-p", "no:hypothesispytest", option, timeout=120)
    assert done.ret == pytest.ExitCode.OK
    assert "1 passed" in done.stdout.str()
    assert ("Legend:" in done.stdout.str()) == (option != "--benchmark-disable")
