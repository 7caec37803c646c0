"""Where blocks are computed: in a loop, or on the processes of this machine.

A place computes and writes nothing, so blocks may be computed anywhere, and twice. The third place
is in `cluster`.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import NamedTuple, Protocol, TypeVar

from easy_marl.market.arguments import is_int
from easy_marl.studies.errors import WorkerError
from easy_marl.studies.study import Block, Function, Table

Task = TypeVar("Task")


class Computed(NamedTuple):
    """A block and its rows."""

    block: Block
    rows: Table


class Place(Protocol):
    """Where blocks are computed."""

    def compute(self, blocks: Sequence[Block]) -> Generator[Computed]:
        """Yield the rows of each block once, in any order."""
        ...


@dataclass(frozen=True)
class Loop:
    """One block after the other in this process: nothing to start, nothing to wait for."""

    def compute(self, blocks: Sequence[Block]) -> Generator[Computed]:
        """Yield the rows of each block, in order."""
        for block in blocks:
            yield Computed(block, block.compute())


@dataclass(frozen=True)
class Processes:
    """Fresh processes of this machine.

    The study's function must stand at the top of a module, and a script must begin its work under
    ``if __name__ == "__main__":``, for each process imports it.

    Parameters
    ----------
    count : int, optional
        How many; as many as this process may use processors, unless given.
    """

    count: int | None = None

    def __post_init__(self) -> None:
        if self.count is not None and (not is_int(self.count) or self.count < 1):
            raise ValueError(f"count is {self.count!r}: count must be a positive int or None")

    def compute(self, blocks: Sequence[Block]) -> Generator[Computed]:
        """Yield the rows of each block, as they come.

        Raises
        ------
        WorkerError
            Where a process ends before its work; it names the process, and how it ended.
        ValueError
            Where other processes cannot import the study's function.
        """
        if not blocks:
            return
        _check_importable(blocks[0].function)
        count = min(self.count or _processors(), len(blocks))
        others = {*multiprocessing.active_children()}
        workers: set[BaseProcess] = set()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(count, context, _end_with_parent) as pool:

            def start(block: Block) -> Future[Table]:
                task = pool.submit(compute_alone, block)
                workers.update(multiprocessing.active_children())
                return task

            try:
                yield from flow(blocks, count + 1, start, _first_of, _result)
            except BrokenProcessPool as fault:
                pool.shutdown()  # which has seen all of them end
                raise WorkerError(_how_they_ended(workers - others)) from fault
            finally:
                pool.shutdown(cancel_futures=True)


def compute_alone(block: Block) -> Table:
    """Compute a block in a process that has others beside it: one thread each is enough."""
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    return block.compute()


def flow(
    blocks: Iterable[Block],
    most: int,
    start: Callable[[Block], Task],
    first_of: Callable[[Sequence[Task]], Task],
    result: Callable[[Task, Block], Table | None],
) -> Generator[Computed]:
    """Keep so many tasks running, and yield the result of each as it ends.

    So a study of any length takes the memory of a few blocks. A block without a result is started
    again.
    """
    waiting = deque(blocks)
    running: list[tuple[Task, Block]] = []
    while waiting or running:
        while waiting and len(running) < most:
            block = waiting.popleft()
            running.append((start(block), block))
        ended = first_of([task for task, _ in running])
        place = next(i for i, (task, _) in enumerate(running) if task is ended)
        _, block = running.pop(place)
        rows = result(ended, block)
        if rows is None:
            waiting.appendleft(block)
        else:
            yield Computed(block, rows)


def _check_importable(function: Function) -> None:
    """Raise where other processes would not find a function, and end."""
    reason = ""
    if function.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        reason = "it was typed in"
    try:
        pickle.dumps(function)
    except Exception as fault:  # of many types, as there are reasons
        reason = str(fault)
    if reason:
        raise ValueError(
            f"function is {function!r}, which other processes cannot import ({reason}): "
            "function must stand at the top of a module"
        )


def _end_with_parent() -> None:
    """End this process when the one that started it is killed: nobody else would."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _first_of(tasks: Sequence[Future[Table]]) -> Future[Table]:
    return next(iter(wait(tasks, return_when=FIRST_COMPLETED).done))


def _result(task: Future[Table], _: Block) -> Table:
    return task.result()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _how_they_ended(workers: Iterable[BaseProcess]) -> str:
    """Name the processes that died; the pool has ended the others by SIGTERM."""
    ended = [(one.pid, one.exitcode) for one in workers if one.exitcode]
    first = [one for one in ended if one[1] != -signal.SIGTERM] or ended
    named = ", ".join(f"process {pid} {_said(code)}" for pid, code in sorted(first))
    return f"a worker died: {named or 'no process is left'}; run the study again to go on"


def _said(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
