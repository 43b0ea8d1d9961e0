"""A program hears from its Device that its token will end soon, and how long it lives (spec: signaling 11)."""

from __future__ import annotations

from collections.abc import Callable

from .conftest import World

MakeWorld = Callable[..., World]


def watched(world: World) -> list[object]:
    """What the Device says of its token, as it says it."""
    told: list[object] = []
    world.device.on("tokenWillExpire", told.append)
    world.device.on("token_told", told.append)
    return told


def test_the_end_of_the_token_is_told_ten_seconds_before(world: World) -> None:
    told = watched(world)
    world.stream.say("connected", token={"identity": "alice", "ttl": 60})

    world.run(49)
    assert told == [60]
    world.run(2)
    assert told == [60, world.device]
    world.run(3600)
    assert told == [60, world.device]


def test_how_long_before_is_an_option(make_world: MakeWorld) -> None:
    world = make_world(token_refresh_ms=50_000)
    told = watched(world)
    world.stream.say("connected", token={"ttl": 60})

    world.run(11)

    assert told == [60, world.device]


def test_a_new_token_begins_a_life_of_its_own(world: World) -> None:
    told = watched(world)
    world.stream.say("connected", token={"ttl": 60})
    world.run(45)
    world.device.update_token("another")
    world.stream.say("connected", token={"ttl": 60})

    world.run(45)

    assert told == [60, 60]


def test_a_service_that_says_nothing_of_the_token_leads_to_nothing(world: World) -> None:
    told = watched(world)
    world.stream.say("connected")

    world.run(100_000)

    assert told == []


def test_a_destroyed_device_says_nothing_more(world: World) -> None:
    told = watched(world)
    world.stream.say("connected", token={"ttl": 60})
    world.device.destroy()
    world.device.on("tokenWillExpire", told.append)

    world.run(100)

    assert told == [60]
