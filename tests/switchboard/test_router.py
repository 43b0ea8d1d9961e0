"""The decisions of one call, without I/O."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from agent.switchboard.call_leg import CallLeg
from agent.switchboard.effects import (
    Join,
    LegEffect,
    MakeAnswer,
    MakeOffer,
    PlayDigits,
    PlayTone,
    Release,
    Replace,
    Restart,
    TakeAnswer,
    Tell,
)
from agent.switchboard.reconnect_tokens import ReconnectTokens
from agent.switchboard.registry import Registered
from agent.switchboard.route_state import RouteState
from agent.switchboard.router import RoutedCall
from agent.switchboard.settings import SwitchboardSettings

SETTINGS = SwitchboardSettings(ring_timeout_s=30, reconnect_grace_s=60, media_grace_s=45)
OFFER = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 126\r\na=rtpmap:111 opus/48000/2\r\na=ice-ufrag:aaaa\r\n"
ALICE = 1


@dataclass(frozen=True)
class Caller:
    """A client as a call knows it."""

    id: int
    can_resume: bool = True
    identity: str = "bob"
    account_sid: str = "AC1"
    reconnect_timeout_s: float = 0.0


def call_to(target: str = "bob", *, can_resume: bool = True) -> RoutedCall:
    numbers = itertools.count(1)

    def new_leg(client: Registered) -> CallLeg:
        tokens = ReconnectTokens() if client.can_resume else None
        return CallLeg(f"CA{next(numbers)}", client.identity or "", client.id, tokens=tokens)

    tokens = ReconnectTokens() if can_resume else None
    caller = CallLeg("CA0", "alice", ALICE, temporary_sid="TJS0", remote_sdp=OFFER, tokens=tokens)
    return RoutedCall(caller, target, {"From": "client:alice"}, SETTINGS, new_leg)


def ringing_call(*sessions: int, can_resume: bool = True) -> RoutedCall:
    call = call_to(can_resume=can_resume)
    call.start([Caller(session, can_resume=False) for session in sessions or (2,)], now=0.0)
    for leg in call.callees:
        call.done(MakeOffer(leg, ()), "offer")
    return call


def open_call(*sessions: int, can_resume: bool = True) -> RoutedCall:
    call = ringing_call(*sessions, can_resume=can_resume)
    callee = call.callees[0]
    call.answer(callee, "answer")
    call.done(TakeAnswer(callee, ""), "")
    call.done(MakeAnswer(call.caller, OFFER, None), "first answer")
    assert call.state is RouteState.OPEN
    return call


def resume(call: RoutedCall, leg: CallLeg, sdp: str) -> list[LegEffect]:
    """Let a client come back over another socket, with the token that it has."""
    leg.attach(Caller(leg.session_id + 10), proven=True)
    return call.resume(leg, sdp)


def told(effects: list[LegEffect]) -> list[tuple[str, str]]:
    """Who is told what: (identity's callsid, type)."""
    return [(effect.leg.callsid, effect.type) for effect in effects if isinstance(effect, Tell)]


def tell(effects: list[LegEffect], message_type: str) -> Tell:
    return next(effect for effect in effects if isinstance(effect, Tell) and effect.type == message_type)


def everyone(identity: str) -> bool:
    return True


def nobody(identity: str) -> bool:
    return False


def test_a_callee_is_offered_the_callers_codecs() -> None:
    call = call_to()
    assert call.start([Caller(2)], now=0.0) == [MakeOffer(call.callees[0], ("opus", "pcmu"))]


def test_every_client_of_the_identity_rings_and_the_caller_hears_of_it_once() -> None:
    call = call_to()
    call.start([Caller(2), Caller(3)], now=0.0)
    first, second = call.callees
    assert told(call.done(MakeOffer(first, ()), "offer")) == [("CA1", "invite"), ("CA0", "ringing")]
    assert told(call.done(MakeOffer(second, ()), "offer")) == [("CA2", "invite")]


def test_an_invite_carries_who_calls() -> None:
    call = call_to()
    call.start([Caller(2)], now=0.0)
    payload = tell(call.done(MakeOffer(call.callees[0], ()), "offer"), "invite").payload
    assert payload["callsid"] == "CA1"
    assert payload["sdp"] == "offer"
    assert payload["parameters"] == {"CallSid": "CA1", "From": "client:alice"}


def test_nobody_there_is_told_under_the_name_that_the_caller_knows() -> None:
    call = call_to()
    hangup = tell(call.start([], now=0.0), "hangup")
    assert hangup.payload == {"callsid": "TJS0", "error": {"code": 31404, "message": "Not Found"}}
    assert call.state is RouteState.ENDED


def test_the_first_answer_wins_and_cancels_the_others() -> None:
    call = ringing_call(2, 3)
    first, second = call.callees
    effects = call.answer(second, "answer")
    assert told(effects) == [("CA1", "cancel")]
    assert effects[1:] == [Release(first), TakeAnswer(second, "answer")]
    assert call.answer(first, "late") == []
    assert call.winner is second


def test_the_callers_media_follows_the_winners() -> None:
    call = ringing_call(2)
    callee = call.callees[0]
    call.answer(callee, "answer")
    assert call.done(TakeAnswer(callee, ""), "") == [MakeAnswer(call.caller, OFFER, like=callee)]
    effects = call.done(MakeAnswer(call.caller, OFFER, None), "sdp")
    assert effects[0] == Join(call.caller, callee)
    assert told(effects) == [("CA0", "answer")]


def test_one_reject_rejects_for_all() -> None:
    call = ringing_call(2, 3)
    effects = call.reject(call.callees[0])
    assert tell(effects, "hangup").payload == {"callsid": "CA0", "error": {"code": 31603, "message": "Decline"}}
    assert ("CA2", "cancel") in told(effects)
    assert call.state is RouteState.ENDED


def test_a_client_that_ignores_leaves_the_others_ringing_until_the_time_is_over() -> None:
    call = ringing_call(2, 3)
    assert call.tick(29.9, everyone) == []
    effects = call.tick(30.0, everyone)
    assert tell(effects, "hangup").payload["error"]["code"] == 31480
    assert {("CA1", "cancel"), ("CA2", "cancel")} <= set(told(effects))


def test_a_caller_that_hangs_up_ends_the_ringing() -> None:
    call = ringing_call(2, 3)
    assert told(call.hang_up(call.caller)) == [("CA1", "cancel"), ("CA2", "cancel")]


def test_a_device_that_cannot_answer_leaves_the_others_ringing() -> None:
    call = ringing_call(2, 3)
    assert told(call.hang_up(call.callees[0])) == []
    assert call.state is RouteState.RINGING
    assert tell(call.failed(TakeAnswer(call.callees[1], "")), "hangup").payload["error"]["code"] == 31480


@pytest.mark.parametrize(("who", "told_to"), [("caller", "CA1"), ("callee", "CA0")])
def test_either_side_may_hang_up(who: str, told_to: str) -> None:
    call = open_call()
    leg = call.caller if who == "caller" else call.callees[0]
    effects = call.hang_up(leg)
    assert told(effects) == [(told_to, "hangup")]
    assert {effect.leg for effect in effects if isinstance(effect, Release)} == {call.caller, call.callees[0]}


def test_a_hangup_from_a_cancelled_device_ends_nothing() -> None:
    call = open_call(2, 3)
    assert call.hang_up(call.callees[1]) == []
    assert call.state is RouteState.OPEN


def test_a_description_that_cannot_be_used_ends_the_call_for_both() -> None:
    call = ringing_call(2)
    call.answer(call.callees[0], "nonsense")
    effects = call.failed(TakeAnswer(call.callees[0], ""))
    assert told(effects) == [("CA0", "hangup"), ("CA1", "hangup")]


def test_a_restart_is_answered_to_whoever_asked() -> None:
    call = open_call()
    callee = call.callees[0]
    assert call.reinvite(callee, "offer") == [Restart(callee, "offer")]
    assert told(call.done(Restart(callee, "offer"), "sdp")) == [("CA1", "answer")]


def test_a_reconnected_client_is_told_what_its_call_is_described_by() -> None:
    call = open_call()
    first = call.caller.local_sdp
    answer = tell(resume(call, call.caller, OFFER), "answer")
    assert answer.payload == {"callsid": "CA0", "sdp": first}


def test_a_reconnected_callee_that_described_nothing_new_needs_no_description() -> None:
    call = open_call()
    assert tell(resume(call, call.callees[0], "answer"), "answer").payload == {"callsid": "CA1"}


def test_a_reconnected_client_that_meanwhile_wanted_to_restart_is_answered_that() -> None:
    call = open_call()
    moved = OFFER.replace("aaaa", "bbbb")
    assert resume(call, call.caller, moved) == [Restart(call.caller, moved)]
    assert resume(call, call.caller, moved) == []  # its answer is still to come
    assert tell(call.done(Restart(call.caller, moved), "moved"), "answer").payload["sdp"] == "moved"
    assert tell(resume(call, call.caller, moved), "answer").payload["sdp"] == "moved"


def test_a_restart_that_failed_is_forgotten_when_its_client_reconnects() -> None:
    call = open_call()
    (work,) = call.reinvite(call.caller, "nonsense")
    assert isinstance(work, Restart)
    assert call.failed(work) == []
    assert tell(resume(call, call.caller, OFFER), "answer").payload["sdp"] == "first answer"


def test_a_reloaded_page_gets_new_media_and_is_joined_again() -> None:
    call = open_call()
    anew = OFFER + "a=fingerprint:sha-256 BB\r\n"
    assert call.leave(call.caller, now=10.0) == []
    assert resume(call, call.caller, anew) == [Replace(call.caller, anew, call.callees[0])]
    effects = call.done(Replace(call.caller, anew, None), "sdp")
    assert effects[0] == Join(call.caller, call.callees[0])
    assert tell(effects, "answer").payload == {"callsid": "CA0", "sdp": "sdp"}
    assert call.tick(100.0, everyone) == []


ANEW = OFFER + "a=fingerprint:sha-256 BB\r\n"
MOVED = OFFER.replace("aaaa", "bbbb")


def replacing(call: RoutedCall, leg: CallLeg, sdp: str = ANEW) -> Replace:
    """Let a reloaded page ask for new media."""
    (work,) = resume(call, leg, sdp)
    assert isinstance(work, Replace)
    return work


def restarting(call: RoutedCall, leg: CallLeg, sdp: str = MOVED) -> Restart:
    (work,) = call.reinvite(leg, sdp)
    assert isinstance(work, Restart)
    return work


def test_the_answer_of_media_that_was_replaced_meanwhile_is_not_told() -> None:
    call = open_call()
    restart, replace = restarting(call, call.caller), replacing(call, call.caller)
    assert call.done(restart, "old media") == []
    assert tell(call.done(replace, "new media"), "answer").payload["sdp"] == "new media"


def test_only_the_answer_to_the_latest_offer_is_told() -> None:
    call = open_call()
    first, second = restarting(call, call.caller), restarting(call, call.caller, OFFER.replace("aaaa", "cccc"))
    assert call.done(first, "late") == []
    assert tell(call.done(second, "sdp"), "answer").payload["sdp"] == "sdp"
    third = replacing(call, call.caller)
    fourth = replacing(call, call.caller, ANEW.replace("BB", "CC"))
    assert call.done(third, "late") == []
    assert tell(call.done(fourth, "sdp"), "answer").payload["sdp"] == "sdp"


def test_a_restart_that_fails_leaves_the_media_of_before() -> None:
    call = open_call()
    assert call.failed(restarting(call, call.caller)) == []
    assert call.state is RouteState.OPEN


def test_media_that_is_replaced_cannot_be_restarted_so_it_is_replaced_again() -> None:
    call = open_call()
    replacing(call, call.caller)
    assert call.reinvite(call.caller, MOVED) == [Replace(call.caller, MOVED, call.callees[0])]


def test_a_socket_lost_while_media_is_replaced_gets_the_one_answer_later() -> None:
    call = open_call()
    work = replacing(call, call.caller)
    assert resume(call, call.caller, ANEW) == []
    assert len(told(call.done(work, "sdp"))) == 1


def test_two_pages_that_are_reloaded_at_once_are_joined_when_both_have_media() -> None:
    call = open_call()
    first, second = replacing(call, call.caller), replacing(call, call.callees[0])
    assert told(effects := call.done(first, "sdp")) == [("CA0", "answer")] and len(effects) == 1
    effects = call.done(second, "sdp")
    assert told(effects) == [("CA1", "answer")] and Join(call.caller, call.callees[0]) in effects


@pytest.mark.parametrize("replaced_first", [True, False])
def test_a_callee_that_reloads_its_page_while_the_call_is_put_through_is_still_connected(replaced_first: bool) -> None:
    call = ringing_call(2)
    callee = call.callees[0]
    take = call.answer(callee, "answer")[0]
    assert isinstance(take, TakeAnswer)
    if not replaced_first:
        call.done(take, "")
    work = replacing(call, callee)
    make = MakeAnswer(call.caller, OFFER, like=callee)
    if replaced_first:
        assert make in call.done(work, "sdp")
        assert Join(call.caller, callee) in call.done(make, "sdp")
    else:
        assert told(call.done(make, "sdp")) == [("CA0", "answer")]
        assert Join(call.caller, callee) in call.done(work, "sdp")
    assert call.state is RouteState.OPEN


def test_no_digits_are_played_to_media_that_is_replaced() -> None:
    call = open_call()
    replacing(call, call.callees[0])
    assert call.dial(call.caller, "12") == []


def test_time_alone_changes_no_leg() -> None:
    call = open_call()
    call.lost(ALICE, now=100.0)
    before = dict(vars(call.caller))
    call.tick(150.0, nobody)
    assert vars(call.caller) == before


def test_a_client_that_says_goodbye_and_does_not_come_back_ends_the_call() -> None:
    call = open_call()
    call.leave(call.caller, now=10.0)
    assert call.tick(17.0, everyone) == []
    assert ("CA1", "hangup") in told(call.tick(19.0, everyone))


def test_the_goodbye_of_a_client_that_cannot_resume_ends_the_call_at_once() -> None:
    call = open_call()
    assert told(call.leave(call.callees[0], now=10.0)) == [("CA0", "hangup")]


def test_digits_go_to_the_other_side() -> None:
    call = open_call()
    assert call.dial(call.caller, "12") == [PlayDigits(call.callees[0], "12")]
    assert ringing_call().dial(call.caller, "12") == []


def test_a_ringing_device_that_loses_its_socket_rings_again_on_its_return() -> None:
    call = ringing_call(2)
    assert call.lost(2, now=1.0) == [Release(call.callees[0])]
    assert call.state is RouteState.RINGING
    assert call.invite(Caller(2)) == []
    assert [type(effect) for effect in call.invite(Caller(7))] == [MakeOffer]


def test_an_open_call_waits_for_a_lost_socket_only_so_long() -> None:
    call = open_call()
    assert call.lost(ALICE, now=100.0) == []
    assert call.tick(159.0, nobody) == []
    assert told(call.tick(161.0, nobody)) == [("CA0", "hangup"), ("CA1", "hangup")]


def test_a_call_goes_on_while_a_client_is_back_whose_generation_has_no_word_for_that() -> None:
    call = open_call(can_resume=False)
    call.lost(ALICE, now=100.0)
    assert call.tick(150.0, everyone) == []
    assert call.tick(500.0, everyone) == []


def test_a_call_ends_when_a_client_is_back_and_does_not_take_it_up_though_it_could() -> None:
    call = open_call()
    call.lost(ALICE, now=100.0)
    assert call.tick(159.0, everyone) == []
    assert told(call.tick(161.0, everyone)) == [("CA0", "hangup"), ("CA1", "hangup")]


def test_a_dialling_caller_that_vanishes_ends_the_ringing_soon() -> None:
    call = ringing_call(2, can_resume=False)
    assert call.lost(ALICE, now=1.0) == []
    assert ("CA1", "cancel") in told(call.tick(12.0, nobody))


@pytest.mark.parametrize("how_far", ["ringing", "answered", "callee ready"])
def test_a_dialling_caller_that_was_told_no_token_yet_ends_the_call_with_its_socket(how_far: str) -> None:
    call = ringing_call(2)
    callee = call.callees[0]
    if how_far != "ringing":
        call.answer(callee, "answer")
    if how_far == "callee ready":
        call.done(TakeAnswer(callee, ""), "")
    assert told(call.lost(ALICE, now=1.0))[-1] == ("CA1", "cancel" if how_far == "ringing" else "hangup")
    assert call.state is RouteState.ENDED


def test_a_call_without_audio_path_ends() -> None:
    call = open_call()
    call.callees[0].note_path(False, 10.0)
    assert call.tick(55.0, everyone) == []
    assert told(call.tick(56.0, everyone)) == [("CA0", "hangup"), ("CA1", "hangup")]


def test_echo_is_the_caller_joined_to_itself() -> None:
    call = call_to("echo")
    assert told(call.start([], now=0.0)) == [("CA0", "ringing")]
    assert call.done(MakeAnswer(call.caller, OFFER, None), "sdp")[0] == Join(call.caller, call.caller)
    assert call.dial(call.caller, "5") == [PlayDigits(call.caller, "5")]


def test_tone_plays_a_tone() -> None:
    call = call_to("tone")
    call.start([], now=0.0)
    assert call.done(MakeAnswer(call.caller, OFFER, None), "sdp")[0] == PlayTone(call.caller)


@pytest.mark.parametrize(
    ("target", "at_s", "code"), [("busy", 0.0, 31486), ("reject", 0.5, 31603), ("noanswer", 30.0, 31480)]
)
def test_the_services_that_refuse_say_so_in_their_time(target: str, at_s: float, code: int) -> None:
    call = call_to(target)
    effects = call.start([], now=0.0) + call.tick(at_s, everyone)
    assert tell(effects, "hangup").payload["error"]["code"] == code


def test_an_ended_call_does_nothing_more() -> None:
    call = open_call()
    callee = call.callees[0]
    call.end()
    late = [
        call.answer(callee, ""), call.reject(callee), call.hang_up(callee), call.reinvite(callee, ""),
        call.invite(Caller(9)), call.done(Restart(callee, ""), ""), call.done(MakeAnswer(call.caller, OFFER, None), ""),
        call.tick(1e6, nobody), call.end(), call.failed(MakeAnswer(call.caller, "", None)),
    ]  # fmt: skip
    assert late == [[]] * len(late)
