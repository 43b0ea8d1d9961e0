"""The stream of messages above one reconnecting link, without I/O (spec: signaling 6.4, 6.5).

Status moves like this; every row but the last two is also told to the listeners:

    link open          -> connected      `listen` is sent, then what waited in the retry queue
    server `ready`     -> ready
    server `offline`   -> offline
    link closed        -> disconnected   listeners see the old status, then `offline`, while they are told
    `destroy`, server `close` -> offline, for ever

A message that finds no open link, or that its socket did not take, makes one `error` 31009 and, unless it is `listen`,
`reinvite`, an `invite` that reconnects, or a `register` of the second generation, waits in a queue.
"""

from __future__ import annotations

import logging
from typing import Any

from agent.errors import ProtocolError
from agent.log import FailureLog
from agent.signaling.pstream import payloads
from agent.signaling.pstream.effects import (
    CloseLink,
    Emit,
    ForgetPreference,
    HoldOff,
    LinkClosed,
    LinkFailed,
    LinkMessage,
    LinkOpened,
    LinkReport,
    LinkUnsent,
    OpenLink,
    PreferEdge,
    SendFrame,
    StreamEffect,
)
from agent.signaling.pstream.generation import SECOND, WireGeneration
from agent.signaling.pstream.messages import OutboundFrame, Payload, frame, parse
from agent.signaling.pstream.names import TRANSPORT_CLOSE, TRANSPORT_OPEN, Member, MessageType
from agent.signaling.pstream.retry_queue import RetryQueue
from agent.signaling.pstream.service_facts import ServiceFacts
from agent.twilio_errors import GeneralErrors, SignalingErrors

log = logging.getLogger(__name__)


class PStream:
    """Turns what the program asks for into frames, and frames into events; every event returns what is to be done."""

    def __init__(
        self,
        token: str,
        browserinfo: Payload,
        generation: WireGeneration = SECOND,
        max_call_signaling_timeout_ms: float = 0,
    ) -> None:
        """Raises InvalidArgumentError for a token that no frame can carry."""
        self.status = "disconnected"
        self.service = ServiceFacts()
        self.is_destroyed = False
        self._generation = generation
        self._browserinfo = browserinfo
        self._reconnect_timeout_s = payloads.reconnect_timeout_s(max_call_signaling_timeout_ms)
        self._listen = self._introduce(token)
        self.token = token
        self.is_opened = False
        self._is_linked = False
        self._queue = RetryQueue()
        self._malformed = FailureLog(log, "reading a signaling message")

    @property
    def queued(self) -> tuple[str, ...]:
        """Types of the messages that wait for a connection, oldest first."""
        return self._queue.types

    # What the program asks for

    def open(self) -> list[StreamEffect]:
        """Connect; a destroyed stream stays closed."""
        if self.is_destroyed:
            return []
        self.is_opened = True
        return [OpenLink()]

    def set_token(self, token: str) -> list[StreamEffect]:
        """Use this token from now on, and tell the server at once, unless nobody wants a connection yet.

        InvalidArgumentError: the old one stays in use.
        """
        self._listen = self._introduce(token)
        self.token = token
        return self._send(self._listen) if self.is_opened else []

    def register(self, audio: bool) -> list[StreamEffect]:
        """Say whether this client takes calls."""
        register = payloads.register(audio)
        return self._send(self._frame(MessageType.REGISTER, register, keep=self._generation.queues_register))

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> list[StreamEffect]:
        """Start a call under its temporary sid; `params` as `encode_params` makes them."""
        return self.publish(MessageType.INVITE, self._generation.invite(sdp, callsid, preflight, params))

    def reconnect(self, sdp: str, callsid: str, reconnect_token: str) -> list[StreamEffect]:
        """Take a call up again on this connection; on one that is lost already it is lost too, not queued."""
        payload = payloads.reconnect(sdp, callsid, reconnect_token)
        return self._send(self._frame(MessageType.INVITE, payload, keep=False))

    def message(
        self, callsid: str | None, content: Any, content_type: str, message_type: str, voice_event_sid: str
    ) -> list[StreamEffect]:
        """Send a program's own words to the other side of a call."""
        payload = payloads.message(callsid, content, content_type, message_type, voice_event_sid)
        return self.publish(MessageType.MESSAGE, payload)

    def answer(self, sdp: str, callsid: str) -> list[StreamEffect]:
        """Accept a pending call."""
        return self.publish(MessageType.ANSWER, payloads.describe(sdp, callsid))

    def reinvite(self, sdp: str, callsid: str) -> list[StreamEffect]:
        """Offer an ICE restart; without a connection it is lost, not queued."""
        return self._send(self._frame(MessageType.REINVITE, payloads.describe(sdp, callsid), keep=False))

    def dtmf(self, callsid: str | None, digits: str) -> list[StreamEffect]:
        """Have the gateway press keys."""
        return self.publish(MessageType.DTMF, payloads.dtmf(callsid, digits))

    def hangup(self, callsid: str | None, message: str | None = None) -> list[StreamEffect]:
        """End a call, with the reason if there is one."""
        return self.publish(MessageType.HANGUP, payloads.hangup(callsid, message))

    def reject(self, callsid: str | None) -> list[StreamEffect]:
        """Refuse a pending call."""
        return self.publish(MessageType.REJECT, payloads.reject(callsid))

    def publish(self, type_: str, payload: Payload) -> list[StreamEffect]:
        """Send any message; it waits for a connection if there is none. InvalidArgumentError: it cannot be sent."""
        return self._send(self._frame(type_, payload, keep=True))

    def prefer_current_uri(self) -> list[StreamEffect]:
        """Come back to the edge that serves us now, should the connection be lost: only there calls are known."""
        return [PreferEdge(self.service.edge)]

    def forget_preferred_uri(self) -> list[StreamEffect]:
        """Come back to any edge, should the connection be lost."""
        return [ForgetPreference()]

    def destroy(self) -> list[StreamEffect]:
        """Close for good; idempotent."""
        if self.is_destroyed:
            return []
        self.is_destroyed = True
        self._is_linked = False
        self._queue.clear()
        self.status = "offline"
        return [CloseLink(), self._emit(MessageType.OFFLINE, {})]

    # What the link reports

    def hear(self, report: LinkReport) -> list[StreamEffect]:
        """Take what the link says; a destroyed stream only looks after what the program still asks for."""
        match report:
            case LinkUnsent(unsent):
                return self._unsent(unsent)
            case _ if self.is_destroyed:
                return []
            case LinkOpened():
                return self._opened()
            case LinkClosed():
                return self._closed()
            case LinkFailed(error):
                return [self._emit(MessageType.ERROR, {Member.ERROR: error})]
            case LinkMessage(data):
                return self._read(data)

    def _opened(self) -> list[StreamEffect]:
        self.status = "connected"
        self._is_linked = True
        return [*map(SendFrame, (self._listen, *self._queue.take())), self._emit(TRANSPORT_OPEN, {})]

    def _closed(self) -> list[StreamEffect]:
        before, self.status, self._is_linked = self.status, "disconnected", False
        told: list[StreamEffect] = [Emit(TRANSPORT_CLOSE, {}, before)]
        if before not in ("disconnected", "offline"):
            told.append(Emit(MessageType.OFFLINE, {}, "offline"))
        return told

    def _read(self, data: str | bytes) -> list[StreamEffect]:
        """Take one message of the server; a malformed one is logged once and dropped."""
        try:
            message = parse(data)
            payload = payloads.read_server(message)
        except ProtocolError as exc:
            self._malformed.failed(f"{exc}; it is dropped")
            return []
        self.service = self._generation.facts(self.service, message.type, payload)
        if message.type not in self._generation.hears:
            log.debug("a message of an unknown type is ignored")
            return []
        return self._receive(message.type, payload)

    def _receive(self, type_: str, payload: Payload) -> list[StreamEffect]:
        first: list[StreamEffect] = []
        if type_ in (MessageType.READY, MessageType.OFFLINE):
            self.status = type_
        elif type_ == MessageType.CLOSE:
            first = self.destroy()
        elif type_ == MessageType.ERROR and Member.ERROR in payload:
            classed = payload[Member.ERROR] | {Member.TWILIO_ERROR: SignalingErrors.ConnectionError()}
            payload = payload | {Member.ERROR: classed}
            if payloads.is_number(retry_after_s := classed.get(Member.RETRY_AFTER)) and retry_after_s > 0:
                first = [HoldOff(retry_after_s)]
        return [*first, self._emit(type_, payload)]

    def _introduce(self, token: str) -> OutboundFrame:
        payload = self._generation.listen(token, self._browserinfo, self._reconnect_timeout_s)
        return self._frame(MessageType.LISTEN, payload, keep=False)

    def _frame(self, type_: str, payload: Payload, *, keep: bool) -> OutboundFrame:
        return OutboundFrame(type_, frame(type_, payload, self._generation.dialect), keep)

    def _send(self, outbound: OutboundFrame) -> list[StreamEffect]:
        return [SendFrame(outbound)] if self._is_linked else self._unsent(outbound)

    def _unsent(self, unsent: OutboundFrame) -> list[StreamEffect]:
        if unsent.keep and self._is_linked:
            return [SendFrame(unsent)]  # its own connection was lost, and there is another one already
        if unsent.keep and not self.is_destroyed:
            self._queue.add(unsent)
        entry = GeneralErrors.TransportError()
        error = {"code": 31009, "message": entry.description, "twilioError": entry}
        return [self._emit(MessageType.ERROR, {Member.ERROR: error})]

    def _emit(self, event: str, payload: Payload) -> Emit:
        return Emit(event, payload, self.status, self.is_destroyed)
