"""What drives one call: triggers go into its core, and the effects that come out are carried out in order."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.errors import VoiceError
from agent.handlers import call_handler
from agent.voice import call_effects as do
from agent.voice import call_errors as catalogue
from agent.voice.call_causes import NOTHING, Cause, error_of
from agent.voice.call_core import CallCore
from agent.voice.call_ids import INCOMING
from agent.voice.call_media import CallMedia
from agent.voice.call_signaling import CallSignaling
from agent.voice.call_state import CallState
from agent.voice.digits import GAP_MS, TONE_MS, DigitEffect, DigitSender, Insert
from agent.voice.driver import Driver
from agent.voice.farewells import Farewell
from agent.voice.monitoring import Monitoring
from agent.voice.protocols import CallHost, SignalingStream
from agent.voice.recovery_driver import RecoveryDriver
from agent.voice.recovery_effects import RecoveryEffect
from agent.voice.recovery_policy import Recovery, RecoveryLimits
from agent.voice.signaling_driver import SignalingDriver
from agent.voice.sounds import DISCONNECT
from agent.voice.states import Trigger
from agent.voice.stream_extras import keeps_hangups

log = logging.getLogger(__name__)


class CallDriver:
    """The inner side of a Connection."""

    def __init__(self, host: CallHost, connection: Any, offer_sdp: str | None, token: str | None = None) -> None:
        """`offer_sdp`, and the `token` with which the call outlives its socket, came with an incoming call."""
        self.host = host
        self.connection = connection
        self.shown = CallState.PENDING  #: what the program sees, a few effects behind the core
        self.core = CallCore(incoming=connection.direction == INCOMING, sid=connection.parameters.get("CallSid"))
        self._first_stream = host.stream
        self._due: deque[do.CallEffect] = deque()
        self._busy_since: float | None = None
        self._asks_when_described = False  # the service was reached before there was an offer
        limits = RecoveryLimits(host.options.reconnect_limit_s)
        self._recovery = RecoveryDriver(host.clock, Recovery(host.options.enable_ice_restart, limits), self)
        outlives, limit_s = host.generation.calls_outlive_sockets, host.options.max_call_signaling_timeout_ms / 1000
        self.signaling = SignalingDriver(host.clock, CallSignaling(outlives, limit_s, token), self)
        self.digits: Driver[DigitSender, DigitEffect] = Driver(host.clock, DigitSender(), self._play_digits)
        self.media = CallMedia(host, self, offer_sdp)
        self.monitoring = Monitoring(host, self)

    @property
    def sid(self) -> str | None:
        """The name that the server gave the call."""
        return self.core.sid or None

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

    @property
    def restart_offered(self) -> bool:
        """Whether an ICE restart offer waits for its answer."""
        return self.core.flags.remote_sdp_applied and self.media.has_local_offer

    @property
    def waits_for_service(self) -> bool:
        """Whether the service has been asked for the call and has not answered."""
        return self.signaling.core.is_asked

    def fire(self, trigger: Trigger, cause: Cause = NOTHING) -> None:
        """Let the core decide, then act; a listener that closes the call ends what was to be done before."""
        was_live = self.core.state is not CallState.CLOSED
        effects = self.core.on(trigger, cause)
        if was_live and self.core.state is CallState.CLOSED:
            self._due.clear()
        self.carry_out(effects)
        self.host.call_changed()

    def carry_out(self, effects: Sequence[do.CallEffect]) -> None:
        """Do this after all that is still to be done.

        A listener may fire: what came before it is done first, so that it meets the call as its core is. An effect
        that fails is logged, for the core has changed already: the others are due all the same.
        """
        self._due.extend(effects)
        while self._due:
            effect = self._due.popleft()
            before, self._busy_since = self._busy_since, self.host.clock.now()
            try:
                self._perform(effect)
            except Exception:
                log.exception("a call could not do this: %s", type(effect).__name__)
            finally:
                self._busy_since = before

    def tell_recovery(self, event: Callable[..., Sequence[RecoveryEffect]], *args: Any) -> None:
        """Tell the recovery policy what happened: `event` is a method of it."""
        self._recovery.tell(event, *args)

    def overdue_s(self) -> float:
        """Return the seconds since some part of the call should have done its next step."""
        drivers = [part for part in vars(self).values() if isinstance(part, Driver)]
        busy_s = 0.0 if self._busy_since is None else self.host.clock.now() - self._busy_since
        late = [driver.overdue_s() for driver in drivers]
        return max(busy_s, self.media.overdue_s(), self.monitoring.overdue_s(), *late)

    def abandon(self) -> None:
        """End it although parts of it fail: what still works says good-bye, and the program hears that it is over."""
        call_handler("a call that is given up", self.fire, Trigger.MEDIA_LOST, self.media_lost())
        if self.shown is CallState.CLOSED:
            return
        self.core.state = self.shown = CallState.CLOSED
        self._due.clear()
        if (stream := self.stream) is not None:
            call_handler("a call that is given up", stream.hangup, self.wire_sid, None)
        call_handler("a call that is given up", self._close)
        self.media.close()
        self.emit("disconnect", self.connection)

    def media_lost(self) -> Cause:
        """Word what ends the call, here and for the far end, when its path is gone for good."""
        words = self.host.generation.interrupted
        return Cause(error=catalogue.media_lost(self.connection, words), reason=words)

    def resume(self) -> None:
        """Take up a call that another process has left behind."""
        self.tell_recovery(Recovery.resumed)
        self.signaling.tell(CallSignaling.resumed)
        self.fire(Trigger.RESUME, Cause(error=catalogue.signaling_lost()))

    def ask_for_it(self) -> None:
        """Ask the service for this call over the new socket; one that has no description yet goes on by itself."""
        sdp, token = self.media.local_sdp, self.signaling.core.token
        if sdp is None and self.core.flags.resumed:
            self._asks_when_described = True
            return
        if sdp is None or token is None or self.host.stream is None:
            self.signaling.tell(CallSignaling.answered)
            return
        self.signaling.tell(CallSignaling.asked)
        self.host.stream.reconnect(sdp, self.wire_sid, token)

    def report(self, level: str, group: str, name: str, payload: Mapping[str, Any] | None = None) -> Any:
        """Publish one Insights event about this call."""
        return self.host.report(level, group, name, payload, self.connection)

    def emit(self, event: str, *args: Any) -> None:
        """Emit an event of the connection."""
        self.connection.emit(event, *args)

    def emit_error(self, error: VoiceError) -> None:
        """Emit an `error` that leaves the call as it is."""
        self.carry_out(error_of(error))

    def _perform(self, effect: do.CallEffect) -> None:
        match effect:
            case do.ShowState(state):
                self.shown = state
            case do.EmitEvent(event, args, with_call):
                self.emit(event, *(self.connection,) if with_call else args)
            case do.ReportEvent(name, payload, group, level):
                self.report(level, group, name, payload)
            case do.ReportError(error, level):
                self.report(level, "connection", "error", self.host.generation.report_of(error, level))
            case do.NameCall(sid):
                self.connection.parameters["CallSid"] = sid
            case do.DisconnectOther():
                self.host.before_accept(self.connection)
            case do.PlayDisconnect():
                self.host.sounds.play_if_enabled(DISCONNECT)
            case do.StartMonitoring():
                self.monitoring.start()
            case do.CloseMedia():
                self._close()
            case do.AskService():
                if self._asks_when_described and self.stream is not None:
                    self.ask_for_it()
            case do.OpenCapture() if not self.core.flags.resumed:
                self.host.contact.when_made(self._open_capture, self._not_reached)
            case do.SendInvite() | do.SendAnswer() | do.SendReinvite() | do.SendHangup() | do.SendReject():
                self._send(effect)
            case _:
                self.media.perform(effect)

    def _send(self, message: do.SignalingMessage) -> None:
        """What opens or takes a call goes to the Device's stream of today, what goes on with it to the call's own."""
        now, own = self.host.stream, self.stream
        match message:
            case do.SendInvite(sdp) if now is not None:
                connection, preflight = self.connection, self.host.options.preflight
                now.invite(sdp, connection.outbound_connection_id, preflight, connection.encoded_parameters)
            case do.SendAnswer(sdp) if now is not None:
                now.answer(sdp, self.wire_sid)
            case do.SendReject() if now is not None:
                now.reject(self.sid)
            case do.SendReinvite(sdp) if own is not None:
                own.reinvite(sdp, self.wire_sid)
            case do.SendHangup(text) if (farewell := self._farewell(text)) is not None:
                self.host.farewells.add(farewell)
            case do.SendHangup(text) if own is not None:
                own.hangup(self.wire_sid, text)
            case do.SendHangup(text) if now is not None and keeps_hangups(now):
                now.hangup(self.wire_sid, text)

    def _farewell(self, message: str | None) -> Farewell | None:
        """What the service must hear of the end of a call that it keeps for us, when it is reached again."""
        signaling, sdp = self.signaling.core, self.media.local_sdp
        if not signaling.is_lost or signaling.is_asked or signaling.token is None or sdp is None:
            return None
        return Farewell(self.wire_sid, sdp, signaling.token, message)

    def _open_capture(self) -> None:
        if self.core.state is CallState.CONNECTING:
            self.media.perform(do.OpenCapture())

    def _not_reached(self) -> None:
        self.fire(Trigger.NEGOTIATION_FAILED, Cause(error=catalogue.signaling_down(self.connection)))

    def _close(self) -> None:
        """End every part, also when another one fails at it."""
        call_handler("the end of a call", self._recovery.end, Recovery.close)
        call_handler("the end of a call", self.signaling.end, CallSignaling.end)
        call_handler("the end of a call", self.digits.end, DigitSender.close)
        call_handler("the end of a call", self.media.close)
        call_handler("the end of a call", self.monitoring.stop)

    def _play_digits(self, effect: DigitEffect) -> None:
        if not isinstance(effect, Insert):
            self.host.sounds.play_key(effect.digit)
        elif self.media.session is not None and not self.media.closed:
            self.media.session.insert_dtmf(effect.tones, TONE_MS, GAP_MS)
