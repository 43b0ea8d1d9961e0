"""The table of states and the core that follows it, row by row, without a call behind them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from agent.errors import CaptureError, VoiceError
from agent.twilio_errors import twilio_error
from agent.voice import call_effects as do
from agent.voice.call_causes import Cause
from agent.voice.call_core import CallCore
from agent.voice.call_state import CallState
from agent.voice.states import TABLE, CallFlags, Trigger

S, T = CallState, Trigger
ERROR = VoiceError(31000, "no", twilio_error=twilio_error(31005))
ALL_THERE_IS = Cause("far sdp", "own sdp", "CA1", True, ERROR, CaptureError("no"), {}, "because")
BARE = Cause()


def core(state: CallState, **flags: bool) -> CallCore:
    made = CallCore(incoming=flags.pop("incoming", False))
    made.state = state
    made.flags = CallFlags(**vars(made.flags) | flags)
    return made


def act(state: CallState, trigger: Trigger, cause: Cause = BARE, **flags: bool) -> tuple[CallState, list[Any]]:
    """The state afterwards, and the effects: an event by its name, others as they are."""
    call = core(state, **flags)
    effects = [effect.event if isinstance(effect, do.EmitEvent) else effect for effect in call.on(trigger, cause)]
    return call.state, effects


def kinds(effects: list[Any]) -> list[type]:
    return [type(effect) for effect in effects]


def test_accepting_enters_connecting_before_anything_else_happens() -> None:
    assert act(S.PENDING, T.ACCEPT) == (
        S.CONNECTING, [do.ShowState(S.CONNECTING), do.DisconnectOther(), do.OpenCapture()]
    )  # fmt: skip


@pytest.mark.parametrize("state", [S.CONNECTING, S.RINGING, S.OPEN, S.RECONNECTING, S.CLOSED])
@pytest.mark.parametrize("trigger", [T.ACCEPT, T.REJECT, T.IGNORE])
def test_what_is_for_pending_calls_does_nothing_to_others(state: CallState, trigger: Trigger) -> None:
    assert act(state, trigger) == (state, [])


@pytest.mark.parametrize("state", [S.PENDING, S.CLOSED])
@pytest.mark.parametrize("trigger", [T.DISCONNECT, T.MEDIA_LOST, T.NEGOTIATION_FAILED, T.RECONNECTING])
def test_what_ends_live_calls_does_nothing_to_others(state: CallState, trigger: Trigger) -> None:
    assert act(state, trigger) == (state, [])


@pytest.mark.parametrize("state", [S.PENDING, S.CLOSED])
@pytest.mark.parametrize(
    "trigger",
    [T.OFFER_MADE, T.ANSWER_MADE, T.ANSWER_APPLIED, T.RESTART_OFFER_MADE, T.RESTART_ANSWER_MADE, T.RESTART_OFFER],
)
def test_what_the_media_made_for_a_call_that_is_over_goes_nowhere(state: CallState, trigger: Trigger) -> None:
    assert act(state, trigger, ALL_THERE_IS) == (state, [])


@pytest.mark.parametrize("state", [S.CONNECTING, S.RINGING])
def test_the_call_opens_when_it_is_answered_and_both_descriptions_are_applied(state: CallState) -> None:
    assert act(state, T.STABLE, answered=True) == (S.OPEN, [do.ShowState(S.OPEN), "accept"])
    assert act(state, T.STABLE) == (state, [])


@pytest.mark.parametrize("state", [S.PENDING, S.CLOSED])
def test_media_that_becomes_stable_for_a_call_that_is_over_is_closed(state: CallState) -> None:
    assert do.CloseMedia() in act(state, T.STABLE)[1]


def test_early_media_is_an_answer_without_the_ringing_state() -> None:
    call = core(S.CONNECTING)

    assert call.on(T.RINGING, Cause(sdp="far", callsid="CA1")) == [do.NameCall("CA1"), do.ApplyAnswer("far")]
    assert call.flags.answered
    assert call.sid == "CA1"


@pytest.mark.parametrize("trigger", [T.RINGING, T.ANSWER])
def test_only_the_first_description_is_applied(trigger: Trigger) -> None:
    call = core(S.RINGING)
    cause = Cause(sdp="far", ringing_enabled=True)

    assert do.ApplyAnswer("far") in call.on(T.RINGING, cause)
    assert do.ApplyAnswer not in kinds(call.on(trigger, cause))


@pytest.mark.parametrize("state", [S.OPEN, S.RECONNECTING, S.CLOSED, S.PENDING])
def test_ringing_that_comes_late_says_nothing(state: CallState) -> None:
    call = core(state)

    assert call.on(T.RINGING, ALL_THERE_IS) == []
    assert (call.state, call.sid) == (state, None)


def test_a_second_answer_is_ignored() -> None:
    assert act(S.OPEN, T.ANSWER, ALL_THERE_IS, answered=True) == (S.OPEN, [])


@pytest.mark.parametrize("cause", [BARE, ALL_THERE_IS])
def test_the_far_sides_hangup_is_never_answered_with_one(cause: Cause) -> None:
    state, effects = act(S.OPEN, T.HANGUP, cause, listening=True)

    assert state is S.CLOSED
    assert do.SendHangup not in kinds(effects)


def in_order(effects: list[Any], *these: Any) -> bool:
    places = [effects.index(each) for each in these]
    return places == sorted(places)


@pytest.mark.parametrize(
    ("state", "trigger"), [(S.OPEN, T.HANGUP), (S.CONNECTING, T.CAPTURED), (S.CONNECTING, T.NEGOTIATION_FAILED)]
)
def test_these_errors_are_told_while_the_program_still_sees_the_call_up(state: CallState, trigger: Trigger) -> None:
    call = core(state, listening=True)
    effects = [e.event if isinstance(e, do.EmitEvent) else e for e in call.on(trigger, ALL_THERE_IS)]

    assert call.state is S.CLOSED
    assert in_order(effects, "error", do.CloseMedia(), do.ShowState(S.CLOSED), "disconnect")


def test_lost_media_tells_its_error_after_the_call_has_closed() -> None:
    _, effects = act(S.OPEN, T.MEDIA_LOST, ALL_THERE_IS)

    assert in_order(effects, do.SendHangup("because"), do.ShowState(S.CLOSED), "disconnect", "error")


@pytest.mark.parametrize("listening", [False, True])
def test_a_call_listens_to_hangups_once_its_microphone_is_open(listening: bool) -> None:
    assert (act(S.CONNECTING, T.HANGUP, listening=listening)[0] is S.CLOSED) == listening


def test_a_cancelled_call_gives_no_disconnect() -> None:
    assert "disconnect" not in act(S.OPEN, T.CANCEL)[1]
    assert "disconnect" not in act(S.CLOSED, T.CAPTURED, cancelled=True)[1]


def test_a_call_that_recovers_before_its_first_open_is_accepted_then() -> None:
    assert act(S.RECONNECTING, T.RECONNECTED, answered=True)[1][-1] == "accept"
    assert "accept" not in act(S.RECONNECTING, T.RECONNECTED, answered=True, accepted=True)[1]


@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("cause", [BARE, ALL_THERE_IS])
def test_nothing_leads_out_of_closed(trigger: Trigger, cause: Cause) -> None:
    for bits in itertools.product((False, True), repeat=7):
        call = CallCore(incoming=bits[0])
        call.state, call.flags = S.CLOSED, CallFlags(*bits)
        call.on(trigger, cause)
        assert call.state is S.CLOSED


@pytest.mark.parametrize("state", list(CallState))
@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("cause", [BARE, ALL_THERE_IS])
def test_the_program_sees_in_the_end_what_the_core_has_become(state: CallState, trigger: Trigger, cause: Cause) -> None:
    for bits in itertools.product((False, True), repeat=7):
        call = CallCore(incoming=bits[0])
        call.state, call.flags = state, CallFlags(*bits)

        shown = [effect.state for effect in call.on(trigger, cause) if isinstance(effect, do.ShowState)]

        assert [state, *shown][-1] is call.state
        assert len(shown) <= 1


@pytest.mark.parametrize("state", [S.CONNECTING, S.RINGING, S.OPEN, S.RECONNECTING])
@pytest.mark.parametrize("trigger", list(Trigger))
def test_a_call_that_ends_gives_its_media_back(state: CallState, trigger: Trigger) -> None:
    after, effects = act(state, trigger, ALL_THERE_IS, listening=True)

    assert (do.CloseMedia() in effects) == (after is S.CLOSED)


def test_every_trigger_and_every_state_is_in_the_table() -> None:
    assert {row.trigger for row in TABLE} == set(Trigger)
    assert set().union(*(row.states for row in TABLE)) == set(CallState)
