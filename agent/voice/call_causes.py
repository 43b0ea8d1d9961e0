"""What came with a trigger, and the effects that tell it on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from agent.media.sdp.munge import preferred_codec_info
from agent.voice import call_effects as do

if TYPE_CHECKING:
    from agent.errors import CaptureError, VoiceError

Effects: TypeAlias = tuple[do.CallEffect, ...]

DENIED: Final = 31208


class Loss(Enum):
    """What the loss of its socket means to a call."""

    NONE = auto()
    WAITS = auto()  # it is asked for over the next one
    ENDS = auto()


@dataclass(frozen=True)
class Cause:
    """The particulars of one trigger; each trigger brings those that it has."""

    sdp: str | None = None
    local_sdp: str | None = None  # our description in force
    callsid: str | None = None
    ringing_enabled: bool = False  # `ringing` is a state of its own (spec: device 2)
    error: VoiceError | None = None
    capture_error: CaptureError | None = None
    constraints: Any = None  # those of the capture
    reason: str | None = None  # goes out with `hangup`
    loss: Loss = Loss.NONE


NOTHING: Final = Cause()


def error_of(error: VoiceError) -> Effects:
    """Report an `error` event before anybody hears it."""
    return do.ReportError(error), do.EmitEvent("error", (error,))


# Each of these is an action of the table of states


def name_call(cause: Cause) -> Effects:
    """Take the name that the server gave the call, if it did."""
    return (do.NameCall(cause.callsid),) if cause.callsid else ()


def emit_error(cause: Cause) -> Effects:
    """Report and emit the error that came with the trigger, if one did."""
    return error_of(cause.error) if cause.error is not None else ()


def emit_ringing(cause: Cause) -> Effects:
    """Emit `ringing`, with whether the far side sends its own tone."""
    return (do.EmitEvent("ringing", (bool(cause.sdp),)),)


def emit_reconnecting(cause: Cause) -> Effects:
    """Emit `reconnecting`, with the error that began it."""
    return (do.EmitEvent("reconnecting", (cause.error,)),)


def report_ringing(cause: Cause) -> Effects:
    """Report that it rings at the far side."""
    return (do.ReportEvent("outgoing-ringing", {"hasEarlyMedia": bool(cause.sdp)}),)


def report_reconnecting(cause: Cause) -> Effects:
    """Report the error that began the recovery, then the recovery."""
    reconnecting = do.ReportEvent("reconnecting")
    return (reconnecting,) if cause.error is None else (do.ReportError(cause.error, "WARNING"), reconnecting)


def report_captured(cause: Cause) -> Effects:
    """Report the constraints that the microphone was opened with."""
    return (do.ReportEvent("succeeded", {"data": {"audioConstraints": cause.constraints}}, group="get-user-media"),)


def report_capture_failed(cause: Cause) -> Effects:
    """Report why there is no microphone: denied, or failed."""
    error = cause.capture_error
    data = {"audioConstraints": cause.constraints, "error": str(error)}
    name = "denied" if error is not None and error.code == DENIED else "failed"
    return (do.ReportEvent(name, {"data": data}, group="get-user-media", level="ERROR"),)


def report_codec(cause: Cause) -> Effects:
    """Report the codec that stands first in our description."""
    codec = preferred_codec_info(cause.local_sdp or "")
    told = {"codec_params": codec.parameters, "selected_codec": codec.name}
    return (do.ReportEvent("codec", told, group="settings"),)


def send_invite(cause: Cause) -> Effects:
    """Send our first offer."""
    return (do.SendInvite(cause.sdp or ""),)


def send_answer(cause: Cause) -> Effects:
    """Send our answer."""
    return (do.SendAnswer(cause.sdp or ""),)


def send_reinvite(cause: Cause) -> Effects:
    """Send our offer of an ICE restart."""
    return (do.SendReinvite(cause.sdp or ""),)


def send_hangup(cause: Cause) -> Effects:
    """Send the end of the call, with its reason."""
    return (do.SendHangup(cause.reason),)


def apply_answer(cause: Cause) -> Effects:
    """Apply the answer to our first offer."""
    return (do.ApplyAnswer(cause.sdp or ""),)


def apply_restart(cause: Cause) -> Effects:
    """Apply the answer to our ICE restart."""
    return (do.ApplyRestart(cause.sdp or ""),)


def answer_restart(cause: Cause) -> Effects:
    """Answer the far side's ICE restart."""
    return (do.AnswerRestart(cause.sdp or ""),)
