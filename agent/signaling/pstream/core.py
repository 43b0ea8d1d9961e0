"""The stream of messages above one reconnecting transport, without I/O (spec: signaling 6.4, 6.5).

Status moves like this; every row but the last two also reaches the listener as an event:

    transport open     -> connected      `listen` is sent, then what waited in the retry queue
    server `ready`     -> ready
    server `offline`   -> offline
    transport closed   -> offline for the length of the event, then disconnected
    `destroy`, server `close` -> offline, for ever

A message that finds no open transport makes one `error` 31009 and, unless it is `listen` or `reinvite`, waits in a
queue. The queue is first in, first out, with room for MAX_QUEUED messages: when it is full, the oldest `register`
gives way, else the oldest message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from agent.errors import ProtocolError
from agent.log import FailureLog
from agent.signaling.pstream import messages
from agent.signaling.pstream.messages import Payload
from agent.twilio_errors import SIGNALING_DISCONNECTED, SIGNALING_ERROR, TRANSPORT_ERROR, twilio_error

log = logging.getLogger(__name__)

MAX_QUEUED = 100

Emit = Callable[[str, Payload], Any]


class Wire(Protocol):
    """The transport below the stream."""

    def send(self, text: str) -> bool:
        """Send one text message; False when no connection is open."""

    def close(self) -> None:
        """Close for good."""


class PStream:
    """Turns calls into frames and frames into events; `emit(name, payload)` gets every event, in order."""

    def __init__(self, token: str, browserinfo: Payload, emit: Emit) -> None:
        self.token = token
        self.status = "disconnected"
        self.gateway: str | None = None
        self.region: str | None = None
        self._browserinfo = browserinfo
        self._emit = emit
        self._wire: Wire | None = None
        self._queue: list[tuple[str, Payload]] = []
        self._destroyed = False
        self._malformed = FailureLog(log, "reading a signaling message")

    @property
    def queued(self) -> tuple[str, ...]:
        """Types of the messages that wait for a connection, oldest first."""
        return tuple(type_ for type_, _payload in self._queue)

    def attach(self, wire: Wire) -> None:
        """Use this transport from now on; without one nothing can be sent."""
        self._wire = wire

    # What the program asks for

    def set_token(self, token: str) -> None:
        """Use this token from now on, and tell the server at once."""
        self.token = token
        self._publish("listen", messages.listen(token, self._browserinfo), retry=False)

    def register(self, audio: bool) -> None:
        """Say whether this client takes calls."""
        self.publish("register", messages.register(audio))

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> None:
        """Start a call under its temporary sid; `params` as `encode_params` makes them."""
        self.publish("invite", messages.invite(sdp, callsid, preflight, params))

    def answer(self, sdp: str, callsid: str) -> None:
        """Accept a pending call."""
        self.publish("answer", messages.describe(sdp, callsid))

    def reinvite(self, sdp: str, callsid: str) -> None:
        """Offer an ICE restart; without a connection it is lost, not queued."""
        self._publish("reinvite", messages.describe(sdp, callsid), retry=False)

    def dtmf(self, callsid: str | None, digits: str) -> None:
        """Have the gateway press keys."""
        self.publish("dtmf", messages.dtmf(callsid, digits))

    def hangup(self, callsid: str | None, message: str | None = None) -> None:
        """End a call, with the reason if there is one."""
        self.publish("hangup", messages.hangup(callsid, message))

    def reject(self, callsid: str | None) -> None:
        """Refuse a pending call."""
        self.publish("reject", messages.reject(callsid))

    def publish(self, type_: str, payload: Payload) -> None:
        """Send any message; it waits for a connection if there is none."""
        self._publish(type_, payload, retry=True)

    def destroy(self) -> None:
        """Close for good; idempotent."""
        if self._destroyed:
            return
        self._destroyed = True
        self._queue.clear()
        if self._wire is not None:
            self._wire.close()
        self.status = "offline"
        self._emit("offline", {})

    # What the transport reports

    def transport_opened(self) -> None:
        """Introduce this client, then send what waits."""
        if self._destroyed:
            return
        self.status = "connected"
        self.set_token(self.token)
        waiting, self._queue = self._queue, []
        for type_, payload in waiting:
            self._publish(type_, payload, retry=True)
        self._emit("transport_open", {})

    def transport_closed(self) -> None:
        """Tell that the connection is lost, then that nobody can be reached."""
        if self._destroyed:
            return
        self._emit("transport_close", {})
        if self._destroyed:
            return
        if self.status not in ("disconnected", "offline"):
            self.status = "offline"
            self._emit("offline", {})
        if not self._destroyed:
            self.status = "disconnected"

    def transport_failed(self, error: Payload | None = None) -> None:
        """Report a fault of the transport: `{code, message, twilioError?}`, or `{error: {...}}` passed on as it is."""
        if self._destroyed:
            return
        if not error:
            entry = twilio_error(SIGNALING_DISCONNECTED)
            error = {"code": 31000, "message": entry.explanation, "twilioError": entry}
        self._emit("error", error if "error" in error else {"error": error})

    def transport_message(self, data: str | bytes) -> None:
        """Take one message of the server; a malformed one is logged once and dropped."""
        if self._destroyed:
            return
        try:
            message = messages.parse(data)
        except ProtocolError as exc:
            self._malformed.failed(f"{exc}; it is dropped")
            return
        self._remember_location(message.payload)
        if message.type in messages.SERVER_TYPES:
            self._receive(message.type, message.payload)
        else:
            log.debug("a message of an unknown type is ignored")

    def _receive(self, type_: str, payload: Payload) -> None:
        if type_ in ("ready", "offline"):
            self.status = type_
        elif type_ == "close":
            self.destroy()
        elif type_ == "error" and "error" in payload:
            payload["error"] = payload["error"] | {"twilioError": twilio_error(SIGNALING_ERROR)}
        self._emit(type_, payload)

    def _remember_location(self, payload: Payload) -> None:
        self.gateway = payload.get("gateway") or self.gateway
        self.region = payload.get("region") or self.region

    def _publish(self, type_: str, payload: Payload, *, retry: bool) -> None:
        if self._wire is not None and self._wire.send(messages.frame(type_, payload)):
            return
        if retry and not self._destroyed:
            self._enqueue(type_, payload)
        entry = twilio_error(TRANSPORT_ERROR)
        self._emit("error", {"error": {"code": 31009, "message": entry.description, "twilioError": entry}})

    def _enqueue(self, type_: str, payload: Payload) -> None:
        if len(self._queue) >= MAX_QUEUED:
            self._queue.pop(next((i for i, (queued, _) in enumerate(self._queue) if queued == "register"), 0))
        self._queue.append((type_, payload))
