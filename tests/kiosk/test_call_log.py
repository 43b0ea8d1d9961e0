"""The list of recent calls."""

from agent.kiosk.call_log import MOST_CALLS, CallLog


def test_a_call_is_listed_when_it_has_ended() -> None:
    calls = CallLog()
    record = calls.begin("incoming", "client:alice")
    assert calls.as_json() == []

    record.answered_s, record.ended_s, record.outcome = record.at_s + 2, record.at_s + 5.04, "answered"

    (entry,) = calls.as_json()
    assert entry == {
        "direction": "incoming",
        "peer": "client:alice",
        "at_ms": round(record.at_s * 1000),
        "duration_s": 3.0,
        "outcome": "answered",
        "answered_by": "",
    }


def test_a_call_that_nobody_answered_has_no_duration() -> None:
    calls = CallLog()
    record = calls.begin("incoming", "client:alice")
    record.ended_s = record.at_s + 20

    assert calls.as_json()[0]["duration_s"] == 0


def test_the_log_is_bounded_and_newest_first() -> None:
    calls = CallLog()
    for number in range(MOST_CALLS + 5):
        calls.begin("incoming", str(number)).ended_s = 1.0

    peers = [entry["peer"] for entry in calls.as_json()]
    assert len(peers) == MOST_CALLS
    assert peers[0] == str(MOST_CALLS + 4)
