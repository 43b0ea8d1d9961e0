"""Programs that are written for the SDK 2.x: its names, and its forms of arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent import Call, Connection
from agent.errors import InvalidArgumentError

from .conftest import World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(generation="2")


def test_a_program_of_the_later_documentation_runs(world: World) -> None:
    device, told = world.device, list[str]()
    device.unregister()
    world.stream.say("offline")
    device.on("registered", lambda: told.append("registered"))
    device.on("incoming", lambda call: call.accept({"rtcConstraints": {"audio": True}}))
    registered = device.register()
    world.run()
    world.stream.say("ready")
    world.run()
    call = world.rings()
    world.run()

    assert Call is Connection and isinstance(call, Call)
    assert registered.successful() and told == ["registered"]
    assert (call.status(), device.is_busy, device.calls) == ("open", True, [])


@pytest.mark.parametrize("form", [{"params": {"To": "bob"}}, {"params": {"To": "bob"}, "rtcConstraints": {}}])
def test_a_call_is_made_in_the_later_form(world: World, form: dict[str, Any]) -> None:
    call = world.device.connect(form)
    world.run()

    assert call.custom_parameters == {"To": "bob"}
    assert world.stream.last("invite")["twilio"] == {"params": "To=bob"}


def test_configuration_and_constraints_come_with_the_later_form(world: World) -> None:
    servers = [{"urls": "stun:10.0.0.1:3478"}]
    world.device.connect({"params": {}, "rtcConfiguration": {"iceServers": servers},
                          "rtcConstraints": {"audio": {"echoCancellation": False}}})  # fmt: skip
    world.run()

    assert world.session.constraints == {"echoCancellation": False}
    assert world.session.settings is not None and len(world.session.settings.ice_servers) == 1


def test_a_parameter_may_be_called_params(world: World) -> None:
    call = world.device.connect({"params": "a text", "To": "bob"})

    assert call.custom_parameters == {"params": "a text", "To": "bob"}


def test_the_two_forms_are_not_mixed(world: World) -> None:
    with pytest.raises(InvalidArgumentError):
        world.device.connect({"params": {"To": "bob"}}, {"echoCancellation": True})


@pytest.mark.parametrize("name", ["messageReceived", "message_received"])
def test_an_event_is_heard_under_either_spelling(world: World, name: str) -> None:
    call, told = world.talks(), list[Any]()

    def hear(message: Any) -> None:
        told.append(message["content"])

    call.on(name, hear)
    call.once(name, lambda message: told.append("once"))
    for _ in range(2):
        world.stream.say("message", callsid="CA9", content="hello", messagetype="m", voiceeventsid="KX1")
    call.remove_listener("message_received", hear)
    world.stream.say("message", callsid="CA9", content="again", messagetype="m", voiceeventsid="KX2")

    assert told == ["hello", "once", "hello"] and call.listeners("messageReceived") == []


def test_the_token_may_be_renewed_in_time(world: World) -> None:
    told: list[Any] = []
    world.device.on("token_will_expire", told.append)
    world.stream.say("connected", region="", token={"ttl": 60})

    world.run(51)

    assert told == [world.device]
