"""One call, as a program sees it (spec: connection)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gevent.event import AsyncResult

from agent.errors import InvalidStateError
from agent.signaling.pstream.params import decode_params, encode_params, js_string
from agent.voice import call_errors as catalogue
from agent.voice.call import CallDriver
from agent.voice.call_ids import INCOMING, OUTGOING, caller_info, new_temporary_sid
from agent.voice.call_inbox import CallInbox
from agent.voice.call_messaging import Messaging
from agent.voice.call_state import CallState
from agent.voice.call_ticket import CallTicket
from agent.voice.connect_options import accept_arguments
from agent.voice.deprecated import ConnectionAliases, or_handler
from agent.voice.digits import DigitSender, check_digits
from agent.voice.event_names import SpelledEmitter
from agent.voice.feedback import feedback_event
from agent.voice.protocols import CallHost
from agent.voice.states import Trigger


class Connection(SpelledEmitter, ConnectionAliases):
    """An incoming or outgoing call; `agent.Call` is the same under its later name.

    Events: accept(connection) audio(stream) cancel disconnect(connection) error(VoiceError) mute(flag, connection)
    reconnecting(VoiceError) reconnected reject ringing(early_media) sample(sample) volume(input, output)
    warning(name, data) warning-cleared(name, None) transportClose, messageReceived(message) messageSent(message) in the
    second generation, digit(str) for a key the far side pressed, and with SIP hold(flag) when it holds the call.
    """

    def __init__(
        self,
        host: CallHost,
        *,
        parameters: dict[str, Any] | None = None,
        custom_parameters: Mapping[str, Any] | None = None,
        offer_sdp: str | None = None,
        reconnect_token: str | None = None,
        ticket: CallTicket | None = None,
    ) -> None:
        """Made by a Device only.

        Of an invite: all but `custom_parameters`, which are those of `connect`, and `ticket`, which alone is given for
        a call that another process has left behind.
        """
        super().__init__()
        if ticket is not None:
            parameters, custom_parameters = dict(ticket.parameters), ticket.custom_parameters
            reconnect_token = ticket.reconnect_token
        self.parameters: dict[str, Any] = {} if parameters is None else parameters
        incoming = bool(self.parameters.get("CallSid")) if ticket is None else ticket.direction == INCOMING
        self.direction = INCOMING if incoming else OUTGOING
        self.answered_elsewhere = False  #: another phone of ours has taken this call, which was cancelled here
        self.answered_by = ""  #: who of several that we called has the call, as `To` names him; empty: not known
        self.sip_status: int | None = None  #: with which a PBX ended a call of ours that was not answered: 486 is busy
        self.outbound_connection_id = new_temporary_sid()
        self.caller_info = caller_info(self.parameters, self.direction)
        self.custom_parameters = _custom_parameters(self.parameters, custom_parameters, self.direction)
        self.encoded_parameters = encode_params(custom_parameters or {})
        self._host = host
        self.log = host.log
        self._call = CallDriver(host, self, offer_sdp, reconnect_token)
        self._messaging = Messaging(self._call)
        self.inbox = CallInbox(self, host, self._call, self._messaging)  #: what the Device passes on; not of the SDK
        host.contact.when_made(self._report_made)

    def __repr__(self) -> str:
        return f"<Connection {self._call.wire_sid} {self._call.shown}>"

    @property
    def ticket(self) -> CallTicket | None:
        """What another process needs to come back to it; None after its end, and before we have answered it.

        One that was not answered the service announces anew.
        """
        call = self._call
        over = call.core.state is CallState.CLOSED
        if over or (self.direction == INCOMING and call.core.state not in (CallState.OPEN, CallState.RECONNECTING)):
            return None
        told = {name: value for name, value in self.parameters.items() if isinstance(value, str)}
        token = call.signaling.core.token or ""
        return CallTicket(call.wire_sid, self.direction, token, told, self.custom_parameters, self.is_muted())

    def resume(self, *, muted: bool) -> None:
        """Come back to a call that another process has left behind; the Device calls it."""
        self._call.media.mute(muted)
        self._call.resume()

    @or_handler("accept")
    def accept(
        self,
        audio_constraints: Mapping[str, Any] | bool | None = None,
        rtc_configuration: Mapping[str, Any] | None = None,
    ) -> None:
        """Take a pending call; in any other state nothing happens, nor when its Device was destroyed.

        The answer follows when the microphone is open.

        Raises InvalidArgumentError for an argument that cannot be used.
        """
        audio_constraints, rtc_configuration = accept_arguments(audio_constraints, rtc_configuration)
        self._host.check_call(audio_constraints, rtc_configuration)
        if self._host.is_closed:
            return
        if self._call.core.state is CallState.PENDING:
            self._call.media.configure(audio_constraints, rtc_configuration)
        self._call.fire(Trigger.ACCEPT)

    @or_handler("reject")
    def reject(self) -> None:
        """Refuse a pending call, for all who are rung."""
        self._call.fire(Trigger.REJECT)

    @or_handler("cancel")
    def ignore(self) -> None:
        """Stop ringing here; the caller hears nothing of it."""
        self._call.fire(Trigger.IGNORE)

    @or_handler("disconnect")
    def disconnect(self) -> None:
        """Hang up; a pending or closed call is not changed."""
        self._call.fire(Trigger.DISCONNECT)

    @or_handler("mute")
    def mute(self, flag: bool = True) -> None:
        """Send silence instead of the microphone, or stop doing so."""
        flag = bool(flag)
        if flag == self.is_muted():
            return
        self._call.media.mute(flag)
        self._host.call_changed()
        self._call.report("INFO", "connection", "muted" if flag else "unmuted")
        self.emit("mute", flag, self)

    def is_muted(self) -> bool:
        """Tell whether silence is sent."""
        return self._call.media.muted

    def send_digits(self, digits: str) -> None:
        """Press keys: 0-9, *, # and w (a pause of 500 ms).

        They go into the audio (RFC 4733), or as one message where the far side does not take them. Raises
        InvalidArgumentError for other characters, InvalidStateError before there is media.
        """
        check_digits(digits)
        session = self._call.media.session
        if session is None:
            raise InvalidStateError("digits cannot be sent before the call was accepted: wait for the event `accept`")
        self._call.digits.tell(DigitSender.play_keys, digits)
        if session.can_insert_dtmf and not self._call.media.closed:
            self._call.digits.tell(DigitSender.send, digits)
        elif (stream := self._call.stream) is not None:
            stream.dtmf(self._call.sid, digits)
        else:
            self._call.emit_error(catalogue.digits_not_sent(self))

    def send_message(self, message: Mapping[str, Any] | None = None, **members: Any) -> str:
        """Send words of the program along with the call, and return their sid; `messageSent` follows, or `error`.

        `message` has `content`, `messageType` and perhaps `contentType`; they may be keyword arguments as well. Raises
        InvalidArgumentError for one that cannot be sent, InvalidStateError before the call has a sid and after its
        end, NotSupportedError in the first generation.
        """
        return self._messaging.send(message, members)

    def post_feedback(self, score: int | None = None, issue: str | None = None) -> Any:
        """Tell the service how good the call was: 1 to 5, and what was wrong; raises InvalidArgumentError.

        Returns a gevent AsyncResult, set when the service has taken it, and at once where reporting is off.
        """
        name, payload = feedback_event(score, issue)
        result = self._call.report("INFO", "feedback", name, payload)
        return _done() if result is None else result

    def get_local_stream(self) -> Any:
        """Return what is sent, as a stream to read and write frames; None before the capture, and at the end."""
        media = self._call.media
        return media.session.local_stream if media.session is not None and not media.closed else None

    def get_remote_stream(self) -> Any:
        """Return what is heard, as a stream that frames can be read from; None before the far side's audio."""
        session = self._call.media.session
        return session.remote_stream if session is not None else None

    def status(self) -> str:
        """Return pending, connecting, ringing, open, reconnecting or closed."""
        return self._call.shown.value

    def _listened(self, event: str) -> None:
        if event == "volume":
            self._call.monitoring.look_sooner()

    @property
    def codec(self) -> str | None:
        """The codec of the latest sample, e.g. `opus` or `PCMU`."""
        return self._call.monitoring.codec

    @property
    def media_stream(self) -> Any:
        """The media session; None before the capture."""
        return self._call.media.session

    def _report_made(self) -> None:
        told = {"preflight": self._host.options.preflight, **self._host.generation.told_of_calls}
        self._call.report("INFO", "connection", self.direction.lower(), told if self.direction == OUTGOING else None)


def _custom_parameters(
    parameters: Mapping[str, Any], custom_parameters: Mapping[str, Any] | None, direction: str
) -> dict[str, str]:
    if direction == INCOMING:
        return decode_params(parameters.get("Params"))
    return {str(name): js_string(value) for name, value in (custom_parameters or {}).items()}


def _done() -> AsyncResult[None]:
    result: AsyncResult[None] = AsyncResult()
    result.set(None)
    return result
