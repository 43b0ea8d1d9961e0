"""The Device between the program and the service: set-up, status, presence, tokens, errors, several calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent import Device
from agent.errors import InvalidArgumentError, InvalidStateError
from agent.voice.calls import MAX_PENDING
from agent.voice.options import DeviceOptions

from .conftest import World


def test_a_device_without_a_token_is_not_set_up() -> None:
    device = Device()

    assert not device.is_initialized
    assert device.active_connection() is None
    for method in (device.connect, device.disconnect_all, device.region, device.register_presence, device.status,
                   device.unregister_presence):  # fmt: skip
        with pytest.raises(InvalidStateError, match="setup"):
            method()
    device.destroy()


@pytest.mark.parametrize("token", [None, "", 5])
def test_set_up_needs_a_token(token: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="token"):
        Device().setup(token)


def test_options_without_a_token_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="token"):
        Device(options={"debug": True})


def test_a_refused_option_leaves_the_device_as_it_was() -> None:
    device = Device()

    with pytest.raises(InvalidArgumentError, match="did you mean enable_ice_restart"):
        device.setup("a-token", enable_ice_restrat=True)

    assert not device.is_initialized


def test_constants_of_the_class() -> None:
    assert (Device.is_supported, Device.version, Device.package_name) == (True, "1.15.1", "twilio-client")


def test_a_device_that_is_ready_knows_its_edge_and_region(world: World) -> None:
    assert world.events == ["device ready"]
    assert (world.device.status(), world.device.edge, world.device.region()) == ("ready", "ashburn", "us1")


@pytest.mark.parametrize("region", ["FOO_BAR", "sg1"])
def test_an_unknown_region_is_shown_as_it_is(world: World, region: str) -> None:
    world.stream.say("connected", region=region)

    assert world.device.region() == region


def test_going_offline_forgets_where_the_service_was(world: World) -> None:
    world.stream.say("offline")

    assert world.events[-1] == "device offline"
    assert (world.device.status(), world.device.edge, world.device.region()) == ("offline", None, "offline")


def test_the_uris_follow_the_edge(make_world: Callable[..., World]) -> None:
    edges = ["singapore", "sydney"]
    world, first = make_world(edge=edges, generation="2"), make_world(edge=edges)

    assert world.stream.uris == [f"wss://voice-js.{edge}.twilio.com/signal" for edge in edges]
    assert [uri.split(".")[0] for uri in first.stream.uris] == ["wss://chunderw-vpc-gll-sg1", "wss://chunderw-vpc-gll-au1"]


def test_a_server_of_ones_own_takes_the_place_of_all_edges(make_world: Callable[..., World]) -> None:
    world = make_world(chunderw="127.0.0.1:8443", edge="ashburn")

    assert world.stream.uris == ["wss://127.0.0.1:8443/signal"]


def test_presence_is_announced_every_30_seconds(world: World) -> None:
    assert world.stream.sent("register") == ["register"]

    world.run(29.9)
    assert len(world.stream.sent("register")) == 1
    world.run(0.2)
    assert len(world.stream.sent("register")) == 2
    world.run(30)

    assert len(world.stream.sent("register")) == 3


def test_presence_ends_when_it_is_taken_back(world: World) -> None:
    assert world.device.unregister_presence() is world.device
    world.run(60)

    assert [payload["media"]["audio"] for type_, payload in world.stream.frames if type_ == "register"] == [True, False]


def test_presence_can_begin_later(make_world: Callable[..., World]) -> None:
    world = make_world(no_register=True)
    assert world.stream.last("register") == {"media": {"audio": False}}

    world.device.register_presence()
    world.run(30.1)

    assert [payload["media"]["audio"] for _, payload in world.stream.frames] == [False, True, True]


def test_an_expired_token_stops_the_announcements_and_nothing_else(world: World) -> None:
    call = world.talks()
    world.forget()

    world.stream.say("error", error={"code": 31205, "message": "JWT Token Expired"})
    world.run(60)

    assert world.stream.sent("register") == []
    assert (world.told[0][2][0].code, world.told[0][2][0].twilio_error.code) == (31205, 20104)
    assert call.status() == "open"


@pytest.mark.parametrize(("code", "klass"), [(31201, 20151), (31204, 20101), (31205, 20104), (99999, 31000)])
def test_errors_of_signaling_get_their_class(world: World, code: int, klass: int) -> None:
    world.stream.say("error", error={"code": code, "message": "no"})

    error = world.told[-1][2][0]
    assert (error.code, error.message, error.twilio_error.code, error.connection) == (code, "no", klass, None)


def test_an_error_without_an_error_is_ignored(world: World) -> None:
    world.forget()

    world.stream.say("error")

    assert world.events == []


def test_an_error_names_its_call_pending_or_active(make_world: Callable[..., World]) -> None:
    world = make_world(allow_incoming_while_busy=True)
    active = world.talks()
    pending = world.rings("CA1")

    world.stream.say("error", callsid="CA1", error={"code": 1, "message": ""})
    world.stream.say("error", callsid="CA9", error={"code": 1, "message": ""})

    assert [args[0].connection for _, name, args, _ in world.told if name == "error"] == [pending, active]


def test_an_error_that_nobody_listens_to_is_swallowed(world: World) -> None:
    world.device.remove_all_listeners("error")

    world.stream.say("error", error={"code": 1, "message": ""})


def test_a_new_token_goes_to_the_open_stream(world: World) -> None:
    world.device.update_token("another-token")

    assert world.stream.last("listen") == {"token": "another-token"}
    assert (len(world.streams), world.device.token, world.publisher.token) == (1, "another-token", "another-token")


def test_setting_up_again_changes_the_token_and_the_options_that_are_read_later(world: World) -> None:
    world.device.setup("another-token", allow_incoming_while_busy=True)

    assert len(world.streams) == 1
    assert world.device.options.allow_incoming_while_busy
    assert world.stream.last("listen") == {"token": "another-token"}


def test_after_the_server_closed_a_new_token_connects_again(world: World) -> None:
    world.stream.destroy()
    world.stream.say("close")
    with pytest.raises(InvalidArgumentError, match="update_token"):
        world.device.connect({})

    world.device.update_token("another-token")
    world.stream.connect()

    assert (len(world.streams), world.device.status()) == (2, "ready")


def test_only_one_call_at_a_time_is_made(world: World) -> None:
    world.talks()

    with pytest.raises(InvalidStateError, match="active"):
        world.device.connect({})


@pytest.mark.parametrize("params", ["bob", 5, ["To"]])
def test_parameters_of_a_call_are_a_mapping(world: World, params: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="params"):
        world.device.connect(params)

    assert world.device.status() == "ready"


def test_making_a_call_ignores_those_that_ring(world: World) -> None:
    waiting = [world.rings("CA1"), world.rings("CA2")]

    world.device.connect({"To": "bob"})

    assert [call.status() for call in waiting] == ["closed", "closed"]
    assert world.device.connections == []


def test_a_second_caller_is_not_announced_during_a_call(world: World) -> None:
    world.talks()
    world.forget()

    world.stream.say("invite", callsid="CA1", sdp="far offer")
    world.run()

    assert (world.events, world.stream.frames) == ([], [])


def test_an_invite_without_what_a_call_needs_is_an_error_without_a_code(world: World) -> None:
    for payload in ({"callsid": "CA1"}, {"sdp": "far offer"}):
        world.stream.say("invite", **payload)
    world.run()

    errors = [args[0] for _, name, args, _ in world.told if name == "error"]
    assert [(error.code, error.twilio_error.code) for error in errors] == [(None, 31400)] * 2
    assert world.device.connections == []


def test_several_callers_may_wait(world: World) -> None:
    calls = [world.rings("CA1"), world.rings("CA2")]

    assert world.device.connections == calls
    assert world.device.active_connection() is calls[0]
    assert world.events.count("device incoming") == 2


def test_no_more_callers_wait_than_a_person_can_deal_with(world: World) -> None:
    for n in range(MAX_PENDING + 5):
        world.rings(f"CA{n}")

    assert len(world.device.connections) == MAX_PENDING


def test_a_call_that_is_cancelled_at_once_is_not_announced(world: World) -> None:
    world.stream.say("invite", callsid="CA1", sdp="far offer")
    world.stream.say("cancel", callsid="CA1")
    world.run()

    assert "device incoming" not in world.events


def test_an_answer_belongs_to_the_call_that_is_dialling(make_world: Callable[..., World]) -> None:
    world = make_world(allow_incoming_while_busy=True)
    dialling = world.device.connect({"To": "bob"})
    world.run()
    waiting = world.rings("CA1")

    world.stream.say("ringing", callsid="CA9")
    world.stream.say("answer", callsid="CA9", sdp="far answer")
    world.run()

    assert (dialling.status(), dialling.parameters["CallSid"]) == ("open", "CA9")
    assert (waiting.status(), waiting.parameters["CallSid"]) == ("pending", "CA1")


def test_events_of_calls_reach_the_device_on_the_next_turn(world: World) -> None:
    call = world.talks()
    world.forget()

    call.disconnect()
    assert "device disconnect" not in world.events
    world.run()

    assert "device disconnect" in world.events


def test_a_faulty_listener_of_the_device_does_not_break_the_call(world: World) -> None:
    def fail(_connection: object) -> None:
        raise ZeroDivisionError

    world.device.on("connect", fail)

    assert world.talks().status() == "open"


def test_disconnecting_everything_leaves_callers_in_peace(make_world: Callable[..., World]) -> None:
    world = make_world(allow_incoming_while_busy=True)
    active, waiting = world.talks(), world.rings()
    world.forget()

    world.device.disconnect_all()

    assert (active.status(), waiting.status()) == ("closed", "pending")
    assert world.stream.sent() == ["hangup"]
    assert world.device.connections == []


def test_destroying_hangs_up_and_tells_only_that_it_is_offline(world: World) -> None:
    call = world.talks()
    world.forget()

    world.device.destroy()
    world.run(60)

    assert call.status() == "closed"
    assert world.stream.frames[0] == ("hangup", {"callsid": "CA9"})
    assert [event for event in world.events if event.startswith("device")] == ["device offline"]
    assert world.stream.sent("register") == []
    world.device.destroy()


def test_a_change_of_the_network_wakes_signaling(world: World) -> None:
    world.device.network_changed()

    assert world.stream.changes_of_network == 1


def test_deprecated_registrations_of_listeners(world: World) -> None:
    heard: list[str] = []
    world.device.connect(lambda *_: heard.append("connect"))
    world.device.incoming(lambda *_: heard.append("incoming"))
    world.device.disconnect(lambda *_: heard.append("disconnect"))
    world.device.offline(lambda *_: heard.append("offline"))
    world.device.ready(lambda *_: heard.append("ready"))
    world.device.cancel(lambda *_: heard.append("cancel"))
    world.device.error(lambda *_: heard.append("error"))

    call = world.rings()
    call.accept()
    world.run()
    call.disconnect()
    world.run()

    assert heard == ["incoming", "connect", "disconnect"]


def test_sounds_can_be_switched_in_two_places(world: World) -> None:
    assert world.device.sounds.incoming() is True
    assert world.device.audio is not None

    world.device.audio.incoming(False)

    assert world.device.sounds.incoming() is False


@pytest.mark.parametrize(("generation", "sdk_version"), [("1", "1.15.1"), ("2", "2.18.5")])
def test_what_is_reported_of_a_call_carries_the_default_payload(
    make_world: Callable[..., World], generation: str, sdk_version: str
) -> None:
    world = make_world(enable_ice_restart=True, edge="ashburn", generation=generation)
    call = world.talks()

    level, _, name, payload = next(event for event in world.publisher.events if event[2] == "edge")
    assert (level, name) == ("INFO", "edge")
    assert payload == {
        "aggressive_nomination": False, "browser_extension": False, "dscp": True, "ice_restart_enabled": True,
        "platform": "WebRTC", "sdk_version": sdk_version, "call_sid": "CA9",
        "temp_call_sid": call.outbound_connection_id, "direction": "OUTGOING", "region": "US_EAST_VIRGINIA",
        "edge": "ashburn", "selected_edge": ["ashburn"],
    }  # fmt: skip


def test_reports_are_off_with_a_server_of_ones_own() -> None:
    assert not DeviceOptions.of({"chunderw": "127.0.0.1:1"}).publishes_events
    assert DeviceOptions.of({"chunderw": "127.0.0.1:1", "publish_events": True}).publishes_events
    assert DeviceOptions.of({"edge": "ashburn"}).publishes_events
    assert not DeviceOptions.of({"publish_events": False}).publishes_events
    assert DeviceOptions.of({"chunderw": "127.0.0.1:1", "eventgw": "127.0.0.1:2"}).publishes_events


@pytest.mark.parametrize("generation", ["1", "2"])
def test_a_call_may_wait_for_a_socket_that_was_lost(make_world: Callable[..., World], generation: str) -> None:
    world = make_world(wait_for_service=True, generation=generation)
    world.stream.lose()
    call = world.device.connect({"To": "bob"})
    world.run(9)
    assert (call.status(), world.sessions) == ("connecting", [])

    world.stream.connect()
    world.run()

    assert world.stream.sent("invite") == ["invite"]
    assert "call error" not in world.events


def test_a_call_waits_for_a_socket_no_longer_than_somebody_would(make_world: Callable[..., World]) -> None:
    world = make_world(wait_for_service=True)
    world.stream.lose()
    call = world.device.connect({"To": "bob"})

    world.run(10)

    assert call.status() == "closed"
    assert [args[0].twilio_error.code for _, name, args, _ in world.told if name == "error"][:1] == [53001]


def test_a_call_that_was_given_up_while_the_socket_was_lost_is_not_made(make_world: Callable[..., World]) -> None:
    world = make_world(wait_for_service=True)
    world.stream.lose()
    world.device.connect({"To": "bob"}).disconnect()

    world.stream.connect()
    world.run()

    assert (world.stream.sent("invite"), world.sessions) == ([], [])
