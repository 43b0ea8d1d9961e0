"""All calls of a switchboard, without I/O: which call a message belongs to, and what is left of it at its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from agent.log import SeldomLog
from agent.signaling.pstream.messages import Message
from agent.switchboard.call_leg import CallLeg
from agent.switchboard.call_table import CallTable
from agent.switchboard.effects import MakeAnswer, MakeOffer, Release, Restart, TableEffect, TakeAnswer, Tell, TellClient
from agent.switchboard.registry import Registry
from agent.switchboard.settings import SwitchboardSettings

ANEW = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 AA\r\na=rtpmap:111 opus/48000/2\r\n"
OFFER = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"


@dataclass(frozen=True)
class Caller:
    """A client as the table knows it."""

    id: int
    identity: str
    can_resume: bool = True
    account_sid: str = "AC1"
    reconnect_timeout_s: float = 0.0


ALICE, BOB, MALLORY = Caller(1, "alice"), Caller(2, "bob"), Caller(3, "mallory")


def table(*more: Caller, **settings: int) -> CallTable:
    registry: Registry[Caller] = Registry()
    for client in (ALICE, BOB, MALLORY, *more):
        registry.add(client)
        registry.set_reachable(client.id, True)
    return CallTable(SwitchboardSettings(**settings), registry, SeldomLog(logging.getLogger(__name__)))


def dial(calls: CallTable, target: str = "bob", sid: str = "TJS1") -> list[TableEffect]:
    payload = {"callsid": sid, "sdp": OFFER, "twilio": {"params": f"To={target}"}}
    return calls.request(ALICE, Message("invite", payload), 0.0)


def say(calls: CallTable, client: Caller, type_: str, callsid: str, **more: object) -> list[TableEffect]:
    return calls.request(client, Message(type_, {"callsid": callsid, **more}), 0.0)


def tell(effects: list[TableEffect]) -> Tell:
    return next(effect for effect in effects if isinstance(effect, Tell))


def test_a_call_is_forgotten_when_its_last_leg_has_gone() -> None:
    calls = table()
    caller, callee, _ = answered(calls)
    effects = say(calls, BOB, "hangup", callee.callsid)
    assert len(calls) == 0
    assert {effect.leg for effect in effects if isinstance(effect, Release)} == {caller, callee}


def test_nobody_reaches_the_call_of_another() -> None:
    calls = table()
    caller, _, _ = answered(calls)
    for type_ in ("hangup", "reject", "dtmf"):
        assert say(calls, MALLORY, type_, caller.callsid) == []
    assert say(calls, MALLORY, "answer", caller.callsid, sdp="x") == [
        TellClient(MALLORY.id, "hangup", {"callsid": caller.callsid})
    ]
    assert len(calls) == 1


AGAIN = Caller(11, "alice")  # alice's next socket


def come_back(calls: CallTable, client: Caller, leg: CallLeg, token: str, sdp: str = OFFER) -> list[TableEffect]:
    return say(calls, client, "invite", leg.callsid, sdp=sdp, reconnect=token, twilio={})


def token_of(effects: list[TableEffect]) -> str:
    """The reconnect token that somebody is told."""
    return next(
        effect.payload["reconnect"] for effect in effects if isinstance(effect, Tell) and effect.payload["reconnect"]
    )


def answered(calls: CallTable, sid: str = "TJS1") -> tuple[CallLeg, CallLeg, str]:
    """Let alice call bob, who answers; return both legs and alice's token."""
    (offer,) = dial(calls, sid=sid)
    assert isinstance(offer, MakeOffer)
    calls.done(offer, "offer")
    (take,) = say(calls, BOB, "answer", offer.leg.callsid, sdp="answer")
    assert isinstance(take, TakeAnswer)
    (make,) = calls.done(take, "")
    assert isinstance(make, MakeAnswer)
    return make.leg, offer.leg, token_of(calls.done(make, "answer"))


def snapshot(leg: CallLeg) -> dict[str, object]:
    return {name: value for name, value in vars(leg).items() if name != "tokens"}


@pytest.mark.parametrize("client", [ALICE, AGAIN, MALLORY])
def test_a_token_that_is_not_the_legs_resumes_nothing_and_changes_nothing(client: Caller) -> None:
    calls = table()
    caller, callee, token = answered(calls)
    _, _, of_another_call = answered(calls, "TJS2")
    before = [snapshot(leg) for leg in (caller, callee)]
    refused = [TellClient(client.id, "hangup", {"callsid": caller.callsid})]
    for guess in ("", "guess", token[:-1], "ü", of_another_call):
        assert come_back(calls, client, caller, guess, ANEW) == refused
    if client is MALLORY:
        assert come_back(calls, client, caller, token, ANEW) == refused
    assert [snapshot(leg) for leg in (caller, callee)] == before
    (answer,) = come_back(calls, ALICE, caller, token)
    assert isinstance(answer, Tell) and answer.type == "answer"


def test_a_token_is_refused_once_a_later_one_was_used_or_read() -> None:
    calls = table()
    caller, _, first = answered(calls)
    second = token_of(come_back(calls, AGAIN, caller, first))
    calls.has_read(AGAIN)
    assert come_back(calls, Caller(12, "alice"), caller, first) == [
        TellClient(12, "hangup", {"callsid": caller.callsid})
    ]
    third = token_of(come_back(calls, Caller(13, "alice"), caller, second))
    assert len({first, second, third}) == 3


def test_a_token_that_was_lost_on_its_way_costs_nobody_a_call() -> None:
    calls = table()
    caller, _, first = answered(calls)
    for number in range(20, 30):
        calls.lost(caller.session_id, 1.0)
        come_back(calls, Caller(number, "alice"), caller, first)
    assert caller.session_id == 29


def test_whoever_shows_the_token_has_the_call_and_whoever_had_it_is_told() -> None:
    calls = table()
    caller, _, token = answered(calls)
    gone, answer = come_back(calls, AGAIN, caller, token)
    assert gone == TellClient(ALICE.id, "hangup", {"callsid": caller.callsid})
    assert isinstance(answer, Tell) and caller.session_id == AGAIN.id


def test_a_socket_that_lost_its_call_to_another_has_no_say_in_it_any_more() -> None:
    calls = table()
    caller, _, token = answered(calls)
    come_back(calls, AGAIN, caller, token)
    for type_ in ("hangup", "dtmf", "reject"):
        assert say(calls, ALICE, type_, caller.callsid, dtmf="1") == []
    assert say(calls, ALICE, "reinvite", caller.callsid, sdp=OFFER) == [
        TellClient(ALICE.id, "hangup", {"callsid": caller.callsid})
    ]
    assert caller.session_id == AGAIN.id and len(calls) == 1


def moved(ufrag: str) -> str:
    return OFFER + f"a=ice-ufrag:{ufrag}\r\n"


def restarting(effects: list[TableEffect]) -> Restart:
    return next(effect for effect in effects if isinstance(effect, Restart))


def test_a_later_socket_that_shows_no_token_may_restart_and_hang_up_but_is_told_no_token() -> None:
    calls = table()
    caller, _, token = answered(calls)
    calls.lost(ALICE.id, 1.0)
    first = restarting(come_back(calls, AGAIN, caller, token, moved("a")))  # which has a token to tell when it is done
    calls.lost(AGAIN.id, 2.0)
    second = restarting(say(calls, Caller(12, "alice"), "reinvite", caller.callsid, sdp=moved("b")))
    assert calls.done(first, "late") == []
    answer = tell(calls.done(second, "restarted"))
    assert answer.payload == {"callsid": caller.callsid, "sdp": "restarted"} and caller.session_id == 12
    assert "reconnect" in tell(come_back(calls, Caller(12, "alice"), caller, token, moved("b"))).payload
    assert say(calls, Caller(13, "alice"), "hangup", caller.callsid)
    assert len(calls) == 0


def test_a_socket_that_shows_no_token_is_not_told_of_a_call_while_its_own_is_there() -> None:
    calls = table()
    (offer,) = dial(calls)
    assert isinstance(offer, MakeOffer)
    for type_ in ("dtmf", "reinvite"):
        say(calls, AGAIN, type_, "TJS1", dtmf="1", sdp=OFFER)
    _, ringing = calls.done(offer, "offer")
    assert isinstance(ringing, Tell) and (ringing.type, ringing.leg.session_id) == ("ringing", ALICE.id)


def test_a_device_that_rings_is_not_yet_in_a_call_that_could_be_taken_up() -> None:
    calls = table()
    (offer,) = dial(calls)
    assert isinstance(offer, MakeOffer)
    token = token_of(calls.done(offer, "offer"))
    assert come_back(calls, BOB, offer.leg, token) == [TellClient(BOB.id, "hangup", {"callsid": offer.leg.callsid})]


def test_refusals_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    calls = table()
    caller, _, _ = answered(calls)
    for _ in range(5):
        come_back(calls, MALLORY, caller, "guess")
    assert len(caplog.records) == 1 and "refused" in caplog.text and "guess" not in caplog.text


def test_what_comes_too_late_for_a_call_does_nothing() -> None:
    calls = table()
    (offer,) = dial(calls)
    assert isinstance(offer, MakeOffer)
    calls.end()
    assert calls.done(offer, "offer") == calls.failed(offer) == calls.left(offer.leg, 1.0) == []


def test_one_call_too_many_is_refused_and_forgotten() -> None:
    calls = table(max_calls=1)
    dial(calls)
    told = [effect for effect in dial(calls, sid="TJS2") if isinstance(effect, Tell)]
    assert told[0].payload["error"]["code"] == 31503
    assert len(calls) == 1


def test_one_identity_cannot_begin_all_the_calls() -> None:
    calls = table(max_calls=20, max_calls_per_client=3)
    for number in range(3):
        dial(calls, sid=f"TJS{number}")
    told = [effect for effect in dial(calls, sid="TJS9") if isinstance(effect, Tell)]
    assert told[0].payload["error"]["code"] == 31503
    assert len(calls) == 3
    calls.end()
    dial(calls, sid="TJS10")
    assert len(calls) == 1
