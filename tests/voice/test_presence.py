"""Registration of the second generation: what is said, and what the program is told (spec: signaling 11)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.errors import InvalidArgumentError, InvalidStateError, VoiceError
from agent.voice.presence import PresenceCore, ShowRegistration
from agent.voice.registration import INTERVAL_S, Register, RegistrationState

from .conftest import World

S = RegistrationState
NAMES = ("registering", "registered", "unregistered", "destroyed")


def second(make_world: Callable[..., World], **options: object) -> tuple[World, list[str]]:
    """A Device that is registered, and what it tells from now on."""
    world = make_world(generation="2", **options)
    told: list[str] = []
    for name in NAMES:
        world.device.on(name, lambda name=name: told.append(name))
    return world, told


def test_nothing_is_said_before_the_service_is_reached() -> None:
    core = PresenceCore(False)

    assert core.set(True, 1.0) == [ShowRegistration(S.REGISTERING)] and core.deadline() is None
    assert core.connected(2.0) == [] and core.deadline() == 2.0
    assert core.tick(2.0) == [Register(True)] and core.deadline() == 2.0 + INTERVAL_S


def test_a_new_token_of_a_registered_device_says_nothing_again() -> None:
    core = PresenceCore(True)
    core.connected(1.0)
    core.tick(1.0)
    core.ready(1.0)

    assert core.connected(5.0) == [] and core.deadline() == 1.0 + INTERVAL_S


def test_whoever_was_told_to_unregister_stays_so_over_a_lost_socket() -> None:
    core = PresenceCore(True)
    core.connected(1.0)
    core.ready(1.0)
    assert core.set(False, 2.0) == [Register(False)]
    core.offline(2.0)
    core.lost(3.0)

    assert core.connected(4.0) == [] and core.deadline() is None


def test_asked_while_the_socket_is_lost_it_registers_when_there_is_one() -> None:
    core = PresenceCore(False)
    core.connected(1.0)
    core.lost(2.0)

    assert core.set(True, 3.0) == [ShowRegistration(S.REGISTERING)] and core.deadline() is None
    core.connected(4.0)
    assert core.deadline() == 4.0


def test_a_device_registers_again_after_each_loss(make_world: Callable[..., World]) -> None:
    world, told = second(make_world)
    assert world.device.state == "registered"

    world.stream.lose()
    world.run(1)
    assert world.device.state == "unregistered"
    world.stream.connect()
    world.run()

    assert told == ["unregistered", "registering", "registered"]
    assert world.stream.sent("register") == ["register"] * 2


def test_nothing_is_repeated_while_the_socket_is_lost(make_world: Callable[..., World]) -> None:
    world, _told = second(make_world)
    world.stream.lose()
    world.forget()

    world.run(3 * INTERVAL_S)

    assert world.stream.frames == []


def test_register_and_unregister_are_for_their_states(make_world: Callable[..., World]) -> None:
    world, told = second(make_world)
    device = world.device
    with pytest.raises(InvalidStateError, match="it is registered"):
        device.register()

    result = device.unregister()
    world.stream.say("offline")
    world.run()
    assert result.successful() and told == ["unregistered"]
    with pytest.raises(InvalidStateError, match="it is unregistered"):
        device.unregister()

    result = device.register()
    world.stream.say("ready")
    world.run()
    assert result.successful() and device.state == "registered"


def test_a_registration_outlives_the_sockets_over_which_it_was_not_asked_for_yet(
    make_world: Callable[..., World],
) -> None:
    world, _told = second(make_world)
    world.device.unregister()
    world.stream.say("offline")
    world.stream.lose()
    world.run()
    result = world.device.register()

    world.stream.lose()
    world.run()
    assert not result.ready()
    world.stream.connect()
    world.run()

    assert result.successful() and world.device.state == "registered"


@pytest.mark.parametrize("end", ["destroy", "unregister_presence"])
def test_a_registration_that_nobody_asks_for_any_more_fails(make_world: Callable[..., World], end: str) -> None:
    world, _told = second(make_world)
    world.device.unregister()
    world.stream.say("offline")
    world.stream.lose()
    world.run()
    result = world.device.register()

    getattr(world.device, end)()
    world.run()

    assert isinstance(result.exception, VoiceError)


def test_a_registration_that_is_not_taken_fails(make_world: Callable[..., World]) -> None:
    world, _told = second(make_world)
    world.device.unregister()
    world.stream.say("offline")
    result = world.device.register()
    world.run()

    world.stream.lose()
    world.run()

    assert isinstance(result.exception, VoiceError)


def test_pending_calls_are_rejected_at_the_end(make_world: Callable[..., World]) -> None:
    world, told = second(make_world)
    call = world.rings()

    world.device.destroy()
    world.run()

    assert world.stream.last("reject") == {"callsid": "CA1"} and call.status() == "closed"
    assert told == ["unregistered", "destroyed"]
    assert world.device.state == "destroyed"
    with pytest.raises(InvalidStateError):
        world.device.register()


def test_another_edge_is_moved_to_but_not_in_a_call(make_world: Callable[..., World]) -> None:
    world, told = second(make_world)
    call = world.talks()
    with pytest.raises(InvalidStateError, match="edge"):
        world.device.update_options(edge="dublin")
    world.device.update_options(allow_incoming_while_busy=True)
    assert world.device.options.allow_incoming_while_busy and len(world.streams) == 1
    call.disconnect()
    world.run()

    world.device.update_options({"edge": "dublin"})
    world.stream.connect()
    world.run()

    assert world.stream.uris == ["wss://voice-js.dublin.twilio.com/signal"]
    assert told == ["unregistered", "registering", "registered"]
    world.streams[0].say("offline")  # of the old one nothing is heard any more
    assert world.device.state == "registered"


def test_the_service_says_where_and_who_we_are(make_world: Callable[..., World]) -> None:
    world, _told = second(make_world)

    world.stream.say("connected", region="US_EAST_VIRGINIA", edge="here", home="us1", token={"identity": "door"})

    device = world.device
    assert (device.edge, device.home, device.identity, device.is_busy) == ("here", "us1", "door", False)


def test_without_registering_no_socket_is_opened(make_world: Callable[..., World]) -> None:
    world, _told = second(make_world)
    world.device.destroy()

    world.device.setup("a-token", no_register=True)

    assert world.device.stream is None and world.device.state == "unregistered"


def test_a_call_comes_back_to_its_edge_as_long_as_there_is_one(make_world: Callable[..., World]) -> None:
    world, _told = second(make_world)

    call = world.talks()
    assert world.stream.preferred
    call.disconnect()
    world.run()

    assert not world.stream.preferred


def test_the_generation_holds_until_the_end(make_world: Callable[..., World]) -> None:
    world, _told = second(make_world)

    with pytest.raises(InvalidArgumentError, match="generation"):
        world.device.setup("a-token", generation="1")
    world.device.destroy()
    world.device.setup("a-token", generation="1")

    assert world.device.options.generation == "1"
