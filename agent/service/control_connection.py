"""One connection of the control socket: lines of JSON in, and a bounded queue of them out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import gevent
import gevent.queue
import gevent.socket

from agent.closing import Closing
from agent.net.turns import Turns, fair_file

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 65_536
MAX_WAITING = 256  # messages that a slow client may leave unread
REQUESTS_A_TURN = 1  # `status` takes a millisecond


class ControlConnection(Closing):
    """One connection: lines in, a bounded queue of lines out."""

    def __init__(self, connection: gevent.socket.socket) -> None:
        self._connection = connection
        self._outbox: gevent.queue.Queue[bytes] = gevent.queue.Queue(MAX_WAITING)
        self._turns = Turns(REQUESTS_A_TURN)
        self._is_cut_off = False
        self._writer = gevent.spawn(self._write)
        self.sent_too_much = False  #: whether its last line was too long, which ended its requests

    def requests(self) -> Iterator[Any]:
        """Yield the parsed lines; None for one that is no JSON. Ends with the connection or an endless line."""
        with fair_file(self._connection) as lines:
            while (line := lines.readline(MAX_LINE_BYTES)).endswith(b"\n") and not self._is_cut_off:
                yield _parsed(line)
                self._turns.step()
        self.sent_too_much = len(line) == MAX_LINE_BYTES

    def send(self, message: Mapping[str, Any]) -> bool:
        """Queue one line; False when that cuts off a client that leaves too many unread."""
        try:
            self._outbox.put_nowait(json.dumps(message, default=str).encode() + b"\n")
        except gevent.queue.Full:
            was_cut_off, self._is_cut_off = self._is_cut_off, True
            self._shut_down()
            return was_cut_off
        return True

    def close(self) -> None:
        """Send what is queued, briefly, and end the connection."""
        if not self._outbox.full():
            self._outbox.put_nowait(b"")  # ends the writer
            self._writer.join(timeout=0.2)
        self._writer.kill(block=False)
        self._connection.close()

    def _write(self) -> None:
        while line := self._outbox.get():
            try:
                self._connection.sendall(line)
            except OSError:
                return

    def _shut_down(self) -> None:
        try:
            self._connection.shutdown(gevent.socket.SHUT_RDWR)
        except OSError as error:
            log.debug("the control connection was gone already: %s", error)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
