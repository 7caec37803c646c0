"""The study's import path."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from easy_marl.examples.bidding.market import market_clearing
from easy_marl.market import get_backend

ROOT = Path(__file__).parents[2]


def test_signature_and_result_of_the_study() -> None:
    assert list(inspect.signature(market_clearing).parameters)[:3] == [
        "bids",
        "quantities",
        "demand",
    ]
    bids, quantities = np.array([25.0, 30.0, 35.0, 40.0, 45.0]), np.full(5, 20.0)
    price, cleared = market_clearing(bids, quantities, 70.0)
    assert type(price) is float
    assert price == 40.0
    assert cleared.tolist() == [20.0, 20.0, 20.0, 10.0, 0.0]


def test_it_is_the_numba_backend() -> None:
    pytest.importorskip("numba")
    assert market_clearing is get_backend("numba").clear


def test_without_numba_it_is_the_reference() -> None:
    code = (
        "import sys\n"
        "sys.modules['numba'] = None\n"
        "from easy_marl.examples.bidding.market import market_clearing\n"
        "print(market_clearing.__module__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "easy_marl.market.reference"
