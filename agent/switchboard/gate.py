"""Takes connections from the port: each is counted before anything is spent on it, and has TLS when it asks for that.

A connection that says nothing costs a file descriptor and 2 kB. It is what `websockets.asyncio.server.Server` takes for
the server of asyncio, which makes TLS at once, for everybody, and ends in an endless log where descriptors run out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from agent.closing import Closing
from agent.log import FailureLog
from agent.switchboard.newcomers import TURN_S, Newcomer, Newcomers
from agent.switchboard.wire import Wire

log = logging.getLogger(__name__)

BACKLOG = 1024
ACCEPTS_AT_ONCE = 64
ACCEPT_AGAIN_S = 1.0
SILENT_S = 10.0
HANDSHAKE_TIMEOUT_S = 10.0
SHUTDOWN_TIMEOUT_S = 1.0
TLS_HANDSHAKE = b"\x16"  # what its first record begins with (RFC 8446 section 5.1)


class Gate(Closing):
    """Listens from `open` to `close`; asyncio only."""

    def __init__(self, context: ssl.SSLContext, make_wire: Callable[[], Wire]) -> None:
        self.newcomers = Newcomers()
        self.sockets: tuple[socket.socket, ...] = ()
        self.context = context
        self.make_wire = make_wire
        self.tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._turns: asyncio.TimerHandle | None = None
        self._short = FailureLog(log, "taking a connection")

    async def open(self, host: str | None, port: int) -> Gate:
        """Listen on every address of `host`; OSError."""
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.sockets = _bound(list(dict.fromkeys((family, where) for family, _, _, _, where in found)))
        for sock in self.sockets:
            sock.listen(BACKLOG)
            self._loop.add_reader(sock, self._accept, sock)
        return self

    def is_serving(self) -> bool:
        """Tell whether it listens."""
        return bool(self.sockets)

    def close(self) -> None:
        """Take no more connections, and drop those whose handshake is not done; idempotent."""
        for sock in self.sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self.sockets = ()
        self.newcomers.drop_waiting()
        for task in self.tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until what `close` dropped has gone."""
        while self.tasks:
            await asyncio.wait(self.tasks)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that it was made on."""
        return self._loop

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                plain, address = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._short.failed(f"{error}; tried again in {ACCEPT_AGAIN_S:g} s")
                self._loop.remove_reader(sock)
                self._loop.call_later(ACCEPT_AGAIN_S, self._listen_again, sock)
                return
            self._short.recovered()
            Knock(self, plain, str(address[0]))

    def let_in(self) -> None:
        """Give turns to those who wait, now and as long as there are any."""
        self.newcomers.tick(self._loop.time())
        if self.newcomers.are_waiting and self._turns is None:
            self._turns = self._loop.call_later(TURN_S, self._next_turn)

    def _next_turn(self) -> None:
        self._turns = None
        self.let_in()

    def _listen_again(self, sock: socket.socket) -> None:
        if sock in self.sockets:
            self._loop.add_reader(sock, self._accept, sock)


class Knock:
    """One connection from its beginning until its end, or until its client has shown a token."""

    def __init__(self, gate: Gate, plain: socket.socket, address: str) -> None:
        self._gate = gate
        self._plain = plain
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._newcomer = Newcomer(address, self.drop, self._begin)
        self._loop = gate.get_loop()
        plain.setblocking(False)
        gate.newcomers.enter(self._newcomer)
        self._loop.add_reader(plain, self._spoke)
        self._timer = self._loop.call_later(SILENT_S, self._give_up)

    def drop(self) -> None:
        """End it."""
        if self._wire is not None and self._wire.is_connected:
            self._wire.transport.abort()
        elif self._task is not None:
            self._task.cancel()
        else:
            self._timer.cancel()
            self._loop.remove_reader(self._plain)
            self._plain.close()

    def _give_up(self) -> None:
        self._leave()
        self.drop()

    def _leave(self) -> None:
        self._gate.newcomers.leave(self._newcomer, self._loop.time())

    def _spoke(self) -> None:
        try:
            first = self._plain.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        if first != TLS_HANDSHAKE:
            self._give_up()
            return
        self._loop.remove_reader(self._plain)
        self._gate.newcomers.speak(self._newcomer, self._loop.time())
        self._gate.let_in()

    def _begin(self) -> None:
        self._timer.cancel()
        self._task = self._loop.create_task(self._shake_hands())
        self._gate.tasks.add(self._task)
        self._task.add_done_callback(self._gate.tasks.discard)

    def _make_wire(self) -> Wire:
        self._wire = self._gate.make_wire()
        self._wire.leave = self._leave
        self._wire.act = lambda: self._gate.newcomers.act(self._newcomer, self._loop.time())
        return self._wire

    async def _shake_hands(self) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make_wire,
                self._plain,
                ssl=self._gate.context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            )
        except OSError as error:  # of TLS, too
            log.debug("a handshake failed: %s", error)
            self._leave()
        except asyncio.CancelledError:
            self._leave()
            if self._wire is not None and self._wire.is_connected:
                self._wire.transport.abort()


def _bound(places: list[tuple[int, Any]]) -> tuple[socket.socket, ...]:
    """Open a socket for each family and address; all of them or, with OSError, none."""
    sockets: list[socket.socket] = []
    try:
        for family, where in places:
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError:
                if len(places) > 1:  # a machine without IPv6
                    continue
                raise
            sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            sock.bind(where)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return tuple(sockets)
