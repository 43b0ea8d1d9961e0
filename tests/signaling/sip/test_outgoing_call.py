"""Calls that we make, until they are answered (agent.signaling.sip.outgoing_call)."""

from __future__ import annotations

import pytest

from tests.signaling.sip.core import ANSWER, DOMAIN, GRUU, OFFER, Paper, answered, refused, request
from tests.signaling.sip.sip_text import answer_to


def test_a_call_is_made_and_answered() -> None:
    paper = Paper()
    paper.call(params="To=desk&Door=front%20door")
    invite = paper.last("INVITE")
    assert invite.uri == f"sip:desk@{DOMAIN}"
    assert invite.get("X-Door") == "front door"
    assert GRUU in invite.get("Contact")
    assert invite.body == OFFER
    paper.hears(answered(invite, body="", status=180))
    paper.hears(answered(invite))

    assert paper.told == [("ringing", {"callsid": "TJS1"}), ("answer", {"callsid": "TJS1", "sdp": ANSWER})]
    ack = paper.last("ACK")
    assert ack.uri == "sip:desk@192.0.2.9:5060;ob=far"
    assert ack.all("Route") == [f"<sip:far.{DOMAIN};lr>", f"<sip:edge1.{DOMAIN};lr>"]
    assert ack.get("CSeq") == "1 ACK"
    assert ack.get("Via") != invite.get("Via")


def test_the_secret_is_shown_to_a_proxy_that_asks_for_it() -> None:
    paper = Paper()
    paper.call()
    first = paper.last("INVITE")
    challenge = 'Digest realm="pbx", nonce="n1", qop="auth,auth-int"'
    paper.hears(refused(first, 407, Proxy_Authenticate=challenge))
    second = paper.last("INVITE")

    assert paper.said == ["INVITE", "ACK", "INVITE"]
    assert paper.last("ACK").get("Via") == first.get("Via")
    assert 'username="kiosk"' in second.get("Proxy-Authorization")
    assert second.get("CSeq") == "2 INVITE"
    assert (second.get("Call-ID"), second.tag("From")) == (first.get("Call-ID"), first.tag("From"))
    assert second.get("Via") != first.get("Via")
    paper.hears(answered(second))
    assert paper.last("ACK").get("CSeq") == "2 ACK"
    assert paper.last("ACK").get("Proxy-Authorization") == second.get("Proxy-Authorization")
    paper.asks("TJS1", "hang_up", None)
    assert paper.last("BYE").get("CSeq") == "3 BYE"


def test_a_refused_secret_ends_the_call_with_what_to_do() -> None:
    paper = Paper()
    paper.call()
    for _ in range(2):
        paper.hears(refused(paper.last("INVITE"), 407, Proxy_Authenticate='Digest realm="pbx", nonce="n"'))

    assert paper.events == ["hangup"]
    error = paper.payload("hangup")["error"]
    assert (error["code"], error["twilioError"].code) == (31201, 20151)
    assert "[sip]" in error["message"]
    assert paper.said.count("INVITE") == 2


@pytest.mark.parametrize(
    ("early", "told"), [(True, [{"callsid": "TJS1", "sdp": ANSWER}]), (False, [{"callsid": "TJS1"}])]
)
def test_early_media_is_handed_over_only_where_it_is_wanted(early: bool, told: list[dict[str, str]]) -> None:
    paper = Paper(early_media=early)
    paper.call()
    paper.hears(answered(paper.last("INVITE"), status=183))

    assert [payload for name, payload in paper.told if name == "ringing"] == told
    assert "answer" not in paper.events
    paper.hears(answered(paper.last("INVITE"), body=""))
    assert paper.payload("answer")["sdp"] == ANSWER


def test_another_wish_about_early_media_holds_for_the_next_call() -> None:
    paper = Paper()
    paper.call()
    paper.calls.early_media = True
    paper.hears(answered(paper.last("INVITE"), status=183))
    assert "sdp" not in paper.payload("ringing")
    paper.call("TJS2")
    paper.hears(answered(paper.last("INVITE"), status=183))
    assert paper.payload("ringing") == {"callsid": "TJS2", "sdp": ANSWER}


@pytest.mark.parametrize(("ufrag", "fork"), [("them", {}), ("another", {"fork": True})])
def test_another_phone_that_answers_than_the_one_that_was_heard_is_a_fork(ufrag: str, fork: dict[str, bool]) -> None:
    paper = Paper(early_media=True)
    paper.call()
    paper.hears(answered(paper.last("INVITE"), "one", status=183))
    paper.hears(answered(paper.last("INVITE"), "two", ANSWER.replace("them", ufrag)))

    assert paper.payload("answer") == {"callsid": "TJS1", "sdp": ANSWER.replace("them", ufrag), **fork}


@pytest.mark.parametrize(
    ("status", "entry"), [(486, 31486), (600, 31486), (480, 31480), (408, 31480), (487, 31480), (603, 31603)]
)
def test_a_call_that_nobody_takes_ends_without_an_error_and_says_how(status: int, entry: int) -> None:
    paper = Paper()
    paper.call()
    paper.hears(refused(paper.last("INVITE"), status))

    assert paper.events == ["hangup"]
    told = paper.payload("hangup")
    assert (told["callsid"], told["status"]) == ("TJS1", status) and "error" not in told
    assert (told["refusal"]["code"], told["refusal"]["twilioError"].code) == (31000 + status, entry)
    assert paper.said == ["INVITE", "ACK"]
    assert paper.rest == 0


@pytest.mark.parametrize(
    ("status", "code", "entry"),
    [(404, 31404, 31404), (484, 31404, 31404), (403, 31201, 20151), (488, 31000, 53402), (606, 31000, 53402),
     (302, 31000, 31005), (503, 31000, 31005), (500, 31000, 31005), (420, 31000, 31005), (482, 31000, 31005)],
)  # fmt: skip
def test_a_call_that_cannot_be_made_says_why_and_what_to_do(status: int, code: int, entry: int) -> None:
    paper = Paper()
    paper.call()
    paper.hears(refused(paper.last("INVITE"), status, "Because\tof this"))

    error = paper.payload("hangup")["error"]
    assert (error["code"], error["twilioError"].code) == (code, entry)
    assert paper.payload("hangup")["status"] == status
    assert str(status) in error["message"]
    assert error["message"].endswith(".")
    assert "twilio" not in error["message"].lower()
    assert paper.rest == 0


def test_a_call_is_taken_back_only_once_the_edge_knows_it() -> None:
    paper = Paper()
    paper.call()
    paper.asks("TJS1", "hang_up", None)
    assert paper.said == ["INVITE"]
    invite = paper.last("INVITE")
    paper.hears(answer_to(invite, 100, "Trying"))
    cancel = paper.last("CANCEL")
    assert (cancel.get("Via"), cancel.get("CSeq"), cancel.uri) == (invite.get("Via"), "1 CANCEL", invite.uri)
    paper.hears(answer_to(cancel, 200, "canceling", tag="edge"))
    paper.hears(refused(invite, 487))

    assert paper.said == ["INVITE", "CANCEL", "ACK"]
    assert paper.told == []
    assert paper.rest == 0


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    paper = Paper()
    paper.call()
    paper.hears(answered(paper.last("INVITE"), body="", status=180))
    paper.asks("TJS1", "hang_up", None)
    paper.answered()

    assert paper.said == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert "answer" not in paper.events
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    paper.move(40)
    assert paper.rest == 0


def test_each_further_phone_that_answers_is_told_at_once_that_it_is_over() -> None:
    paper = Paper()
    paper.call()
    invite = paper.last("INVITE")
    paper.hears(answered(invite, "one"))
    paper.hears(answered(invite, "two"))
    paper.hears(answered(invite, "one"))

    assert paper.said == ["INVITE", "ACK", "ACK", "BYE", "ACK"]
    assert paper.last("BYE").tag("To") == "two"
    assert paper.events == ["answer"]
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    paper.asks("TJS1", "hang_up", None)
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    paper.move(40)
    assert paper.rest == 0


def test_an_answer_without_a_description_ends_the_call() -> None:
    paper = Paper()
    paper.call()
    paper.answered(body="")

    assert paper.said == ["INVITE", "ACK", "BYE"]
    assert paper.payload("hangup")["error"]["code"] == 31000


def test_a_call_without_any_answer_ends_after_a_while() -> None:
    paper = Paper()
    paper.call()
    paper.move(33)

    assert paper.payload("hangup")["error"]["twilioError"].code == 53000
    assert paper.rest == 0


def test_a_call_that_rings_for_ever_is_taken_back() -> None:
    paper = Paper()
    paper.call()
    paper.hears(answered(paper.last("INVITE"), body="", status=180))
    paper.move(301)
    assert paper.said == ["INVITE", "CANCEL"]
    paper.move(33)
    assert paper.events == ["ringing", "hangup"]
    assert paper.rest == 0


def test_a_call_that_is_not_answered_is_lost_with_its_connection() -> None:
    paper = Paper()
    paper.call()
    paper.hears(answered(paper.last("INVITE"), body="", status=180))
    paper.down()

    assert paper.payload("hangup")["error"]["twilioError"].code == 53001
    assert paper.events[:2] == ["ringing", "error"] or "transport_close" in paper.events
    assert paper.rest == 0


def test_a_call_that_its_edge_never_showed_to_know_goes_over_the_other_one() -> None:
    paper = Paper(edges=2)
    paper.call()
    first = paper.last("INVITE")
    paper.down(1)
    second = paper.last("INVITE")

    assert paper.sent[-1][0] == 2
    assert (second.get("Call-ID"), second.tag("From")) == (first.get("Call-ID"), first.tag("From"))
    assert second.get("CSeq") == "2 INVITE"  # a phone that has the first one takes this for no copy of it
    paper.hears(answered(second), 2)
    assert paper.events == ["answer"]
    paper.asks("TJS1", "hang_up", None)
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"), 2)
    paper.move(33)
    assert paper.rest == 0


def test_a_call_that_its_edge_knew_is_not_made_twice() -> None:
    paper = Paper(edges=2)
    paper.call()
    paper.hears(answered(paper.last("INVITE"), body="", status=180))
    paper.down(1)

    assert paper.said == ["INVITE"]
    assert paper.payload("hangup")["error"]["twilioError"].code == 53001
    assert paper.rest == 0


def test_a_call_that_was_taken_back_is_not_made_anew() -> None:
    paper = Paper(edges=2)
    paper.call()
    paper.asks("TJS1", "hang_up", None)
    paper.down(1)

    assert paper.said == ["INVITE"]
    assert paper.rest == 0


def test_a_call_without_a_connection_fails_at_once() -> None:
    paper = Paper()
    paper.down()
    paper.clear()
    paper.call()

    assert paper.payload("hangup")["error"]["twilioError"].code == 53001
    assert paper.rest == 0


@pytest.mark.parametrize(
    "params",
    ["", "To=", "To=a%0D%0AX-Evil%3A%201", "To=desk&Do%0Aor=1", "To=desk&Door=a%0D%0ARoute%3A%20%3Csip%3Aevil%3E",
     "To=desk&D%C3%B6r=1", "To=mailto%3Ax%40y", "To=sip%3A%40", "To=desk&A=%00"],
)  # fmt: skip
def test_what_no_message_can_carry_is_refused_before_anything_is_sent(params: str) -> None:
    paper = Paper()
    paper.call(params=params)

    assert paper.said == []
    assert paper.events == ["hangup"]
    assert paper.payload("hangup")["error"]["code"] == 31000
    assert paper.rest == 0


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("INFO", 200), ("REFER", 603), ("MESSAGE", 405)])
def test_a_phone_that_rings_may_ask(method: str, status: int) -> None:
    paper = Paper()
    paper.call()
    invite = paper.last("INVITE")
    paper.hears(answered(invite, body="", status=180))
    paper.hears(request(method, "TJS1", to_tag=invite.tag("From")))

    assert paper.said[-1] == f"{status} {method}"


def test_a_call_to_ourselves_is_a_loop() -> None:
    paper = Paper()
    paper.call(params="To=kiosk")
    paper.called("TJS1", from_tag=paper.last("INVITE").tag("From"))

    assert paper.said == ["INVITE", "482 INVITE"]
