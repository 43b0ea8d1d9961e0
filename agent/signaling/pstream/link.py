"""One reconnecting connection to one of several addresses, without I/O or clock (spec: signaling 4, 5, 6.2, 6.3).

    state        event                          what happens
    closed       open                           -> connecting: a socket is dialled, 5 s to open,
                                                   which begin when the host's name is known
    connecting   socket open                    -> open: 15 s for the next message, and for each after it
    any          socket lost, silent, or slow   the socket is dropped, the next try waits for the back-off
    any          back-off over                  -> connecting
    any          close                          -> closed: the socket is dropped, nothing is tried again

Dropping a socket does not change the state: it stays `open` or `connecting` until the next try. Times are monotonic
seconds and come in with each event; whoever drives the link calls `tick` at `deadline()`. Sockets report with the
number under which they were dialled: what a socket says that was dropped means nothing.
"""

from __future__ import annotations

import logging

from agent.log import FailureLog
from agent.signaling.pstream.effects import (
    CloseLink,
    CloseSocket,
    Dial,
    ForgetPreference,
    HoldOff,
    LinkClosed,
    LinkEffect,
    LinkFailed,
    LinkMessage,
    LinkOpened,
    LinkOrder,
    LinkUnsent,
    OpenLink,
    PreferEdge,
    SendFrame,
    WriteFrame,
)
from agent.signaling.pstream.hosts import edge_uri
from agent.signaling.pstream.messages import OutboundFrame
from agent.signaling.pstream.names import HEARTBEAT
from agent.signaling.pstream.retries import Retries
from agent.twilio_errors import SignalingErrors

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_MS = 5_000
LOOKUP_TIMEOUT_S = 20.0
HEARTBEAT_TIMEOUT_MS = 15_000
FRESH_ATTEMPT_S = 0.25
ABNORMAL_CODES = (1006, 1015)
ECHO = OutboundFrame("heartbeat", HEARTBEAT)


class Link:
    """The state machine; every event returns what is to be done."""

    def __init__(
        self,
        retries: Retries,
        *,
        connect_timeout_ms: float = CONNECT_TIMEOUT_MS,
        heartbeat_timeout_ms: float = HEARTBEAT_TIMEOUT_MS,
    ) -> None:
        self.state = "closed"
        self.attempt = 0  #: number of the latest socket
        self._previous_state = "closed"
        self._retries = retries
        self._dialled_uri = retries.uri
        self._opened_uri: str | None = None
        self._connect_timeout_s = connect_timeout_ms / 1000
        self._heartbeat_timeout_s = heartbeat_timeout_ms / 1000
        self._has_socket = False
        self._dialled_at = 0.0
        self._opened_at: float | None = None
        self._connect_deadline: float | None = None
        self._silence_deadline: float | None = None
        self._should_fall_back = False
        self._failures = FailureLog(log, "the signaling connection")
        self._why = ""

    @property
    def uri(self) -> str:
        """The address in use, or to be tried next."""
        return self._dialled_uri if self._has_socket else self._retries.uri

    @property
    def is_open(self) -> bool:
        """Whether a frame can be sent."""
        return self._opened_at is not None

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        times = (self._connect_deadline, self._silence_deadline, self._retries.deadline_s)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[LinkEffect]:
        """Let time pass: end what took too long, try again when the back-off is over."""
        if _due(self._connect_deadline, now):
            why = f"{self.uri} did not answer within {self._connect_timeout_s:g} s"
            self._retries.advance()
            return self._drop(now, why)
        if _due(self._silence_deadline, now):
            self._should_fall_back = True
            return self._drop(now, f"nothing came from {self.uri} for {self._heartbeat_timeout_s:g} s")
        if self._retries.expire(now) and self.state != "closed":
            return self._connect(now)
        return []

    # What the stream asks for

    def obey(self, order: LinkOrder, now: float) -> list[LinkEffect]:
        """Do what the stream on this link asks for."""
        match order:
            case OpenLink():
                return self.open(now)
            case CloseLink():
                return self.close(now)
            case SendFrame(frame):
                return self.send(frame)
            case PreferEdge(edge):
                self._retries.prefer(edge_uri(self._opened_uri, edge) if self._opened_uri else None)
            case ForgetPreference():
                self._retries.prefer(None)
            case HoldOff(retry_after_s):
                self._retries.hold_off(retry_after_s)
        return []

    def open(self, now: float) -> list[LinkEffect]:
        """Connect, and stay connected until `close`; nothing happens when that is already going on."""
        return [] if self._has_socket else self._connect(now)

    def close(self, now: float) -> list[LinkEffect]:
        """Disconnect and stay so until `open`."""
        self._enter("closed")
        effects = self._drop(now)
        self._retries.cancel()
        return effects

    def send(self, frame: OutboundFrame) -> list[LinkEffect]:
        """Send one frame, or say that it cannot be sent."""
        return [WriteFrame(self.attempt, frame)] if self.is_open else [LinkUnsent(frame)]

    def network_changed(self, now: float, *, path_intact: bool) -> list[LinkEffect]:
        """Connect at once, because addresses or routes changed, unless the open connection is unharmed."""
        if self.state == "closed" or (self.is_open and path_intact):
            return []
        if self._has_socket and not self.is_open and now - self._dialled_at < FRESH_ATTEMPT_S:
            return []  # a change comes as a burst of notices: one new try for all of them
        dropped = self._drop(now, "the network changed")
        self._retries.reset()
        return [*dropped, *self._connect(now)]

    # What the socket reports

    def dial_failed(self, attempt: int, message: str) -> list[LinkEffect]:
        """End the link, because the address cannot be dialled at all."""
        if not self._is_current(attempt):
            return []
        self._has_socket = False
        self._connect_deadline = None
        self._enter("closed")
        return self._fail(message)

    def socket_resolving(self, attempt: int, now: float) -> list[LinkEffect]:
        """Give the look-up of the host's name a time of its own; whoever looks it up gives up sooner than we do."""
        if self._is_current(attempt) and not self.is_open:
            self._connect_deadline = now + LOOKUP_TIMEOUT_S + self._connect_timeout_s
        return []

    def socket_resolved(self, attempt: int, now: float) -> list[LinkEffect]:
        """Begin the time in which the server has to answer."""
        if self._is_current(attempt) and not self.is_open:
            self._connect_deadline = now + self._connect_timeout_s
        return []

    def socket_opened(self, attempt: int, now: float) -> list[LinkEffect]:
        """Take the socket into use."""
        if not self._is_current(attempt) or self.is_open:
            return []
        self._enter("open")
        self._failures.recovered()
        self._opened_at = now
        self._opened_uri = self._dialled_uri
        self._retries.opened()
        self._should_fall_back = False
        self._connect_deadline = None
        self._silence_deadline = now + self._heartbeat_timeout_s
        return [LinkOpened()]

    def socket_message(self, attempt: int, data: str | bytes, now: float) -> list[LinkEffect]:
        """Answer a heartbeat, hand on anything else."""
        if not self._is_current(attempt) or not self.is_open:
            return []
        self._silence_deadline = now + self._heartbeat_timeout_s
        return self.send(ECHO) if data == HEARTBEAT else [LinkMessage(data)]

    def socket_failed(self, attempt: int, message: str) -> list[LinkEffect]:
        """Report a socket that could not be opened, or broke; its `socket_closed` follows."""
        return self._fail(message) if self._is_current(attempt) else []

    def socket_closed(self, attempt: int, code: int, reason: str, now: float) -> list[LinkEffect]:
        """Try again after the back-off; report a close without a handshake."""
        if not self._is_current(attempt):
            return []
        if code not in ABNORMAL_CODES:
            return self._drop(now, self._why or f"{self.uri} closed it with code {code} {reason}".rstrip())
        why = self._why or f"{self.uri} {reason or 'closed it without a closing handshake'}"
        text = reason or (
            "The signaling connection ended unexpectedly. If this happens again and again, check that the host"
            " name can be resolved, and that edge or region in the settings is right."
        )
        self._decide_fallback()
        error = {"code": 31005, "message": text, "twilioError": SignalingErrors.ConnectionError()}
        return [LinkFailed(error), *self._drop(now, why)]

    def write_failed(self, write: WriteFrame, message: str, now: float) -> list[LinkEffect]:
        """Drop a socket that a frame could not be written to."""
        dropped = self._drop(now, message) if self._is_current(write.attempt) else []
        return dropped if write.frame is ECHO else [*dropped, LinkUnsent(write.frame)]

    def _fail(self, message: str) -> list[LinkEffect]:
        text = self._why = message or "The signaling socket failed."
        entry = SignalingErrors.ConnectionDisconnected()
        return [LinkFailed({"code": 31000, "message": text, "twilioError": entry})]

    def _decide_fallback(self) -> None:
        was_connected = "open" in (self.state, self._previous_state)
        if self._should_fall_back or not was_connected:
            self._retries.advance()
        self._should_fall_back = True

    def _is_current(self, attempt: int) -> bool:
        return self._has_socket and attempt == self.attempt

    def _connect(self, now: float) -> list[LinkEffect]:
        self._retries.cancel()
        self._enter("connecting")
        self._why = ""
        self.attempt += 1
        self._has_socket = True
        self._dialled_at = now
        self._connect_deadline = now + self._connect_timeout_s
        self._dialled_uri = self._retries.uri
        return [Dial(self.attempt, self.uri)]

    def _drop(self, now: float, why: str = "") -> list[LinkEffect]:
        """Forget the socket and begin the wait for the next try; the state stays."""
        self._connect_deadline = self._silence_deadline = None
        had_socket, self._has_socket = self._has_socket, False
        opened_at, self._opened_at = self._opened_at, None
        if not had_socket:
            return []
        if self.state != "closed":
            self._failures.failed(why)
        self._retries.lost(now, None if opened_at is None else now - opened_at)
        return [CloseSocket(), LinkClosed()]

    def _enter(self, state: str) -> None:
        self._previous_state, self.state = self.state, state


def _due(deadline: float | None, now: float) -> bool:
    return deadline is not None and now >= deadline
