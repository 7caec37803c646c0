"""Nodes of a Ray cluster on this machine, each with a loopback address of its own."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.support import processes

LONGEST = 300.0
"""Seconds that a node may take to start."""
HEAD = "127.0.0.2"
"""Not 127.0.0.1, for which Ray takes the machine's own address."""
STARTED = "Ray runtime started."


class NodeError(RuntimeError):
    """A node did not start."""


@dataclass(frozen=True)
class Nodes:
    """A cluster that runs."""

    address: str
    """The head's."""
    environment: Mapping[str, str]
    """What a process needs that works with it."""


@contextmanager
def running(
    processors: Sequence[int], environment: Mapping[str, str] = os.environ
) -> Iterator[Nodes]:
    """Start nodes with so many processors each, the head first; end them afterwards."""
    environment = dict(environment) | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "OPENBLAS_NUM_THREADS": "1",
        "RAY_raylet_start_wait_time_s": f"{LONGEST:.0f}",  # the machine may be busy
    }
    address = f"{HEAD}:{_free_port(HEAD)}"
    children: list[subprocess.Popen[str]] = []
    # The names of Ray's sockets are long, and may have about a hundred letters in all.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    try:
        for place, count in enumerate(processors):
            host = f"127.0.0.{2 + place}"
            _, _, port = address.rpartition(":")
            own = [f"--address={address}"]
            if place == 0:
                own = ["--head", f"--port={port}", "--include-dashboard=false"]
            command = [
                str(Path(sys.executable).with_name("ray")), "start", *own, "--block",
                f"--node-ip-address={host}", f"--num-cpus={count}", f"--temp-dir={folder}",
                f"--object-store-memory={128 * 2**20}",
                "--disable-usage-stats", "--dashboard-agent-listen-port=0",
            ]  # fmt: skip
            children.append(_started(command, environment, folder / f"{host}.log"))
        yield Nodes(address, environment)
    finally:
        for child in reversed(children):
            processes.end(child)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _started(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[str]:
    """Start a node, and return its process once it says that it runs."""
    with log.open("wb") as output:
        child = processes.start(
            command, env=environment, stdout=output.fileno(), stderr=subprocess.STDOUT
        )
    limit = time.monotonic() + LONGEST
    while STARTED not in (said := log.read_text(encoding="utf-8", errors="replace")):
        if child.poll() is not None or time.monotonic() > limit:
            processes.end(child)
            raise NodeError(f"a node did not start; it said:\n{said[-2000:]}")
        time.sleep(0.05)
    return child
