"""What a far end insists on: session timers, and what we lack (agent.signaling.sip.extensions)."""

from __future__ import annotations

import pytest

from tests.signaling.sip.core import ANSWER, OFFER, THEIRS, Paper, answered, refused, talking, within
from tests.signaling.sip.sip_text import answer_to


@pytest.mark.parametrize("asked", ["90", "1800;refresher=uac", "1800 ; Refresher=UAC;x=1"])
def test_a_far_end_that_insists_on_a_timer_gets_it_and_asks_anew_itself(asked: str) -> None:
    paper = Paper()
    paper.called(Require="timer", Session_Expires=asked)
    paper.asks("C1", "answer", ANSWER)
    yes = paper.last("200")

    assert yes.get("Session-Expires") == f"{asked.partition(';')[0].strip()};refresher=uac"
    assert yes.get("Require") == "timer"
    paper.hears(within(paper, "ACK", "C1"))
    paper.clear()
    paper.hears(within(paper, "UPDATE", "C1", 2, Require="timer", x="90;refresher=uac"))
    assert paper.last("200").get("Session-Expires") == "90;refresher=uac"
    paper.move(4000)
    assert paper.said == ["200 UPDATE"]


def test_who_only_knows_timers_gets_none() -> None:
    paper = Paper()
    paper.called(Supported="timer", Session_Expires="90")
    paper.asks("C1", "answer", ANSWER)

    assert not paper.last("200").all("Session-Expires") and not paper.last("200").all("Require")


def test_where_it_is_ours_to_ask_anew_we_do_so_in_time_until_the_call_ends() -> None:
    paper = Paper()
    paper.called(Require="timer", Session_Expires="100;refresher=uas")
    paper.asks("C1", "answer", ANSWER)
    assert paper.last("200").get("Session-Expires") == "100;refresher=uas"
    paper.hears(within(paper, "ACK", "C1"))
    paper.clear()
    for _ in range(3):
        paper.move(49)
        assert paper.said == []
        paper.move(2)
        assert paper.said == ["INVITE"]
        assert paper.last("INVITE").body == ANSWER.replace("active", "actpass")
        paper.hears(answered(paper.last("INVITE"), body=THEIRS))
        paper.clear()
        paper.now -= 1  # the two seconds and the one before them
    assert paper.events == []
    paper.hears(within(paper, "BYE", "C1", 2))
    paper.move(100)
    assert paper.said == ["200 BYE"] and paper.rest == 0


def test_a_far_end_that_is_gone_then_is_noticed() -> None:
    paper = talking()
    paper.hears(within(paper, "UPDATE", "TJS1", 1, Require="timer", Session_Expires="90;refresher=uas"))
    paper.move(46)
    paper.hears(refused(paper.last("INVITE"), 481))

    assert paper.events == ["hangup"]


def test_another_wish_takes_the_place_of_the_one_before() -> None:
    paper = talking()
    paper.hears(within(paper, "UPDATE", "TJS1", 1, Require="timer", Session_Expires="90;refresher=uas"))
    paper.hears(within(paper, "UPDATE", "TJS1", 2))
    paper.clear()
    paper.move(400)

    assert paper.said == []


def test_a_time_that_is_too_short_for_us_is_refused_with_a_good_one() -> None:
    paper = Paper()
    paper.called(Require="timer", Session_Expires="10;refresher=uas")

    assert paper.said == ["422 INVITE"]
    assert paper.last("422").get("Min-SE") == "90"
    assert paper.events == []


@pytest.mark.parametrize("asked", ["", "soon", ";refresher=uas", "-5;refresher=uas"])
def test_a_time_that_is_none_means_no_timer(asked: str) -> None:
    paper = Paper()
    paper.called(Require="timer", Session_Expires=asked)
    paper.asks("C1", "answer", ANSWER)

    assert not paper.last("200").all("Session-Expires")


@pytest.mark.parametrize("tag", ["100rel", "replaces", "precondition", "trickle-ice", "join", "tdialog"])
def test_what_we_lack_is_refused_by_its_name(tag: str) -> None:
    paper = Paper()
    paper.called(Require=f"timer, {tag}, ice, outbound, gruu, path")

    assert paper.said == ["420 INVITE"]
    assert paper.last("420").get("Unsupported") == tag


def test_a_goodbye_is_not_kept_by_a_timer() -> None:
    paper = Paper()
    paper.called(Require="timer", Session_Expires="90;refresher=uas")
    paper.asks("C1", "answer", ANSWER)
    paper.hears(within(paper, "ACK", "C1"))
    paper.asks("C1", "hang_up", None)
    paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
    paper.asks("C1", "offer", OFFER)
    paper.move(200)

    assert paper.rest == 0
