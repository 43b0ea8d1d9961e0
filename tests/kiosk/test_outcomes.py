"""How a call ended, in one word."""

import pytest

from agent.kiosk.outcomes import INCOMING, OUTGOING, outcome


@pytest.mark.parametrize("direction", [INCOMING, OUTGOING])
def test_a_call_that_stood_was_answered_whatever_ended_it(direction: str) -> None:
    assert outcome(direction, "disconnect", answered=True, code=31003, failed=True) == "answered"


@pytest.mark.parametrize(
    ("event", "word"),
    [("reject", "rejected"), ("ignore", "ignored"), ("cancel", "missed"), ("transportClose", "missed")],
)
def test_an_incoming_call_that_nobody_took_says_why(event: str, word: str) -> None:
    assert outcome(INCOMING, event, answered=False, code=None, failed=False) == word


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (31486, "busy"),
        (31603, "rejected"),
        (31480, "unanswered"),
        (31404, "unknown"),
        (31000, "failed"),
        (None, "failed"),
    ],
)
def test_an_outgoing_call_that_failed_says_how(code: int | None, word: str) -> None:
    assert outcome(OUTGOING, "disconnect", answered=False, code=code, failed=True) == word


def test_a_caller_who_hangs_up_first_gave_up() -> None:
    assert outcome(OUTGOING, "disconnect", answered=False, code=None, failed=False) == "given up"


def test_a_call_that_the_far_side_ends_before_it_answers_was_not_taken() -> None:
    told = outcome(OUTGOING, "disconnect", answered=False, code=None, failed=False, ended_here=False)

    assert told == "not taken"


@pytest.mark.parametrize(
    ("code", "word"), [(31486, "busy"), (31480, "unanswered"), (31487, "not taken"), (31603, "rejected")]
)
def test_a_pbx_says_how_a_call_was_not_taken(code: int, word: str) -> None:
    assert outcome(OUTGOING, "disconnect", answered=False, code=code, failed=False, ended_here=False) == word


def test_an_incoming_call_that_could_not_be_taken_failed() -> None:
    assert outcome(INCOMING, "disconnect", answered=False, code=31208, failed=True) == "failed"
