"""Several who are called at once, as legs of one call (agent.signaling.sip.legs, sip_leg, outgoing_call)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from agent.log import SeldomLog
from tests.signaling.sip.core import (
    ANSWER,
    DOMAIN,
    OFFER,
    THEIRS,
    Paper,
    answered,
    refused,
    request,
    within,
)
from tests.signaling.sip.sip_text import Text, answer_to

MORE = OFFER.replace("ours", "newe")


def invites(paper: Paper) -> dict[str, Text]:
    """The latest INVITE to each who is called, by his name."""
    return {text.uri.partition(":")[2].partition("@")[0]: text for _, text in paper.sent
            if text.is_request and text.method == "INVITE" and not text.tag("To")}  # fmt: skip


def rung(*names: str, **how: Any) -> tuple[Paper, dict[str, Text]]:
    """A call that rings all of these."""
    paper = Paper(**how)
    paper.call(params=f"To={'%2C'.join(names)}")
    for name in names:
        paper.hears(answered(invites(paper)[name], body="", status=180))
    return paper, invites(paper)


def sent(paper: Paper, method: str) -> list[Text]:
    return [text for _, text in paper.sent if text.is_request and text.method == method]


def end_all(paper: Paper) -> None:
    """The far ends say yes to whatever ends a call, and time passes."""
    for cancel in sent(paper, "CANCEL"):
        paper.hears(answer_to(cancel, 200, "canceling"))
    for bye in sent(paper, "BYE"):
        paper.hears(answer_to(bye, 200, "OK"))
    paper.move(40)


@pytest.fixture(autouse=True)
def _told_anew() -> Iterator[None]:
    SeldomLog._since.clear()
    yield


def test_all_are_called_at_once_each_by_an_invite_of_his_own() -> None:
    paper = Paper()
    paper.call(params="To=ground%2C%20first%2C%2B49%20%2830%29%20123&Door=front")

    asked = sent(paper, "INVITE")
    assert [text.uri for text in asked] == [f"sip:{name}@{DOMAIN}" for name in ("ground", "first", "+4930123")]
    assert [text.get("Call-ID") for text in asked] == ["TJS1", "TJS1-2", "TJS1-3"]
    for header in ("From", "To", "Via"):
        assert len({text.get(header) for text in asked}) == 3
    assert {(text.get("CSeq"), text.get("X-Door"), text.body) for text in asked} == {("1 INVITE", "front", OFFER)}


def test_the_first_answer_has_the_call_and_the_others_hear_that_it_is_taken() -> None:
    paper, asked = rung("ground", "first", "attic")
    paper.hears(answered(asked["first"], "yes"))

    answer = {"callsid": "TJS1", "sdp": ANSWER, "answeredBy": "first"}
    assert paper.told == [("ringing", {"callsid": "TJS1"}), ("answer", answer)]
    assert [text.uri.partition("@")[0] for text in sent(paper, "CANCEL")] == ["sip:ground", "sip:attic"]
    assert {text.get("Reason") for text in sent(paper, "CANCEL")} == {
        'SIP;cause=200;text="Call completed elsewhere"'
    }
    assert paper.last("ACK").tag("To") == "yes"
    for name in ("ground", "attic"):
        paper.hears(refused(asked[name], 487))
    paper.asks("TJS1", "hang_up", None)
    assert (paper.last("BYE").get("Call-ID"), paper.last("BYE").tag("To")) == ("TJS1-2", "yes")
    end_all(paper)
    assert paper.rest == 0
    assert paper.events == ["ringing", "answer"]


def test_an_answer_that_comes_at_the_same_moment_is_acknowledged_and_ended() -> None:
    paper, asked = rung("ground", "first")
    paper.hears(answered(asked["first"], "one"))
    paper.hears(answered(asked["ground"], "two"))

    assert paper.said == ["INVITE", "INVITE", "ACK", "CANCEL", "ACK", "BYE"]
    assert (paper.last("BYE").get("Call-ID"), paper.last("BYE").tag("To")) == ("TJS1", "two")
    paper.hears(answered(asked["ground"], "two"))  # once more: the ACK is late
    assert paper.said[-1] == "ACK"
    assert paper.said.count("BYE") == 1
    assert paper.events == ["ringing", "answer"]
    end_all(paper)
    assert [phase.sid for phase in paper.calls] == ["TJS1"]


def test_a_leg_that_forks_by_itself_has_one_winner_too() -> None:
    paper, asked = rung("ground", "first")
    paper.hears(answered(asked["ground"], "one"))
    paper.hears(answered(asked["ground"], "two"))

    assert paper.last("BYE").tag("To") == "two"
    assert paper.events == ["ringing", "answer"]


def test_who_is_not_known_to_ring_yet_is_cancelled_as_soon_as_he_is() -> None:
    paper = Paper()
    paper.call(params="To=ground%2Cfirst")
    asked = invites(paper)
    paper.hears(answered(asked["first"]))
    assert "CANCEL" not in paper.said
    paper.hears(answer_to(asked["ground"], 100, "Trying"))

    assert paper.last("CANCEL").get("Via") == asked["ground"].get("Via")
    assert "cause=200" in paper.last("CANCEL").get("Reason")


@pytest.mark.parametrize("status", [302, 404, 486, 503, 600, 603])
def test_one_who_refuses_ends_no_other(status: int) -> None:
    paper, asked = rung("ground", "first", "attic")
    paper.hears(refused(asked["ground"], status))
    paper.hears(refused(asked["attic"], 486))

    assert paper.events == ["ringing"]
    assert "CANCEL" not in paper.said
    paper.hears(answered(asked["first"]))
    assert paper.events == ["ringing", "answer"]


def test_one_who_cannot_be_called_is_logged_and_one_who_refuses_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "agent.signaling.sip")
    paper, asked = rung("ground", "first", "attic")
    paper.hears(refused(asked["ground"], 603))
    assert caplog.messages == []
    paper.hears(refused(asked["attic"], 404))

    (line,) = caplog.messages
    assert f"sip:attic@{DOMAIN} cannot be called" in line
    assert "404" in line


@pytest.mark.parametrize(
    ("statuses", "best"),
    [((480, 486, 603), 603), ((480, 404, 486), 486), ((404, 480), 480), ((486, 503), 486), ((503, 404), 404),
     ((488, 420), 420), ((606, 404), 606), ((404, 606), 404), ((500, 302), 302)],
)  # fmt: skip
def test_when_nobody_takes_it_the_best_of_the_answers_counts(statuses: tuple[int, ...], best: int) -> None:
    names = [f"n{status}" for status in statuses]
    paper, asked = rung(*names)
    for status, name in zip(statuses, names, strict=True):
        assert "hangup" not in paper.events
        paper.hears(refused(asked[name], status))

    assert paper.payload("hangup")["status"] == best
    assert ("error" in paper.payload("hangup")) == (best not in (480, 486, 603))
    assert paper.events == ["ringing", "hangup"]
    assert paper.rest == 0


def test_that_a_server_has_said_something_counts_more_than_that_none_has() -> None:
    paper = Paper()
    paper.call(params="To=ground%2Cfirst")
    paper.hears(refused(invites(paper)["ground"], 404))
    paper.move(33)

    assert paper.payload("hangup")["error"]["code"] == 31404
    assert paper.rest == 0


def test_each_leg_has_its_own_time() -> None:
    paper = Paper()
    paper.call(params="To=ground%2Cfirst")
    paper.hears(answered(invites(paper)["first"], body="", status=180))
    paper.move(33)  # of the ground floor nothing was ever heard
    assert paper.events == ["ringing"]
    paper.move(270)
    assert paper.said == ["INVITE", "INVITE", "CANCEL"]
    paper.hears(refused(invites(paper)["first"], 487))
    assert paper.events[-1] == "hangup"
    assert paper.payload("hangup")["status"] == 487 and "error" not in paper.payload("hangup")
    assert paper.rest == 0


def test_each_leg_is_asked_for_the_secret_by_itself() -> None:
    paper = Paper()
    paper.call(params="To=ground%2Cfirst")
    for n, first in enumerate(invites(paper).values()):
        paper.hears(refused(first, 407, Proxy_Authenticate=f'Digest realm="pbx", nonce="n{n}", qop="auth"'))
    asked = invites(paper)

    assert [text.get("CSeq") for text in asked.values()] == ["2 INVITE", "2 INVITE"]
    assert all(f'nonce="n{n}"' in text.get("Proxy-Authorization") for n, text in enumerate(asked.values()))
    paper.hears(answered(asked["first"]))
    assert paper.last("ACK").get("CSeq") == "2 ACK"
    assert paper.events == ["answer"]


def test_an_answer_that_nobody_can_hear_leaves_the_others_ringing() -> None:
    paper, asked = rung("ground", "first")
    paper.hears(answered(asked["ground"], "mute", body=""))
    assert paper.said[-2:] == ["ACK", "BYE"]
    assert paper.events == ["ringing"]
    paper.hears(refused(asked["first"], 404))

    assert "without a session description" in paper.payload("hangup")["error"]["message"]
    end_all(paper)
    assert paper.rest == 0


def test_hanging_up_takes_all_of_them_back() -> None:
    paper, asked = rung("ground", "first")
    paper.asks("TJS1", "hang_up", None)
    assert paper.said[-2:] == ["CANCEL", "CANCEL"]
    assert not any(text.get("Reason") for text in sent(paper, "CANCEL"))
    paper.hears(answered(asked["first"], "late"))
    assert paper.said[-2:] == ["ACK", "BYE"]
    paper.hears(refused(asked["ground"], 487))
    end_all(paper)

    assert paper.events == ["ringing"]
    assert paper.rest == 0


def test_what_is_sent_before_the_answer_is_not_taken_of_several() -> None:
    paper, asked = rung("ground", "first", early_media=True)
    paper.hears(answered(asked["ground"], status=183))
    paper.hears(answered(asked["first"], body=ANSWER.replace("them", "others")))

    assert paper.told == [("ringing", {"callsid": "TJS1"}),
                          ("answer", {"callsid": "TJS1", "sdp": ANSWER.replace("them", "others"),
                                      "answeredBy": "first"})]  # fmt: skip


def test_what_comes_after_the_answer_is_between_us_and_the_winner_alone() -> None:
    paper, asked = rung("ground", "first")
    paper.hears(answered(asked["first"], "yes"))
    paper.hears(refused(asked["ground"], 487))
    paper.move(33)
    paper.clear()
    paper.asks("TJS1", "offer", MORE)
    (again,) = sent(paper, "INVITE")
    assert (again.get("Call-ID"), again.tag("To")) == ("TJS1-2", "yes")
    paper.hears(answered(again, "yes"))
    paper.do(paper.calls.probe(paper.now))
    paper.hears(answered(paper.last("INVITE"), "yes"))
    paper.hears(within(paper, "INVITE", "TJS1", 1, body=THEIRS.replace("sendrecv", "sendonly")))
    paper.asks("TJS1", "answer", ANSWER)
    paper.hears(request("BYE", "TJS1", to_tag=asked["ground"].tag("From")))

    assert {text.get("Call-ID") for text in sent(paper, "INVITE")} == {"TJS1-2"}
    assert paper.events == ["answer", "invite", "hold"]
    assert paper.said[-1] == "481 BYE"


def test_a_phone_that_still_rings_may_ask_though_another_one_has_the_call() -> None:
    paper, asked = rung("ground", "first")
    paper.hears(answered(asked["first"], "yes"))
    paper.hears(request("OPTIONS", "TJS1", to_tag=asked["ground"].tag("From")))
    assert paper.said[-1] == "200 OPTIONS"
    paper.hears(refused(asked["ground"], 487))
    paper.hears(request("OPTIONS", "TJS1", number=2, to_tag=asked["ground"].tag("From")))
    assert paper.said[-1] == "481 OPTIONS"


def test_with_a_lost_connection_those_are_lost_that_the_edge_knew_and_the_others_go_over_the_other_one() -> None:
    paper = Paper(edges=2)
    paper.call(params="To=ground%2Cfirst")
    paper.hears(answered(invites(paper)["ground"], body="", status=180))
    paper.down(1)

    assert paper.events == ["ringing"]
    assert paper.sent[-1] == (2, invites(paper)["first"])
    paper.hears(answered(invites(paper)["first"]), 2)
    assert paper.events == ["ringing", "answer"]


def test_with_the_only_connection_all_of_them_are_lost() -> None:
    paper, _ = rung("ground", "first")
    paper.down()

    assert paper.payload("hangup")["error"]["twilioError"].code == 53001
    assert paper.events.count("hangup") == 1
    assert paper.rest == 0


def test_who_is_named_twice_is_called_once() -> None:
    paper = Paper()
    paper.call(params=f"To=ground%2Csip%3Aground%40{DOMAIN}%2C%2C")

    assert paper.said == ["INVITE"]
    assert paper.last("INVITE").get("Call-ID") == "TJS1"


@pytest.mark.parametrize("whom", [",".join(f"n{n}" for n in range(11)), "ground,http:x", "ground,a\r\nX-Evil: 1"])
def test_when_one_cannot_be_written_or_too_many_are_named_nobody_is_called(whom: str) -> None:
    paper = Paper()
    paper.call(params=f"To={whom.replace(',', '%2C').replace(chr(13), '%0D').replace(chr(10), '%0A')}")

    assert paper.said == []
    assert paper.payload("hangup")["error"]["code"] == 31000
    assert paper.rest == 0


def test_a_leg_that_leads_to_ourselves_is_a_loop_and_the_others_ring() -> None:
    paper = Paper()
    paper.call(params="To=ground%2Ckiosk")
    own = invites(paper)["kiosk"]
    paper.called("TJS1-2", from_tag=own.tag("From"))
    assert paper.said[-1] == "482 INVITE"
    paper.hears(refused(own, 482))
    paper.hears(answered(invites(paper)["ground"]))

    assert paper.events == ["answer"]
