import os
import socket

import pytest


@pytest.fixture(scope="session")
def server():
    with socket.socket() as own:
        own.bind(("127.0.0.1", int(os.environ["TOY_PORT"])))
        own.listen()
        yield own
