"""The link's shell on the gevent hub: real sockets, a clock, and one timer that wakes it in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gevent.ssl import SSLContext

from agent.clock import Clock, Timer
from agent.hub_clock import HubClock
from agent.net.websocket import WebSocket
from agent.signaling.pstream.browserinfo import user_agent
from agent.signaling.pstream.link import Link, LinkOwner


class Transport:
    """Keeps a WebSocket to one of `uris` open between `open` and `close`, and reports to `owner`.

    `timing` is that of the Link: `connect_timeout_ms`, `heartbeat_timeout_ms`, `backoff_max_ms`.
    """

    def __init__(
        self,
        uris: Sequence[str],
        owner: LinkOwner,
        context: SSLContext,
        clock: Clock | None = None,
        **timing: Any,
    ) -> None:
        self._context = context
        self._clock = clock or HubClock()
        self._link = Link(uris, self._dial, owner, **timing)
        self._socket: WebSocket | None = None
        self._timer: Timer | None = None
        self._due: float | None = None

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._link.uri

    def open(self) -> None:
        """Begin to connect, and return at once."""
        self._link.open(self._clock.now())
        self._rearm()

    def close(self) -> None:
        """Disconnect, and stay so until `open`; the closing handshake goes on by itself."""
        self._link.close(self._clock.now())
        self._rearm()

    def send(self, text: str) -> bool:
        """Send one text message; False when no connection is open."""
        sent = self._link.send(text, self._clock.now())
        self._rearm()
        return sent

    def network_changed(self) -> None:
        """Connect again at once, unless the open connection still has its own address and way out."""
        intact = self._socket is not None and self._socket.path_intact()
        self._link.network_changed(self._clock.now(), path_intact=intact)
        self._rearm()

    def join(self, timeout_s: float) -> None:
        """After `close`: wait until the last messages are out."""
        if self._socket is not None:
            self._socket.join(timeout_s)

    def socket_opened(self) -> None:
        self._link.socket_opened(self._clock.now())
        self._rearm()

    def socket_message(self, data: str | bytes) -> None:
        self._link.socket_message(data, self._clock.now())
        self._rearm()

    def socket_failed(self, message: str) -> None:
        self._link.socket_failed(message)

    def socket_closed(self, code: int, reason: str) -> None:
        self._link.socket_closed(code, reason, self._clock.now())
        self._rearm()

    def _dial(self, uri: str) -> WebSocket:
        self._socket = WebSocket(uri, self._context, self, user_agent())
        return self._socket

    def _tick(self) -> None:
        self._timer = self._due = None
        self._link.tick(self._clock.now())
        self._rearm()

    def _rearm(self) -> None:
        """A timer that rings too early does no harm: only a deadline before it needs a new one."""
        due = self._link.deadline()
        if due is not None and self._due is not None and due >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due is None else self._clock.call_later(due - self._clock.now(), self._tick)
