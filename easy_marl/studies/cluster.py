"""Blocks that are computed on a Ray cluster.

Ray places the tasks, moves the rows, and tells which of them are lost because a worker or a node
has died. A task computes and writes nothing, so it is started again then.
"""

import logging
import os
import socket
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from easy_marl.studies.errors import ClusterError, WorkerError, needed
from easy_marl.studies.places import Computed, compute_alone, flow
from easy_marl.studies.study import Block, Table

_ANSWER = 4.0
"""Seconds in which a cluster accepts a connection, and in which it answers."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
"""How HTTP/2 begins, which Ray's gRPC speaks: a fixed text, and a frame of settings, empty."""
_TRIES = 4
"""So often a block is computed whose worker dies."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayCluster:
    """The nodes of a Ray cluster that runs already.

    The process that runs the study has to be on one of them, best on the head. All need the same
    Python, Ray and easy_marl, and the study's module, but no common disk: rows come back.

    Parameters
    ----------
    address : str
        The head's, as ``ray start --head`` tells it: ``"10.0.0.1:6379"``.
    """

    address: str

    def __post_init__(self) -> None:
        host, _, port = str(self.address).rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise ValueError(f"address is {self.address!r}: address must be 'HOST:PORT'")

    def compute(self, blocks: Sequence[Block]) -> Generator[Computed]:
        """Yield the rows of each block, as they come.

        Raises
        ------
        ClusterError
            Where none answers at the address, or one of another version.
        WorkerError
            Where a block's worker has died again and again; it names the block.
        """
        if not blocks:
            return
        ray = needed("ray")
        with connected(ray, self.address):
            # Ray would try again without telling.
            task = ray.remote(num_cpus=1, max_retries=0)(compute_alone)
            most = 2 * int(max(1, ray.cluster_resources().get("CPU", 1)))

            def first_of(tasks: Sequence[Any]) -> Any:
                return ray.wait(list(tasks))[0][0]

            yield from flow(blocks, most, task.remote, first_of, _Results(ray))


class _Results:
    """Gets the rows of blocks, and has those computed again whose worker has died."""

    def __init__(self, ray: ModuleType) -> None:
        self._ray = ray
        self._tries: Counter[int] = Counter()

    def __call__(self, task: Any, block: Block) -> Table | None:
        try:
            return self._ray.get(task)
        except self._ray.exceptions.RayTaskError:
            raise  # it was the study's function
        except self._ray.exceptions.RayError as fault:
            self._tries[block.number] += 1
            told = f"block {block.number} was lost, try {self._tries[block.number]}: {fault}"
            if self._tries[block.number] == _TRIES:
                raise WorkerError(told) from fault
            _log.warning("%s", told)
            return None


@contextmanager
def connected(ray: ModuleType, address: str) -> Iterator[None]:
    """Connect to a cluster, unless this process is connected to it already."""
    if ray.is_initialized():
        own = ray.get_runtime_context().gcs_address
        if own != address:
            raise ClusterError(f"this process is connected to {own}, and not to {address}")
        yield
        return
    _check_answer(address)
    try:
        ray.init(address, logging_level=logging.WARNING)
    except (Exception, SystemExit) as fault:  # another version, no token, no node on this machine
        *_, reason = str(fault.__cause__ or fault).strip().splitlines() or [repr(fault)]
        raise ClusterError(f"cannot work with the cluster at {address}: {reason}") from fault
    try:
        yield
    finally:
        ray.shutdown()


def _check_answer(address: str) -> None:
    """Raise unless something like a cluster answers, for which Ray itself waits for minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWER) as connection:
            if os.environ.get("RAY_USE_TLS") == "1":
                return
            connection.sendall(_GREETING)
            answer = connection.recv(9, socket.MSG_WAITALL)
    except OSError as fault:
        raise ClusterError(f"no Ray cluster answers at {address} ({fault})") from fault
    if answer[3:4] != b"\x04":  # its settings
        raise ClusterError(f"what answers at {address} is no Ray cluster: {answer!r}")
