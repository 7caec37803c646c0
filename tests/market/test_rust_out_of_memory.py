"""The Rust backend where there is too little memory: a `MemoryError`, and the process goes on."""

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from easy_marl.market import get_backend

LIMIT = 300.0
"""Seconds that nothing here takes."""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux limits a process's addresses")

PRELUDE = """
import os, sys
os.environ["RAYON_NUM_THREADS"] = "2"
sys.path[:0] = {path!r}
import numpy as np
from easy_marl.market import get_backend
rust = get_backend("rust")
rows, units = 400, 20_000

def starve(call):
    # Call with more and more memory allowed beside what is in use.
    import resource
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    outcomes = []
    for more in [2**20 * megabytes for megabytes in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 4096)]:
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + more, unlimited[1]))
        try:
            call()
        except MemoryError:
            outcomes.append("MemoryError")
        else:
            outcomes.append("done")
        finally:
            resource.setrlimit(resource.RLIMIT_AS, unlimited)
    print(*sorted(set(outcomes)))
"""


@pytest.fixture(autouse=True)
def _rust(rust_wheel: object) -> None:
    if rust_wheel is None:
        pytest.skip("Rust was left out")


def run(code: str) -> str:
    """Run `code` after the prelude in a new process; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE.format(path=sys.path) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@LINUX
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f8", "int64"])
def test_one_market(dtype: str) -> None:
    code = f"""
    bids = np.arange(4_000_000) % 1009
    bids = bids.astype("{dtype}")
    starve(lambda: rust.clear(bids, bids, 1e9))
    """
    assert run(code) == "MemoryError done"


@LINUX
def test_one_market_whose_bids_defeat_the_buckets() -> None:
    code = """
    bids = 2.0 ** (np.arange(4_000_000) % 2000 - 1000.0)
    starve(lambda: rust.clear(bids, np.ones_like(bids), 2e6))
    """
    assert run(code) == "MemoryError done"


BATCHES = {
    "own rows": "np.ones((rows, units)), np.ones((rows, units)), np.ones(rows)",
    "shared bids": "np.ones(units * 100), np.ones((4, units * 100)), np.ones(4)",
    "all shared": "np.ones(units * 100), np.ones(units * 100), np.ones(4)",
    "float32": "np.ones((rows, units), 'f4'), np.ones((rows, units), 'f4'), np.ones(rows, 'f4')",
    "integers": "np.ones((rows, units), int), np.ones((rows, units), int), np.ones(rows, int)",
    "long rows": "np.ones((4, units * 100)), np.ones((4, units * 100)), np.ones(4)",
    "no rows": "np.ones(units * 100), np.ones(units * 100), np.ones(0)",
}


@LINUX
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("arguments", BATCHES.values(), ids=list(BATCHES))
def test_a_batch(arguments: str, threads: int) -> None:
    code = f"""
    batch = {arguments}
    starve(lambda: rust.clear_batch(*batch, threads={threads}))
    """
    assert run(code) == "MemoryError done"


@LINUX
@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_into_memory_that_is_given(threads: int) -> None:
    """What is left to be allocated is a row or two for each thread."""
    code = f"""
    bids = np.ones((4, units * 100))
    out = np.empty(4), np.empty_like(bids)
    starve(lambda: rust.clear_batch(bids, bids, np.ones(4), out=out, threads={threads}))
    """
    assert run(code) == "MemoryError done"


@LINUX
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("learner", [-1, 0])
def test_environments(learner: int, threads: int) -> None:
    code = f"""
    from easy_marl.market import stepping
    agents, hours, count = 1_000_000, 1, 4
    model = stepping.Model(
        np.ones(agents), np.ones(agents),
        np.ones((agents, 1), "f4"), np.ones((hours + 1, 1), "f4"),
        1.0, 1.0, 1.0, 1.0, 1.0, {learner},
    )
    acting = agents if {learner} == -1 else 1
    actions = np.zeros((count, acting, 2), "f4")
    demand = np.full((count, hours + 1), 10.0)
    outcome = stepping.room(model, count)
    def step():
        state = stepping.State(np.zeros(count, np.int64), demand, np.ones(count, bool))
        rust.step_batch(model, state, actions, outcome, threads={threads})
    starve(step)
    """
    assert run(code) == "MemoryError done"


ABSURD = {
    "demand": "many([1]), many([1]), many([10**12])",
    "units": "many([10**12]), many([10**12]), many([1])",
    "units, no markets": "many([10**12]), many([10**12]), many([0])",
    "both": "many([10**12]), many([10**12]), many([10**12])",
    "rows": "many([10**6, 10**6]), many([10**6, 10**6]), many([10**6])",
    "float32": "*[np.broadcast_to(np.float32(1), (10**6, 10**6))] * 2, many([10**6])",
    "integers": "*[np.broadcast_to(1, (10**6, 10**6))] * 2, many([10**6])",
}


@pytest.mark.parametrize("out", ["None", "(np.empty(1), np.empty((1, 1)))"])
@pytest.mark.parametrize("arguments", ABSURD.values(), ids=list(ABSURD))
def test_absurd_sizes_in_a_batch(arguments: str, out: str) -> None:
    """Reading so many values would take hours."""
    code = f"""
    many = lambda shape: np.broadcast_to(1.0, shape)
    try:
        rust.clear_batch({arguments}, out={out})
    except MemoryError:
        print("MemoryError")
    """
    assert run(code) == "MemoryError"


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
def test_absurd_sizes_in_one_market(kind: type[np.number[Any]]) -> None:
    values = np.broadcast_to(kind(1), 10**12)
    with pytest.raises(MemoryError):
        get_backend("rust").clear(values, values, 1.0)


@LINUX
def test_more_than_the_machine_has() -> None:
    """Systems may let a process ask for that, and end it when it is used."""
    code = """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    many = np.broadcast_to(1.0, memory // 12)
    integers = np.broadcast_to(1, memory // 4)  # to be converted, before all else
    for call in (
        lambda: rust.clear(many, many, 1.0),
        lambda: rust.clear_batch([1.0], [1.0], many),
        lambda: rust.clear(integers, integers, 1.0),
    ):
        try:
            call()
        except MemoryError as error:
            print(error)
    """
    said = run(code).splitlines()
    assert len(said) == 3
    assert all(line.endswith("more than this machine has") for line in said)
