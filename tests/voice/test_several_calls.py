"""Several calls of one Device at one time: each hears what is meant for it, and the Device loses none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent import Connection

from .conftest import World
from .fakes import held


def hangups(world: World) -> list[str]:
    return [payload["callsid"] for type_, payload in world.stream.frames if type_ == "hangup"]


def both_on(world: World) -> tuple[Connection, Connection]:
    """An incoming call that is being accepted, and one that is made meanwhile; both microphones are open then."""
    incoming = world.rings("CA1")
    gate = held(world)
    incoming.accept()
    outgoing = world.device.connect({"To": "bob"})
    assert (incoming.status(), outgoing.status()) == ("connecting", "connecting")
    gate.set()
    world.run()
    return incoming, outgoing


def test_a_call_made_while_another_is_being_accepted_hears_its_answer(world: World) -> None:
    incoming, outgoing = both_on(world)
    assert (incoming.status(), outgoing.status()) == ("open", "connecting")

    world.stream.say("ringing", callsid="CA9")
    world.stream.say("answer", callsid="CA9", sdp="far answer")
    world.run()

    assert (incoming.status(), outgoing.status()) == ("open", "open")
    assert (incoming.parameters["CallSid"], outgoing.parameters["CallSid"]) == ("CA1", "CA9")


@pytest.mark.parametrize("said", [("hangup", {"callsid": "CA9"}), ("cancel", {"callsid": "CA9"})])
def test_the_end_of_one_call_leaves_the_other_alone(world: World, said: tuple[str, dict[str, Any]]) -> None:
    incoming, outgoing = both_on(world)
    world.stream.say("ringing", callsid="CA9")
    world.run()

    world.stream.say(said[0], **said[1])
    world.run()

    assert (incoming.status(), outgoing.status()) == ("open", "closed")
    assert (world.device.status(), world.device.active_connection()) == ("busy", incoming)


@pytest.mark.parametrize("stage", ["microphones open", "dialling", "ringing", "open"])
@pytest.mark.parametrize("end", ["disconnect_all", "destroy"])
def test_the_device_ends_every_call_that_it_has(world: World, end: str, stage: str) -> None:
    incoming = world.rings("CA1")
    gate = held(world)
    incoming.accept()
    outgoing = world.device.connect({"To": "bob"})
    if stage != "microphones open":
        gate.set()
        world.run()
    if stage in ("ringing", "open"):
        world.stream.say("ringing", callsid="CA9")
    if stage == "open":
        world.stream.say("answer", callsid="CA9", sdp="far answer")
    world.run()

    getattr(world.device, end)()
    gate.set()
    world.run()

    assert (incoming.status(), outgoing.status()) == ("closed", "closed")
    named = "CA9" if stage in ("ringing", "open") else outgoing.outbound_connection_id
    assert sorted(hangups(world)) == sorted(["CA1", named])
    assert all(session.closed for session in world.sessions)
    assert world.device.active_connection() is None


@pytest.mark.parametrize("end", ["disconnect_all", "destroy"])
@pytest.mark.parametrize("callers", [2, 3, 5])
@pytest.mark.parametrize("opens", ["at once", "later"])
def test_waiting_calls_that_are_all_accepted_all_end(world: World, end: str, callers: int, opens: str) -> None:
    world.device.on("incoming", lambda call: call.accept())
    gate = held(world)
    for n in range(callers):
        world.stream.say("invite", callsid=f"CA{n}", sdp="far offer", parameters={})
    world.run()
    assert [call.status() for call in world.calls] == ["connecting"] * callers
    if opens == "at once":
        gate.set()
        world.run()

    getattr(world.device, end)()
    gate.set()
    world.run()

    assert [call.status() for call in world.calls] == ["closed"] * callers
    assert sorted(hangups(world)) == [f"CA{n}" for n in range(callers)]
    assert all(session.closed for session in world.sessions)


def test_of_calls_that_were_accepted_together_the_next_one_that_is_accepted_ends_all(make_world: Any) -> None:
    world = make_world(allow_incoming_while_busy=True)
    gate = held(world)
    first, second, third = (world.rings(f"CA{n}") for n in range(3))
    first.accept()
    second.accept()
    gate.set()
    world.run()

    third.accept()
    world.run()

    assert [call.status() for call in (first, second, third)] == ["closed", "closed", "open"]
    assert world.device.active_connection() is third


def test_a_late_answer_to_a_call_that_is_on_is_not_taken_by_one_that_is_dialled(make_world: Any) -> None:
    world = make_world(allow_incoming_while_busy=True)
    incoming, outgoing = both_on(world)

    world.stream.say("answer", callsid="CA1", sdp="an answer that comes twice")
    world.run()

    assert (incoming.status(), outgoing.status()) == ("open", "connecting")


@pytest.mark.parametrize("said", ["answer", "ringing"])
@pytest.mark.parametrize("stage", ["dialled", "open"])
def test_what_comes_late_for_a_call_that_is_over_is_not_taken_by_one_that_is_dialled(
    make_world: Any, said: str, stage: str
) -> None:
    world = make_world(enable_ringing_state=True)
    if stage == "open":
        over, name = world.talks(), "CA9"
    else:
        over = world.device.connect({"To": "bob"})
        world.run()
        name = over.outbound_connection_id
    assert stage == "dialled" or over.parameters["CallSid"] == name
    over.disconnect()
    call = world.device.connect({"To": "carol"})
    world.run()

    world.stream.say(said, callsid=name, sdp="an answer to the call before")
    world.run()

    assert (call.status(), call.parameters.get("CallSid")) == ("connecting", None)
    assert "an answer to the call before" not in world.session.applied


@pytest.mark.parametrize("last_word", [("hangup", {"callsid": "CA9"}), ("cancel", {"callsid": "CA9"}), ("hangup", {})])
def test_a_name_that_the_server_has_done_with_may_be_given_to_the_next_call(
    world: World, last_word: tuple[str, dict[str, Any]]
) -> None:
    first = world.talks()
    assert first.parameters["CallSid"] == "CA9"
    world.stream.say(last_word[0], **last_word[1])
    call = world.device.connect({"To": "carol"})
    world.run()

    world.stream.say("answer", callsid="CA9", sdp="answer")
    world.run()

    assert (call.status(), call.parameters["CallSid"]) == ("open", "CA9")
    world.stream.say("hangup", callsid="CA9")
    world.run()
    assert call.status() == "closed"


@pytest.mark.parametrize("ends", ["hangup", "lost path", "disconnect", "cancel"])
def test_a_call_whose_listeners_were_all_removed_does_not_keep_the_device_busy(world: World, ends: str) -> None:
    call = world.talks()
    call.remove_all_listeners()
    ended: list[Any] = []
    world.device.on("disconnect", ended.append)
    world.device.on("cancel", lambda call: ended.append(call))

    if ends == "disconnect":
        call.disconnect()
    elif ends == "lost path":
        world.session.path("failed")
    else:
        world.stream.say(ends, callsid="CA9")
    world.run()

    assert (call.status(), world.device.status(), ended) == ("closed", "ready", [call])
    assert world.device.connect({"To": "carol"}).status() == "connecting"


@pytest.mark.parametrize("decide", [lambda call: call.reject(), lambda call: call.ignore(), lambda call: None])
def test_a_pending_call_whose_listeners_were_all_removed_is_forgotten_when_it_is_over(
    world: World, decide: Callable[[Connection], None]
) -> None:
    call = world.rings("CA1")
    call.remove_all_listeners("cancel")
    call.remove_all_listeners()
    decide(call)
    world.stream.say("cancel", callsid="CA1")
    world.run()

    assert world.device.connections == []


def test_a_second_invite_takes_the_place_of_the_first(world: World) -> None:
    first = world.rings("CA1")
    second = world.rings("CA1")

    assert (first.status(), world.device.connections) == ("closed", [second])
    second.accept()
    world.run()
    world.stream.say("hangup", callsid="CA1")
    world.run()

    assert (second.status(), world.device.connections, world.device.status()) == ("closed", [], "ready")


def test_a_second_invite_of_a_call_that_is_being_accepted_changes_nothing(world: World) -> None:
    call = world.rings("CA1")
    gate = held(world)
    call.accept()

    world.stream.say("invite", callsid="CA1", sdp="another offer", parameters={})
    gate.set()
    world.run()

    assert (world.calls, call.status(), world.device.connections) == ([call], "open", [])


def test_a_call_that_was_pending_when_the_device_was_destroyed_cannot_be_taken(world: World) -> None:
    call = world.rings("CA1")
    dropped = world.rings("CA2")
    world.stream.lose()
    third = world.rings("CA3")

    world.device.destroy()
    for each in (call, dropped, third):
        each.accept()
    world.run()

    assert [each.status() for each in (call, dropped, third)] == ["closed"] * 3
    assert world.sessions == []


def test_handlers_that_call_back_cannot_revive_a_device_that_is_being_destroyed(world: World) -> None:
    call = world.talks()
    errors: list[Exception] = []

    def call_again(_call: Connection) -> None:
        try:
            world.device.connect({"To": "carol"})
        except ValueError as error:
            errors.append(error)

    call.on("disconnect", call_again)
    world.device.destroy()
    world.run()

    assert len(errors) == 1 and "destroyed" in str(errors[0])
    assert world.calls == [call]
