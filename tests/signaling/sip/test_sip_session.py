"""Calls that are answered: offers both ways, keys, probes and ends (agent.signaling.sip.sip_session)."""

from __future__ import annotations

import pytest

from tests.signaling.sip.core import ANSWER, GRUU, OFFER, THEIRS, Paper, answered, refused, request, talking, within
from tests.signaling.sip.sip_text import answer_to

MORE = OFFER.replace("1 1 IN", "1 2 IN").replace("ours", "newe")
HELD = THEIRS.replace("sendrecv", "sendonly")


def test_our_new_offer_is_answered() -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    again = paper.last("INVITE")
    assert (again.uri, again.body, again.get("CSeq")) == ("sip:desk@192.0.2.9:5060;ob=far", MORE, "2 INVITE")
    assert GRUU in again.get("Contact")
    assert len(again.all("Route")) == 2
    paper.hears(answered(again, body=THEIRS))

    assert paper.told == [("answer", {"callsid": "TJS1", "sdp": THEIRS})]
    assert paper.said == ["INVITE", "ACK"]
    assert paper.last("ACK").get("CSeq") == "2 ACK"
    paper.hears(answered(again, body=THEIRS))
    assert paper.said == ["INVITE", "ACK", "ACK"]
    assert paper.events == ["answer"]


def test_a_request_within_a_call_may_be_challenged() -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    paper.hears(refused(paper.last("INVITE"), 401, WWW_Authenticate='Digest realm="pbx", nonce="n1"'))
    assert paper.last("INVITE").get("CSeq") == "3 INVITE"
    paper.hears(answered(paper.last("INVITE")))
    paper.asks("TJS1", "hang_up", None)
    paper.hears(refused(paper.last("BYE"), 407, Proxy_Authenticate='Digest realm="pbx", nonce="n2"'))

    assert paper.last("BYE").get("CSeq") == "5 BYE"
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    paper.move(40)
    assert paper.rest == 0


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_their_new_offer_is_answered_and_tells_of_hold(method: str) -> None:
    paper = talking()
    paper.hears(within(paper, method, "TJS1", 1, body=HELD))
    assert paper.told == [("invite", {"callsid": "TJS1", "sdp": HELD, "instead": True})]
    paper.asks("TJS1", "answer", ANSWER)
    assert paper.said == [f"200 {method}"]
    assert paper.last("200").body == ANSWER
    assert paper.payload("hold") == {"callsid": "TJS1", "held": True}
    if method == "INVITE":
        paper.hears(within(paper, "ACK", "TJS1", 1))
    paper.hears(within(paper, method, "TJS1", 2, body=THEIRS))
    paper.asks("TJS1", "answer", ANSWER)

    assert paper.payload("hold") == {"callsid": "TJS1", "held": False}
    assert paper.events == ["invite", "hold", "invite", "hold"]


@pytest.mark.parametrize(("sdp", "held"), [
    (THEIRS.replace("a=sendrecv", "a=inactive"), True),
    (THEIRS.replace("a=sendrecv\r\n", "").replace("s=-", "s=-\r\na=sendonly"), True),
    (THEIRS.replace("a=sendrecv", "a=recvonly"), False),
    (THEIRS.replace("a=sendrecv\r\n", ""), False),
    ("v=0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", True),
    ("v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n", False),
])  # fmt: skip
def test_what_is_a_hold(sdp: str, held: bool) -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=sdp))
    paper.asks("TJS1", "answer", ANSWER)

    assert ("hold" in paper.events) == held


def test_an_offer_that_cannot_be_used_is_refused_and_the_call_goes_on() -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=HELD))
    paper.asks("TJS1", "decline", "unusable")
    assert paper.said == ["488 INVITE"]
    paper.hears(within(paper, "INVITE", "TJS1", 2, body=THEIRS))
    paper.move(20)  # media does not answer
    assert paper.said == ["488 INVITE", "488 INVITE"]
    paper.hears(within(paper, "INVITE", "TJS1", 3, body=THEIRS))
    paper.asks("TJS1", "answer", ANSWER)
    assert paper.said[-1] == "200 INVITE"
    assert "hold" not in paper.events


def test_a_request_for_our_offer_gets_it_and_is_answered_in_the_ack() -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1))
    assert paper.told == [("invite", {"callsid": "TJS1", "sdp": "", "instead": True, "wants_offer": True})]
    paper.asks("TJS1", "offer", MORE)
    assert paper.said == ["200 INVITE"]
    assert paper.last("200").body == MORE
    paper.hears(within(paper, "ACK", "TJS1", 1, body=ANSWER))
    assert paper.payload("answer") == {"callsid": "TJS1", "sdp": ANSWER}


def test_an_update_without_a_description_only_says_that_they_are_there() -> None:
    paper = talking()
    paper.hears(within(paper, "UPDATE", "TJS1", 1, Session_Expires="90;refresher=uac", Supported="timer"))

    assert paper.said == ["200 UPDATE"]
    assert paper.events == []
    assert not paper.last("200").all("Session-Expires")


@pytest.mark.parametrize(("outgoing", "low", "high"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_offers_that_meet_are_both_refused_and_ours_comes_again_in_its_time(
    outgoing: bool, low: float, high: float
) -> None:
    paper = Paper()
    sid = "TJS1" if outgoing else "C1"
    if outgoing:
        paper.talk()
    else:
        paper.listens()
    paper.asks(sid, "offer", MORE)
    paper.hears(within(paper, "INVITE", sid, 5, body=THEIRS))
    assert paper.said == ["INVITE", "491 INVITE"]
    paper.hears(refused(paper.last("INVITE"), 491, "Request Pending"))
    paper.clear()
    paper.move(low + (high - low) * 0.5 - 0.01)
    assert paper.said == []
    paper.move(0.02)
    assert paper.said == ["INVITE"]
    assert paper.last("INVITE").body == MORE
    paper.hears(answered(paper.last("INVITE")))
    assert paper.events == ["answer"]


def test_while_ours_waits_for_its_turn_theirs_is_answered_in_its_place() -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    paper.hears(refused(paper.last("INVITE"), 491))
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=THEIRS))
    assert paper.payload("invite") == {"callsid": "TJS1", "sdp": THEIRS, "instead": True}
    paper.asks("TJS1", "answer", ANSWER)
    paper.hears(within(paper, "ACK", "TJS1", 1))
    paper.clear()
    paper.move(30)
    assert paper.said == []


def test_a_second_offer_of_theirs_waits_for_the_first() -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=THEIRS))
    paper.hears(within(paper, "UPDATE", "TJS1", 2, body=THEIRS))

    assert paper.said == ["500 UPDATE"]
    assert paper.last("500").get("Retry-After").isdecimal()


def test_our_offer_waits_for_theirs_and_is_void_once_that_is_answered() -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=THEIRS))
    paper.asks("TJS1", "offer", OFFER)  # made before media heard of theirs
    assert paper.said == []
    paper.asks("TJS1", "answer", ANSWER)
    paper.asks("TJS1", "offer", MORE)
    assert paper.said == ["200 INVITE"]
    paper.hears(within(paper, "ACK", "TJS1", 1))
    assert paper.said == ["200 INVITE", "INVITE"]
    assert paper.last("INVITE").body == MORE


@pytest.mark.parametrize("status", [488, 415, 603, 403])
def test_a_refused_offer_is_told_and_the_call_goes_on(status: int) -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    paper.hears(refused(paper.last("INVITE"), status))

    assert paper.told == [("offer_refused", {"callsid": "TJS1"})]
    paper.asks("TJS1", "hang_up", None)
    assert paper.said == ["INVITE", "ACK", "BYE"]


def test_offers_that_are_never_wanted_end_with_a_refusal() -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    for _ in range(6):
        paper.hears(refused(paper.last("INVITE"), 500, Retry_After="5 (later)"))
        paper.move(6)

    assert paper.said.count("INVITE") == 6
    assert paper.events == ["offer_refused"]


@pytest.mark.parametrize("status", [481, 408])
def test_a_far_end_that_knows_no_call_ends_it(status: int) -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    paper.hears(refused(paper.last("INVITE"), status))

    assert paper.told == [("hangup", {"callsid": "TJS1"})]
    paper.move(40)
    assert paper.rest == 0


def test_an_offer_that_nobody_answers_ends_the_call() -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    paper.move(33)

    assert paper.events == ["hangup"]


def test_their_offer_may_be_taken_back() -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=HELD, branch="re"))
    paper.hears(within(paper, "CANCEL", "TJS1", 1, branch="re"))
    paper.asks("TJS1", "answer", ANSWER)

    assert paper.said == ["200 CANCEL", "487 INVITE"]
    assert paper.events == ["invite"]


# Ends


def test_their_goodbye_ends_a_call_whatever_is_under_way() -> None:
    paper = talking()
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=THEIRS))
    paper.hears(within(paper, "BYE", "TJS1", 2))
    paper.asks("TJS1", "answer", ANSWER)

    assert paper.said == ["200 BYE", "487 INVITE"]
    assert paper.events == ["invite", "hangup"]
    paper.move(70)
    assert paper.rest == 0
    paper.hears(request("BYE", "TJS1", number=9, to_tag="gone"))
    assert paper.said[-1] == "481 BYE"


def test_goodbyes_that_cross_end_it_once() -> None:
    paper = talking()
    paper.asks("TJS1", "hang_up", None)
    bye = paper.last("BYE")
    paper.hears(within(paper, "BYE", "TJS1", 1))
    paper.hears(refused(bye, 481))

    assert paper.said == ["BYE", "200 BYE"]
    assert paper.events == []
    paper.move(40)
    assert paper.rest == 0


def test_a_reason_goes_along_and_cannot_become_a_header() -> None:
    paper = talking()
    paper.asks("TJS1", "hang_up", 'The audio\r\nX-Evil: "1" \\ is lost')

    assert paper.last("BYE").get("Reason") == 'SIP;cause=503;text="The audio  X-Evil:  1    is lost"'
    assert not paper.last("BYE").all("X-Evil")


def test_a_goodbye_that_finds_no_connection_goes_out_over_the_next_one() -> None:
    paper = talking()
    paper.down()
    paper.clear()
    paper.asks("TJS1", "hang_up", None)
    assert paper.said == []
    paper.back()
    assert paper.said == ["BYE"]
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    paper.move(40)
    assert paper.rest == 0


def test_a_goodbye_that_was_lost_on_its_way_is_said_again() -> None:
    paper = talking()
    paper.asks("TJS1", "hang_up", None)
    paper.down()
    paper.back()
    assert paper.said == ["BYE", "BYE"]
    assert paper.last("BYE").get("CSeq") == "3 BYE"
    paper.hears(refused(paper.last("BYE"), 481))
    paper.move(40)
    assert paper.rest == 0


def test_a_goodbye_that_never_finds_a_connection_is_forgotten() -> None:
    paper = talking()
    paper.down()
    paper.asks("TJS1", "hang_up", None)
    paper.move(700)

    assert len(paper.calls) == 0


def test_with_two_flows_a_dead_one_costs_nothing() -> None:
    paper = talking(edges=2)
    paper.asks("TJS1", "offer", MORE)
    paper.down(1)
    assert [(flow, text.method) for flow, text in paper.sent] == [(1, "INVITE"), (2, "INVITE")]
    assert paper.events == []
    paper.hears(answered(paper.last("INVITE")), 2)
    paper.hears(within(paper, "BYE", "TJS1", 1), 2)
    assert paper.events == ["answer", "hangup"]
    assert [flow for flow, _ in paper.sent] == [1, 2, 2, 2]


def test_an_ack_that_may_be_lost_with_its_flow_goes_over_the_other_one() -> None:
    paper = Paper(edges=2)
    paper.call()
    paper.answered()
    paper.down(1)

    assert [(flow, text.method) for flow, text in paper.sent if text.method != "REGISTER"] == [
        (1, "INVITE"), (1, "ACK"), (2, "ACK")]  # fmt: skip


def test_an_ack_is_written_again_over_the_next_connection_before_anything_else() -> None:
    paper = Paper()
    paper.call()
    paper.answered()
    ack = paper.last("ACK")
    paper.down()
    paper.back()

    assert paper.said == ["INVITE", "ACK", "ACK", "INVITE"]
    assert str(paper.last("ACK")) == str(ack)


# Probes


def test_each_call_is_asked_for_after_a_reconnect() -> None:
    paper = talking()
    probe = paper.comes_back()
    assert paper.said == ["INVITE"]
    assert probe.body == OFFER
    paper.clear()
    paper.hears(answered(probe, body=ANSWER))
    assert paper.said == ["ACK"]
    assert paper.events == []


def test_an_answerer_asks_with_an_offer_that_leaves_the_role_open() -> None:
    paper = Paper()
    paper.listens()
    paper.down()
    paper.back()

    assert "a=setup:actpass" in paper.last("INVITE").body
    assert "a=setup:active" not in paper.last("INVITE").body


@pytest.mark.parametrize("status", [481, 408])
def test_a_call_that_ended_meanwhile_ends_here(status: int) -> None:
    paper = talking()
    probe = paper.comes_back()
    paper.clear()
    paper.hears(refused(probe, status))

    assert paper.events == ["hangup"]


def test_another_machine_at_the_far_end_is_told() -> None:
    paper = talking()
    probe = paper.comes_back()
    paper.clear()
    paper.hears(answered(probe, body=ANSWER.replace("them", "else").replace("BB", "CC")))

    assert paper.told == [("peer_changed", {"callsid": "TJS1"})]


def test_a_probe_that_meets_their_offer_gives_way() -> None:
    paper = talking()
    probe = paper.comes_back()
    paper.clear()
    paper.hears(refused(probe, 491))
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=THEIRS))

    assert paper.payload("invite") == {"callsid": "TJS1", "sdp": THEIRS, "instead": True}


def test_without_a_gruu_the_far_end_is_told_where_we_are() -> None:
    paper = talking(gruu=False)
    paper.down()
    paper.back()

    assert f"@{paper.agent.writer.host};transport=ws" in paper.last("INVITE").get("Contact")


def test_a_calls_own_offer_is_its_probe() -> None:
    paper = talking()
    paper.asks("TJS1", "offer", MORE)
    paper.down()
    paper.clear()
    paper.back()

    assert paper.said == ["INVITE"]
    assert paper.last("INVITE").body == MORE


def test_a_box_that_registers_nowhere_asks_too() -> None:
    paper = talking(register=False)
    paper.down()
    paper.back()
    paper.move(6)

    assert paper.said == ["INVITE"]


# Keys


@pytest.mark.parametrize(("body", "body_type", "digit"), [
    ("Signal=5\r\nDuration=160\r\n", "application/dtmf-relay", "5"), ("Signal= #\r\n", "application/dtmf-relay", "#"),
    ("Duration=100\nSignal=*\n", "application/dtmf-relay", "*"), ("signal=11", "application/dtmf-relay", "#"),
    ("7", "application/dtmf", "7"), ("a", "application/dtmf", "A"),
])  # fmt: skip
def test_a_key_comes_as_info(body: str, body_type: str, digit: str) -> None:
    paper = talking()
    paper.hears(within(paper, "INFO", "TJS1", 1, body=body, body_type=body_type))
    paper.hears(within(paper, "INFO", "TJS1", 1, body=body, body_type=body_type, branch="fork"))

    assert paper.told == [("digit", {"callsid": "TJS1", "digit": digit})]
    assert paper.said == ["200 INFO", "482 INFO"]


@pytest.mark.parametrize(("body", "body_type", "status"), [
    ("Signal=16", "application/dtmf-relay", 200), ("", "application/dtmf", 200), ("Signal=5;", "application/dtmf", 200),
    ("<media_control/>", "application/media_control+xml", 415), ("x" * 5000, "application/dtmf", 200), ("", "", 200),
])  # fmt: skip
def test_what_is_not_a_key_is_not_told(body: str, body_type: str, status: int) -> None:
    paper = talking()
    paper.hears(within(paper, "INFO", "TJS1", 1, body=body, body_type=body_type))

    assert paper.events == []
    assert paper.said == [f"{status} INFO"]


def test_keys_go_out_one_after_the_other() -> None:
    paper = talking()
    paper.asks("TJS1", "press", "1w2")
    first = paper.last("INFO")
    assert (first.body, first.get("Content-Type")) == ("Signal=1\r\nDuration=160\r\n", "application/dtmf-relay")
    paper.move(1)
    assert paper.said == ["INFO"]
    paper.hears(answer_to(first, 200, "OK"))
    paper.move(0.4)
    assert paper.said == ["INFO"]
    paper.move(0.2)
    assert paper.last("INFO").body == "Signal=2\r\nDuration=160\r\n"
    paper.hears(answer_to(paper.last("INFO"), 200, "OK"))
    paper.move(40)
    paper.asks("TJS1", "hang_up", None)
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    assert paper.rest == 0


def test_a_far_end_that_wants_keys_in_another_form_gets_them_so() -> None:
    paper = talking()
    paper.asks("TJS1", "press", "1")
    paper.hears(refused(paper.last("INFO"), 415))

    assert (paper.last("INFO").body, paper.last("INFO").get("Content-Type")) == ("1", "application/dtmf")


@pytest.mark.parametrize(("method", "status"), [
    ("OPTIONS", 200), ("REFER", 603), ("SUBSCRIBE", 489), ("NOTIFY", 481), ("MESSAGE", 405), ("DANCE", 501),
])  # fmt: skip
def test_other_requests_within_a_call(method: str, status: int) -> None:
    paper = talking()
    paper.hears(within(paper, method, "TJS1", 1))

    assert paper.said == [f"{status} {method}"]
    assert paper.events == []


def test_an_old_request_is_late() -> None:
    paper = talking()
    paper.hears(within(paper, "OPTIONS", "TJS1", 5))
    paper.hears(within(paper, "BYE", "TJS1", 4))

    assert paper.said == ["200 OPTIONS", "500 BYE"]
    assert paper.events == []
