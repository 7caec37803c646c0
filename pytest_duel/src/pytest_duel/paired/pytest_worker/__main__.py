"""Start pytest as a worker: the clocks are bound before it loads anybody's plugins."""

import sys
import timeit

import pytest

from pytest_duel.paired.pytest_worker import clocks

BOUND = clocks.GENUINE, timeit.default_timer
"""The latter is what pytest-benchmark takes, which itself must be imported by pytest."""

if __name__ == "__main__":
    sys.exit(pytest.main())
