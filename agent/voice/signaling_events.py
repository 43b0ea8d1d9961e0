"""What each message of the service does to the Device and its calls (spec: device 3, 5, 7; signaling 8).

`ringing` and `answer` go to the one call that waits for them, `hangup` and `cancel` to the call they name: the
reference hands every message to every call, and lets a pending call swallow the answer of another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import gevent
from gevent.event import AsyncResult

from agent.clock import Clock
from agent.errors import VoiceError
from agent.signaling.pstream.messages import Payload
from agent.voice import call_errors as catalogue
from agent.voice.calls import DeviceCalls
from agent.voice.connection import Connection
from agent.voice.farewells import Farewells
from agent.voice.first_contact import FirstContact
from agent.voice.generation import VoiceGeneration
from agent.voice.options import DeviceOptions
from agent.voice.protocols import SignalingStream
from agent.voice.registration import Registration
from agent.voice.stream_extras import decline

log = logging.getLogger(__name__)

RING_START_S: Final = 2.0
TOKEN_EXPIRED: Final = 31205


class SignalingOwner(Protocol):
    """The Device."""

    calls: DeviceCalls
    contact: FirstContact
    farewells: Farewells
    registration: Registration

    @property
    def clock(self) -> Clock: ...

    @property
    def stream(self) -> SignalingStream | None: ...

    @property
    def options(self) -> DeviceOptions: ...

    @property
    def generation(self) -> VoiceGeneration: ...

    def emit(self, event: str, *args: Any) -> Any: ...

    def located(self, payload: Payload) -> None: ...

    def set_status(self, status: str) -> None: ...  # and tell it

    def stream_closed(self) -> None: ...


class SignalingEvents:
    """Subscribes to one stream on behalf of one Device."""

    def __init__(self, device: SignalingOwner, stream: SignalingStream) -> None:
        self._device = device
        self._stream = stream
        for name in ("connected", "ready", "offline", "error", "invite", "ringing", "answer", "cancel", "hangup",
                     "message", "ack", "close", "transport_close", "hold", "digit", "peer_changed",
                     "offer_refused"):  # fmt: skip
            stream.on(name, self._of_this_stream(getattr(self, f"_{name}")))

    def _of_this_stream(self, handle: Callable[[Payload], None]) -> Callable[[Payload], None]:
        """What a stream says that another one has taken the place of concerns nobody."""
        return lambda payload: handle(payload) if self._device.stream in (self._stream, None) else None

    def _connected(self, payload: Payload) -> None:
        device = self._device
        device.located(payload)
        device.registration.connected()
        for call in device.calls.listening():
            call.inbox.on_service_reached()
        for farewell in device.farewells.take():
            if farewell.reconnect_token:
                self._stream.reconnect(farewell.sdp, farewell.callsid, farewell.reconnect_token)
            self._stream.hangup(farewell.callsid, farewell.message)
        device.contact.made()

    def _ready(self, _payload: Payload) -> None:
        self._device.registration.ready()
        self._device.set_status("ready")

    def _offline(self, _payload: Payload) -> None:
        self._device.registration.offline()
        self._device.set_status("offline")

    def _error(self, payload: Payload) -> None:
        error = payload.get("error")
        if not isinstance(error, Mapping):
            return
        named = self._device.calls.find(payload.get("callsid"))
        if payload.get("voiceeventsid") and not self._device.generation.no_messages:
            if named is not None:
                named.inbox.on_refused(payload, error)
            return  # it is about a message, and no call or Device
        if named is not None:
            named.inbox.on_not_taken_back()
        code = error.get("code")
        if code == TOKEN_EXPIRED:
            self._device.registration.stop()
        twilio_error = self._device.generation.classify(dict(error), self._device.options.precise_errors)
        message = str(error.get("message") or "")
        self._device.emit("error", VoiceError(code, message, connection=named, twilio_error=twilio_error))

    def _invite(self, payload: Payload) -> None:
        calls = self._device.calls
        sdp, callsid = payload.get("sdp"), payload.get("callsid")
        known = calls.find(callsid)
        if known is not None and known.inbox.is_being_resumed:
            known.inbox.on_dropped()  # to the service it was never answered
            known = None
        describes = bool(sdp) or payload.get("wants_offer") is True
        if describes and known is not None and known.status() != "pending":
            if known.status() in ("open", "reconnecting"):  # one that is being accepted has its offer already
                known.inbox.on_restart_offer(sdp or "", instead=payload.get("instead") is True)
        elif calls.active is not None and not self._device.options.allow_incoming_while_busy:
            decline(self._stream, callsid, "busy")
        elif not describes or not callsid:
            self._device.emit("error", catalogue.malformed_invite())
        else:
            self._take_call(payload)

    def _take_call(self, payload: Payload) -> None:
        calls, callsid = self._device.calls, payload.get("callsid")
        busy = calls.active is not None
        parameters = dict(payload.get("parameters") or {})
        parameters["CallSid"] = parameters.get("CallSid") or callsid
        connection = calls.incoming(parameters, payload.get("sdp") or "", payload.get("reconnect"))
        if connection is None:
            decline(self._stream, callsid, "too_many")
        else:
            gevent.spawn(self._present, connection, None if busy else calls.ringing.announce(connection))

    def _present(self, connection: Connection, started: AsyncResult[Any] | None) -> None:
        """Let the ring start first, but wait no longer than it is worth."""
        if started is not None and not started.ready():
            self._wait(started)
        if self._device.calls.waits(connection):  # the reference presents calls that were cancelled meanwhile
            self._device.emit("incoming", connection)
            self._device.calls.settle(connection)

    def _wait(self, started: AsyncResult[Any]) -> None:
        over: AsyncResult[None] = AsyncResult()
        timer = self._device.clock.call_later(RING_START_S, over.set)
        gevent.wait([started, over], count=1)
        timer.cancel()

    def _ringing(self, payload: Payload) -> None:
        if (call := self._device.calls.addressee(payload.get("callsid"))) is not None:
            call.inbox.on_ringing(payload)

    def _answer(self, payload: Payload) -> None:
        if self._device.farewells.concerns(payload.get("callsid")):
            return
        if (call := self._device.calls.addressee(payload.get("callsid"))) is not None:
            call.inbox.on_answer(payload)

    def _cancel(self, payload: Payload) -> None:
        callsid = payload.get("callsid")
        for call in self._device.calls.listening():
            if callsid and call.parameters.get("CallSid") == callsid:
                call.inbox.on_cancel(elsewhere=payload.get("elsewhere") is True)
        self._device.calls.last_word(callsid)

    def _hangup(self, payload: Payload) -> None:
        callsid, error = payload.get("callsid"), payload.get("error")
        if error is None and self._device.options.refusals_as_errors:
            error = payload.get("refusal")
        status = payload.get("status")
        for call in self._device.calls.listening():
            if not callsid or call.inbox.is_called(callsid):
                call.inbox.on_hangup(
                    error if isinstance(error, Mapping) else None, status if isinstance(status, int) else None
                )
                self._device.calls.last_word(call.parameters.get("CallSid"))
        self._device.calls.last_word(callsid)

    def _message(self, payload: Payload) -> None:
        if (call := self._device.calls.find(payload.get("callsid"))) is not None:
            call.inbox.on_message(payload)

    def _ack(self, payload: Payload) -> None:
        if (call := self._device.calls.find(payload.get("callsid"))) is not None:
            call.inbox.on_ack(payload)

    def _hold(self, payload: Payload) -> None:
        if (call := self._device.calls.find(payload.get("callsid"))) is not None:
            call.inbox.on_hold(payload.get("held") is True)

    def _digit(self, payload: Payload) -> None:
        if (call := self._device.calls.find(payload.get("callsid"))) is not None:
            call.inbox.on_digit(str(payload.get("digit") or ""))

    def _peer_changed(self, payload: Payload) -> None:
        if (call := self._device.calls.find(payload.get("callsid"))) is not None:
            call.inbox.on_peer_changed()

    def _offer_refused(self, payload: Payload) -> None:
        if (call := self._device.calls.find(payload.get("callsid"))) is not None:
            call.inbox.on_offer_refused()

    def _close(self, _payload: Payload) -> None:
        self._device.stream_closed()

    def _transport_close(self, _payload: Payload) -> None:
        self._device.registration.lost()
        self._device.contact.interrupted()
        for call in self._device.calls.listening():
            call.inbox.on_transport_close()
