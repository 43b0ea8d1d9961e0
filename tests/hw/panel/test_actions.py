from __future__ import annotations

import pytest

from hw.errors import ActionError
from hw.panel.actions import PLAIN, ButtonAction, parse_action


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_action_is_its_name(name: str) -> None:
    assert parse_action(name) == ButtonAction(name)


def test_a_call_says_whom_and_with_what() -> None:
    parameters = {"room": "lobby", "floor": "2"}
    assert parse_action("call:alice?room=lobby&floor=2") == ButtonAction("call", "alice", parameters)


def test_a_call_may_go_to_a_number() -> None:
    assert parse_action("call:+15551234567") == ButtonAction("call", "+15551234567")


def test_a_feedback_has_a_score_and_maybe_an_issue() -> None:
    assert parse_action("feedback:5") == ButtonAction("feedback", "5")
    assert parse_action("feedback:2?issue=dropped-call") == ButtonAction("feedback", "2", {"issue": "dropped-call"})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("acept", "did you mean 'accept'"),
        ("hang-up", "did you mean 'hang_up'"),
        ("volume", "did you mean 'volume_up'"),
        ("cal:alice", "did you mean 'call:WHOM"),
        ("xyzzy", "actions: accept, reject"),
        ("", "actions: accept"),
        ("accept:now", "takes nothing after it"),
        ("call:", "whom to call"),
        ("call:?room=1", "whom to call"),
        ("call:alice?room", "NAME=VALUE"),
        ("feedback:6", "score from 1"),
        ("feedback:2?issue=loud", "dropped-call"),
        ("feedback:2?mood=bad", "only issue="),
    ],
)
def test_a_text_that_is_no_action_is_explained(text: str, hint: str) -> None:
    with pytest.raises(ActionError, match="(?s)" + hint.replace("?", r"\?")):
        parse_action(text)
