"""Calls to us, until they are answered (agent.signaling.sip.incoming_call, sip_calls)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.signaling.sip.core import ANSWER, DOMAIN, GRUU, THEIRS, Paper, request, within


def test_a_call_is_announced_rings_and_is_answered() -> None:
    paper = Paper()
    invite = paper.called(X_Door="front", x_unit="4b ü")
    assert paper.payload("invite") == {
        "callsid": "C1",
        "sdp": THEIRS,
        "parameters": {"CallSid": "C1", "From": f"sip:desk@{DOMAIN}", "To": f"sip:kiosk@{DOMAIN}",
                       "Params": "Door=front&unit=4b%20%C3%BC"},
    }  # fmt: skip
    assert paper.said == []
    paper.move(0)
    ringing = paper.last("180")
    assert ringing.all("Via") == invite.all("Via")
    assert ringing.all("Record-Route") == invite.all("Record-Route")
    paper.asks("C1", "answer", ANSWER)
    answer = paper.last("200")

    assert answer.body == ANSWER
    assert GRUU in answer.get("Contact")
    assert answer.tag("To") == ringing.tag("To") != ""
    paper.hears(within(paper, "ACK", "C1"))
    paper.move(60)
    assert paper.said == ["180 INVITE", "200 INVITE"]


@pytest.mark.parametrize(("wish", "given", "status"), [
    ("decline", ("busy",), 486), ("decline", ("do_not_disturb",), 480), ("decline", ("too_many",), 486),
    ("decline", ("unusable",), 488), ("reject", (603,), 603), ("reject", (486,), 486), ("hang_up", (None,), 480),
])  # fmt: skip
def test_a_call_that_is_not_taken_says_so_instead_of_ringing(wish: str, given: tuple[Any, ...], status: int) -> None:
    paper = Paper()
    invite = paper.called()
    paper.asks("C1", wish, *given)
    paper.move(0.5)
    assert paper.said == [f"{status} INVITE"]
    paper.hears(request("ACK", "C1", to_tag=paper.last(str(status)).tag("To"), branch="INVITE1C1"))
    paper.move(40)

    assert paper.events == ["invite"]
    assert invite.tag("From") == "far"
    assert paper.rest == 0


@pytest.mark.parametrize(("reason", "told"), [
    ("", {}),
    ('SIP;cause=200;text="Call completed elsewhere"', {"elsewhere": True}),
    ('SIP ;text="a;b" ;cause=200', {"elsewhere": True}),
    ("Q.850;cause=26", {"elsewhere": True}),
    ('SIP;cause=600;text="Busy Everywhere"', {}),
    ("SIP;cause=2000", {}),
])  # fmt: skip
def test_a_caller_gives_up_or_somebody_else_answers(reason: str, told: dict[str, Any]) -> None:
    paper = Paper()
    paper.called()
    paper.move(0)
    paper.hears(request("CANCEL", "C1", branch="INVITE1C1", **({"Reason": reason} if reason else {})))

    assert paper.said == ["180 INVITE", "200 CANCEL", "487 INVITE"]
    assert paper.payload("cancel") == {"callsid": "C1", **told}
    assert len({paper.last(status).tag("To") for status in ("180", "200", "487")}) == 1
    paper.hears(request("ACK", "C1", branch="INVITE1C1"))
    paper.move(40)
    assert paper.rest == 0


def test_a_cancel_that_crosses_our_answer_changes_nothing() -> None:
    paper = Paper()
    paper.called()
    paper.asks("C1", "answer", ANSWER)
    paper.hears(request("CANCEL", "C1", branch="INVITE1C1"))

    assert paper.said == ["200 INVITE", "200 CANCEL"]
    assert "cancel" not in paper.events
    paper.hears(within(paper, "ACK", "C1"))
    paper.hears(within(paper, "BYE", "C1", 2))
    assert paper.events[-1] == "hangup"


def test_a_cancel_of_nothing_gets_481() -> None:
    paper = Paper()
    paper.hears(request("CANCEL", "C9"))

    assert paper.said == ["481 CANCEL"]


def test_our_answer_is_said_again_until_it_is_heard() -> None:
    paper = Paper()
    paper.called()
    paper.asks("C1", "answer", ANSWER)
    paper.move(8)
    assert paper.said == ["200 INVITE"] * 5  # after 0.5, 1.5, 3.5 and 7.5 s
    paper.hears(within(paper, "ACK", "C1"))
    paper.clear()
    paper.move(60)
    assert paper.said == []


def test_an_answer_that_nobody_hears_ends_the_call() -> None:
    paper = Paper()
    paper.called()
    paper.asks("C1", "answer", ANSWER)
    paper.move(33)

    assert paper.said[-1] == "BYE"
    assert paper.events[-1] == "hangup"
    paper.move(33)
    assert paper.rest == 0


def test_a_goodbye_waits_until_the_far_end_knows_our_answer() -> None:
    paper = Paper()
    paper.called()
    paper.asks("C1", "answer", ANSWER)
    paper.asks("C1", "hang_up", None)
    assert paper.said == ["200 INVITE"]
    paper.hears(within(paper, "ACK", "C1"))
    assert paper.said == ["200 INVITE", "BYE"]


def test_the_same_call_over_another_flow_comes_once() -> None:
    paper = Paper(edges=2)
    paper.called()
    paper.called(branch="other", flow=2)
    assert paper.events == ["invite"]
    assert [(flow, text.status) for flow, text in paper.sent] == [(2, 482)]
    paper.asks("C1", "reject", 603)
    paper.called(branch="third", flow=2)

    assert [(flow, text.status) for flow, text in paper.sent] == [(2, 482), (1, 603), (2, 482)]
    assert paper.events == ["invite"]


def test_the_same_call_goes_on_over_the_other_flow_when_the_first_one_is_dead() -> None:
    paper = Paper(edges=2)
    paper.called()
    paper.move(0)
    paper.down(1)
    paper.clear()
    paper.called(branch="other", flow=2)
    assert [(flow, text.status) for flow, text in paper.sent if not text.is_request] == [(2, 180)]
    paper.asks("C1", "answer", ANSWER)

    assert (paper.sent[-1][0], paper.sent[-1][1].status) == (2, 200)
    assert "z9hG4bKother" in paper.last("200").get("Via")
    assert paper.events == []


def test_an_answer_whose_flow_died_goes_over_the_other_one() -> None:
    paper = Paper(edges=2)
    paper.called()
    paper.down(1)
    paper.clear()
    paper.asks("C1", "answer", ANSWER)

    assert [(flow, text.status) for flow, text in paper.sent] == [(2, 200)]


def test_an_invite_that_comes_twice_by_the_same_way_is_answered_as_before() -> None:
    paper = Paper()
    paper.called()
    paper.move(0)
    paper.called()

    assert paper.said == ["180 INVITE"] * 2
    assert paper.events == ["invite"]


def test_a_call_that_offers_nothing_gets_our_offer_and_answers_it_in_its_ack() -> None:
    paper = Paper()
    paper.called(body="")
    assert paper.payload("invite")["sdp"] == ""
    assert paper.payload("invite")["wants_offer"] is True
    paper.asks("C1", "answer", ANSWER)
    paper.hears(within(paper, "ACK", "C1", body=THEIRS))

    assert paper.payload("answer") == {"callsid": "C1", "sdp": THEIRS}
    assert paper.said == ["200 INVITE"]


@pytest.mark.parametrize(("more", "status", "header"), [
    ({"Require": "100rel"}, 420, ("Unsupported", "100rel")),
    ({"Require": "gruu, timer, replaces, ice"}, 420, ("Unsupported", "replaces")),
    ({"body": "hello", "body_type": "text/plain"}, 415,
     ("Accept", "application/sdp, multipart/mixed, multipart/alternative, multipart/related")),
])  # fmt: skip
def test_what_we_cannot_do_is_refused_with_what_we_can(
    more: dict[str, str], status: int, header: tuple[str, str]
) -> None:
    paper = Paper()
    paper.hears(request("INVITE", "C1", **{"body": THEIRS} | more))

    assert paper.said == [f"{status} INVITE"]
    assert paper.last(str(status)).get(header[0]) == header[1]
    assert paper.events == []
    assert paper.rest == 0


def test_a_box_that_takes_no_calls_says_so() -> None:
    paper = Paper()
    paper.do(paper.agent.register(False, paper.now))
    paper.clear()
    paper.called()

    assert paper.said == ["480 INVITE"]


def test_a_call_rings_no_longer_than_its_caller_wants() -> None:
    paper = Paper()
    paper.called(Expires="20")
    paper.move(19)
    assert paper.said == ["180 INVITE"]
    paper.move(2)
    assert paper.said == ["180 INVITE", "487 INVITE"]
    assert paper.events == ["invite", "cancel"]


def test_a_flood_of_calls_is_bounded() -> None:
    paper = Paper()
    for n in range(200):
        paper.called(f"C{n}")

    assert paper.events.count("invite") == 32
    assert paper.said.count("486 INVITE") == 168
    paper.move(700)
    assert paper.rest == 0
    assert paper.events.count("cancel") == 32


@pytest.mark.parametrize(("method", "tag", "status"), [
    ("OPTIONS", "", 200), ("OPTIONS", "x", 481), ("BYE", "", 481), ("BYE", "x", 481), ("INFO", "", 481),
    ("REFER", "", 603), ("SUBSCRIBE", "", 489), ("NOTIFY", "", 481), ("MESSAGE", "", 405),
    ("PUBLISH", "", 405), ("PRACK", "", 481), ("UPDATE", "", 481), ("DANCE", "", 501), ("INVITE", "x", 481),
])  # fmt: skip
def test_requests_that_are_about_no_call(method: str, tag: str, status: int) -> None:
    paper = Paper()
    paper.hears(request(method, "C1", to_tag=tag))

    assert paper.said == [f"{status} {method}"]
    assert paper.last(str(status)).tag("To")
    assert bool(paper.last(str(status)).get("Allow")) == (status == 405 or (method, status) == ("OPTIONS", 200))
    assert paper.rest == 0


def test_an_ack_of_nothing_means_nothing() -> None:
    paper = Paper()
    paper.hears(request("ACK", "C1", to_tag="x"))

    assert paper.said == []


def passport(attest: object) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"attest": attest}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln;info=<https://sti.test>;alg=ES256"


@pytest.mark.parametrize(("trusts", "asserted", "identity", "status"), [
    (True, "<sip:+4930@pbx.test;verstat=TN-Validation-Passed>", "", "TN-Validation-Passed-A"),
    (True, "<tel:+4930;verstat=TN-Validation-Passed>", passport("B"), "TN-Validation-Passed-B"),
    (True, "<tel:+4930>;verstat=TN-Validation-Failed", "", "TN-Validation-Failed"),
    (True, "<tel:+4930;verstat=No-TN-Validation>", "", "No-TN-Validation"),
    (True, "<tel:+4930;verstat=TN-Validation-Passed>", passport({"a": 1}), "TN-Validation-Passed-A"),
    (True, "<tel:+4930;verstat=TN-Validation-Passed>", "...", "TN-Validation-Passed-A"),
    (True, "<tel:+4930>", "", None),
    (False, "<sip:+4930@pbx.test;verstat=TN-Validation-Passed>", passport("A"), None),
])  # fmt: skip
def test_what_is_asserted_of_a_caller_counts_from_a_trusted_edge_alone(
    trusts: bool, asserted: str, identity: str, status: str | None
) -> None:
    paper = Paper(trusted=(1,) if trusts else ())
    paper.called(P_Asserted_Identity=asserted, **({"Identity": identity} if identity else {}))

    assert paper.payload("invite")["parameters"].get("StirStatus") == status


@pytest.mark.parametrize(("asserted", "caller"), [
    ("<sip:mallory@pbx.test>", "sip:mallory@pbx.test"),
    ("<tel:+4930;verstat=TN-Validation-Passed>, <sip:mallory@pbx.test>", "sip:mallory@pbx.test"),
    ('"Mallory" <tel:+4930;verstat=TN-Validation-Passed>', "tel:+4930"),
    ("<not an address", f"sip:desk@{DOMAIN}"), ("", f"sip:desk@{DOMAIN}"),
])  # fmt: skip
def test_who_calls_is_whom_a_trusted_edge_names(asserted: str, caller: str) -> None:
    paper = Paper(edges=2, trusted=(2,))
    paper.called("C1", P_Asserted_Identity=asserted)
    assert paper.payload("invite")["parameters"]["From"] == f"sip:desk@{DOMAIN}"
    paper.asks("C1", "decline", "busy")
    paper.called("C2", flow=2, P_Asserted_Identity=asserted)
    assert paper.payload("invite")["parameters"]["From"] == caller


def test_an_edge_is_trusted_wherever_it_is_reached_and_as_the_account_says_now() -> None:
    paper = Paper(trusted=())
    paper.called("C1", P_Asserted_Identity="<sip:mallory@pbx.test>")
    assert "mallory" not in str(paper.payload("invite"))
    paper.do(paper.agent.use_account(replace(paper.account, trusted_edges=paper.account.edges), paper.now))
    paper.called("C2", P_Asserted_Identity="<sip:mallory@pbx.test>")
    assert paper.payload("invite")["parameters"]["From"] == "sip:mallory@pbx.test"


def test_parameters_without_end_are_cut() -> None:
    paper = Paper()
    paper.called(**{f"X_N{n}": "v" * 200 for n in range(100)})

    assert len(paper.payload("invite")["parameters"]["Params"]) < 5000


def test_a_ringing_caller_may_end_it_by_bye_too() -> None:
    paper = Paper()
    paper.called()
    paper.move(0)
    paper.hears(within(paper, "BYE", "C1", 2))

    assert paper.said == ["180 INVITE", "200 BYE", "487 INVITE"]
    assert paper.events == ["invite", "cancel"]
