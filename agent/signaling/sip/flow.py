"""One WebSocket connection to one edge out of a list, without I/O or clock (RFC 5626 section 4.4, RFC 7118).

    state        event                       what happens
    closed       open                        -> connecting: a socket is dialled, 5 s to open
    connecting   socket open                 -> open: FlowOpened
    open         the edge is silent          a ping (CRLF CRLF); no pong (CRLF), nor anything else: the edge is dead
    any          socket lost, silent, slow   -> waiting: CloseEdge, FlowClosed; an edge not yet tried is dialled almost
                                             at once, and after all of them comes a back-off
    waiting      time is up                  -> connecting
    any          disconnect                  -> closed

A ping goes out as often as the edge asks for (Flow-Timer), and soon after a message to which nothing comes back: so an
edge that dies without a word is noticed within seconds when it is needed. An edge that never answers a ping, and never
asked for them, does not know them, and its silence means nothing. Sockets report with the number under which they were
dialled: what one says that was dropped means nothing. Effects: DialEdge, WriteText and CloseEdge for the shell;
FlowOpened, FlowClosed, FlowFailed (with the reason, in words) and FlowReceived for the user agent.
"""

from __future__ import annotations

import logging
import random as _random
from collections.abc import Callable
from typing import Final, TypeAlias

from agent.log import FailureLog
from agent.signaling.backoff import Backoff, longest_delay_ms
from agent.signaling.sip.codes import worded
from agent.signaling.sip.edges import EdgeList
from agent.signaling.sip.effects import (
    CloseEdge,
    DialEdge,
    FlowClosed,
    FlowFailed,
    FlowOpened,
    FlowReceived,
    FlowReport,
    WriteText,
)
from agent.signaling.sip.ping_vigil import UNANSWERED_PONG_S, PingVigil, is_due
from agent.twilio_errors import SignalingErrors

log = logging.getLogger(__name__)

CONNECT_S: Final = 5.0
LOOKUP_S: Final = 20.0
PING: Final = "\r\n\r\n"
PONG: Final = "\r\n"
NEXT_EDGE_S: Final = (0.05, 0.3)  #: not at once: an edge that dies sends all its boxes to the next one
RETRY_INITIAL_MS: Final = 500
LASTING_S: Final = 10.0
FRESH_S: Final = 0.25
ABNORMAL_CODES: Final = (1006, 1015)

FlowEffect: TypeAlias = DialEdge | WriteText | CloseEdge | FlowReport


class Flow:
    """The state machine; every event returns what is to be done."""

    def __init__(
        self,
        number: int,
        edges: EdgeList,
        *,
        backoff_max_ms: float | None = None,
        connect_s: float = CONNECT_S,
        random: Callable[[], float] = _random.random,
        lost: Callable[[int, float], list[FlowEffect]] = lambda number, now: [],
    ) -> None:
        """`lost(number, now)` gives what else is to be done when an open connection is lost."""
        self.number = number  #: its reg-id
        self.state = "closed"
        self.attempt = 0  #: number of the latest socket
        self._edges = edges
        self._connect_s = connect_s
        self._random = random
        self._lost = lost
        self._backoff = Backoff(RETRY_INITIAL_MS, longest_delay_ms(backoff_max_ms), randomisation=1.0, random=random)
        self._dialled_at = self._opened_at = 0.0
        self._connect_by: float | None = None
        self._retry_at: float | None = None
        self._vigil = PingVigil(random)
        self._ponging: set[str] = set()  # edges that answer pings
        self._failures = FailureLog(log, "the connection to an edge of the PBX")
        self._why = ""
        edges.held(number)

    @property
    def uri(self) -> str:
        """The edge in use, or to be tried next."""
        return self._edges.held(self.number)

    @property
    def is_open(self) -> bool:
        """Whether a message can be sent."""
        return self.state == "open"

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        vigil = self._vigil.deadline() if self.is_open else None
        times = (self._connect_by, self._retry_at, self._backoff.deadline_s, vigil)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[FlowEffect]:
        """Let time pass: end what took too long, ping, try again."""
        if is_due(self._connect_by, now):
            return self._fail(31005, f"{self.uri} did not answer within {self._connect_s:g} s", now)
        if self.state == "waiting" and (is_due(self._retry_at, now) or self._backoff.expire(now)):
            return self._connect(now)
        if self.is_open:
            return self._watch(now)
        return []

    # What the user agent asks for

    def open(self, now: float) -> list[FlowEffect]:
        """Connect, and stay connected until `disconnect`; nothing happens when that is already going on."""
        return self._connect(now) if self.state == "closed" else []

    def disconnect(self) -> list[FlowEffect]:
        """Drop the connection, and stay without one until `open`."""
        was, self.state = self.state, "closed"
        self._forget_times()
        return [CloseEdge(self.number), FlowClosed(self.number)] if was in ("connecting", "open") else []

    def write(self, text: str, now: float) -> list[FlowEffect]:
        """Send one message; nothing is sent where nothing is open, and FlowClosed has said so before."""
        if not self.is_open:
            log.debug("a SIP message finds flow %d closed", self.number)
            return []
        self._vigil.sent(now)
        return [self._written(text)]

    def keep_alive(self, flow_timer_s: float | None, now: float) -> None:
        """Ping as often as the edge asks for, which therefore knows pings."""
        if self.is_open and flow_timer_s is not None:
            self._ponging.add(self.uri)
            self._vigil.ask_every(flow_timer_s, now)

    def hurry(self, now: float) -> list[FlowEffect]:
        """Wait no longer for the next try: no other flow is left."""
        return self._connect(now) if self.state == "waiting" and self._retry_at is None else []

    def leave(self, why: str, now: float) -> list[FlowEffect]:
        """Give this connection up, and go to the next edge."""
        if self.state not in ("connecting", "open"):
            return []
        return self._drop(f"{self.uri} is left: {why}", now, is_lasting=False)

    def network_changed(self, now: float, *, path_intact: bool) -> list[FlowEffect]:
        """Connect at once, because addresses or routes changed; a connection that seems unharmed is asked only."""
        if self.state == "closed":
            return []
        if self.is_open and path_intact:
            return self._ping(now, UNANSWERED_PONG_S)
        if self.state == "connecting" and now - self._dialled_at < FRESH_S:
            return []  # a change comes as a burst of notices: one new try for all of them
        effects = [] if self.state == "waiting" else self._told_drop("the network changed")
        self._forget_times()
        self._backoff.reset()
        self._edges.worked(self.number)  # nothing is known against any edge on the new network
        return [*effects, *self._connect(now)]

    # What the socket reports

    def dial_failed(self, attempt: int, message: str, now: float) -> list[FlowEffect]:
        """Take in that no socket could be made at all."""
        return self._fail(31000, message, now) if self._is_current(attempt) else []

    def socket_resolving(self, attempt: int, now: float) -> list[FlowEffect]:
        """Give the look-up of the host's name a time of its own; whoever looks it up gives up sooner than we do."""
        if self._is_current(attempt) and not self.is_open:
            self._connect_by = now + LOOKUP_S + self._connect_s
        return []

    def socket_resolved(self, attempt: int, now: float) -> list[FlowEffect]:
        """Begin the time in which the edge has to answer."""
        if self._is_current(attempt) and not self.is_open:
            self._connect_by = now + self._connect_s
        return []

    def socket_opened(self, attempt: int, now: float) -> list[FlowEffect]:
        """Take the socket into use."""
        if not self._is_current(attempt) or self.is_open:
            return []
        self.state = "open"
        self._connect_by = None
        self._opened_at = now
        self._failures.recovered()
        self._vigil.begin(now)
        return [FlowOpened(self.number, self.uri)]

    def socket_message(self, attempt: int, data: str | bytes, now: float) -> list[FlowEffect]:
        """Take a pong, answer a ping, hand on anything else; all of it shows that the edge is alive."""
        if not self._is_current(attempt) or not self.is_open:
            return []
        was_asked = self._vigil.heard(now)
        if now - self._opened_at >= LASTING_S:
            self._settle()
        line_ends = data.strip("\r\n") == "" if isinstance(data, str) else data.strip(b"\r\n") == b""
        if not line_ends:
            return [FlowReceived(self.number, data)]
        if was_asked and len(data) == len(PONG):
            self._ponging.add(self.uri)
        return [self._written(PONG)] if len(data) == len(PING) else []

    def socket_failed(self, attempt: int, message: str) -> list[FlowEffect]:
        """Keep the reason for which a socket could not be opened; its `socket_closed` follows."""
        if self._is_current(attempt):
            self._why = message
        return []

    def socket_closed(self, attempt: int, code: int, reason: str, now: float) -> list[FlowEffect]:
        """Report the reason, and go to the next edge."""
        if not self._is_current(attempt):
            return []
        if self._why:
            return self._fail(31000, self._why, now)
        if code in ABNORMAL_CODES:
            return self._fail(31005, f"{self.uri} {reason or 'ended the connection without a closing handshake'}", now)
        return self._drop(f"{self.uri} closed the connection with code {code} {reason}".rstrip(), now)

    def write_failed(self, write: WriteText, message: str, now: float) -> list[FlowEffect]:
        """Drop a socket that a message could not be written to."""
        return self._fail(31000, message, now) if self._is_current(write.attempt) else []

    # Within

    def _is_current(self, attempt: int) -> bool:
        return self.state in ("connecting", "open") and attempt == self.attempt

    def _written(self, text: str) -> WriteText:
        return WriteText(self.number, self.attempt, text)

    def _watch(self, now: float) -> list[FlowEffect]:
        """Ping when it is time for it; end the connection when a pong is missing that ought to have come."""
        if self._vigil.is_over(now):
            if self.uri in self._ponging:
                return self._fail(31005, f"{self.uri} does not answer any more", now)
            self._vigil.heard(now)
        return self._ping(now, self._vigil.patience_s) if self._vigil.wants_ping(now) else []

    def _ping(self, now: float, patience_s: float) -> list[FlowEffect]:
        self._vigil.asked(now, patience_s)
        return [self._written(PING)]

    def _connect(self, now: float) -> list[FlowEffect]:
        self._forget_times()
        self._why = ""
        self.state = "connecting"
        self.attempt += 1
        self._dialled_at = now
        self._connect_by = now + self._connect_s
        return [DialEdge(self.number, self.attempt, self.uri)]

    def _fail(self, code: int, why: str, now: float) -> list[FlowEffect]:
        remedy = "Look whether the PBX is up, and reached by the edges in [sip]."
        error = {"code": code, "message": why, "twilioError": worded(SignalingErrors.ConnectionError(), why, remedy)}
        return [FlowFailed(self.number, error), *self._drop(why, now)]

    def _drop(self, why: str, now: float, *, is_lasting: bool = True) -> list[FlowEffect]:
        """Forget the socket, and begin the wait for the next try, at the next edge if there is one."""
        was_open = self.is_open
        if is_lasting and was_open and now - self._opened_at >= LASTING_S:
            self._settle()
        effects = self._told_drop(why)
        self._forget_times()
        if self._edges.failed(self.number):
            low, high = NEXT_EDGE_S
            self._retry_at = now + low + (high - low) * self._random()
        else:
            self._backoff.start(now)
        return [*effects, *(self._lost(self.number, now) if was_open else [])]

    def _told_drop(self, why: str) -> list[FlowEffect]:
        self.state = "waiting"
        self._failures.failed(why)
        return [CloseEdge(self.number), FlowClosed(self.number)]

    def _settle(self) -> None:
        """Learn that this edge keeps its connections."""
        self._backoff.reset()
        self._edges.worked(self.number)

    def _forget_times(self) -> None:
        self._connect_by = self._retry_at = None
        self._backoff.cancel()
