"""The signaling connection of one Device: a PStream on a reconnecting link, on the gevent hub (spec: signaling)."""

from __future__ import annotations

from collections.abc import Sequence

from gevent.ssl import SSLContext

from agent.clock import Clock
from agent.events import Emitter
from agent.net.tls import client_context
from agent.signaling.pstream.browserinfo import browserinfo as own_browserinfo
from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.link import CONNECT_TIMEOUT_MS, HEARTBEAT_TIMEOUT_MS
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.transport import Transport


class Stream(Emitter):
    """Connects, stays connected, and turns the messages of the server into events.

    Every event carries one dict. Of the server: `connected ready offline error invite cancel ringing answer hangup
    close`, with their payloads; of its own: `transport_open`, `transport_close`, and `error` with
    `{"error": {"code", "message", "twilioError"?}, "callsid"?}`. Handlers run on the hub and must not block.
    """

    def __init__(
        self,
        token: str,
        uris: Sequence[str],
        *,
        backoff_max_ms: float | None = None,
        connect_timeout_ms: float = CONNECT_TIMEOUT_MS,
        heartbeat_timeout_ms: float = HEARTBEAT_TIMEOUT_MS,
        ca_file: str | None = None,
        ssl_context: SSLContext | None = None,
        browserinfo: Payload | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`uris` as `signaling_uris` gives them; raises InvalidArgumentError or, for a bad `ca_file`, ConfigError."""
        super().__init__()
        context = ssl_context or client_context(ca_file)
        self._pstream = PStream(token, browserinfo or own_browserinfo(), self.emit)
        self._transport = Transport(
            uris,
            self._pstream,
            context,
            clock,
            connect_timeout_ms=connect_timeout_ms,
            heartbeat_timeout_ms=heartbeat_timeout_ms,
            backoff_max_ms=backoff_max_ms,
        )
        self._pstream.attach(self._transport)

    @property
    def status(self) -> str:
        """`disconnected`, `connected`, `ready` or `offline`."""
        return self._pstream.status

    @property
    def gateway(self) -> str | None:
        """The gateway that the server last named."""
        return self._pstream.gateway

    @property
    def region(self) -> str | None:
        """The region that the server last named, in the server's words."""
        return self._pstream.region

    @property
    def token(self) -> str:
        """The token in use."""
        return self._pstream.token

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._transport.uri

    def open(self) -> None:
        """Begin to connect, and return at once."""
        self._transport.open()

    def set_token(self, token: str) -> None:
        """Use this token from now on, and tell the server at once when connected."""
        self._pstream.set_token(token)

    def register(self, audio: bool) -> None:
        """Say whether this client takes calls."""
        self._pstream.register(audio)

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> None:
        """Start a call under its temporary sid; `params` as `encode_params` makes them."""
        self._pstream.invite(sdp, callsid, preflight, params)

    def answer(self, sdp: str, callsid: str) -> None:
        """Accept a pending call."""
        self._pstream.answer(sdp, callsid)

    def reinvite(self, sdp: str, callsid: str) -> None:
        """Offer an ICE restart; without a connection it is lost, not queued."""
        self._pstream.reinvite(sdp, callsid)

    def dtmf(self, callsid: str | None, digits: str) -> None:
        """Have the gateway press keys."""
        self._pstream.dtmf(callsid, digits)

    def hangup(self, callsid: str | None, message: str | None = None) -> None:
        """End a call, with the reason if there is one."""
        self._pstream.hangup(callsid, message)

    def reject(self, callsid: str | None) -> None:
        """Refuse a pending call."""
        self._pstream.reject(callsid)

    def publish(self, type_: str, payload: Payload) -> None:
        """Send any message; it waits for a connection if there is none."""
        self._pstream.publish(type_, payload)

    def network_changed(self) -> None:
        """Connect again at once, unless the open connection still has its own address and way out."""
        self._transport.network_changed()

    def destroy(self) -> None:
        """Close for good and emit `offline`; idempotent, returns at once."""
        self._pstream.destroy()

    def join(self, timeout_s: float) -> None:
        """Wait, after `destroy`, until the last messages are out."""
        self._transport.join(timeout_s)

    def __repr__(self) -> str:
        return f"<Stream {self.status} {self.uri}>"
