"""JSON-RPC over a unix socket, as the daemons of Open vSwitch speak it on two sockets each.

Version 1.0 without a delimiter between messages (RFC 7047 section 4). ``call`` waits for its answer, with a
limit; ``ask`` does not, and the answer is handed out by ``answers`` when it has come. Knows no method.
"""

from __future__ import annotations

import codecs
import json
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from harness.errors import LabError

_RECEIVE = 1 << 16
_POLL_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for the request of that number. Exactly one of ``result`` and ``error`` is not None."""

    request: int
    result: Any
    error: Any


class JsonRpc:
    """A connection to one daemon, called ``name`` in complaints."""

    def __init__(self, path: Path, name: str, limit_s: float) -> None:
        """Connect, as soon as the daemon listens. Raises LabError after ``limit_s``."""
        self._name = name
        self._numbers = count(1)
        self._characters = codecs.getincrementaldecoder("utf-8")()
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._answers: deque[Answer] = deque()
        self._socket = _connect(path, name, limit_s)

    def fileno(self) -> int:
        """Return the descriptor to watch for answers."""
        return self._socket.fileno()

    def ask(self, method: str, *parameters: object) -> int:
        """Send a request and return its number. Raises LabError if the daemon is gone."""
        number = next(self._numbers)
        self._send({"method": method, "params": list(parameters), "id": number})
        return number

    def answers(self) -> Iterator[Answer]:
        """Yield the answers that have come. Raises LabError if the daemon is gone."""
        while self._readable(0.0):
            self._receive()
        while self._answers:
            yield self._answers.popleft()

    def call(self, method: str, *parameters: object, limit_s: float) -> Any:
        """Ask, wait and return the result; answers to earlier requests are kept for ``answers``.

        Raises LabError for a refusal, and after ``limit_s``.
        """
        number = self.ask(method, *parameters)
        deadline_s = time.monotonic() + limit_s
        while True:
            for answer in self._answers:
                if answer.request == number:
                    self._answers.remove(answer)
                    return self._checked(answer, method)
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not self._readable(left_s):
                msg = f"waited {limit_s:g} s for {self._name} to answer {method}"
                raise LabError(msg)
            self._receive()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _checked(self, answer: Answer, method: str) -> Any:
        if answer.error is not None:
            msg = f"{self._name} refuses {method}: {answer.error}"
            raise LabError(msg)
        return answer.result

    def _send(self, message: dict[str, object]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode())
        except OSError as error:
            raise self._gone(error.strerror or "") from error

    def _readable(self, timeout_s: float) -> bool:
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE)
        except OSError as error:
            raise self._gone(error.strerror or "") from error
        if not data:
            raise self._gone("it closed the connection")
        self._text += self._characters.decode(data)
        while self._text:
            try:
                message, end = self._decoder.raw_decode(self._text)
            except json.JSONDecodeError:
                return  # the rest is still to come
            self._text = self._text[end:].lstrip()
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        """Keep an answer; a request of the daemon's own is only ever the question whether we live."""
        if message.get("method") == "echo":
            self._send({"result": message["params"], "error": None, "id": message["id"]})
        elif "result" in message:
            self._answers.append(
                Answer(request=message["id"], result=message["result"], error=message["error"])
            )

    def _gone(self, why: str) -> LabError:
        return LabError(f"{self._name} is gone: {why}")


def _connect(path: Path, name: str, limit_s: float) -> socket.socket:
    deadline_s = time.monotonic() + limit_s
    while True:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            found.connect(str(path))
        except OSError as error:
            found.close()
            if time.monotonic() > deadline_s:
                msg = f"waited {limit_s:g} s for {name} to listen: {error.strerror}"
                raise LabError(msg) from error
        else:
            return found
        time.sleep(_POLL_S)
