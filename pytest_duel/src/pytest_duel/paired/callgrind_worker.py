"""What callgrind counts: loops over a case's pool, in a process of its own.

`callgrind` starts it with one argument, a JSON object, and reads one JSON line. Marks part the
loops; everything before the first, imports, compilation and warm-up, is not counted. Whatever else
prints goes to standard error.
"""

import gc
import json
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ITEMS = 256
"""Most items in a pool: making one costs more instructions than clearing it."""
PASSES = (1, 2)
"""Passes over the pool in each of the two loops."""


def run(request: Mapping[str, Any]) -> dict[str, Any]:
    """Open the case, warm it up, run both loops; return the calls in each."""
    sys.path[:0] = request["paths"]
    sys.path.append(str(Path(__file__).resolve().parents[2]))  # where this harness is
    call, pool = _open(pkgutil.resolve_name(request["catalogue"])(), *request["case"])
    _loop(call, pool, 1)  # compiles, imports and fills caches
    gc.collect()
    gc.freeze()
    mark()
    for passes in PASSES:
        _loop(call, pool, passes)
        mark()
    return {"calls": [passes * len(pool) for passes in PASSES]}


def _open(
    catalogue: Any, kernel_name: str, backend: str, scenario_name: str, n: int
) -> tuple[Callable[..., Any], Sequence[Any]]:
    """Return the callable and the first calls of its pool, at least one."""
    from pytest_duel.catalogue.model import batch_size, pool_items

    kernel, scenario = catalogue.kernels[kernel_name], catalogue.scenarios[scenario_name]
    if kernel.self_timed:
        raise ValueError(f"{kernel_name} times itself, elsewhere perhaps, so there is no loop")
    call = catalogue.backends[backend].load()[kernel_name]
    batch = batch_size(kernel, scenario)
    calls = max(1, min(pool_items(n), ITEMS) // batch)
    pool = kernel.arrange(scenario.make(n, calls * batch, scenario.seed), batch)[:calls]
    if not pool:
        raise ValueError(f"the pool of {scenario_name} at {n} is empty")
    return call, pool


def mark() -> None:
    """Call the C function that callgrind is told to watch for; nothing else calls it."""
    os.getpgid(0)


def _loop(call: Callable[..., Any], pool: Sequence[Any], passes: int) -> None:
    for _ in range(passes):
        for arguments in pool:
            call(*arguments)


def main() -> None:
    """Keep standard output for the reply; an error is a reply too."""
    gc.disable()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        try:
            reply = run(json.loads(sys.argv[1]))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
