"""An address at which no cluster answers is named, without Ray and before it is asked."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from easy_marl.studies import ClusterError, RayCluster, cluster, run
from tests.studies.functions import study


@pytest.fixture(autouse=True)
def ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for Ray, which is not reached."""
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    monkeypatch.setattr(cluster, "_ANSWER", 0.1)


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """Listen, accept once, and answer something, nothing, or close at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def accept() -> None:
            accepted.append(server.accept()[0])
            accepted[0].recv(1)
            if answer is not None:
                accepted[0].sendall(answer)
                accepted[0].shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()
            accepted[0].close()


def test_an_address_where_nobody_listens_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ClusterError, match=rf"no Ray cluster answers at {address} \(.*refused"):
        run(study(), tmp_path, RayCluster(address))


@pytest.mark.parametrize(("answer", "said"), [
    (None, r"no Ray cluster answers at {} \(timed out\)"),
    (b"", "what answers at {} is no Ray cluster: b''"),
    (b"HTTP/1.1 400 Bad Request\r\n", "what answers at {} is no Ray cluster: b'HTTP/1.1 '"),
])  # fmt: skip
def test_what_is_no_cluster_is_named(answer: bytes | None, said: str, tmp_path: Path) -> None:
    with answering(answer) as address, pytest.raises(ClusterError, match=said.format(address)):
        run(study(), tmp_path, RayCluster(address))
