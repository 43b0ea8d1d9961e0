"""The signaling connection of one Device to a PBX: its user agent on the gevent hub, with real sockets."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable

from gevent.ssl import SSLContext

from agent.alarm import Alarm
from agent.clock import Clock
from agent.effects import EffectQueue
from agent.handlers import HubEmitter
from agent.hub_clock import HubClock
from agent.net.trusted_file import TrustedFile
from agent.net.websocket import SocketOwner, WebSocket
from agent.program import user_agent
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.edge_reports import EdgeReports
from agent.signaling.sip.effects import CloseEdge, DialEdge, SipShellEffect, TellListeners, WriteText
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.stream_requests import SipRequests
from agent.signaling.sip.user_agent import SipEffect, UserAgent

log = logging.getLogger(__name__)

PAUSE_S = 0.1  # a handler that answers every error with a message that fails must not eat the machine
SUBPROTOCOL = "sip"  # RFC 7118 section 4


class SipStream(SipRequests, HubEmitter):
    """Connects, stays connected and registered, and turns SIP into the events that `pstream.shell.Stream` has.

    Every event carries one dict: `connected ready offline error invite cancel ringing answer hangup`, `transport_open`,
    `transport_close`; of its own `hold` {callsid, held}, `digit` {callsid, digit} for a key that came as a message,
    `peer_changed` {callsid} when another machine carries on at the far end, `offer_refused` {callsid}. An `invite` with
    `wants_offer` has no description: what `answer` is given then is an offer, and the event `answer` follows. One with
    `instead` takes the place of an offer of ours that waited; an `answer` with `fork` is of another phone than the one
    that was heard while it rang. Handlers run on the hub.
    """

    def __init__(
        self,
        account: SipAccount,
        *,
        ca_file: str | None = None,
        ssl_context: SSLContext | None = None,
        clock: Clock | None = None,
        backoff_max_ms: float | None = None,
        connect_timeout_ms: float = 5_000,
        early_media: bool = False,
        dial: Callable[..., WebSocket] = WebSocket,
    ) -> None:
        """Nothing is dialled before `open`; raises ConfigError for a bad `ca_file`.

        `early_media`: `ringing` carries what the far end sends before it answers.
        """
        super().__init__()
        self._context = TrustedFile(ca_file).context if ssl_context is None else lambda: ssl_context
        self._clock = clock or HubClock()
        flows = Flows(account.edges, backoff_max_ms=backoff_max_ms, connect_s=connect_timeout_ms / 1000)
        self._agent = UserAgent(account, flows, early_media=early_media)
        self._queue: EffectQueue[SipShellEffect] = EffectQueue(self._carry_out, self._pause)
        self._dial = dial
        self._sockets: dict[int, WebSocket] = {}  # by flow
        self._broken: set[int] = set()  # flows whose socket did not take a message
        self._told_status: str | None = None
        self._alarm = Alarm(self._clock, self._agent.deadline, self._tick)
        self._busy_since: float | None = None
        self._failing_since: float | None = None

    @property
    def status(self) -> str:
        """`disconnected`, `connected`, `ready` or `offline`; to a handler, the one that belongs to its event."""
        if self._told_status is None or self._agent.is_destroyed:
            return self._agent.status
        return self._told_status

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._agent.flows.uri

    @property
    def local_address(self) -> str | None:
        """The address of this machine that a connection uses; None while there is none."""
        for number in self._agent.flows.open_numbers:
            if (socket := self._sockets.get(number)) is not None:
                return socket.local_address
        return None

    def overdue_s(self) -> float:
        """Return the seconds since it should have done its next step; for ever where it waits for nothing at all."""
        if self._agent.is_destroyed or not self._agent.is_opened:
            return 0.0
        if self._agent.deadline() is None:
            return math.inf
        now = self._clock.now()
        late = [now - since for since in (self._busy_since, self._failing_since) if since is not None]
        return max(self._alarm.overdue_s(), *late, 0.0)

    def network_changed(self) -> None:
        """Connect again at once, but over connections that still have their own address and way out."""
        self._ask(lambda agent, now: agent.flows.network_changed(now, self._is_intact))

    def join(self, timeout_s: float) -> None:
        """Wait, after `destroy`, until the last messages are out."""
        for socket in list(self._sockets.values()):
            socket.join(timeout_s)

    def _is_intact(self, flow: int) -> bool:
        socket = self._sockets.get(flow)
        return socket is not None and socket.path_intact()

    def _ask(self, event: Callable[[UserAgent, float], Iterable[SipEffect]]) -> None:
        now = self._clock.now()
        self._run(event(self._agent, now), now)

    def _run(self, effects: Iterable[SipEffect], now: float) -> None:
        """Let all cores come to their new state, then carry out what is left."""
        left = self._agent.settle(effects, now)
        self._alarm.follow()
        self._queue.run(left)

    def _pause(self, go_on: Callable[[], None]) -> None:
        self._clock.call_later(PAUSE_S, go_on)

    def _carry_out(self, effect: SipShellEffect) -> None:
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

    def _perform(self, effect: SipShellEffect) -> None:
        match effect:
            case DialEdge(flow, attempt, uri):
                self._start_socket(flow, attempt, uri)
            case WriteText():
                self._write(effect)
            case CloseEdge(flow) if flow in self._sockets:
                self._sockets[flow].close()
            case TellListeners():
                self._tell(effect)

    def _start_socket(self, flow: int, attempt: int, uri: str) -> None:
        self._broken.discard(flow)
        reports: SocketOwner = EdgeReports(flow, attempt, self._ask)
        try:
            self._sockets[flow] = self._dial(uri, self._context(), reports, user_agent(), (SUBPROTOCOL,))
        except (OSError, ValueError) as exc:
            why = str(exc)
            self._ask(lambda agent, now: agent.flows[flow].dial_failed(attempt, why, now))

    def _write(self, write: WriteText) -> None:
        """Write one message; a socket that did not take one gets no other, so that nothing is sent out of order."""
        flow = write.flow
        try:
            if flow not in self._sockets or flow in self._broken:
                raise ConnectionError("the connection to the edge is broken")
            self._sockets[flow].send(write.text)
        except OSError as exc:
            self._broken.add(flow)
            why = str(exc)
            self._ask(lambda agent, now: agent.flows[flow].write_failed(write, why, now))

    def _tell(self, told: TellListeners) -> None:
        if self._agent.is_destroyed and not told.after_end:
            return
        self._told_status = told.status
        try:
            self.emit(told.event, told.payload)
        finally:
            self._told_status = None

    def _tick(self) -> None:
        self._ask(lambda agent, now: agent.tick(now))

    def __repr__(self) -> str:
        return f"<SipStream {self.status} {self.uri}>"
