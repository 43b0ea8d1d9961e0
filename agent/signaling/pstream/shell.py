"""The signaling connection of one Device: PStream and its link on the gevent hub, with real sockets and one alarm
(spec: signaling)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from gevent.ssl import SSLContext

from agent.alarm import Alarm
from agent.clock import Clock
from agent.effects import EffectQueue
from agent.handlers import HubEmitter
from agent.hub_clock import HubClock
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

PAUSE_S = 0.1  # a handler that answers every error with a message that fails must not eat the machine


class Stream(StreamRequests, HubEmitter):
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
        super().__init__()
        self._context = TrustedFile(ca_file).context if ssl_context is None else lambda: ssl_context
        self._clock = clock or HubClock()
        own = browserinfo or generation.browserinfo(generation.sdk_version)
        self._pstream = PStream(token, own, generation, max_call_signaling_timeout_ms)
        self._link = Link(
            generation.retries(uris, backoff_max_ms, max_call_signaling_timeout_ms),
            connect_timeout_ms=connect_timeout_ms,
            heartbeat_timeout_ms=heartbeat_timeout_ms,
        )
        self._stack = ProtocolStack(self._pstream, self._link)
        self._queue: EffectQueue[ShellEffect] = EffectQueue(self._carry_out, self._pause)
        self._dial = dial
        self._socket: WebSocket | None = None
        self._is_broken = False
        self._told_status: str | None = None
        self._alarm = Alarm(self._clock, self._link.deadline, self._tick)
        self._busy_since: float | None = None
        self._failing_since: float | None = None

    @property
    def status(self) -> str:
        """`disconnected`, `connected`, `ready` or `offline`; to a handler, the one that belongs to its event."""
        if self._told_status is None or self._pstream.is_destroyed:
            return self._pstream.status
        return self._told_status

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._link.uri

    @property
    def local_address(self) -> str | None:
        """The address of this machine that the connection uses; None while there is none."""
        return self._socket.local_address if self._socket is not None else None

    def overdue_s(self) -> float:
        """Return the seconds since it should have done its next step; for ever where it waits for nothing at all."""
        if self._pstream.is_destroyed or not self._pstream.is_opened:
            return 0.0
        if self._link.deadline() is None:
            return math.inf
        now = self._clock.now()
        late = [now - since for since in (self._busy_since, self._failing_since) if since is not None]
        return max(self._alarm.overdue_s(), *late, 0.0)

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
        left = self._stack.settle(effects, self._clock.now())
        self._alarm.follow()
        self._queue.run(left)

    def _pause(self, go_on: Callable[[], None]) -> None:
        self._clock.call_later(PAUSE_S, go_on)

    def _carry_out(self, effect: ShellEffect) -> None:
        """Note since when this works, or does not; an effect that fails is lost, and the next one may not be."""
        self._busy_since = began = self._clock.now()
        try:
            self._perform(effect)
        except Exception:
            self._failing_since = began if self._failing_since is None else self._failing_since
            raise
        else:
            self._failing_since = None
        finally:
            self._busy_since = None

    def _perform(self, effect: ShellEffect) -> None:
        match effect:
            case Dial(attempt, uri):
                self._start_socket(attempt, uri)
            case WriteFrame():
                self._write(effect)
            case CloseSocket() if self._socket is not None:
                self._socket.close()
            case Emit():
                self._tell(effect)

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

    def _tell(self, told: Emit) -> None:
        if self._pstream.is_destroyed and not told.after_end:
            return
        self._told_status = told.status
        try:
            self.emit(told.event, told.payload)
        finally:
            self._told_status = None

    def _tick(self) -> None:
        self._run(self._link.tick(self._clock.now()))

    def __repr__(self) -> str:
        return f"<Stream {self.status} {self.uri}>"
