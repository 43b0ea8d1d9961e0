"""What a PBX's errors about the registration mean, and what to do: the counterpart of `agent.signaling.refusals`."""

from __future__ import annotations

from typing import Final

from agent.errors import VoiceError
from agent.signaling.refusals import Complaint

REFUSED_HERE: Final = 31201
ACCOUNT: Final = Complaint("account", "the PBX refuses this box", "check user, domain and password in [sip]", True)
#: No code, but what becomes of each connection: `agent.signaling.dismissals`.
HUNG_UP_ON: Final = Complaint("account", "the PBX closes each connection as soon as it is open",
                              "check that sip.edges are its addresses for SIP over WebSocket")  # fmt: skip
PARTS: Final = (ACCOUNT.part,)


def sip_refusal_of(error: VoiceError) -> Complaint | None:
    """Tell what the PBX refuses; None for errors of a call, of the microphone and of the connection."""
    if error.connection is not None or error.twilio_error is None or error.code != REFUSED_HERE:
        return None
    return ACCOUNT


def sip_in_words(refusal: Complaint, _code: object, message: str) -> str:
    """Say what is so, and what to do; an error of the stream says both."""
    return message or f"{refusal.what}; {refusal.remedy}"
