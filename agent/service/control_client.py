"""The other end of the control socket: what `press`, `status` and scripts use to reach the running agent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gevent
import gevent.socket

from agent.closing import Closing
from agent.errors import ControlError
from agent.net.turns import fair_file
from agent.service.control import SERVICE_FOLDER, SOCKET_NAME, socket_path

MAX_ANSWER_BYTES = 4 * 1024 * 1024


class ControlClient(Closing):
    """A connection to the running agent; raises `ControlError` when there is none."""

    def __init__(self, configured: str = "", environ: Mapping[str, str] = os.environ) -> None:
        self._connection = _connect(_candidates(configured, environ))
        self._lines = fair_file(self._connection)

    def close(self) -> None:
        """End the connection; idempotent."""
        self._lines.close()
        self._connection.close()

    def request(self, command: str, *, timeout_s: float = 5.0, **parameters: Any) -> Any:
        """Perform one command and return its result; raises `ControlError` with the agent's reason if it refuses."""
        try:
            self._connection.sendall(json.dumps({"command": command, **parameters}).encode() + b"\n")
        except OSError as error:
            raise ControlError(f"the agent ended the connection ({error.strerror or error})") from None
        with gevent.Timeout(timeout_s, ControlError(f"the agent did not answer within {timeout_s:g} s")):
            answer = self._read()
        if not answer.get("ok"):
            raise ControlError(str(answer.get("error")))
        return answer.get("result")

    def events(self) -> Iterator[tuple[str, Any]]:
        """Subscribe, then yield each event and its data until the agent ends."""
        self.request("subscribe")
        while True:
            try:
                message = self._read()
            except ControlError:
                return
            yield message["event"], message["data"]

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline(MAX_ANSWER_BYTES)
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            ended = len(line) < MAX_ANSWER_BYTES
            raise ControlError("the agent ended the connection" if ended else "the agent's answer has no end")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _candidates(configured: str, environ: Mapping[str, str]) -> list[Path]:
    own = socket_path(configured, environ)
    return [own] if configured else [own, SERVICE_FOLDER / SOCKET_NAME]


def _connect(paths: list[Path]) -> gevent.socket.socket:
    tried = []
    for path in paths:
        connection = gevent.socket.socket(gevent.socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError as error:
            connection.close()
            tried.append(f"{path}: {error.strerror or error}")
        else:
            return connection
    raise ControlError(f"no agent can be reached ({'; '.join(tried)}); is it running, and may this user reach it?")
