"""The worker's side of the protocol: each request of the engine gets one answer."""

import json
from collections.abc import Mapping
from typing import Any

from pytest_duel.paired.channel import Channel


class EndedError(Exception):
    """The engine does not need this worker any more."""


class Requests:
    """Requests come in; each is answered once before the next is read."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.waiting: str | None = None
        """The request that is not answered yet."""
        self.wants_answers = False
        """The opened benchmark has to report what its calls return."""
        self.most_answers: int | None = None
        """Of its first calls; None for all."""

    def next(self) -> dict[str, Any]:
        """Wait for the next request.

        Raises
        ------
        EndedError
            Where there is none.
        """
        line = self._channel.receive()
        if not line:
            raise EndedError
        request: dict[str, Any] = json.loads(line)
        self.waiting = request["do"]
        if request["do"] == "open":
            self.wants_answers = bool(request.get("digest"))
            self.most_answers = request.get("calls")
        return request

    def answer(self, reply: Mapping[str, Any]) -> None:
        """Answer the request that waits."""
        self.waiting = None
        self._channel.send(reply)
