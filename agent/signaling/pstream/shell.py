"""The signaling connection of one Device: PStream and its link on the gevent hub, with real sockets and one alarm
(spec: signaling)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gevent.ssl import SSLContext

from agent.clock import Clock
from agent.net.trusted_file import TrustedFile
from agent.net.websocket import SocketOwner, WebSocket
from agent.program import user_agent
from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import CloseSocket, Dial, Emit, LinkEffect, ShellEffect, StreamEffect, WriteFrame
from agent.signaling.pstream.generation import SECOND, WireGeneration
from agent.signaling.pstream.link import CONNECT_TIMEOUT_MS, HEARTBEAT_TIMEOUT_MS, Link
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.requests import StreamRequests
from agent.signaling.pstream.socket_reports import SocketReports
from agent.signaling.pstream.stack import ProtocolStack
from agent.signaling.stream_shell import StreamShell


class Stream(StreamRequests, StreamShell[ShellEffect]):
    """Connects, stays connected, and turns the messages of the server into events.

    Every event carries one dict. Of the server: `connected ready offline error invite cancel ringing answer hangup
    close`, and in the second generation `message ack`, with their payloads; of its own: `transport_open`,
    `transport_close`, and `error` with `{"error": {"code", "message", "twilioError"?}, "callsid"?}`. Handlers run on
    the hub and must not block. What a handler asks for is decided at once and carried out when the handler has
    returned, behind the events and frames that are due already: no event comes inside another one.
    """

    def __init__(
        self,
        token: str,
        uris: Sequence[str],
        *,
        generation: WireGeneration = SECOND,
        max_call_signaling_timeout_ms: float = 0,
        backoff_max_ms: float | None = None,
        connect_timeout_ms: float = CONNECT_TIMEOUT_MS,
        heartbeat_timeout_ms: float = HEARTBEAT_TIMEOUT_MS,
        ca_file: str | None = None,
        ssl_context: SSLContext | None = None,
        browserinfo: Payload | None = None,
        clock: Clock | None = None,
        dial: Callable[[str, SSLContext, SocketOwner, str], WebSocket] = WebSocket,
    ) -> None:
        """Nothing is dialled before `open`; `uris` as `signaling_uris` gives them.

        `max_call_signaling_timeout_ms` is how long calls may wait for a lost connection. Raises InvalidArgumentError
        or, for a bad `ca_file`, ConfigError.
        """
        self._context = TrustedFile(ca_file).context if ssl_context is None else lambda: ssl_context
        own = browserinfo or generation.browserinfo(generation.sdk_version)
        self._pstream = PStream(token, own, generation, max_call_signaling_timeout_ms)
        self._link = Link(
            generation.retries(uris, backoff_max_ms, max_call_signaling_timeout_ms),
            connect_timeout_ms=connect_timeout_ms,
            heartbeat_timeout_ms=heartbeat_timeout_ms,
        )
        super().__init__(clock, self._pstream, self._link.deadline)
        self._stack = ProtocolStack(self._pstream, self._link)
        self._dial = dial
        self._socket: WebSocket | None = None
        self._is_broken = False

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._link.uri

    @property
    def local_address(self) -> str | None:
        """The address of this machine that the connection uses; None while there is none."""
        return self._socket.local_address if self._socket is not None else None

    def network_changed(self) -> None:
        """Connect again at once, unless the open connection still has its own address and way out."""
        intact = self._socket is not None and self._socket.path_intact()
        self._run(self._link.network_changed(self._clock.now(), path_intact=intact))

    def destroy(self) -> None:
        """Close for good and emit `offline`; idempotent, returns at once; the closing handshake goes on by itself."""
        self._run(self._pstream.destroy())

    def join(self, timeout_s: float) -> None:
        """Wait, after `destroy`, until the last messages are out."""
        if self._socket is not None:
            self._socket.join(timeout_s)

    def _run(self, effects: Iterable[LinkEffect | StreamEffect]) -> None:
        """Let both cores come to their new state, then carry out what is left."""
        self._do(self._stack.settle(effects, self._clock.now()))

    def _perform(self, effect: ShellEffect) -> None:
        match effect:
            case Dial(attempt, uri):
                self._start_socket(attempt, uri)
            case WriteFrame():
                self._write(effect)
            case CloseSocket() if self._socket is not None:
                self._socket.close()
            case Emit(event, payload, status, after_end):
                self._tell(event, payload, status, after_end=after_end)

    def _start_socket(self, attempt: int, uri: str) -> None:
        self._is_broken = False
        reports = SocketReports(self._link, attempt, self._clock, self._run)
        try:
            self._socket = self._dial(uri, self._context(), reports, user_agent())
        except (OSError, ValueError) as exc:
            self._run(self._link.dial_failed(attempt, str(exc)))

    def _write(self, write: WriteFrame) -> None:
        """Write one frame; a socket that did not take one gets no other, so that nothing is sent out of order."""
        try:
            if self._socket is None or self._is_broken:
                raise ConnectionError("the signaling socket is broken")
            self._socket.send(write.frame.text)
        except OSError as exc:
            self._is_broken = True
            self._run(self._link.write_failed(write, str(exc), self._clock.now()))

    def _tick(self) -> None:
        self._run(self._link.tick(self._clock.now()))

    def __repr__(self) -> str:
        return f"<Stream {self.status} {self.uri}>"
