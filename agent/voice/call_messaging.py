"""The messages of one call, between the program and the service (spec: signaling 11, insights 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agent.errors import InvalidStateError, NotSupportedError
from agent.signaling.pstream.error_classes import known_class
from agent.twilio_errors import GeneralErrors
from agent.voice import call_errors as catalogue
from agent.voice.call_messages import DEFAULT_CONTENT_TYPE, CallMessages, checked_message, received_message
from agent.voice.call_state import CallState

if TYPE_CHECKING:
    from agent.voice.call import CallDriver

GROUP: Final = "call-message"


class Messaging:
    """Sends, hears what became of it, and passes on what the far side sends."""

    def __init__(self, call: CallDriver) -> None:
        self._call = call
        self._messages = CallMessages()

    def send(self, message: Mapping[str, Any] | None, members: Mapping[str, Any]) -> str:
        """Send one message; returns its sid. Raises NotSupportedError, InvalidStateError, InvalidArgumentError."""
        call = self._call
        if call.host.generation.no_messages:
            raise NotSupportedError(call.host.generation.no_messages)
        given = checked_message(message, members)
        stream = call.host.stream
        if call.sid is None or call.core.state is CallState.CLOSED or stream is None:
            raise InvalidStateError("a message needs a call that rings or is open, and a connection to the service")
        sid, kept = self._messages.send(given)
        content_type = kept.get("contentType", DEFAULT_CONTENT_TYPE)
        stream.message(call.sid, kept["content"], content_type, kept["messageType"], sid)
        return sid

    def acknowledged(self, payload: Mapping[str, Any]) -> None:
        """Tell the program that a message has arrived at the service."""
        if payload.get("acktype") != "message":
            return
        if (message := self._messages.answered(payload.get("voiceeventsid"))) is not None:
            self._report("sent", message)
            self._call.emit("messageSent", message)

    def refused(self, payload: Mapping[str, Any], error: Mapping[str, Any]) -> None:
        """Tell the program that a message was not taken, if it is one of ours."""
        sid = payload.get("voiceeventsid")
        if self._messages.answered(sid) is None:
            return
        told = {"code": error.get("code"), "message": error.get("message"), "voice_event_sid": sid}
        self._call.report("ERROR", GROUP, "error", told)
        known = known_class(error.get("code"), precise=self._call.host.options.precise_errors)
        origin = {"code": error.get("code"), "message": error.get("message")}
        entry = known(original_error=origin) if known else GeneralErrors.UnknownError(origin["message"] or "", origin)
        self._call.emit_error(catalogue.message_refused(self._call.connection, error, entry))

    def received(self, payload: Mapping[str, Any]) -> None:
        """Pass on what the far side sent."""
        message = received_message(payload)
        self._report("received", message)
        self._call.emit("messageReceived", message)

    def _report(self, what: str, message: Mapping[str, Any]) -> None:
        told = {"event_type": what, "voice_event_sid": message.get("voiceEventSid"),
                "content_type": message.get("contentType")}  # fmt: skip
        given = {name: value for name, value in told.items() if value is not None}
        self._call.report("INFO", GROUP, str(message.get("messageType")), given)
