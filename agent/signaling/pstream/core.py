"""The stream of messages above one reconnecting link, without I/O (spec: signaling 6.4, 6.5).

Status moves like this; every row but the last two is also told to the listeners:

    link open          -> connected      `listen` is sent, then what waited in the retry queue
    server `ready`     -> ready
    server `offline`   -> offline
    link closed        -> disconnected   listeners see the old status, then `offline`, while they are told
    `destroy`, server `close` -> offline, for ever

A message that finds no open link, or that its socket did not take, makes one `error` 31009 and, unless it is `listen`
or `reinvite`, waits in a queue. The queue is first in, first out, with room for MAX_QUEUED messages: when it is full,
the oldest `register` gives way, else the oldest message.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from agent.errors import ProtocolError
from agent.log import FailureLog
from agent.signaling.pstream import payloads
from agent.signaling.pstream.effects import (
    CloseLink,
    Emit,
    LinkClosed,
    LinkFailed,
    LinkMessage,
    LinkOpened,
    LinkReport,
    LinkUnsent,
    OpenLink,
    SendFrame,
    StreamEffect,
)
from agent.signaling.pstream.messages import Dialect, OutboundFrame, Payload, frame, parse
from agent.signaling.pstream.names import SERVER_TYPES, TRANSPORT_CLOSE, TRANSPORT_OPEN, Member, MessageType
from agent.twilio_errors import SIGNALING_ERROR, TRANSPORT_ERROR, twilio_error

log = logging.getLogger(__name__)

MAX_QUEUED = 100


class PStream:
    """Turns what the program asks for into frames, and frames into events; every event returns what is to be done."""

    def __init__(self, token: str, browserinfo: Payload, dialect: Dialect = Dialect.V1) -> None:
        """Raises InvalidArgumentError for a token that no frame can carry."""
        self.status = "disconnected"
        self.gateway: str | None = None
        self.region: str | None = None
        self.is_destroyed = False
        self._dialect = dialect
        self._browserinfo = browserinfo
        self._listen = self._introduce(token)
        self.token = token
        self._is_linked = False
        self._queue: list[OutboundFrame] = []
        self._malformed = FailureLog(log, "reading a signaling message")

    @property
    def queued(self) -> tuple[str, ...]:
        """Types of the messages that wait for a connection, oldest first."""
        return tuple(waiting.type for waiting in self._queue)

    # What the program asks for

    def open(self) -> list[StreamEffect]:
        """Connect; a destroyed stream stays closed."""
        return [] if self.is_destroyed else [OpenLink()]

    def set_token(self, token: str) -> list[StreamEffect]:
        """Use this token from now on, and tell the server at once. InvalidArgumentError: the old one stays in use."""
        self._listen = self._introduce(token)
        self.token = token
        return self._send(self._listen)

    def register(self, audio: bool) -> list[StreamEffect]:
        """Say whether this client takes calls."""
        return self.publish(MessageType.REGISTER, payloads.register(audio))

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> list[StreamEffect]:
        """Start a call under its temporary sid; `params` as `encode_params` makes them."""
        return self.publish(MessageType.INVITE, payloads.invite(sdp, callsid, preflight, params))

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
        waiting, self._queue = self._queue, []
        return [*map(SendFrame, (self._listen, *_without_repeats(waiting))), self._emit(TRANSPORT_OPEN, {})]

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
        self.gateway = payload.get(Member.GATEWAY) or self.gateway
        self.region = payload.get(Member.REGION) or self.region
        if message.type not in SERVER_TYPES:
            log.debug("a message of an unknown type is ignored")
            return []
        return self._receive(message.type, payload)

    def _receive(self, type_: str, payload: Payload) -> list[StreamEffect]:
        ended: list[StreamEffect] = []
        if type_ in (MessageType.READY, MessageType.OFFLINE):
            self.status = type_
        elif type_ == MessageType.CLOSE:
            ended = self.destroy()
        elif type_ == MessageType.ERROR and Member.ERROR in payload:
            classed = payload[Member.ERROR] | {Member.TWILIO_ERROR: twilio_error(SIGNALING_ERROR)}
            payload = payload | {Member.ERROR: classed}
        return [*ended, self._emit(type_, payload)]

    def _introduce(self, token: str) -> OutboundFrame:
        return self._frame(MessageType.LISTEN, payloads.listen(token, self._browserinfo), keep=False)

    def _frame(self, type_: str, payload: Payload, *, keep: bool) -> OutboundFrame:
        return OutboundFrame(type_, frame(type_, payload, self._dialect), keep)

    def _send(self, outbound: OutboundFrame) -> list[StreamEffect]:
        return [SendFrame(outbound)] if self._is_linked else self._unsent(outbound)

    def _unsent(self, unsent: OutboundFrame) -> list[StreamEffect]:
        if unsent.keep and self._is_linked:
            return [SendFrame(unsent)]  # its own connection was lost, and there is another one already
        if unsent.keep and not self.is_destroyed:
            self._enqueue(unsent)
        entry = twilio_error(TRANSPORT_ERROR)
        error = {"code": 31009, "message": entry.description, "twilioError": entry}
        return [self._emit(MessageType.ERROR, {Member.ERROR: error})]

    def _enqueue(self, waiting: OutboundFrame) -> None:
        if len(self._queue) >= MAX_QUEUED:
            registers = (i for i, each in enumerate(self._queue) if each.type == MessageType.REGISTER)
            self._queue.pop(next(registers, 0))
        self._queue.append(waiting)

    def _emit(self, event: str, payload: Payload) -> Emit:
        return Emit(event, payload, self.status, self.is_destroyed)


def _without_repeats(waiting: Iterable[OutboundFrame]) -> Iterator[OutboundFrame]:
    """Leave out each registration that says what the one before it says: an outage makes one in 30 s."""
    said = ""
    for each in waiting:
        if each.type != MessageType.REGISTER or each.text != said:
            yield each
        if each.type == MessageType.REGISTER:
            said = each.text
