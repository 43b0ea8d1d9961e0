"""What a call's media reports becomes Insights events with the right level, and reaches the recovery."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.media.stats import CandidateInfo

from .conftest import World

OWN_SDP = "m=audio 9 X 0 1337\r\na=rtpmap:1337 opus/48000/2\r\na=fmtp:1337 maxaveragebitrate=12000\r\n"


def level(world: World, group: str, name: str) -> str:
    return next(level for level, g, n, _ in world.publisher.events if (g, n) == (group, name))


@pytest.mark.parametrize(
    ("event", "group", "state", "expected"),
    [
        ("ice_connection_state", "ice-connection-state", "failed", "ERROR"),
        ("ice_connection_state", "ice-connection-state", "checking", "DEBUG"),
        ("dtls_state", "dtls-transport-state", "failed", "ERROR"),
        ("dtls_state", "dtls-transport-state", "connected", "DEBUG"),
        ("connection_state", "pc-connection-state", "failed", "WARNING"),
        ("connection_state", "pc-connection-state", "connecting", "DEBUG"),
        ("ice_gathering_state", "ice-gathering-state", "gathering", "DEBUG"),
        ("signaling_state", "signaling-state", "have-local-offer", "DEBUG"),
    ],
)
def test_states_are_reported_with_their_level(
    world: World, event: str, group: str, state: str, expected: str
) -> None:
    world.talks()
    world.publisher.events.clear()

    world.session.emit(event, state)

    assert level(world, group, state) == expected


def test_a_connection_that_failed_with_its_dtls_is_an_error(world: World) -> None:
    world.talks()
    world.session.emit("dtls_state", "failed")

    world.session.emit("connection_state", "failed")

    assert level(world, "pc-connection-state", "failed") == "ERROR"


def test_candidates_and_the_chosen_pair_are_reported(world: World) -> None:
    call = world.talks()
    local, remote = (CandidateInfo("host", ip, 4_000, 7, "udp") for ip in ("10.0.0.1", "10.0.0.2"))

    world.session.emit("candidate", local)
    world.session.emit("selected_pair", local, remote)

    payload = world.publisher.events[-1][3]
    assert world.publisher.named("ice-candidate") == ["ice-candidate", "selected-ice-candidate-pair"]
    assert payload["local_candidate"]["ip"] == "10.0.0.1"
    assert payload["remote_candidate"]["is_remote"] is True
    assert call.inbox.path == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(("answered", "name"), [(True, "accepted-by-remote"), (False, "accepted-by-local")])
def test_an_agreed_codec_is_reported(world: World, answered: bool, name: str) -> None:
    def describe(session: object) -> None:
        session._offer = session.create_offer = lambda: setattr(session, "local_sdp", OWN_SDP) or OWN_SDP  # type: ignore[attr-defined]

    if answered:
        world.next_session = describe
        world.device.connect({})
        world.run()
        world.stream.say("answer", callsid="CA9", sdp="far answer")
    else:
        world.rings().accept()
    world.run()

    assert name in world.publisher.named("connection")
    assert world.publisher.named("settings")[-1] == "codec"
    if answered:
        payload = world.publisher.events[-1][3]
        assert (payload["selected_codec"], payload["codec_params"]) == ("opus/48000/2", "maxaveragebitrate=12000")


@pytest.mark.parametrize("failure", ["none", "timeout"])
def test_a_gathering_failure_begins_a_recovery(make_world: Callable[..., World], failure: str) -> None:
    world = make_world(enable_ice_restart=True)
    world.talks()
    world.forget()

    world.session.emit("ice_gathering_state", "gathering")
    if failure == "none":
        world.session.emit("ice_gathering_state", "complete")
    world.run(15.1)

    assert level(world, "ice-gathering-state", failure) == "WARNING"
    assert world.events[0] == "call reconnecting"
