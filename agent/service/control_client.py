"""The other end of the control socket: what `press`, `status` and scripts use to reach the running agent.

Whoever asks may be root, and whoever answers anybody who could make a socket at that place: only an agent of root, of
this user or of the service is talked to, and what it says is bounded in bytes, in time and to what can be printed.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from agent.closing import Closing
from agent.errors import ControlError
from agent.program import NAME
from agent.service.control_path import SERVICE_FOLDER, SOCKET_NAME, socket_path
from hw.words import MOST_WHY, excerpt

MAX_ANSWER_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024
CONNECT_S = 5.0
OTHER_VERSION = "what answers there is no agent of this version; start the agent again"
_PEER = struct.Struct("3i")  # pid, uid and gid of whoever listens (unix(7), SO_PEERCRED)


class ControlClient(Closing):
    """A connection to the running agent; raises `ControlError` when there is none."""

    def __init__(self, configured: str = "", environ: Mapping[str, str] = os.environ) -> None:
        self._connection = _connect(_candidates(configured, environ))
        self._unread = bytearray()

    def close(self) -> None:
        """End the connection; idempotent."""
        self._connection.close()

    def request(self, command: str, *, timeout_s: float = 5.0, **parameters: Any) -> Any:
        """Perform one command and return its result; raises `ControlError` with the agent's reason if it refuses."""
        until = monotonic() + timeout_s
        try:
            self._connection.settimeout(timeout_s)
            self._connection.sendall(json.dumps({"command": command, **parameters}).encode() + b"\n")
            answer = self._read(until)
        except TimeoutError:
            raise ControlError(f"the agent did not answer within {timeout_s:g} s") from None
        except OSError as error:
            raise ControlError(f"the agent ended the connection ({error.strerror or error})") from None
        if answer.get("ok") is not True:
            raise ControlError(excerpt(answer.get("error"), MOST_WHY))
        return answer.get("result")

    def events(self) -> Iterator[tuple[str, Any]]:
        """Subscribe, then yield each event and its data until the agent ends."""
        self.request("subscribe")
        while True:
            try:
                message = self._read()
            except (ControlError, OSError):
                return
            yield str(message.get("event")), message.get("data")

    def _read(self, until: float | None = None) -> dict[str, Any]:
        line = self._line(until)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ControlError("what answers there is no agent: it does not speak as one")
        return answer

    def _line(self, until: float | None) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) >= MAX_ANSWER_BYTES:
                raise ControlError("the agent's answer has no end")
            self._unread += self._received(until)
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line

    def _received(self, until: float | None) -> bytes:
        """Return what came; TimeoutError, however slowly it comes."""
        left_s = None if until is None else until - monotonic()
        if left_s is not None and left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)
        if not (piece := self._connection.recv(PIECE_BYTES)):
            raise ControlError("the agent ended the connection")
        return piece


def _candidates(configured: str, environ: Mapping[str, str]) -> list[Path]:
    """The places to look at; nobody but root can put anything in the service's, which therefore comes first."""
    own = socket_path(configured, environ)
    if configured or "RUNTIME_DIRECTORY" in environ:
        return [own]
    return [SERVICE_FOLDER / SOCKET_NAME, own]


def _connect(paths: list[Path]) -> socket.socket:
    tried = []
    for path in paths:
        connection: socket.socket = _kind()(socket.AF_UNIX)
        try:
            connection.settimeout(CONNECT_S)
            connection.connect(str(path))
            _check_owner(connection)
        except OSError as error:
            connection.close()
            tried.append(f"{path}: {error.strerror or error}")
        else:
            return connection
    raise ControlError(f"no agent can be reached ({'; '.join(tried)}); is it running, and may this user reach it?")


def _kind() -> Any:
    """The hub's kind of socket, where this process has a hub that must go on; no command waits for one to be loaded."""
    return getattr(sys.modules.get("gevent.socket"), "socket", socket.socket)


def _check_owner(connection: socket.socket) -> None:
    """Raise PermissionError unless whoever listens is root, this user or the service's."""
    _pid, uid, _gid = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if uid not in (0, os.geteuid()) and uid not in _service_uid():
        raise PermissionError(errno.EPERM, f"it is served by user {uid}, who is neither root, this user nor {NAME}")


def _service_uid() -> list[int]:
    try:
        return [pwd.getpwnam(NAME).pw_uid]
    except KeyError:  # not installed as a service
        return []
