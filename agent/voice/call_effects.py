"""What the core of a call makes its driver do, one small value for each thing.

Effects are carried out in the order given, and nothing comes back: what a step of the media leads to is a trigger of
its own (`agent.voice.states.Trigger`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from agent.errors import VoiceError
    from agent.voice.call_state import CallState

# Towards the program and Insights


@dataclass(frozen=True)
class ShowState:
    """From here on `status()` says so."""

    state: CallState


@dataclass(frozen=True)
class EmitEvent:
    """An event of the Connection; `with_call` makes the Connection itself its argument."""

    event: str
    args: tuple[Any, ...] = ()
    with_call: bool = False


@dataclass(frozen=True)
class ReportEvent:
    """One Insights event about the call."""

    name: str
    payload: Mapping[str, Any] | None = None
    group: str = "connection"
    level: str = "INFO"


@dataclass(frozen=True)
class ReportError:
    """The same about an error of the call."""

    error: VoiceError
    level: str = "ERROR"


@dataclass(frozen=True)
class NameCall:
    """The server named the call: the program reads it as `parameters["CallSid"]`."""

    sid: str


@dataclass(frozen=True)
class DisconnectOther:
    """The call that is active makes way for this one."""


@dataclass(frozen=True)
class PlayDisconnect:
    """The sound of a call that has ended."""


@dataclass(frozen=True)
class StartMonitoring:
    """From here on the media is sampled."""


# Towards the service


@dataclass(frozen=True)
class SendInvite:
    """Our first offer."""

    sdp: str


@dataclass(frozen=True)
class SendAnswer:
    """Our answer, to the first offer or to that of an ICE restart."""

    sdp: str


@dataclass(frozen=True)
class SendReinvite:
    """Our offer of an ICE restart."""

    sdp: str


@dataclass(frozen=True)
class SendHangup:
    """The end of the call, with the reason if there is one to tell."""

    message: str | None = None


@dataclass(frozen=True)
class SendReject:
    """A call that is not taken."""


@dataclass(frozen=True)
class AskService:
    """The service is asked for a call of another process, once it is reached."""


# Towards the media


@dataclass(frozen=True)
class OpenCapture:
    """Make the session and open the microphone."""


@dataclass(frozen=True)
class CreateOffer:
    """Make our first offer."""


@dataclass(frozen=True)
class CreateAnswer:
    """Answer the offer that came with the call."""


@dataclass(frozen=True)
class ApplyAnswer:
    """Apply the answer to our first offer."""

    sdp: str


@dataclass(frozen=True)
class OfferRestart:
    """Begin an ICE restart."""


@dataclass(frozen=True)
class ApplyRestart:
    """Apply the answer to our restart."""

    sdp: str


@dataclass(frozen=True)
class AnswerRestart:
    """Answer a restart that the far side began."""

    sdp: str


@dataclass(frozen=True)
class CloseMedia:
    """End the session, and what lives from it: recovery, digits, samples."""


MediaStep: TypeAlias = (
    OpenCapture | CreateOffer | CreateAnswer | ApplyAnswer | OfferRestart | ApplyRestart | AnswerRestart
)
SignalingMessage: TypeAlias = SendInvite | SendAnswer | SendReinvite | SendHangup | SendReject
CallEffect: TypeAlias = (
    ShowState | EmitEvent | ReportEvent | ReportError | NameCall | DisconnectOther | PlayDisconnect | StartMonitoring
    | CloseMedia | AskService | SignalingMessage | MediaStep
)  # fmt: skip
