"""How a box understands and words what its service refuses, for each protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.errors import VoiceError
from agent.signaling import refusals, sip_refusals
from agent.signaling.refusals import Complaint
from agent.signaling.settings import SignalingSettings


@dataclass(frozen=True)
class RefusalWords:
    """Of one protocol."""

    of: Callable[[VoiceError], Complaint | None]
    say: Callable[[Complaint, object, str], str]  #: of the refusal, its code and the service's words
    dismissed: Complaint  #: connections that are closed without a word
    parts: tuple[str, ...]  #: the troubles that a registration ends
    not_reached: str  #: what to check


def refusal_words(signaling: SignalingSettings) -> RefusalWords:
    """Choose by the protocol."""
    if signaling.is_sip:
        return RefusalWords(sip_refusals.sip_refusal_of, sip_refusals.sip_in_words, sip_refusals.HUNG_UP_ON,
                            sip_refusals.PARTS, "the PBX is not reached: {why}; check [sip]")  # fmt: skip

    def say(refusal: Complaint, code: object, message: str) -> str:
        return refusals.in_words(refusal, signaling.generation, code, message)

    return RefusalWords(refusals.refusal_of, say, refusals.DISMISSED, refusals.PARTS,
                        "the voice service is not reached: {why}; check [signaling]")  # fmt: skip
