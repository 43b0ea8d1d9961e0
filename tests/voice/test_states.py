"""The table of states, row by row, without a call behind it."""

from __future__ import annotations

import pytest

from agent.voice.states import TABLE, Action, Flags, State, Trigger, step

A, S, T = Action, State, Trigger


def act(state: State, trigger: Trigger, **flags: bool) -> tuple[State, tuple[Action, ...]]:
    decided = step(state, Flags(**flags), trigger)
    return decided.state, decided.actions


def test_accepting_enters_connecting_before_anything_else_happens() -> None:
    assert act(S.PENDING, T.ACCEPT) == (S.CONNECTING, (A.ENTER, A.DISCONNECT_OTHER, A.OPEN_CAPTURE))


@pytest.mark.parametrize("state", [S.CONNECTING, S.RINGING, S.OPEN, S.RECONNECTING, S.CLOSED])
@pytest.mark.parametrize("trigger", [T.ACCEPT, T.REJECT, T.IGNORE])
def test_what_is_for_pending_calls_does_nothing_to_others(state: State, trigger: Trigger) -> None:
    assert act(state, trigger) == (state, ())


@pytest.mark.parametrize("state", [S.PENDING, S.CLOSED])
@pytest.mark.parametrize("trigger", [T.DISCONNECT, T.MEDIA_LOST, T.NEGOTIATION_FAILED, T.RECONNECTING])
def test_what_ends_live_calls_does_nothing_to_others(state: State, trigger: Trigger) -> None:
    assert act(state, trigger) == (state, ())


@pytest.mark.parametrize("state", [S.CONNECTING, S.RINGING])
def test_the_call_opens_when_it_is_answered_and_both_descriptions_are_applied(state: State) -> None:
    assert act(state, T.STABLE, answered=True) == (S.OPEN, (A.MARK_MEDIA_OPEN, A.ENTER, A.EMIT_ACCEPT))
    assert act(state, T.STABLE) == (state, (A.MARK_MEDIA_OPEN,))


@pytest.mark.parametrize("state", [S.PENDING, S.CLOSED])
def test_media_that_becomes_stable_for_a_call_that_is_over_is_closed(state: State) -> None:
    assert A.CLOSE_MEDIA in act(state, T.STABLE)[1]


def test_early_media_is_an_answer_without_the_ringing_state() -> None:
    assert act(S.CONNECTING, T.RINGING, has_sdp=True)[1] == (A.STORE_SID, A.MARK_ANSWERED, A.APPLY_ANSWER)


def test_only_the_first_description_is_applied() -> None:
    applied = {"ringing_enabled": True, "has_sdp": True, "remote_sdp_applied": True}

    assert A.APPLY_ANSWER not in act(S.RINGING, T.RINGING, **applied)[1]
    assert A.APPLY_ANSWER not in act(S.RINGING, T.ANSWER, **applied)[1]


@pytest.mark.parametrize("state", [S.OPEN, S.RECONNECTING, S.CLOSED, S.PENDING])
def test_ringing_that_comes_late_says_nothing(state: State) -> None:
    assert act(state, T.RINGING, has_sdp=True) == (state, ())


def test_a_second_answer_is_ignored() -> None:
    assert act(S.OPEN, T.ANSWER, answered=True, has_sdp=True) == (S.OPEN, ())


def test_the_far_sides_hangup_is_never_answered_with_one() -> None:
    for has_error in (False, True):
        state, actions = act(S.OPEN, T.HANGUP, listening=True, has_error=has_error)
        assert state is S.CLOSED
        assert A.SEND_HANGUP not in actions


def test_a_hangup_with_an_error_tells_it_before_the_call_closes() -> None:
    _, actions = act(S.OPEN, T.HANGUP, listening=True, has_error=True)

    assert actions.index(A.EMIT_ERROR) < actions.index(A.ENTER) < actions.index(A.EMIT_DISCONNECT)


def test_lost_media_tells_its_error_after_the_call_has_closed() -> None:
    _, actions = act(S.OPEN, T.MEDIA_LOST)

    assert actions.index(A.SEND_HANGUP) < actions.index(A.EMIT_DISCONNECT) < actions.index(A.EMIT_ERROR)


@pytest.mark.parametrize("listening", [False, True])
def test_a_call_listens_to_hangups_once_its_microphone_is_open(listening: bool) -> None:
    assert (act(S.CONNECTING, T.HANGUP, listening=listening)[0] is S.CLOSED) == listening


def test_a_cancelled_call_gives_no_disconnect() -> None:
    assert A.EMIT_DISCONNECT not in act(S.OPEN, T.CANCEL)[1]
    assert A.EMIT_DISCONNECT not in act(S.CLOSED, T.CAPTURED, cancelled=True)[1]


def test_a_call_that_recovers_before_its_first_open_is_accepted_then() -> None:
    assert act(S.RECONNECTING, T.RECONNECTED, answered=True)[1][-1] is A.EMIT_ACCEPT
    assert A.EMIT_ACCEPT not in act(S.RECONNECTING, T.RECONNECTED, answered=True, accepted=True)[1]


@pytest.mark.parametrize("trigger", list(Trigger))
def test_nothing_leads_out_of_closed(trigger: Trigger) -> None:
    for bits in range(256):
        flags = Flags(*(bool(bits >> n & 1) for n in range(8)))
        assert step(S.CLOSED, flags, trigger).state is S.CLOSED


def test_every_row_that_changes_the_state_says_when() -> None:
    for row in TABLE:
        assert (row.new is not None) == (Action.ENTER in row.actions), row


def test_every_trigger_and_every_state_is_in_the_table() -> None:
    assert {row.trigger for row in TABLE} == set(Trigger)
    assert set().union(*(row.states for row in TABLE)) == set(State)


def test_every_action_has_a_method() -> None:
    from agent.voice.call import _ACTIONS

    assert set(_ACTIONS) == set(Action) - {Action.ENTER}
