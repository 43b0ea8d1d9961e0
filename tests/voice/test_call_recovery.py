"""A call whose path breaks: what the program hears, what goes over the wire, when it is given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.voice.connection import Connection

from .conftest import World

MakeWorld = Callable[..., World]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(enable_ice_restart=True)


@pytest.fixture
def call(world: World) -> Connection:
    call = world.talks()
    world.forget()
    return call


def answers_restart(world: World, sdp: str = "far restart answer") -> None:
    world.stream.say("answer", callsid="CA9", sdp=sdp)
    world.run()


def test_a_failed_path_is_restarted_and_found_again(world: World, call: Connection) -> None:
    world.session.path("failed")
    assert call.status() == "reconnecting"
    world.run(0.01)
    assert world.stream.frames == [("reinvite", {"sdp": "own offer 2", "callsid": "CA9"})]
    answers_restart(world)
    world.session.path("connected")

    assert world.session.applied == ["far answer", "far restart answer"]
    assert world.events == ["call reconnecting", "call warning-cleared", "call reconnected"]
    assert call.status() == "open"


def test_the_argument_of_reconnecting_is_no_error_event(world: World, call: Connection) -> None:
    world.session.path("failed")

    _, _, (error,), status = world.told[0]
    assert (error.code, error.twilio_error.code, status) == (53405, 53405, "reconnecting")


def test_without_recovery_a_failed_path_ends_the_call(make_world: MakeWorld) -> None:
    world = make_world()
    call = world.talks()
    world.forget()

    world.session.path("failed")
    world.run()

    assert world.stream.frames == [
        ("hangup", {"callsid": "CA9", "message": "Connection with Twilio was interrupted."})
    ]
    assert world.events == ["call disconnect", "call error", "device disconnect", "device error"]
    error = world.told[1][2][0]
    assert (error.code, error.twilio_error.code, error.info["code"], call.status()) == (31003, 53405, 31003, "closed")


def test_a_path_that_is_only_disconnected_raises_a_warning(world: World, call: Connection) -> None:
    world.session.path("disconnected")
    world.session.path("connected")

    assert [(name, args) for _, name, args, _ in world.told] == [
        ("warning", ("ice-connectivity-lost",)),
        ("warning-cleared", ("ice-connectivity-lost",)),
    ]
    assert world.publisher.named("network-quality-warning-raised") == ["ice-connectivity-lost"]


def test_signaling_that_is_down_makes_the_restart_wait(world: World, call: Connection) -> None:
    world.stream.lose()
    world.session.path("failed")
    world.run(2)
    assert "reinvite" not in world.stream.sent()

    world.stream.connect()
    world.run()

    assert world.stream.sent("reinvite") == ["reinvite"]


def test_a_restart_whose_answer_was_lost_with_the_socket_is_made_again(world: World, call: Connection) -> None:
    world.session.path("failed")
    world.run(0.01)
    world.stream.lose()
    world.stream.connect()
    world.run()

    assert world.stream.sent("reinvite") == ["reinvite", "reinvite"]


def test_a_change_of_the_network_restarts_at_once(world: World, call: Connection) -> None:
    world.device.network_changed()
    world.run(0.01)

    assert world.events == ["call reconnecting"]
    assert world.stream.sent() == ["reinvite"]


def test_a_change_of_the_network_while_it_rings_restarts_after_the_answer(world: World) -> None:
    call = world.device.connect({"To": "bob"})
    world.run()
    world.device.network_changed()
    world.run(1)
    assert "reinvite" not in world.stream.sent()

    world.stream.say("answer", callsid="CA9", sdp="far answer")
    world.run(0.01)

    assert [event for event in world.events if event.startswith("call")][:3] == [
        "call accept", "call reconnecting", "call audio"
    ]  # fmt: skip
    assert (call.status(), world.stream.sent("reinvite")) == ("reconnecting", ["reinvite"])


def test_after_30_seconds_the_next_failure_ends_the_call(world: World, call: Connection) -> None:
    world.session.path("failed")
    world.run(30.5)
    answers_restart(world)

    world.session.path("failed")
    world.run()

    assert world.events[-4:] == ["call disconnect", "call error", "device disconnect", "device error"]
    assert world.stream.last("hangup")["message"] == "Connection with Twilio was interrupted."


def test_a_path_of_which_nothing_is_heard_any_more_ends_the_call(world: World, call: Connection) -> None:
    world.session.path("failed")
    world.run(36)

    assert call.status() == "closed"
    assert world.told[-1][2][0].code == 31003


def test_the_limit_is_a_setting(make_world: MakeWorld) -> None:
    world = make_world(enable_ice_restart=True, reconnect_limit_s=5)
    call = world.talks()
    world.session.path("failed")

    world.run(10.1)

    assert call.status() == "closed"


def test_hanging_up_ends_the_recovery(world: World, call: Connection) -> None:
    world.session.path("failed")
    call.disconnect()
    world.forget()

    world.run(60)

    assert world.stream.sent("reinvite", "hangup") == []


def test_a_far_side_that_restarts_is_answered(world: World, call: Connection) -> None:
    world.stream.say("invite", callsid="CA9", sdp="far restart offer")
    world.run()

    assert world.stream.frames == [("answer", {"sdp": "own restart answer", "callsid": "CA9"})]
    assert world.events == []


def test_when_both_sides_restart_our_own_offer_stands(world: World, call: Connection) -> None:
    world.session.path("failed")
    world.run(0.01)

    world.stream.say("invite", callsid="CA9", sdp="far restart offer")
    world.run()

    assert world.stream.sent("answer") == []


def test_an_incoming_call_is_restarted_under_its_own_name(world: World) -> None:
    call = world.rings("CA1")
    call.accept()
    world.run()
    world.session.path("connected")

    world.session.path("failed")
    world.run(0.01)

    assert world.stream.last("reinvite")["callsid"] == "CA1"


def test_a_recovery_that_began_before_the_answer_leads_to_accept(make_world: MakeWorld) -> None:
    """Early media lets a path exist, and break, before anybody has answered."""
    world = make_world(enable_ice_restart=True, enable_ringing_state=True)
    call = world.device.connect({"To": "bob"})
    world.run()
    world.stream.say("ringing", callsid="CA9", sdp="early answer")
    world.run()
    world.session.path("failed")
    world.forget()

    world.stream.say("answer", callsid="CA9")
    world.session.path("connected")

    assert call.status() == "open"
    assert world.events == ["call warning-cleared", "call reconnected", "call accept"]
