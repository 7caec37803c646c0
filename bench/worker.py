"""One side of a duel, in a process of its own: a JSON line in, a JSON line out.

The engine starts it with `python bench/worker.py`, says hello with the code to measure, then
asks for one batch after the other. Nothing here knows what a kernel computes: the catalogue is
named by the engine. Only the protocol is written to standard output; whatever else prints goes to
standard error.
"""

import gc
import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import IO, Any

Request = Mapping[str, Any]
Reply = dict[str, Any]


class Side:
    """The cases that one arm has opened."""

    def __init__(self, hello: Request) -> None:
        sys.path[:0] = hello["paths"]
        if hello["cpus"] and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, hello["cpus"])
        module, _, attribute = hello["catalogue"].partition(":")
        self.catalogue = getattr(importlib.import_module(module), attribute)()
        self.backends: dict[str, Mapping[str, Callable[..., Any]]] = {}
        self.opened: dict[str, tuple[Callable[..., Any], Sequence[Any]]] = {}

    def open(self, request: Request) -> Reply:
        """Load a case and warm it up; tell how long one call takes, in seconds."""
        from bench.registry import make_pool

        kernel, backend, scenario, n = request["case"]
        if backend not in self.backends:
            self.backends[backend] = self.catalogue.backends[backend].load()
        call = self.backends[backend][kernel]
        pool = make_pool(self.catalogue.kernels[kernel], self.catalogue.scenarios[scenario], n)
        self.opened[request["name"]] = call, pool
        answers: str | None = _digest(call, pool)  # this compiles, imports and fills caches, too
        if self.catalogue.backends[backend].role == "floor":
            answers = None  # it has none
        return {"seconds": _time(call, pool) / len(pool), "answers": answers}

    def time(self, request: Request) -> Reply:
        """Time `calls` calls from place `start` of the pool on."""
        call, pool = self.opened[request["name"]]
        calls = list(islice(cycle(pool), request["start"], request["start"] + request["calls"]))
        extra = round(request.get("extra", 0.0) * len(calls))
        return {"seconds": _time(call, calls + calls[:extra])}


def _digest(call: Callable[..., Any], pool: Sequence[Any]) -> str:
    """Return a digest of all answers, to the last bit."""
    from bench.parity import frozen

    digest = hashlib.sha256()
    for arguments in pool:
        digest.update(repr(frozen(call(*arguments))).encode())
    return digest.hexdigest()


def _time(call: Callable[..., Any], calls: Sequence[Any]) -> float:
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    for arguments in calls:
        call(*arguments)
    took = time.perf_counter() - started
    gc.enable()
    return took


def serve(requests: Iterator[str], replies: IO[str]) -> None:
    """Answer requests until there are no more; an error is an answer too."""
    side: Side | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if request["do"] == "hello":
                side, reply = Side(request), {}
            elif side is None:
                raise RuntimeError("say hello first")
            elif request["do"] == "open":
                reply = side.open(request)
            elif request["do"] == "close":
                del side.opened[request["name"]]
                reply = {}
            else:
                reply = side.time(request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> None:
    """Keep standard output for the protocol, and serve."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
