"""One reconnecting connection to one of several addresses, without I/O or clock (spec: signaling 4, 5, 6.2, 6.3).

    state        event                          what happens
    closed       open                           -> connecting: a socket is dialled, 5 s to open
    connecting   socket open                    -> open: 15 s for the next message, and for each after it
    any          socket lost, silent, or slow   the socket is dropped, the next try waits for the back-off
    any          back-off over                  -> connecting
    any          close                          -> closed: the socket is dropped, nothing is tried again

Dropping a socket does not change the state: it stays `open` or `connecting` until the next try. Times are monotonic
seconds and come in with each call; whoever drives the link calls `tick` at `deadline()`.
"""

from __future__ import annotations

import logging
import random as _random
from collections.abc import Callable, Sequence
from typing import Protocol

from agent.errors import InvalidArgumentError
from agent.log import FailureLog
from agent.signaling.backoff import Backoff
from agent.signaling.pstream.messages import HEARTBEAT, Payload
from agent.twilio_errors import SIGNALING_DISCONNECTED, SIGNALING_ERROR, twilio_error

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_MS = 5_000
HEARTBEAT_TIMEOUT_MS = 15_000
CONNECT_SUCCESS_S = 10.0
BACKOFF_INITIAL_MS = 100
BACKOFF_INITIAL_SEVERAL_MS = (1_000, 5_000)
BACKOFF_MAX_MS = 20_000
BACKOFF_MAX_FLOOR_MS = 3_000
FRESH_ATTEMPT_S = 0.25
ABNORMAL_CODES = (1006, 1015)


class LinkSocket(Protocol):
    """One WebSocket; it reports to the link from the moment it was dialled until `close` was called."""

    def send(self, text: str) -> None:
        """Send one text message; raises OSError when that is impossible."""

    def close(self) -> None:
        """Close, and report nothing any more; never raises."""


class LinkOwner(Protocol):
    """Who learns what happens on the link."""

    def transport_opened(self) -> None: ...

    def transport_closed(self) -> None: ...

    def transport_failed(self, error: Payload | None = None) -> None: ...

    def transport_message(self, data: str | bytes) -> None: ...


class Link:
    """The state machine; `dial(uri)` starts a socket and returns at once."""

    def __init__(
        self,
        uris: Sequence[str],
        dial: Callable[[str], LinkSocket],
        owner: LinkOwner,
        *,
        connect_timeout_ms: float = CONNECT_TIMEOUT_MS,
        heartbeat_timeout_ms: float = HEARTBEAT_TIMEOUT_MS,
        backoff_max_ms: float | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        if not uris:
            raise InvalidArgumentError("a signaling connection needs at least one address")
        self.state = "closed"
        self._previous_state = "closed"
        self._uris = tuple(uris)
        self._uri_index = 0
        self._dial = dial
        self._owner = owner
        self._connect_timeout_s = connect_timeout_ms / 1000
        self._heartbeat_timeout_s = heartbeat_timeout_ms / 1000
        self._backoff = _backoff(len(self._uris), backoff_max_ms, random)
        self._socket: LinkSocket | None = None
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
        return self._uris[self._uri_index]

    @property
    def is_open(self) -> bool:
        """Whether a message can be sent."""
        return self._socket is not None and self._opened_at is not None

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        times = (self._connect_deadline, self._silence_deadline, self._backoff.deadline_s)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> None:
        """Let time pass: end what took too long, try again when the back-off is over."""
        if _due(self._connect_deadline, now):
            why = f"{self.uri} did not answer within {self._connect_timeout_s:g} s"
            self._advance_uri()
            self._drop(now, why)
        elif _due(self._silence_deadline, now):
            self._should_fall_back = True
            self._drop(now, f"nothing came from {self.uri} for {self._heartbeat_timeout_s:g} s")
        elif self._backoff.expire(now) and self.state != "closed":
            self._connect(now)

    def open(self, now: float) -> None:
        """Connect, and stay connected until `close`; nothing happens when that is already going on."""
        if self._socket is None:
            self._connect(now)

    def close(self, now: float) -> None:
        """Disconnect and stay so until `open`."""
        self._enter("closed")
        self._drop(now)
        self._backoff.cancel()

    def send(self, text: str, now: float) -> bool:
        """Send one text message; False when no connection is open, or when it broke right now."""
        if self._socket is None or self._opened_at is None:
            return False
        try:
            self._socket.send(text)
        except OSError as exc:
            self._drop(now, str(exc))
            return False
        return True

    def network_changed(self, now: float, *, path_intact: bool) -> None:
        """Connect at once after a change of addresses or routes, unless the open connection is unharmed."""
        if self.state == "closed" or (self.is_open and path_intact):
            return
        if self._socket is not None and not self.is_open and now - self._dialled_at < FRESH_ATTEMPT_S:
            return  # a change comes as a burst of notices: one new try for all of them
        self._drop(now, "the network changed")
        if self.state != "closed":
            self._backoff.reset()
            self._connect(now)

    # What the socket reports

    def socket_opened(self, now: float) -> None:
        """Begin to watch the heartbeat of the socket that opened."""
        self._enter("open")
        self._failures.recovered()
        self._opened_at = now
        self._should_fall_back = False
        self._connect_deadline = None
        self._silence_deadline = now + self._heartbeat_timeout_s
        self._owner.transport_opened()

    def socket_message(self, data: str | bytes, now: float) -> None:
        """Answer a heartbeat; pass anything else on."""
        self._silence_deadline = now + self._heartbeat_timeout_s
        if data == HEARTBEAT:
            self.send(HEARTBEAT, now)
        else:
            self._owner.transport_message(data)

    def socket_failed(self, message: str) -> None:
        """Report a socket that could not be opened or broke; its `socket_closed` follows."""
        entry = twilio_error(SIGNALING_DISCONNECTED)
        text = self._why = message or "The signaling socket failed."
        self._owner.transport_failed({"code": 31000, "message": text, "twilioError": entry})

    def socket_closed(self, code: int, reason: str, now: float) -> None:
        """Try again after the back-off, and report a close without a handshake."""
        if code in ABNORMAL_CODES:
            how = reason or "closed it without a closing handshake"
        else:
            how = f"closed it with code {code} {reason}".rstrip()
        why = self._why or f"{self.uri} {how}"
        if code in ABNORMAL_CODES:
            entry = twilio_error(SIGNALING_ERROR)
            text = reason or (
                "The signaling connection ended unexpectedly. If this happens again and again, check that the host"
                " name can be resolved, and that edge or region in the settings is right."
            )
            self._owner.transport_failed({"code": 31005, "message": text, "twilioError": entry})
            self._decide_fallback()
        self._drop(now, why)

    def _decide_fallback(self) -> None:
        was_connected = "open" in (self.state, self._previous_state)
        if self._should_fall_back or not was_connected:
            self._advance_uri()
        self._should_fall_back = True

    def _advance_uri(self) -> None:
        self._uri_index = (self._uri_index + 1) % len(self._uris)

    def _connect(self, now: float) -> None:
        self._backoff.cancel()
        self._enter("connecting")
        self._dialled_at = now
        self._connect_deadline = now + self._connect_timeout_s
        try:
            self._socket = self._dial(self.uri)
        except (OSError, ValueError) as exc:
            self._connect_deadline = None
            self._enter("closed")
            self.socket_failed(str(exc))

    def _drop(self, now: float, why: str = "") -> None:
        """Forget the socket and begin the wait for the next try; the state stays."""
        self._why = ""
        self._connect_deadline = self._silence_deadline = None
        socket, self._socket = self._socket, None
        opened_at, self._opened_at = self._opened_at, None
        if socket is None:
            return
        socket.close()
        if self.state != "closed":
            self._failures.failed(why)
        if opened_at is not None and now - opened_at > CONNECT_SUCCESS_S:
            self._backoff.reset()
        self._backoff.start(now)
        self._owner.transport_closed()

    def _enter(self, state: str) -> None:
        self._previous_state, self.state = self.state, state


def _due(deadline: float | None, now: float) -> bool:
    return deadline is not None and now >= deadline


def _backoff(uris: int, max_ms: float | None, random: Callable[[], float]) -> Backoff:
    limit = max(max_ms, BACKOFF_MAX_FLOOR_MS) if max_ms is not None else BACKOFF_MAX_MS
    if uris == 1:
        return Backoff(BACKOFF_INITIAL_MS, limit, random=random)
    low, high = BACKOFF_INITIAL_SEVERAL_MS
    high = int(min(high, limit - 1))  # the SDK cannot start at all when it draws more than its own limit
    return Backoff(low + int(random() * (high - low + 1)), limit, random=random)
