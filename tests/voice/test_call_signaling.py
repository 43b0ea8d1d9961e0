"""Where a call stands with the service, without a call behind it; and what the table of states makes of it."""

from __future__ import annotations

import pytest

from agent.voice import call_effects as do
from agent.voice.call_causes import Cause, Loss
from agent.voice.call_core import CallCore
from agent.voice.call_signaling import ANSWER_GRACE_S, CallSignaling, SignalingEffect
from agent.voice.call_state import CallState
from agent.voice.states import CallFlags, Trigger

E, S, T = SignalingEffect, CallState, Trigger


def test_a_call_of_the_first_generation_rides_on() -> None:
    signaling = CallSignaling(outlives=False, limit_s=5)
    signaling.named("RT1", 0.0)

    assert signaling.lost(1.0) == [E.RIDE_ON] and signaling.deadline() is None


def test_without_a_token_a_call_ends_with_its_socket() -> None:
    assert CallSignaling(outlives=True).lost(1.0) == [E.END]


def test_with_a_token_it_is_asked_for_and_comes_back() -> None:
    signaling = CallSignaling(outlives=True, limit_s=30, token="RT1")

    assert signaling.lost(1.0) == [E.WAIT] and signaling.is_lost
    assert signaling.connected(2.0) == [E.ASK]
    assert signaling.asked(2.0) == [] and signaling.is_asked
    assert signaling.answered(3.0) == [E.BACK]
    assert not signaling.is_lost and signaling.deadline() is None


def test_a_call_that_is_asked_for_without_a_loss_is_not_back() -> None:
    signaling = CallSignaling(outlives=True, token="RT1")
    signaling.connected(1.0)
    signaling.asked(1.0)

    assert signaling.answered(2.0) == []


def test_the_time_runs_from_the_first_loss_whatever_fails_afterwards() -> None:
    signaling = CallSignaling(outlives=True, limit_s=30, token="RT1")
    signaling.lost(1.0)
    signaling.lost(20.0)

    assert signaling.deadline() == 31.0
    assert signaling.tick(30.9) == []
    assert signaling.tick(31.0) == [E.GIVE_UP] and signaling.deadline() is None


def test_a_service_that_was_asked_just_in_time_may_still_answer() -> None:
    signaling = CallSignaling(outlives=True, limit_s=30, token="RT1")
    signaling.lost(1.0)
    signaling.connected(30.5)
    signaling.asked(30.5)

    assert signaling.tick(31.0) == []
    assert signaling.deadline() == 31.0 + ANSWER_GRACE_S


def test_without_a_limit_a_call_waits_for_ever() -> None:
    signaling = CallSignaling(outlives=True, token="RT1")
    signaling.lost(1.0)

    assert signaling.deadline() is None


def test_after_the_end_nothing_is_asked_for() -> None:
    signaling = CallSignaling(outlives=True, limit_s=1, token="RT1")
    signaling.lost(1.0)
    signaling.end(1.5)

    assert signaling.deadline() is None and signaling.token is None


def core(state: CallState, **flags: bool) -> CallCore:
    made = CallCore(incoming=False)
    made.state = state
    made.flags = CallFlags(**flags)
    return made


def events(call: CallCore, trigger: Trigger, cause: Cause | None = None) -> list[str]:
    return [each.event for each in call.on(trigger, cause or Cause()) if isinstance(each, do.EmitEvent)]


OPEN = {"answered": True, "accepted": True, "media_open": True, "remote_sdp_applied": True, "listening": True}


@pytest.mark.parametrize("first", ["media", "signaling"])
def test_a_call_is_open_again_when_both_are_back(first: str) -> None:
    call = core(S.OPEN, **OPEN)
    lost = {"media": (T.RECONNECTING, Cause()), "signaling": (T.TRANSPORT_CLOSE, Cause(loss=Loss.WAITS))}
    back = {"media": T.RECONNECTED, "signaling": T.SIGNALING_BACK}
    second = "signaling" if first == "media" else "media"

    told = [*events(call, *lost[first]), *events(call, *lost[second])]
    assert told.count("reconnecting") == 2 and call.state is S.RECONNECTING

    assert events(call, back[first]) == [] and call.state is S.RECONNECTING
    assert events(call, back[second]) == ["reconnected"] and call.state is S.OPEN


def test_a_pending_call_goes_with_its_socket_in_silence() -> None:
    for loss in (Loss.WAITS, Loss.ENDS):
        call = core(S.PENDING, incoming=True)
        assert events(call, T.TRANSPORT_CLOSE, Cause(loss=loss)) == ["transportClose"]
        assert call.state is S.CLOSED


def test_a_call_whose_microphone_is_being_opened_goes_on_over_the_next_socket() -> None:
    call = core(S.CONNECTING, incoming=True)

    assert events(call, T.TRANSPORT_CLOSE, Cause(loss=Loss.WAITS)) == ["transportClose"]
    assert call.state is S.CONNECTING


def test_a_call_that_was_lost_before_its_first_open_is_accepted_when_it_is_back() -> None:
    call = core(S.RECONNECTING, answered=True, media_open=True, signaling_lost=True)

    assert events(call, T.SIGNALING_BACK) == ["reconnected", "accept"] and call.state is S.OPEN
