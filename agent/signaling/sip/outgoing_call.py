"""A call of ours until it is answered: one INVITE for each who is called (RFC 3261 sections 9.1 and 13.2).

`legs` decides what becomes of them; all make the same offer, and only the answer of the one that has the call goes on
to media. What a single one sends before its answer is for the program if it wants to hear early media; of several it is
not taken, for the one that speaks first is seldom the one that answers. A call that is taken back ends for the far end
when that has told its last word.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.log import SeldomLog, excerpt
from agent.signaling.pstream.names import Member
from agent.signaling.sip.call_phase import CallDesk, CallPhase, reason_header
from agent.signaling.sip.codes import LOST, call_end
from agent.signaling.sip.effects import CallReport
from agent.signaling.sip.legs import (
    ConnectLeg,
    FailCall,
    ForgetLegs,
    LegEnd,
    Legs,
    LegsEffect,
    MissLeg,
    TakeBackLeg,
    TurnDownLeg,
)
from agent.signaling.sip.message import SipRequest
from agent.signaling.sip.session_text import is_same_peer
from agent.signaling.sip.sip_leg import SipLeg
from agent.signaling.sip.writer import HeaderLines

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

NO_DESCRIPTION: Final = {"code": 31000, "message": "The far side answered without a session description."}
TAKEN: Final = reason_header(200, "Call completed elsewhere")


class OutgoingCall(CallPhase):
    """Our INVITEs, and what comes of them."""

    def __init__(self, desk: CallDesk, sid: str, *, early_media: bool) -> None:
        super().__init__(desk, sid, 0)
        self._early_media = early_media
        self._told_sdp = ""  # what the program hears before the answer
        self._legs: list[SipLeg] = []
        self._names: tuple[str, ...] = ()  # of the legs
        self._course = Legs(0)

    def begin(self, targets: Mapping[str, str], sdp: str, more: HeaderLines, now: float) -> list[CallReport]:
        """Call these URIs, all at once, each with the name that it was called by.

        Raises InvalidArgumentError for what no message can carry.
        """
        if self._desk.flow_near(0) is None:
            return [self._tell("hangup", error=LOST.error("no connection"))]
        for number, target in enumerate(targets):
            call_id = f"{self.sid}-{number + 1}" if number else self.sid
            leg = SipLeg(self._desk, self.sid, self, number, call_id)
            leg.write(target, sdp, more)
            self._legs.append(leg)
        self._names = tuple(targets.values())
        self._course = Legs(len(self._legs))
        self._early_media = self._early_media and len(self._legs) == 1
        self._desk.enter(self)
        return [effect for leg in self._legs for effect in leg.begin(now)]

    def hang_up(self, reason: str | None, now: float) -> list[CallReport]:
        """Take it back."""
        return self._do(self._course.hang_up(), now)

    # What the far ends ask meanwhile

    def goes_by(self, call_id: str) -> bool:
        """Tell whether one of its legs has this Call-ID."""
        return any(leg.call_id == call_id for leg in self._legs)

    def owns(self, request: SipRequest) -> bool:
        """Tell whether a phone that rings means this call."""
        return any(leg.owns(request) for leg in self._legs)

    def take(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Answer what is asked before the answer."""
        return next((leg.take(request, flow, now) for leg in self._legs if leg.owns(request)), [])

    # What the legs say (sip_leg.LegOwner)

    def leg_rings(self, leg: SipLeg, sdp: str) -> list[CallReport]:
        """Let the caller hear that it rings."""
        if not self._course.rings(leg.number):
            return []
        if not (sdp and self._early_media):
            return [self._tell("ringing")]
        self._told_sdp = self._told_sdp or sdp
        return [self._tell("ringing", sdp=sdp)]

    def leg_answered(self, leg: SipLeg, now: float) -> list[CallReport]:
        """Connect it, or turn it down."""
        if leg.answer_sdp:
            return self._do(self._course.answered(leg.number), now)
        return [*leg.turn_down(now), *self.leg_ended(leg, LegEnd(200, ""), now)]

    def leg_ended(self, leg: SipLeg, end: LegEnd, now: float) -> list[CallReport]:
        """Go on without it, or end the call."""
        return self._do(self._course.ended(leg.number, end), now)

    def _do(self, effects: Sequence[LegsEffect], now: float) -> list[CallReport]:
        return [report for effect in effects for report in self._perform(effect, now)]

    def _perform(self, effect: LegsEffect, now: float) -> list[CallReport]:
        match effect:
            case ConnectLeg(number):
                return self._connect(self._legs[number])
            case TakeBackLeg(number, is_taken):
                return self._legs[number].take_back(TAKEN if is_taken else None, now)
            case TurnDownLeg(number):
                return self._legs[number].turn_down(now)
            case MissLeg(number, end):
                self._note(self._legs[number], end)
            case FailCall(end):
                return [self._tell("hangup", **_said(end))]
            case ForgetLegs():
                self._desk.over(self)
        return []

    def _connect(self, leg: SipLeg) -> list[CallReport]:
        """Go on with a leg; what is left of the others is nothing that the program knows of."""
        assert leg.session is not None
        self._desk.enter(leg.session)
        if self._course.are_under_way:
            self._desk.leave(self)
        is_other = bool(self._told_sdp) and not is_same_peer(self._told_sdp, leg.answer_sdp)
        known = {Member.ANSWERED_BY: self._names[leg.number]} if len(self._names) > 1 else {}
        told = self._tell("answer", sdp=leg.answer_sdp, **known, **({"fork": True} if is_other else {}))
        return [told, *leg.session.hold_told(leg.answer_sdp)]

    @staticmethod
    def _note(leg: SipLeg, end: LegEnd) -> None:
        said = _said(end)
        why = (said.get("error") or said.get("refusal") or {}).get("message", "")
        _strangers.warning("%s cannot be called, while others are: %s", excerpt(leg.target), excerpt(why, 200))


def _said(end: LegEnd) -> dict[str, Any]:
    """Make what a `hangup` says of this end."""
    if end.status < 300:
        return {"error": dict(NO_DESCRIPTION)}
    return call_end(end.status, end.phrase, is_ours=end.is_ours)
