"""The Rust backend's batches: without the GIL, on several threads, in forked children."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from easy_marl.market import get_backend

TASKS = Path("/proc/self/task")
LIMIT = 120.0
"""Seconds that nothing here takes."""


@pytest.fixture(autouse=True)
def _rust(rust_wheel: object) -> None:
    if rust_wheel is None:
        pytest.skip("Rust was left out")


Batch = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _batch(rows: int, units: int) -> Batch:
    rng = np.random.default_rng(rows)
    bids = rng.uniform(20.0, 100.0, (rows, units)).round(1)
    quantities = rng.uniform(10.0, 50.0, (rows, units))
    return bids, quantities, 0.7 * quantities.sum(axis=1)


COUNT_THREADS = """
import pathlib, sys, time
import numpy as np
from easy_marl.market import clear_batch
clear_batch(np.ones((1000, 200)), np.ones((1000, 200)), np.ones(1000), backend="rust")
def count():
    tasks = pathlib.Path("/proc/self/task").iterdir()
    return sum(task.joinpath("comm").read_text().startswith("rust_market-") for task in tasks)
until = time.monotonic() + 20
while count() < int(sys.argv[1]) and time.monotonic() < until:
    time.sleep(0.01)
time.sleep(0.1)
print(count())
"""
"""Clears a batch and prints how many threads the pool has, once those that it must have are named:
a thread takes its name when it first runs, and on a busy machine that is later."""


def run(code: str, *arguments: str, threads: str) -> str:
    """Run `code` in a new process where `RAYON_NUM_THREADS` says so; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"RAYON_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not TASKS.exists(), reason="the threads of a process are listed on Linux")
@pytest.mark.parametrize("told", ["1", "2", "1000", "65536", "0", "many", ""])
def test_there_are_as_many_threads_as_told_or_as_processors(told: str) -> None:
    processors = len(os.sched_getaffinity(0))
    threads = min(int(told), processors) if told.isdigit() and told != "0" else processors
    found = int(run(COUNT_THREADS, str(threads - 1), threads=told))
    assert found in {threads, threads - 1}  # one thread needs no pool


SHOW_PROCESSORS = """
import os, pathlib, sys
import numpy as np
from easy_marl.market import clear_batch
def clear():
    clear_batch(np.ones((1000, 200)), np.ones((1000, 200)), np.ones(1000), backend="rust")
clear()  # makes the threads, one for each processor
os.sched_setaffinity(0, set(map(int, sys.argv[1].split(","))))
def masks():
    tasks = pathlib.Path("/proc/self/task").iterdir()
    ours = [t for t in tasks if t.joinpath("comm").read_text().startswith("rust_market-")]
    return [sorted(os.sched_getaffinity(int(task.name))) for task in ours]
for _ in range(20):
    clear()
print(masks())
"""
"""Clears batches on these processors and prints where the pool's threads may run."""


@pytest.mark.skipif(not TASKS.exists(), reason="the threads of a process are listed on Linux")
def test_threads_run_where_the_caller_may_but_not_where_it_does() -> None:
    usable = sorted(os.sched_getaffinity(0))[:2]
    if len(usable) < 2:
        pytest.skip("2 processors are needed")
    masks = json.loads(run(SHOW_PROCESSORS, ",".join(map(str, usable)), threads="2"))
    assert len(masks) == 2
    assert masks[0] == masks[1]
    assert set(masks[0]) <= set(usable)
    assert len(masks[0]) == 1


@pytest.mark.parametrize("threads", [2, 50])
def test_several_callers_share_the_threads(threads: int) -> None:
    batches = [_batch(rows, 60) for rows in (900, 1000, 1100, 1200)]
    backend = get_backend("rust")
    expected = [backend.clear_batch(*batch, threads=1)[0] for batch in batches]

    def call(number: int) -> bool:
        answers = (backend.clear_batch(*batches[number], threads=threads)[0] for _ in range(50))
        return all(np.array_equal(prices, expected[number]) for prices in answers)

    with ThreadPoolExecutor(len(batches)) as callers:
        assert all(callers.map(call, range(len(batches)), timeout=LIMIT))


def test_other_threads_run_meanwhile() -> None:
    bids, quantities, demand = _batch(3000, 400)
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        for _ in range(20):
            get_backend("rust").clear_batch(bids, quantities, demand, threads=1)
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    turns = 0
    while not done.is_set():
        turns += 1
    worker.join()
    # Under the GIL it would be one turn for each call at most, and some before the first.
    assert turns > 1000


@pytest.mark.parametrize("out", [False, True])
def test_a_row_is_cleared_as_it_was_read(out: bool) -> None:
    """Every price is one that the market had before or after a change, or the change is told."""
    backend = get_backend("rust")
    rows, units = 400, 80
    quantities = np.ones((rows, units))
    demand = np.full(rows, 1.0)
    bids = np.full((rows, units), 1.0)
    cells = (np.empty(rows), np.empty((rows, units))) if out else None
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            for value in (2.0, np.nan, 1.0, np.inf, -1.0):
                bids[:] = value

    writer = threading.Thread(target=change)
    writer.start()
    try:
        for _ in range(300):
            try:
                prices, _ = backend.clear_batch(bids, quantities, demand, out=cells, threads=2)
            except ValueError as error:
                assert "bids[" in str(error)  # noqa: PT017  either outcome is right
            else:
                assert np.isin(prices, (-1.0, 1.0, 2.0)).all()
    finally:
        stop.set()
        writer.join()


def _child(answer: Connection, batch: Batch) -> None:
    prices, _ = get_backend("rust").clear_batch(*batch, threads=2)
    answer.send(prices)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="processes cannot be forked"
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_threads_of_its_own() -> None:
    batch = _batch(1000, 200)
    expected, _ = get_backend("rust").clear_batch(*batch, threads=2)  # the parent's threads
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there, batch))
    child.start()
    try:
        assert here.poll(LIMIT), "the child hangs"
        assert np.array_equal(here.recv(), expected)
    finally:
        child.kill()
        child.join()


FORK = """
import ctypes, os, signal, sys
import numpy as np
from easy_marl.market import clear_batch

NEW_PID_NAMESPACE = 0x20000000
libc = ctypes.CDLL(None, use_errno=True)

def clear():
    return clear_batch(np.ones((1000, 200)), np.ones((1000, 200)), np.ones(1000), threads=2)

def in_a_namespace(work):
    if libc.unshare(NEW_PID_NAMESPACE):
        print("refused")
        sys.exit()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is ended
        work()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status:
        os._exit(1)

def first():
    assert os.getpid() == 1
    clear()
    in_a_namespace(second)

def second():
    assert os.getpid() == 1
    clear()

in_a_namespace(first)
print("done")
"""
"""Clears a batch in a process, and in a child of it that has the same process id."""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has namespaces for process ids")
def test_a_child_with_the_same_process_id_makes_threads_of_its_own() -> None:
    said = run(FORK, threads="2")
    if "refused" in said:
        pytest.skip("namespaces may not be made here")
    assert said == "done"
