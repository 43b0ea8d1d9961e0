"""What a call is told by its Device: the service's messages about it, and what becomes of the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from agent.signaling.pstream.names import Member
from agent.voice import call_effects as do
from agent.voice import call_errors as catalogue
from agent.voice.call import CallDriver
from agent.voice.call_causes import Cause
from agent.voice.call_messaging import Messaging
from agent.voice.call_signaling import CallSignaling
from agent.voice.protocols import CallHost
from agent.voice.recovery_policy import Recovery
from agent.voice.states import Trigger


class ShownCall(Protocol):
    """What a program sees of the call, as a Connection."""

    answered_elsewhere: bool
    answered_by: str
    sip_status: int | None
    outbound_connection_id: str

    def emit(self, event: str, *args: Any) -> bool: ...


class CallInbox:
    """The inner side of a Connection, for its Device; a program has no business here."""

    def __init__(self, connection: ShownCall, host: CallHost, call: CallDriver, messaging: Messaging) -> None:
        self._connection = connection
        self._host = host
        self._call = call
        self._messaging = messaging

    @property
    def waits_for_answer(self) -> bool:
        """Whether a `ringing` or `answer` of the server is meant for this call."""
        return self._call.core.is_dialling or self._call.restart_offered or self._call.waits_for_service

    def is_called(self, callsid: object) -> bool:
        """Tell whether the server means this call by `callsid`."""
        return isinstance(callsid, str) and callsid in (self._call.sid, self._connection.outbound_connection_id)

    def on_ringing(self, payload: Mapping[str, Any]) -> None:
        """Take the server's `ringing`."""
        rings = self._host.options.enable_ringing_state
        cause = Cause(sdp=payload.get("sdp"), callsid=payload.get("callsid"), ringing_enabled=rings)
        self._call.fire(Trigger.RINGING, cause)

    def on_answer(self, payload: Mapping[str, Any]) -> None:
        """Take the server's `answer`: to the call, to its ICE restart, or to the question whether it still has it."""
        sdp, token = payload.get("sdp"), payload.get("reconnect")
        if isinstance(token, str) and token:
            self._call.signaling.tell(CallSignaling.named, token)
            self._host.call_changed()
        self._call.signaling.tell(CallSignaling.answered)
        if isinstance(by := payload.get(Member.ANSWERED_BY), str):
            self._connection.answered_by = by
        if sdp and self._call.restart_offered:
            self._call.fire(Trigger.RESTART_ANSWER, Cause(sdp=sdp))
        elif sdp and payload.get("fork") is True:
            self._call.media.take_fork(sdp)
        self._call.fire(Trigger.ANSWER, Cause(sdp=sdp, callsid=payload.get("callsid")))

    def on_cancel(self, elsewhere: bool = False) -> None:
        """Take the server's `cancel`; `elsewhere`: another phone of ours has taken the call."""
        self._connection.answered_elsewhere = elsewhere
        self._call.fire(Trigger.CANCEL)

    def on_hold(self, held: bool) -> None:
        """Take in that the far side does not listen any more, or does again."""
        self._connection.emit("hold", held)

    def on_digit(self, digit: str) -> None:
        """Take a key that the far side pressed and signaling carried."""
        self._connection.emit("digit", digit)

    def on_peer_changed(self) -> None:
        """Look for a path anew: another machine carries on at the far end, which knows nothing of the one in use."""
        self._call.tell_recovery(Recovery.network_changed, True)

    def on_dropped(self) -> None:
        """End a pending call without a word: it cannot be taken any more."""
        self._call.fire(Trigger.DROPPED)

    def on_hangup(self, error: Mapping[str, Any] | None, sip_status: int | None = None) -> None:
        """Take the server's `hangup`, with its error if it has one; a PBX says how a call of ours came to nothing."""
        self._connection.sip_status = sip_status
        entry = self._host.generation.class_of_end(error or {}, self._host.options.precise_errors)
        told = catalogue.far_end_error(self._connection, error, entry) if error is not None else None
        self._call.fire(Trigger.HANGUP, Cause(error=told))

    def overdue_s(self) -> float:
        """Return the seconds since some part of it should have done its next step."""
        return self._call.overdue_s()

    def abandon(self) -> None:
        """End it although parts of it fail."""
        self._call.abandon()

    def on_transport_close(self) -> None:
        """Note that the socket is lost."""
        self._call.tell_recovery(Recovery.signaling, False)
        self._call.signaling.tell(CallSignaling.lost)

    @property
    def is_being_resumed(self) -> bool:
        """Whether the service has not given back yet what another process has left behind."""
        return self._call.core.flags.resumed and self._call.core.flags.signaling_lost

    def on_service_reached(self) -> None:
        """Note that the service is reached again, or takes a new token."""
        self._call.signaling.tell(CallSignaling.connected)

    def on_refused(self, payload: Mapping[str, Any], error: Mapping[str, Any]) -> None:
        """Take the server's `error` about one of our messages."""
        self._messaging.refused(payload, error)

    def on_not_taken_back(self) -> None:
        """Note that the service refused to give this call back."""
        self._call.signaling.tell(CallSignaling.refused)

    def on_ack(self, payload: Mapping[str, Any]) -> None:
        """Take the server's `ack` of one of our messages."""
        self._messaging.acknowledged(payload)

    def on_message(self, payload: Mapping[str, Any]) -> None:
        """Take a message of the far side."""
        self._messaging.received(payload)

    @property
    def path(self) -> tuple[str | None, str | None]:
        """Our address and the far side's on the path that the audio takes; None while there is none."""
        return self._call.media.path

    def on_network_changed(self, reachable: bool) -> None:
        """Look after the path; `reachable` if any way to the far side is left."""
        self._call.tell_recovery(Recovery.network_changed, reachable)

    def on_volume_wanted(self) -> None:
        """Measure volumes from now on."""
        self._call.monitoring.look_sooner()

    def on_offer_refused(self) -> None:
        """Take back a new offer that the far side does not want; the call goes on as it was."""
        if self._call.restart_offered:
            self._call.media.withdraw_offer()

    def on_restart_offer(self, sdp: str, *, instead: bool = False) -> None:
        """Answer the far side's restart of ICE, or make the offer that it asks for without one.

        An own offer under way goes first (glare), unless theirs is to be answered `instead`.
        """
        if self._call.restart_offered and not instead:
            return
        if sdp:
            self._call.fire(Trigger.RESTART_OFFER, Cause(sdp=sdp))
        else:
            self._call.media.perform(do.OfferRestart())
