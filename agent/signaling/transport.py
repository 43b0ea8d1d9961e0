"""The link's shell on the gevent hub: real sockets, the real clock, and one greenlet that wakes it in time."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.ssl import SSLContext

from agent.signaling.browserinfo import user_agent
from agent.signaling.link import Link, LinkOwner
from agent.signaling.websocket import WebSocket


class Transport:
    """Keeps a WebSocket to one of `uris` open between `open` and `close`, and reports to `owner`.

    `timing` is that of the Link: `connect_timeout_ms`, `heartbeat_timeout_ms`, `backoff_max_ms`.
    """

    def __init__(
        self,
        uris: Sequence[str],
        owner: LinkOwner,
        context: SSLContext,
        **timing: Any,
    ) -> None:
        self._context = context
        self._link = Link(uris, self._dial, owner, **timing)
        self._socket: WebSocket | None = None
        self._wake = Event()
        self._armed: float | None = None
        self._timekeeper: gevent.Greenlet[..., None] | None = None

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._link.uri

    def open(self) -> None:
        """Begin to connect, and return at once."""
        self._link.open(monotonic())
        if self._timekeeper is None:
            self._timekeeper = gevent.spawn(self._keep_time)
        self._rearm()

    def close(self) -> None:
        """Disconnect, and stay so until `open`; the closing handshake goes on by itself."""
        self._link.close(monotonic())
        self._wake.set()

    def send(self, text: str) -> bool:
        """Send one text message; False when no connection is open."""
        sent = self._link.send(text, monotonic())
        self._rearm()
        return sent

    def network_changed(self) -> None:
        """Connect again at once, unless the open connection still has its own address and way out."""
        intact = self._socket is not None and self._socket.path_intact()
        self._link.network_changed(monotonic(), path_intact=intact)
        self._rearm()

    def join(self, timeout_s: float) -> None:
        """After `close`: wait until the last messages are out."""
        if self._socket is not None:
            self._socket.join(timeout_s)

    def socket_opened(self) -> None:
        self._link.socket_opened(monotonic())
        self._rearm()

    def socket_message(self, data: str | bytes) -> None:
        self._link.socket_message(data, monotonic())
        self._rearm()

    def socket_failed(self, message: str) -> None:
        self._link.socket_failed(message)

    def socket_closed(self, code: int, reason: str) -> None:
        self._link.socket_closed(code, reason, monotonic())
        self._rearm()

    def _dial(self, uri: str) -> WebSocket:
        self._socket = WebSocket(uri, self._context, self, user_agent())
        return self._socket

    def _rearm(self) -> None:
        """A deadline before the one that is slept for must wake the sleeper; a later one it finds by itself."""
        deadline = self._link.deadline()
        if deadline is not None and (self._armed is None or deadline < self._armed):
            self._wake.set()

    def _keep_time(self) -> None:
        while self._link.state != "closed":
            self._armed = self._link.deadline()
            self._wake.wait(None if self._armed is None else max(0.0, self._armed - monotonic()))
            self._wake.clear()
            self._link.tick(monotonic())
        self._timekeeper = None
