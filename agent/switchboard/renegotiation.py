"""What a client's further description of its media leads to: a restart of its path, or media made anew. Pure.

`like` is the leg whose codec new media should take.
"""

from __future__ import annotations

from agent.signaling.pstream.names import Member, MessageType
from agent.switchboard import sdp as descriptions
from agent.switchboard.call_leg import CallLeg
from agent.switchboard.effects import LegEffect, Replace, Restart, Tell


def describe_anew(leg: CallLeg, sdp: str, like: CallLeg | None) -> list[LegEffect]:
    """Follow a client that takes its call up again, be it as another process, over another path, or as it was."""
    if _differ("fingerprint", sdp, leg.remote_sdp):
        return _replace(leg, sdp, like)
    if _differ("ice-ufrag", sdp, leg.remote_sdp):
        return restart(leg, sdp, like)
    return [] if leg.is_unanswered else [answer(leg, leg.local_sdp)]


def restart(leg: CallLeg, sdp: str, like: CallLeg | None) -> list[LegEffect]:
    """Restart the client's ICE below the same keys."""
    if leg.is_replacing:  # there is nothing yet that could be restarted
        return _replace(leg, sdp, like)
    leg.take(sdp)
    return [Restart(leg, sdp)]


def restarted(leg: CallLeg, sdp: str) -> list[LegEffect]:
    """Tell the client how its path goes on."""
    leg.settle(sdp)
    return [answer(leg, sdp)]


def answer(leg: CallLeg, sdp: str) -> LegEffect:
    """Tell the client our description, if it needs one, and its next token."""
    description = {Member.SDP: sdp} if sdp else {}
    known = {Member.ANSWERED_BY: leg.answered_by} if leg.answered_by else {}
    return Tell(leg, MessageType.ANSWER, {Member.CALLSID: leg.callsid, **description, **leg.tell_token(), **known})


def _replace(leg: CallLeg, sdp: str, like: CallLeg | None) -> list[LegEffect]:
    leg.take(sdp)
    leg.renew_media()
    return [Replace(leg, sdp, like)]


def _differ(attribute: str, sdp: str, before: str) -> bool:
    return descriptions.attribute(sdp, attribute) != descriptions.attribute(before, attribute)
