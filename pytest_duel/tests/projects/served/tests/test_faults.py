"""Tests that go wrong on one arm, which the environment names."""

import os
import signal
import time

import pytest
import toy

BROKEN = toy.__file__.startswith(os.environ.get("TOY_BROKEN", "nowhere"))


def test_skips(benchmark):
    if BROKEN:
        pytest.skip("not on this arm")
    benchmark(toy.step)


def test_fails(benchmark):
    assert not BROKEN, "wrong on this arm"
    benchmark(toy.step)


def test_dies(benchmark):
    if BROKEN:
        os.kill(os.getpid(), signal.SIGSEGV)
    benchmark(toy.step)


def test_hangs(benchmark):
    benchmark(time.sleep if BROKEN else toy.step, 600)


def test_fine(benchmark):
    benchmark(toy.step)
