"""Cold start: import and first call in a new process."""

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from pytest_duel.support import processes

UNITS = 5
TIMEOUT = 300.0
EMPTY, FILLED = "first-run", "later-run"

# The clock starts after the interpreter has, and stops when a user has a first price.
_SCRIPT = """
import time
started = time.perf_counter()
from easy_marl.market import clear
price, _ = clear([25.0, 30.0, 35.0, 40.0, 45.0], [20.0] * 5, 70.0, backend={backend!r})
took = time.perf_counter() - started
assert price == 40.0, price
print(took)
"""


def cold_start(backend: str, cache_state: str) -> float:
    """Return the seconds from the first import to the first price in a new process.

    Parameters
    ----------
    backend
        The backend that clears.
    cache_state
        "first-run": numba's compile cache is empty; "later-run": an earlier process filled it.
    """
    if cache_state == FILLED:
        return _in_new_process(backend, _filled_cache(backend))
    with tempfile.TemporaryDirectory() as empty:
        return _in_new_process(backend, Path(empty))


@cache
def _filled_cache(backend: str) -> Path:
    """Return a compile cache that one process has filled; it goes when this process ends."""
    home = Path(tempfile.mkdtemp(prefix="compile-cache-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    _in_new_process(backend, home)
    return home


def _in_new_process(backend: str, compile_cache: Path) -> float:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "NUMBA_CACHE_DIR": str(compile_cache),
    }
    command = [sys.executable, "-c", _SCRIPT.format(backend=backend)]
    done = processes.run(command, env=environment, timeout=TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"a cold start of {backend} failed:\n{done.stderr.strip()}")
    return float(done.stdout)
