"""The worker's side of the talk with the engine: one request, one answer, in turns."""

import json
from collections.abc import Mapping
from typing import Any

from pytest_duel.paired.channel import Channel


class EndedError(Exception):
    """The engine needs this worker no more."""


class Talk:
    """Requests come in; each is answered once before the next is read."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.waiting: str | None = None
        """What the engine asked and has no answer to."""
        self.wants_answers = False
        """The benchmark that was opened shall tell what its calls return."""

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
        return request

    def answer(self, reply: Mapping[str, Any]) -> None:
        """Answer the request that waits."""
        self.waiting = None
        self._channel.send(reply)
