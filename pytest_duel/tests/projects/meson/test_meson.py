import subprocess
import sys

import pytest
import toy

rounds = 0


def now():
    """Return the seconds by a clock that goes on by the rounds that were worked."""
    global rounds
    rounds += 1
    return rounds * 1e-7


def timed(function):
    global rounds
    rounds += function()


pytestmark = pytest.mark.benchmark(timer=now)


def test_busy(benchmark):
    benchmark(timed, toy.busy)


def test_quick(benchmark):
    child = [sys.executable, "-c", "import toy; print(toy.__file__)"]
    assert subprocess.check_output(child, text=True).strip() == toy.__file__
    benchmark(timed, toy.quick)
