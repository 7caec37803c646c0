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


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """Listen, accept once, and answer something and close, or wait until the other side closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                # All of it: to close with something unread would take the answer back.
                connection.recv(len(cluster._GREETING), socket.MSG_WAITALL)
                if answer is None:
                    connection.recv(1)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()


def test_an_address_where_nobody_listens_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ClusterError, match=rf"no Ray cluster answers at {address} \(.*refused"):
        run(study(), tmp_path, RayCluster(address))


def test_what_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ANSWER", 0.1)
    with (
        answering(None) as address,
        pytest.raises(ClusterError, match=rf"no Ray cluster answers at {address} \(timed out\)"),
    ):
        run(study(), tmp_path, RayCluster(address))


@pytest.mark.parametrize(("answer", "said"), [
    (b"", "b''"),
    (b"HTTP/1.1 400 Bad Request\r\n", "b'HTTP/1.1 '"),
])  # fmt: skip
def test_what_is_no_cluster_is_named(answer: bytes, said: str, tmp_path: Path) -> None:
    with (
        answering(answer) as address,
        pytest.raises(ClusterError, match=f"what answers at {address} is no Ray cluster: {said}"),
    ):
        run(study(), tmp_path, RayCluster(address))
