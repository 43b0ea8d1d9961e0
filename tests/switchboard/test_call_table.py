"""All calls of a switchboard, without I/O: which call a message belongs to, and what is left of it at its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from agent.errors import ProtocolError
from agent.log import SeldomLog
from agent.signaling.pstream.messages import MAX_FRAME_CHARS, Message
from agent.switchboard.call_leg import CallLeg
from agent.switchboard.call_table import CallTable
from agent.switchboard.effects import Join, MakeAnswer, MakeOffer, Release, TableEffect, TakeAnswer, Tell, TellClient
from agent.switchboard.registry import Registry
from agent.switchboard.settings import SwitchboardSettings

OFFER = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"


@dataclass(frozen=True)
class Caller:
    """A client as the table knows it."""

    id: int
    identity: str
    can_resume: bool = True
    account_sid: str = "AC1"


ALICE, BOB, MALLORY = Caller(1, "alice"), Caller(2, "bob"), Caller(3, "mallory")


def table(**settings: int) -> CallTable:
    registry: Registry[Caller] = Registry()
    for client in (ALICE, BOB, MALLORY):
        registry.add(client)
        registry.set_reachable(client.id, True)
    return CallTable(SwitchboardSettings(**settings), registry, SeldomLog(logging.getLogger(__name__)))


def dial(calls: CallTable, target: str = "bob", sid: str = "TJS1") -> list[TableEffect]:
    payload = {"callsid": sid, "sdp": OFFER, "twilio": {"params": f"To={target}"}}
    return calls.request(ALICE, Message("invite", payload), 0.0)


def say(calls: CallTable, client: Caller, type_: str, callsid: str, **more: object) -> list[TableEffect]:
    return calls.request(client, Message(type_, {"callsid": callsid, **more}), 0.0)


def opened(calls: CallTable) -> tuple[CallLeg, CallLeg]:
    """Let alice call bob, who answers; return both legs."""
    (offer,) = dial(calls)
    assert isinstance(offer, MakeOffer)
    calls.done(offer, "offer")
    (take,) = say(calls, BOB, "answer", offer.leg.callsid, sdp="answer")
    assert isinstance(take, TakeAnswer)
    (make,) = calls.done(take, "")
    assert isinstance(make, MakeAnswer)
    assert Join(make.leg, offer.leg) in calls.done(make, "answer")
    return make.leg, offer.leg


def test_a_call_is_forgotten_when_its_last_leg_has_gone() -> None:
    calls = table()
    caller, callee = opened(calls)
    effects = say(calls, BOB, "hangup", callee.callsid)
    assert len(calls) == 0
    assert {effect.leg for effect in effects if isinstance(effect, Release)} == {caller, callee}


def test_nobody_reaches_the_call_of_another() -> None:
    calls = table()
    caller, _ = opened(calls)
    for type_ in ("hangup", "reject", "dtmf", "message"):
        assert say(calls, MALLORY, type_, caller.callsid) == []
    assert say(calls, MALLORY, "answer", caller.callsid, sdp="x") == [
        TellClient(MALLORY.id, "hangup", {"callsid": caller.callsid})
    ]
    assert len(calls) == 1


def test_a_guessed_token_resumes_nothing() -> None:
    calls = table()
    caller, _ = opened(calls)
    refused = [TellClient(ALICE.id, "hangup", {"callsid": caller.callsid})]
    for guess in ("", "guess", caller.reconnect_token[:-1], "ü"):
        assert say(calls, ALICE, "invite", caller.callsid, sdp=OFFER, reconnect=guess) == refused
    (answer,) = say(calls, ALICE, "invite", caller.callsid, sdp=OFFER, reconnect=caller.reconnect_token)
    assert isinstance(answer, Tell) and answer.type == "answer"


def test_what_comes_too_late_for_a_call_does_nothing() -> None:
    calls = table()
    (offer,) = dial(calls)
    assert isinstance(offer, MakeOffer)
    calls.end()
    assert calls.done(offer, "offer") == calls.failed(offer) == calls.left(offer.leg, 1.0) == []


def test_a_message_is_passed_on_and_acknowledged_or_refused_whole() -> None:
    calls = table()
    caller, callee = opened(calls)
    passed, ack = say(calls, ALICE, "message", caller.callsid, voiceeventsid="KX1", content="hello")
    assert isinstance(passed, Tell) and (passed.leg, passed.payload["content"]) == (callee, "hello")
    assert isinstance(ack, TellClient) and (ack.client_id, ack.type) == (ALICE.id, "ack")
    with pytest.raises(ProtocolError):
        say(calls, ALICE, "message", caller.callsid, voiceeventsid="KX1", content=["9e15"] * MAX_FRAME_CHARS)


def test_one_call_too_many_is_refused_and_forgotten() -> None:
    calls = table(max_calls=1)
    dial(calls)
    told = [effect for effect in dial(calls, sid="TJS2") if isinstance(effect, Tell)]
    assert told[0].payload["error"]["code"] == 31503
    assert len(calls) == 1
