"""One call that rings several identities: the first answer wins, one reject does not end the others."""

from __future__ import annotations

import pytest

from agent.switchboard.call_leg import CallLeg
from agent.switchboard.call_table import CallTable
from agent.switchboard.dial_params import MOST_NAMES
from agent.switchboard.effects import MakeAnswer, MakeOffer, Release, TableEffect, TakeAnswer, Tell
from tests.switchboard.test_call_table import ALICE, BOB, MALLORY, Caller, dial, say, table


def ring(calls: CallTable, target: str) -> dict[str, CallLeg]:
    """Let alice call; the legs that ring, by identity."""
    offers = [effect for effect in dial(calls, target) if isinstance(effect, MakeOffer)]
    return {offer.leg.identity: offer.leg for offer in offers if calls.done(offer, "offer")}


def told(effects: list[TableEffect], type_: str) -> list[Tell]:
    return [effect for effect in effects if isinstance(effect, Tell) and effect.type == type_]


def test_every_identity_between_the_commas_rings_once_and_knows_itself_as_called() -> None:
    calls = table()
    offers = [effect for effect in dial(calls, "bob%2C client:mallory%2Cbob,nobody") if isinstance(effect, MakeOffer)]
    assert [offer.leg.identity for offer in offers] == ["bob", "mallory"]
    invited = [tell for offer in offers for tell in told(calls.done(offer, "offer"), "invite")]
    assert [tell.payload["parameters"]["To"] for tell in invited] == ["client:bob", "client:mallory"]


def test_the_first_answer_cancels_the_others() -> None:
    calls = table()
    legs = ring(calls, "bob,mallory")
    effects = say(calls, MALLORY, "answer", legs["mallory"].callsid, sdp="answer")
    assert [tell.leg.identity for tell in told(effects, "cancel")] == ["bob"]
    assert [effect.leg.identity for effect in effects if isinstance(effect, TakeAnswer)] == ["mallory"]


@pytest.mark.parametrize(("target", "who"), [("mallory,bob", "mallory"), ("mallory", None)])
def test_who_rings_several_hears_who_of_them_has_answered(target: str, who: str | None) -> None:
    calls = table()
    legs = ring(calls, target)
    (taken,) = [one for one in say(calls, MALLORY, "answer", legs["mallory"].callsid, sdp="answer")
                if isinstance(one, TakeAnswer)]  # fmt: skip
    (made,) = calls.done(taken, "")

    assert isinstance(made, MakeAnswer)
    (answer,) = told(calls.done(made, "answer"), "answer")
    assert answer.payload.get("answeredBy") == who


def test_a_reject_ends_its_own_leg_and_the_last_one_ends_the_call() -> None:
    calls = table()
    legs = ring(calls, "bob,mallory")
    effects = say(calls, BOB, "reject", legs["bob"].callsid)
    assert told(effects, "hangup") == []
    assert {effect.leg.identity for effect in effects if isinstance(effect, Release)} == {"bob"}
    assert calls.reachable(Caller(9, "bob")) == []  # who has refused it is not rung again
    effects = say(calls, MALLORY, "reject", legs["mallory"].callsid)
    assert [tell.payload["error"]["code"] for tell in told(effects, "hangup")] == [31603]
    assert len(calls) == 0


def test_a_reject_ends_every_phone_of_its_identity_and_no_other() -> None:
    calls = table()
    legs = ring(calls, "bob,mallory")
    second = [effect.leg for effect in calls.reachable(Caller(9, "bob")) if isinstance(effect, MakeOffer)]
    assert len(second) == 1
    effects = say(calls, BOB, "reject", legs["bob"].callsid)
    assert {effect.leg for effect in effects if isinstance(effect, Release)} == {legs["bob"], *second}


def test_who_registers_later_rings_with_the_others() -> None:
    calls = table()
    ring(calls, "bob,carol")
    late = [effect.leg.identity for effect in calls.reachable(Caller(9, "carol")) if isinstance(effect, MakeOffer)]
    assert late == ["carol"]


def test_when_nobody_of_them_is_there_the_call_ends_at_once() -> None:
    calls = table()
    assert [tell.payload["error"]["code"] for tell in told(dial(calls, "carol,dave"), "hangup")] == [31404]
    assert len(calls) == 0


def test_more_identities_than_may_ring_are_nobody() -> None:
    names = ",".join(["bob", *(f"n{number}" for number in range(MOST_NAMES))])
    assert [tell.leg.identity for tell in told(dial(table(), names), "hangup")] == [ALICE.identity]


def test_a_name_with_a_comma_is_one_name_where_somebody_has_it() -> None:
    registered = Caller(5, "bob,mallory")
    calls = table(registered)
    assert list(ring(calls, "bob%2Cmallory")) == [registered.identity]
