"""A Device that is used wrongly: what is refused is refused at once, with words, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import Device
from agent.errors import ConfigError, InvalidArgumentError, InvalidStateError

from .conftest import World


@pytest.mark.parametrize("address", ["a b", "wss://host", "host:port", "host/path", "host:0", "host:70000", "a@b",
                                     "[::1", "https://example.org:8443/", "häuschen", "-", ":8443",
                                     "host\n"])  # fmt: skip
@pytest.mark.parametrize("option", ["chunderw", "eventgw"])
def test_an_address_that_is_none_is_refused_at_once(option: str, address: str) -> None:
    device = Device()

    with pytest.raises(InvalidArgumentError, match=f"{option}.*host:port"):
        device.setup("a-token", **{option: address})

    assert not device.is_initialized


@pytest.mark.parametrize("address", ["127.0.0.1", "example.org", "box_1.local:8443", "[::1]:8443", "h", "a.example."])
def test_an_address_may_have_a_port(make_world: Callable[..., World], address: str) -> None:
    assert make_world(chunderw=address).stream.uris == [f"wss://{address}/signal"]


@pytest.mark.parametrize("edge", ["no where", "a/b", ["dublin", "x y"]])
def test_an_edge_that_cannot_be_part_of_a_name_is_refused(edge: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="edge"):
        Device("a-token", {"edge": edge})


def test_a_ca_file_that_cannot_be_used_leaves_the_device_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    device = Device()

    with pytest.raises(ConfigError, match=r"ca\.pem"):
        device.setup("a-token", ca_file=str(tmp_path / "ca.pem"))

    assert not device.is_initialized


def test_numbers_name_parameters_as_in_javascript(world: World) -> None:
    call = world.device.connect({"b": 2, 10: "x", 9: None})
    world.run()

    assert world.stream.last("invite")["twilio"] == {"params": "9=null&10=x&b=2"}
    assert call.custom_parameters == {"b": "2", "10": "x", "9": "null"}


@pytest.mark.parametrize("arguments", [({None: "a"},), ({("a",): 1},), ({True: 1},), ({1.5: 1},),
                                       ("To=bob",), ({}, 5), ({}, "mic"), ({}, None, "stun"),
                                       ({}, None, {"iceServers": "stun:a"}), ({}, None, {"iceServers": [{}]}),
                                       ({}, None, {"iceServers": ["stun:a"]})])  # fmt: skip
def test_a_call_with_arguments_that_cannot_be_used_changes_nothing(world: World, arguments: tuple[Any, ...]) -> None:
    waiting = world.rings("CA1")

    with pytest.raises(InvalidArgumentError):
        world.device.connect(*arguments)
    world.run()

    assert (world.calls, waiting.status(), world.device.status()) == ([waiting], "pending", "ready")
    assert world.stream.sent("invite") == []


@pytest.mark.parametrize("arguments", [("mic",), (None, "stun"), (None, {"iceServers": [{"urls": 5}]})])
def test_a_call_accepted_with_what_cannot_be_used_still_waits(world: World, arguments: tuple[Any, ...]) -> None:
    call = world.rings("CA1")

    with pytest.raises(InvalidArgumentError):
        call.accept(*arguments)
    assert call.status() == "pending"

    call.accept()
    world.run()
    assert call.status() == "open"


def test_a_destroyed_device_takes_no_token_until_it_is_set_up_again(world: World) -> None:
    world.device.destroy()
    world.device.destroy()

    with pytest.raises(InvalidStateError, match="destroyed"):
        world.device.update_token("a-late-token")
    with pytest.raises(InvalidArgumentError, match="destroyed"):
        world.device.connect()
    world.device.disconnect_all()
    world.device.register_presence()
    world.device.network_changed()
    world.run(60)
    assert (len(world.streams), world.device.status(), world.device.connections) == (1, "offline", [])

    world.device.setup("another-token")
    world.stream.connect()
    world.run()
    assert (len(world.streams), world.stream.token, world.device.status()) == (2, "another-token", "ready")
    assert world.rings("CA5").status() == "pending"


def test_everything_can_be_disconnected_when_there_is_nothing_and_again(world: World) -> None:
    world.device.disconnect_all()
    call = world.talks()
    world.device.disconnect_all()
    world.device.disconnect_all()
    world.run()

    assert (call.status(), world.stream.sent("hangup")) == ("closed", ["hangup"])


@pytest.mark.parametrize("emitter", ["device", "call"])
def test_a_listener_that_was_never_there_may_be_removed(world: World, emitter: str) -> None:
    thing = world.device if emitter == "device" else world.rings("CA1")

    thing.remove_listener("disconnect", print)
    thing.on("disconnect", print)
    thing.remove_listener("disconnect", print)
    thing.remove_listener("disconnect", print)
    thing.remove_listener("an event that nobody knows", print)
