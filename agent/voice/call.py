"""What drives one call: every trigger goes through the table of states, every action has one small method here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.errors import VoiceError
from agent.quality.warnings import ICE_CONNECTIVITY_LOST
from agent.voice import call_errors as catalogue
from agent.voice.call_ids import INCOMING
from agent.voice.monitoring import Monitoring
from agent.voice.negotiation import Negotiation
from agent.voice.protocols import CallHost, SignalingStream
from agent.voice.recovery_driver import Recovering
from agent.voice.recovery_policy import Effect, Recovery, RecoveryLimits
from agent.voice.sounds import DISCONNECT
from agent.voice.states import NOTHING, Action, Cause, Flags, State, Trigger, step


class Call:
    """The inner side of a Connection."""

    def __init__(self, host: CallHost, connection: Any, offer_sdp: str | None) -> None:
        self.host = host
        self.connection = connection
        self.state = State.PENDING
        self.offer_sdp = offer_sdp
        self._first_stream = host.stream
        self.constraints: Any = None
        self.rtc_configuration: Mapping[str, Any] | None = None
        self.listening = False
        self.answered = False
        self._accepted = False
        self._cancelled = False
        self._media_open = False
        options = host.options
        policy = Recovery(options.enable_ice_restart, RecoveryLimits(options.reconnect_limit_s))
        self.recovering = Recovering(host.clock, policy, lambda effect: _EFFECTS[effect](self))
        self.negotiation = Negotiation(self)
        self.media = self.negotiation.media
        self.monitoring = Monitoring(self)

    @property
    def sid(self) -> str | None:
        """The name that the server gave the call."""
        return self.connection.parameters.get("CallSid") or None

    @property
    def wire_sid(self) -> str:
        """The name to use towards the server now."""
        return self.sid or str(self.connection.outbound_connection_id)

    @property
    def stream(self) -> SignalingStream | None:
        """Where messages go; None when there is no connection to the service to speak of.

        After the server has closed its stream the call still tries, and is told that this is in vain (31009).
        """
        stream = self.host.stream or self._first_stream
        return stream if stream is not None and stream.status != "disconnected" else None

    def fire(self, trigger: Trigger, cause: Cause = NOTHING) -> None:
        """Let the table decide, then act; a listener that itself changes the state ends the rest of the row."""
        decided = step(self.state, self._flags(cause), trigger)
        expected = self.state
        for action in decided.actions:
            if action is Action.ENTER:
                self.state = expected = decided.state
            else:
                _ACTIONS[action](self, cause)
            if self.state is not expected:
                return

    def report(self, level: str, group: str, name: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Publish one Insights event about this call."""
        return self.host.report(level, group, name, payload, self.connection)

    def emit(self, event: str, *args: Any) -> None:
        """Emit an event of the connection."""
        self.connection.emit(event, *args)

    def emit_error(self, error: VoiceError) -> None:
        """Report an `error` event before anybody hears it."""
        self.report("ERROR", "connection", "error", {"code": error.code, "message": error.message})
        self.emit("error", error)

    def _flags(self, cause: Cause) -> Flags:
        return Flags(
            incoming=self.connection.direction == INCOMING,
            answered=self.answered,
            media_open=self._media_open,
            remote_sdp_applied=self.media.remote_sdp_applied,
            accepted=self._accepted,
            cancelled=self._cancelled,
            listening=self.listening,
            signaling_up=self.stream is not None,
            ringing_enabled=self.host.options.enable_ringing_state,
            has_sdp=bool(cause.sdp),
            has_error=cause.error is not None,
        )

    # Actions of the table

    def _disconnect_other(self, cause: Cause) -> None:
        self.host.before_accept(self.connection)

    def _open_capture(self, cause: Cause) -> None:
        self.negotiation.open_capture()

    def _listen(self, cause: Cause) -> None:
        self.listening = True

    def _stop_listening(self, cause: Cause) -> None:
        self.listening = False

    def _mark_answered(self, cause: Cause) -> None:
        self.answered = True

    def _mark_cancelled(self, cause: Cause) -> None:
        self._cancelled = True

    def _mark_media_open(self, cause: Cause) -> None:
        self._media_open = True

    def _store_sid(self, cause: Cause) -> None:
        if cause.callsid:
            self.connection.parameters["CallSid"] = cause.callsid

    def _make_offer(self, cause: Cause) -> None:
        self.media.make_offer()

    def _make_answer(self, cause: Cause) -> None:
        self.media.make_answer(self.offer_sdp or "")

    def _apply_answer(self, cause: Cause) -> None:
        self.media.apply_answer(cause.sdp or "")

    def _send_hangup(self, cause: Cause) -> None:
        if (stream := self.stream) is not None:
            stream.hangup(self.wire_sid, cause.reason)

    def _send_reject(self, cause: Cause) -> None:
        if (stream := self.host.stream) is not None:
            stream.reject(self.sid)

    def _close_media(self, cause: Cause) -> None:
        self.recovering.close()
        self.connection.stop_digits()
        self.media.close()
        self.monitoring.stop()

    def _play_disconnect(self, cause: Cause) -> None:
        self.host.sounds.play_if_enabled(DISCONNECT)

    def _emit_accept(self, cause: Cause) -> None:
        self._accepted = True
        self.emit("accept", self.connection)

    def _emit_cancel(self, cause: Cause) -> None:
        self.emit("cancel")

    def _emit_disconnect(self, cause: Cause) -> None:
        self.emit("disconnect", self.connection)

    def _emit_error(self, cause: Cause) -> None:
        if cause.error is not None:
            self.emit_error(cause.error)

    def _emit_reconnecting(self, cause: Cause) -> None:
        self.emit("reconnecting", cause.error)

    def _emit_reconnected(self, cause: Cause) -> None:
        self.emit("reconnected")

    def _emit_reject(self, cause: Cause) -> None:
        self.emit("reject")

    def _emit_ringing(self, cause: Cause) -> None:
        self.emit("ringing", bool(cause.sdp))

    def _emit_transport_close(self, cause: Cause) -> None:
        self.emit("transportClose")

    def _report_captured(self, cause: Cause) -> None:
        data = {"audioConstraints": self.negotiation.constraints}
        self.report("INFO", "get-user-media", "succeeded", {"data": data})

    def _report_capture_failed(self, cause: Cause) -> None:
        denied = cause.capture_error is not None and cause.capture_error.code == 31208
        data = {"audioConstraints": self.negotiation.constraints, "error": str(cause.capture_error)}
        self.report("ERROR", "get-user-media", "denied" if denied else "failed", {"data": data})

    def _report_ringing(self, cause: Cause) -> None:
        self.report("INFO", "connection", "outgoing-ringing", {"hasEarlyMedia": bool(cause.sdp)})

    def _report_reconnecting(self, cause: Cause) -> None:
        if (error := cause.error) is not None:
            told = {"code": error.code, "message": error.message, "twilioError": vars(error.twilio_error)}
            self.report("WARNING", "connection", "error", told)
        self.report("INFO", "connection", "reconnecting")

    # Effects of the recovery policy

    def _connectivity_lost(self) -> None:
        message = {"message": "The ICE connection is lost."}
        self.report("WARNING", "network-quality-warning-raised", ICE_CONNECTIVITY_LOST, message)
        self.emit("warning", ICE_CONNECTIVITY_LOST)

    def _connectivity_back(self) -> None:
        message = {"message": "The ICE connection is back."}
        self.report("INFO", "network-quality-warning-cleared", ICE_CONNECTIVITY_LOST, message)
        self.emit("warning-cleared", ICE_CONNECTIVITY_LOST)

    def _begin_recovery(self) -> None:
        self.fire(Trigger.RECONNECTING, Cause(error=catalogue.recovery_begins()))

    def _end_recovery(self) -> None:
        self.fire(Trigger.RECONNECTED)

    def _give_up(self) -> None:
        self.fire(Trigger.MEDIA_LOST, Cause(error=catalogue.media_lost(self.connection), reason=catalogue.INTERRUPTED))

    def _gathering_none(self) -> None:
        self.report("WARNING", "ice-gathering-state", "none")

    def _gathering_timeout(self) -> None:
        self.report("WARNING", "ice-gathering-state", "timeout")

    def _restart_ice(self) -> None:
        self.media.make_restart_offer()


def _reports(name: str) -> Callable[[Call, Cause], None]:
    def report(call: Call, cause: Cause) -> None:
        call.report("INFO", "connection", name)

    return report


_ACTIONS: Final[Mapping[Action, Callable[[Call, Cause], None]]] = {
    Action.REPORT_CANCEL: _reports("cancel"),
    Action.REPORT_IGNORED: _reports("ignored-by-local"),
    Action.REPORT_REJECTED: _reports("rejected-by-local"),
    Action.REPORT_LOCAL_END: _reports("disconnected-by-local"),
    Action.REPORT_REMOTE_END: _reports("disconnected-by-remote"),
    Action.REPORT_RECONNECTED: _reports("reconnected"),
} | {action: method for action in Action if (method := getattr(Call, f"_{action.name.lower()}", None)) is not None}

_EFFECTS: Final[Mapping[Effect, Callable[[Call], None]]] = {
    Effect.CONNECTIVITY_LOST: Call._connectivity_lost,
    Effect.CONNECTIVITY_BACK: Call._connectivity_back,
    Effect.GATHERING_NONE: Call._gathering_none,
    Effect.GATHERING_TIMEOUT: Call._gathering_timeout,
    Effect.BEGIN: Call._begin_recovery,
    Effect.RESTART: Call._restart_ice,
    Effect.END: Call._end_recovery,
    Effect.FATAL: Call._give_up,
}
