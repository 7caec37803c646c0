"""Memory of the Rust backend: threads that change the arrays meanwhile.

Each test runs in a process of its own, so that a crash is a failed test.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

LIMIT = 120.0
"""Seconds that nothing here takes."""

PRELUDE = """
import os, sys
os.environ["RAYON_NUM_THREADS"] = "2"
sys.path[:0] = {path!r}
import threading, time
import numpy as np
from easy_marl.market import get_backend
clear_batch = get_backend("rust").clear_batch
rows, units = 20_000, 60
underway = threading.Event()

class Demand:
    # The last argument to be looked at.
    def __init__(self):
        self.array = np.ones(rows)

    def __array__(self, dtype=None, copy=None):
        underway.set()
        return self.array

def batch():
    return np.ones((rows, units)), np.ones((rows, units)), Demand()

def meanwhile(arguments, change, **options):
    # Only the tuple refers to the arrays, and the call borrows its references.
    threading.excepthook = lambda _: None  # that values are bad by now is all right
    thread = threading.Thread(target=clear_batch, args=arguments, kwargs=options)
    underway.clear()
    # Nobody is made to let go of the GIL: this goes on where the call does so by itself.
    sys.setswitchinterval(1000.0)
    thread.start()
    underway.wait()
    sys.setswitchinterval(0.001)
    while thread.is_alive():
        try:
            change()
        except ValueError:
            pass
        time.sleep(0.0001)  # lets the thread have the GIL, for which it may wait as long as before
    thread.join()
"""


@pytest.fixture(autouse=True)
def _rust(rust_wheel: object) -> None:
    if rust_wheel is None:
        pytest.skip("Rust was left out")


def run(code: str) -> str:
    """Run `code` after the prelude in a new process; return what it prints."""
    program = PRELUDE.format(path=sys.path) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("refcheck", [True, False])
@pytest.mark.parametrize("array", ["arguments[0]", "arguments[1]", "arguments[2].array"])
def test_arguments_are_not_resized_meanwhile(array: str, refcheck: bool) -> None:
    code = f"""
    for _ in range(10):
        arguments = batch()
        meanwhile(arguments, lambda: {array}.resize((2, 2), refcheck={refcheck}))
    print("survived")
    """
    assert run(code) == "survived"


def test_bases_of_views_are_not_resized_meanwhile() -> None:
    code = """
    for _ in range(10):
        bids, quantities, demand = batch()
        arguments = bids.ravel().copy().reshape(bids.shape), quantities, demand
        meanwhile(arguments, lambda: arguments[0].base.resize(3, refcheck=False))
    print("survived")
    """
    assert run(code) == "survived"


def test_subclasses_are_not_resized_meanwhile() -> None:
    code = """
    class Mine(np.ndarray):
        pass
    for _ in range(10):
        arguments = Mine((rows, units)), *batch()[1:]
        arguments[0][:] = 1.0
        meanwhile(arguments, lambda: arguments[0].resize((2, 2), refcheck=False))
    print("survived")
    """
    assert run(code) == "survived"


@pytest.mark.parametrize("position", [0, 1])
def test_outputs_are_not_resized_meanwhile(position: int) -> None:
    code = f"""
    for _ in range(10):
        out = np.empty(rows), np.empty((rows, units))
        change = lambda: out[{position}].resize((2, 2), refcheck=False)
        meanwhile(batch(), change, out=out)
    print("survived")
    """
    assert run(code) == "survived"


def test_a_buffer_behind_a_memoryview_is_not_resized_meanwhile() -> None:
    code = """
    def change():
        try:
            memory.clear()
        except BufferError:
            pass
    for _ in range(10):
        memory = bytearray(8 * rows * units)
        view = memoryview(memory).cast("d", (rows, units))
        arguments = view, view, Demand()
        del view
        meanwhile(arguments, change)
    print("survived")
    """
    assert run(code) == "survived"


CHANGES = {
    "shape": "arguments[0].shape = units, rows",
    "strides": "arguments[0].strides = 0, 0",
    "dtype": "arguments[0].dtype = np.float32",
    "flags": "arguments[0].flags.writeable = False",
    "values": "arguments[0][:] = np.nan",
    "out": "out[1].shape = units, rows",
    "out dtype": "out[1].dtype = np.int64",
    "out values": "out[1][:] = -1.0",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_arrays_that_are_changed_meanwhile(change: str) -> None:
    """Results are odd, or the change is told; and no other memory is read or written."""
    code = f"""
    import warnings
    warnings.simplefilter("ignore")
    def change():
        {change}
    for _ in range(5):
        arguments = batch()
        out = np.empty(rows), np.empty((rows, units))
        meanwhile(arguments, change, out=out)
    print("survived")
    """
    assert run(code) == "survived"


def test_memory_can_be_moved_again_after_the_call() -> None:
    code = """
    arguments = *batch()[:2], np.ones(rows)
    out = np.empty(rows), np.empty((rows, units))
    clear_batch(*arguments, out=out)
    for array in *arguments, *out:
        array.resize(5, refcheck=False)
    print([array.shape for array in (*arguments, *out)])
    """
    assert run(code) == str([(5,)] * 5)
