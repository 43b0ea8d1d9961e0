"""A call that another process has left behind: taken up with media of its own, or ended at both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent.voice.call_ids import INCOMING, OUTGOING
from agent.voice.call_ticket import CallTicket

from .conftest import World

MakeWorld = Callable[..., World]

OURS = CallTicket("CA7", OUTGOING, "RT1", {"CallSid": "CA7"}, {"To": "bob"})
THEIRS = CallTicket("CA8", INCOMING, "RT2", {"CallSid": "CA8", "From": "client:bob"})


class Store:
    """What outlives a process."""

    def __init__(self, *tickets: CallTicket) -> None:
        self.tickets: list[CallTicket] = list(tickets)
        self.saves = 0

    def load(self) -> Sequence[CallTicket]:
        return self.tickets

    def save(self, tickets: Sequence[CallTicket]) -> None:
        self.tickets = list(tickets)
        self.saves += 1


def sent(world: World, kind: str) -> list[dict[str, Any]]:
    return [payload for type_, payload in world.stream.frames if type_ == kind]


@pytest.mark.parametrize("ticket", [OURS, THEIRS], ids=["made", "taken"])
def test_it_is_asked_for_and_goes_on(make_world: MakeWorld, ticket: CallTicket) -> None:
    world = make_world(generation="2", call_store=Store(ticket))
    (call,) = world.calls
    assert call.status() == "reconnecting"
    assert world.device.active_connection() is call
    (asked,) = sent(world, "invite")
    assert (asked["callsid"], asked["reconnect"]) == (ticket.callsid, ticket.reconnect_token)

    world.stream.say("answer", callsid=ticket.callsid, sdp="far answer", reconnect="RT9")
    world.run()
    assert call.status() == "reconnecting"  # its path is still to come
    world.session.path("connected")
    world.run()

    assert call.status() == "open"
    assert world.events[-3:] == ["call reconnected", "call accept", "device connect"]
    call.disconnect()
    world.run()
    assert sent(world, "hangup")[-1]["callsid"] == ticket.callsid


def test_who_is_at_the_other_end_is_known(make_world: MakeWorld) -> None:
    world = make_world(generation="2", call_store=Store(OURS, THEIRS))
    made, taken = world.calls

    assert made.custom_parameters == {"To": "bob"}
    assert made.direction == OUTGOING
    assert taken.parameters["From"] == "client:bob"
    assert taken.direction == INCOMING


def test_a_muted_call_stays_muted(make_world: MakeWorld) -> None:
    muted = CallTicket("CA7", OUTGOING, "RT1", {"CallSid": "CA7"}, muted=True)
    world = make_world(generation="2", call_store=Store(muted))

    assert world.calls[0].is_muted()


@pytest.mark.parametrize("refusal", [
    ("hangup", {"error": {"code": 31005, "message": "no such call"}}),
    ("hangup", {}),
    ("error", {"error": {"code": 31404, "message": "no such call"}}),
], ids=["hangup with a reason", "hangup", "error"])  # fmt: skip
def test_a_service_that_refuses_ends_it_and_the_far_end_is_told(
    make_world: MakeWorld, refusal: tuple[str, dict[str, Any]]
) -> None:
    store = Store(OURS)
    world = make_world(generation="2", call_store=store)
    kind, payload = refusal

    world.stream.say(kind, callsid="CA7", **payload)
    world.run()

    assert world.calls[0].status() == "closed"
    assert [each["callsid"] for each in sent(world, "hangup")] == ["CA7"]
    assert store.tickets == []


def test_a_service_that_says_nothing_ends_it_in_time(make_world: MakeWorld) -> None:
    world = make_world(generation="2", call_store=Store(OURS), max_call_signaling_timeout_ms=30_000)
    world.run(40)

    assert world.calls[0].status() == "closed"
    assert sent(world, "hangup")[-1]["callsid"] == "CA7"


@pytest.mark.parametrize("generation", ["1", "2"])
def test_one_that_cannot_come_back_is_ended_at_the_service(make_world: MakeWorld, generation: str) -> None:
    world = make_world(call_store=Store(CallTicket("TJSx", OUTGOING)), generation=generation)

    assert world.calls == []
    assert [each["callsid"] for each in sent(world, "hangup")] == ["TJSx"]


def test_the_microphone_may_be_lost_meanwhile(make_world: MakeWorld) -> None:
    def denied(_constraints: object) -> None:
        raise OSError("it was pulled out")

    world = make_world(generation="2", call_store=Store(OURS), get_user_media=denied)

    assert world.calls[0].status() == "closed"
    assert sent(world, "hangup")[-1]["callsid"] == "CA7"


def test_the_tickets_follow_the_calls(make_world: MakeWorld) -> None:
    store = Store()
    world = make_world(generation="2", call_store=store)
    call = world.talks(To="bob")
    (ticket,) = store.tickets
    assert (ticket.callsid, ticket.direction, ticket.can_come_back) == ("CA9", OUTGOING, False)

    call.mute(True)
    assert store.tickets[0].muted
    world.stream.say("answer", callsid="CA9", sdp="far answer", reconnect="RT3")
    call.disconnect()
    world.run()

    assert store.tickets == []


def test_a_token_is_kept_as_soon_as_it_is_told(make_world: MakeWorld) -> None:
    store = Store()
    world = make_world(generation="2", call_store=store)
    world.device.connect({"To": "bob"})
    world.run()
    world.stream.say("ringing", callsid="CA9")
    assert store.tickets[0].callsid == "CA9"
    world.stream.say("answer", callsid="CA9", sdp="far answer", reconnect="RT3")

    assert store.tickets[0].reconnect_token == "RT3"


def test_a_call_that_only_rings_is_not_kept(make_world: MakeWorld) -> None:
    store = Store()
    world = make_world(generation="2", call_store=store)
    world.rings("CA1")

    assert store.tickets == []


def test_a_call_that_is_being_taken_is_not_kept_before_it_is_open(make_world: MakeWorld) -> None:
    store = Store()
    world = make_world(generation="2", call_store=store)
    states = []

    def saving(tickets: Sequence[CallTicket]) -> None:
        states.append(call.status())
        Store.save(store, tickets)

    store.save = saving  # type: ignore[method-assign]
    call = world.rings("CA1")
    call.accept()
    world.run()

    assert [ticket.callsid for ticket in store.tickets] == ["CA1"]
    assert states == ["open"]


def test_one_that_the_service_announces_anew_rings_again(make_world: MakeWorld) -> None:
    """The process died between its decision and its answer."""
    world = make_world(generation="2", call_store=Store(THEIRS))
    (left,) = world.calls

    world.rings("CA8")

    assert left.status() == "closed"
    assert "device incoming" in world.events
    world.calls[-1].accept()
    world.run()
    assert sent(world, "answer")[-1]["callsid"] == "CA8"
    assert sent(world, "hangup") == []


def test_nothing_is_saved_twice(make_world: MakeWorld) -> None:
    store = Store()
    world = make_world(generation="2", call_store=store)
    world.talks(To="bob")
    saves = store.saves
    world.run(30)

    assert store.saves == saves


def test_a_store_that_fails_ends_no_call(make_world: MakeWorld, caplog: pytest.LogCaptureFixture) -> None:
    class Full(Store):
        def save(self, tickets: Sequence[CallTicket]) -> None:
            raise OSError("no space left")

    world = make_world(generation="2", call_store=Full())
    world.talks(To="bob").mute(True)

    told = [record.levelname for record in caplog.records if "no space left" in record.message]
    assert told.count("WARNING") == 1
