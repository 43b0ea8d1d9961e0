"""The list of recent calls."""

import pytest

from agent.kiosk.call_log import MOST_CALLS, CallLog


def test_a_call_is_listed_when_it_has_ended() -> None:
    calls, call = CallLog(), object()
    calls.began(call, "incoming", "client:alice")
    assert calls.as_json() == []

    calls.answered(call)
    calls.ended(call, "disconnect")

    (entry,) = calls.as_json()
    assert (entry["direction"], entry["peer"], entry["outcome"]) == ("incoming", "client:alice", "answered")


@pytest.mark.parametrize(
    ("event", "outcome"), [("reject", "rejected"), ("cancel", "missed"), ("disconnect", "unanswered")]
)
def test_an_unanswered_call_says_how_it_ended(event: str, outcome: str) -> None:
    calls, call = CallLog(), object()
    calls.began(call, "incoming", "client:alice")

    calls.ended(call, event)

    assert calls.as_json()[0]["outcome"] == outcome


def test_the_first_end_counts() -> None:
    calls, call = CallLog(), object()
    calls.began(call, "incoming", "client:alice")
    calls.ended(call, "reject")

    calls.ended(call, "disconnect")

    assert calls.as_json()[0]["outcome"] == "rejected"


def test_the_log_is_bounded_and_newest_first() -> None:
    calls = CallLog()
    for number in range(MOST_CALLS + 5):
        call = object()
        calls.began(call, "incoming", str(number))
        calls.ended(call, "cancel")

    peers = [entry["peer"] for entry in calls.as_json()]
    assert len(peers) == MOST_CALLS
    assert peers[0] == str(MOST_CALLS + 4)
