"""What a Device of each generation does by itself, and one that speaks SIP: side by side (spec: signaling 11).

What differs on the wire stands in `agent.signaling.pstream.generation` and `agent.signaling.sip`. The interface is the
same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from agent.errors import CaptureDeniedError, CaptureError, TwilioError, VoiceError
from agent.media.stats import RawStats
from agent.quality.mos import Score, later_mos, mos
from agent.signaling.pstream.error_classes import first_class, known_class, second_class
from agent.signaling.pstream.names import Member
from agent.signaling.settings import SIP
from agent.twilio_errors import GeneralErrors, UserMediaErrors
from agent.voice.browser_stats import nothing_known, nothing_received
from agent.voice.presence import PresenceCore
from agent.voice.registration import RegisteringCore, RegistrationCore


@dataclass(frozen=True)
class VoiceGeneration:
    """How the Device of one generation registers, calls and ends."""

    registering: Callable[[bool], RegisteringCore]  #: the core; of whether to register without being asked
    opens_when_needed: bool  #: the socket, and a call that is made waits until the service is reached
    calls_end_with_stream: bool  #: their dialogs are in it: another stream knows nothing of them
    calls_outlive_sockets: bool  #: with a token; without one they end with their socket
    is_told_more: bool  #: the service names edge, home and identity
    no_messages: str  #: why a call has none; empty where it has
    no_tokens: str  #: why a Device takes none; empty where it does
    tells_registration: bool  #: by `registering`, `registered`, `unregistered` and `destroyed`
    rejects_at_end: bool  #: pending calls are rejected, not forgotten
    told_of_setup: Mapping[str, Any]  #: what else a program cannot have replaced
    told_of_calls: Mapping[str, Any]  #: what reports of a call that is made have besides
    told_of_media: Callable[[Any], Any]  #: how the constraints of a capture are reported
    told_of_stream: Callable[[RawStats], RawStats]  #: what is known of one that has brought nothing
    score: Score  #: how good a call is, of its figures
    interrupted: str  #: what both ends are told of a call whose path is gone for good
    classify: Callable[[dict[str, Any], bool], TwilioError]  #: of an `error` of the service; whether precisely
    class_of_end: Callable[[Mapping[str, Any], bool], TwilioError]  #: of the error that came with a `hangup`; the same
    class_of_capture: Callable[[CaptureError], TwilioError | None]  #: of a microphone that could not be opened
    report_of: Callable[[VoiceError, str], Mapping[str, Any]]  #: what an error is reported as, at a level


def _first_report(error: VoiceError, level: str) -> Mapping[str, Any]:
    told = {"code": error.code, "message": error.message}
    return told | {"twilioError": vars(error.twilio_error)} if level == "WARNING" else told


def _second_report(error: VoiceError, level: str) -> Mapping[str, Any]:
    """The SDK reports its entry of the catalogue; as a warning the whole of it."""
    entry = error.twilio_error
    if entry is None:
        return _first_report(error, level)
    told = {"code": entry.code, "message": f"{entry.name} ({entry.code}): {error.message or entry.explanation}"}
    members = {name: getattr(entry, name) for name in ("causes", "description", "explanation", "name", "solutions")}
    return told | members if level == "WARNING" else told


def _second_class_of_end(error: Mapping[str, Any], precise: bool) -> TwilioError:
    """What the catalogue has no class for, or none that may be told, is an error of the gateway."""
    known = known_class(error.get(Member.CODE), precise=precise) or GeneralErrors.ConnectionError
    return known(original_error=dict(error))


def _second_class_of_capture(error: CaptureError) -> TwilioError:
    denied = isinstance(error, CaptureDeniedError)
    return UserMediaErrors.PermissionDeniedError() if denied else UserMediaErrors.AcquisitionFailedError()


def _sip_class(error: Mapping[str, Any], precise: bool) -> TwilioError:
    attached = error.get(Member.TWILIO_ERROR)
    return attached if isinstance(attached, TwilioError) else GeneralErrors.ConnectionError(original_error=dict(error))


#: The reference's own words, which go on the wire with `hangup`.
INTERRUPTED: Final = "Connection with Twilio was interrupted."

GENERATIONS: Final = {
    "1": VoiceGeneration(
        registering=RegistrationCore,
        opens_when_needed=False,
        calls_end_with_stream=False,
        calls_outlive_sockets=False,
        is_told_more=False,
        no_messages='messages are of the second generation: set up the Device with generation="2"',
        no_tokens="",
        tells_registration=False,
        rejects_at_end=False,
        told_of_setup={},
        told_of_calls={},
        told_of_media=lambda constraints: constraints,
        told_of_stream=nothing_known,
        score=mos,
        interrupted=INTERRUPTED,
        classify=lambda error, precise: first_class(error),
        class_of_end=lambda error, precise: GeneralErrors.ConnectionError(),
        class_of_capture=lambda error: None,
        report_of=_first_report,
    ),
    "2": VoiceGeneration(
        registering=PresenceCore,
        opens_when_needed=True,
        calls_end_with_stream=False,
        calls_outlive_sockets=True,
        is_told_more=True,
        no_messages="",
        no_tokens="",
        tells_registration=True,
        rejects_at_end=True,
        told_of_setup={"MediaStream": False},
        told_of_calls={"reconnect": False},
        told_of_media=lambda constraints: {"audio": constraints},
        told_of_stream=nothing_received,
        score=later_mos,
        interrupted=INTERRUPTED,
        classify=lambda error, precise: second_class(error, precise=precise),
        class_of_end=_second_class_of_end,
        class_of_capture=_second_class_of_capture,
        report_of=_second_report,
    ),
    # SIP: a call has a dialog of its own, which the stream keeps and probes; it rides on over a lost socket.
    SIP: VoiceGeneration(
        registering=partial(PresenceCore, interval_s=None),
        opens_when_needed=True,
        calls_end_with_stream=True,
        calls_outlive_sockets=False,
        is_told_more=True,
        no_messages="there are no messages in a call by SIP; send what belongs to it as parameters of connect()",
        no_tokens="with SIP a password lets the Device in; change it by update_options(sip=...)",
        tells_registration=True,
        rejects_at_end=True,
        told_of_setup={"MediaStream": False},
        told_of_calls={},
        told_of_media=lambda constraints: {"audio": constraints},
        told_of_stream=nothing_received,
        score=later_mos,
        interrupted="The sound of the call was interrupted.",
        classify=_sip_class,
        class_of_end=_sip_class,
        class_of_capture=_second_class_of_capture,
        report_of=_second_report,
    ),
}
