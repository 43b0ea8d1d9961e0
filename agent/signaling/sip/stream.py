"""The signaling connection of one Device to a PBX: its user agent on the gevent hub, with real sockets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from gevent.ssl import SSLContext

from agent.clock import Clock
from agent.net.trusted_file import TrustedFile
from agent.net.websocket import SocketOwner, WebSocket
from agent.program import user_agent
from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.edge_reports import EdgeReports
from agent.signaling.sip.effects import CloseEdge, DialEdge, SipEffect, SipShellEffect, TellListeners, WriteText
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.stream_requests import SipRequests
from agent.signaling.sip.user_agent import UserAgent
from agent.signaling.stream_shell import StreamShell

log = logging.getLogger(__name__)

SUBPROTOCOL = "sip"  # RFC 7118 section 4


class SipStream(SipRequests, StreamShell[SipShellEffect]):
    """Connects, stays connected and registered, and turns SIP into the events that `pstream.shell.Stream` has.

    Every event carries one dict: `connected ready offline error invite cancel ringing answer hangup`, `transport_open`,
    `transport_close`; of its own `hold` {callsid, held}, `digit` {callsid, digit} for a key that came as a message,
    `peer_changed` {callsid} when another machine carries on at the far end, `offer_refused` {callsid}. An `invite`
    with `wants_offer` has no description: what `answer` is given then is an offer, and the event `answer` follows. One
    with `instead` comes before any offer of ours that is not out yet; an `answer` with `fork` is of another phone than
    the one that was heard while it rang. Handlers run on the hub.
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
        self._context = TrustedFile(ca_file).context if ssl_context is None else lambda: ssl_context
        flows = Flows(account.edges, backoff_max_ms=backoff_max_ms, connect_s=connect_timeout_ms / 1000)
        self._agent = UserAgent(account, flows, early_media=early_media)
        super().__init__(clock, self._agent, self._agent.deadline)
        self._dial = dial
        self._sockets: dict[int, WebSocket] = {}  # by flow
        self._broken: set[int] = set()  # flows whose socket did not take a message

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._agent.flows.uri

    def others(self, *instances: str) -> int:
        """Count the phones that have this user besides those of these instances, as the registrar has said."""
        return len(self._agent.registrations.phones - {f"<urn:uuid:{instance.lower()}>" for instance in instances})

    @property
    def local_address(self) -> str | None:
        """The address of this machine that a connection uses; None while there is none."""
        for number in self._agent.flows.open_numbers:
            if (socket := self._sockets.get(number)) is not None:
                return socket.local_address
        return None

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
        self._do(self._agent.settle(effects, now))

    def _perform(self, effect: SipShellEffect) -> None:
        match effect:
            case DialEdge(flow, attempt, uri):
                self._start_socket(flow, attempt, uri)
            case WriteText():
                self._write(effect)
            case CloseEdge(flow) if flow in self._sockets:
                self._sockets[flow].close()
            case TellListeners(event, payload, status, after_end):
                self._tell(event, payload, status, after_end=after_end)

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

    def _tick(self) -> None:
        self._ask(lambda agent, now: agent.tick(now))

    def __repr__(self) -> str:
        return f"<SipStream {self.status} {self.uri}>"
