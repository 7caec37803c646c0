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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.support import processes

LONGEST = 60
"""Seconds that Ray waits for a node to start."""
TRIES = 3
"""A node ends where its agents do not start within 15 s, as on a busy machine."""
HEAD = "127.0.0.2"
"""Not 127.0.0.1, for which Ray takes the machine's own address."""
AGENTS = (
    "--dashboard-agent-listen-port", "--dashboard-agent-grpc-port", "--metrics-export-port",
    "--runtime-env-agent-port",
)  # fmt: skip
"""Their ports, for each node: the defaults can be had once on a machine."""
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
        "RAY_raylet_start_wait_time_s": str(LONGEST),
        "RAY_agent_register_timeout_ms": str(1000 * LONGEST),
    }
    (port,) = _free_ports(1)
    address = f"{HEAD}:{port}"
    children: list[subprocess.Popen[str]] = []
    # The names of Ray's sockets are long, and may have about a hundred letters in all.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    try:
        for place, count in enumerate(processors):
            host = f"127.0.0.{2 + place}"
            own = [f"--address={address}"]
            if place == 0:
                own = ["--head", f"--port={port}", "--include-dashboard=false"]
            command = [
                str(Path(sys.executable).with_name("ray")), "start", *own, "--block",
                f"--node-ip-address={host}", f"--num-cpus={count}", f"--temp-dir={folder}",
                f"--object-store-memory={128 * 2**20}", "--disable-usage-stats",
                *(f"{agent}={one}" for agent, one in zip(AGENTS, _free_ports(4), strict=True)),
            ]  # fmt: skip
            children.append(_started(command, environment, folder / f"{host}.log"))
        yield Nodes(address, environment)
    finally:
        for child in reversed(children):
            processes.end(child)
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


def _started(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[str]:
    """Start a node, and return its process once it says that it runs."""
    said = ""
    for _ in range(TRIES):
        with log.open("wb") as output:
            child = processes.start(
                command, env=environment, stdout=output.fileno(), stderr=subprocess.STDOUT
            )
        while child.poll() is None:
            said = log.read_text(encoding="utf-8", errors="replace")
            if STARTED in said:
                return child
            time.sleep(0.05)
        processes.end(child)
    raise NodeError(f"a node did not start; it said:\n{said[-2000:]}")
