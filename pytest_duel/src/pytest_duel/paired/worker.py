"""One side of a duel, in a process of its own: a JSON line in, a JSON line out.

The engine starts this file, says hello with the code to measure, then asks for one batch after the
other. Nothing here knows what a kernel computes: the catalogue is named by the engine. Only the
protocol is written to standard output; whatever else prints goes to standard error.
"""

import gc
import hashlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

Request = Mapping[str, Any]
Reply = dict[str, Any]


class Side:
    """The cases that one arm has opened."""

    def __init__(self, hello: Request) -> None:
        sys.path[:0] = hello["paths"]
        sys.path.append(str(Path(__file__).resolve().parents[2]))  # where this harness is
        if hello["cpus"] and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, hello["cpus"])
        self.catalogue = pkgutil.resolve_name(hello["catalogue"])()
        self.own, self.home = hello["own"], Path(hello["paths"][0]).resolve()
        self.backends: dict[str, Mapping[str, Callable[..., Any]]] = {}
        self.opened: dict[str, tuple[Callable[..., Any], Sequence[Any]]] = {}

    def open(self, request: Request) -> Reply:
        """Load a case and warm it up; tell how long one call takes, in seconds."""
        from pytest_duel.catalogue.model import make_pool

        kernel, backend, scenario, n = request["case"]
        call = self._calls(backend)[kernel]
        pool = make_pool(self.catalogue.kernels[kernel], self.catalogue.scenarios[scenario], n)
        if not pool:
            raise ValueError("the case has no calls")
        self.opened[request["name"]] = call, pool
        has_answers = self.catalogue.backends[backend].role != "floor"
        self._check_own()
        answers = _digest(call, pool) if request["digest"] and has_answers else None
        _time(call, pool)  # compiles, imports and fills caches
        gc.collect()
        gc.freeze()
        return {"seconds": _time(call, pool) / len(pool), "answers": answers}

    def close(self, request: Request) -> Reply:
        """Forget a case."""
        del self.opened[request["name"]]
        return {}

    def _check_own(self) -> None:
        """Refuse to time other code than the arm's: an import hook or a path may have won."""
        for name in self.own:
            file = getattr(sys.modules.get(name), "__file__", None)
            if file and not Path(file).resolve().is_relative_to(self.home):
                raise ImportError(f"{name} comes from {file}, not from {self.home}")

    def _calls(self, backend: str) -> Mapping[str, Callable[..., Any]]:
        if backend not in self.backends:
            self.backends[backend] = self.catalogue.backends[backend].load()
        return self.backends[backend]

    def time(self, request: Request) -> Reply:
        """Time `calls` calls from place `start` of the pool on."""
        call, pool = self.opened[request["name"]]
        extra = round(request.get("extra", 0.0) * request["calls"])
        start = request["start"]
        places = range(start, start + request["calls"] + extra)
        return {"seconds": _time(call, [pool[place % len(pool)] for place in places])}


def _digest(call: Callable[..., Any], pool: Sequence[Any]) -> str:
    """Return a digest of all answers, to the last bit."""
    from pytest_duel.catalogue.parity import frozen

    digest = hashlib.sha256()
    for arguments in pool:
        digest.update(repr(frozen(call(*arguments))).encode())
    return digest.hexdigest()


def _time(call: Callable[..., Any], calls: Sequence[Any]) -> float:
    started = time.perf_counter()
    for arguments in calls:
        call(*arguments)
    return time.perf_counter() - started


ACTIONS = {"open": Side.open, "time": Side.time, "close": Side.close}


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
            else:
                reply = ACTIONS[request["do"]](side, request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> None:
    """Keep standard output for the protocol, and serve."""
    gc.disable()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
