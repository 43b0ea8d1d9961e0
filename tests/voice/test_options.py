"""Options of Device.setup: names, defaults, what is allowed."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from agent.errors import InvalidArgumentError
from agent.media.sdp.description import IceParameters
from agent.media.sdp.offer_answer import OfferAnswer
from agent.media.settings import MediaSettings
from agent.signaling.pstream.generation import FIRST, SECOND
from agent.voice.media_options import media_settings
from agent.voice.options import DeviceOptions, option_name


def test_the_defaults_are_those_of_the_sdk() -> None:
    options = DeviceOptions()

    assert not options.enable_ice_restart and not options.preflight and not options.force_aggressive_ice_nomination
    assert options.codec_preferences == ("pcmu", "opus")
    assert options.dscp and options.warnings and not options.debug


@pytest.mark.parametrize(
    ("spelled", "name"),
    [("enableIceRestart", "enable_ice_restart"), ("fakeLocalDTMF", "fake_local_dtmf"), ("edge", "edge"),
     ("RTCPeerConnection", "media_factory"), ("pStreamFactory", "stream_factory"), ("backoffMaxMs", "backoff_max_ms")],
)  # fmt: skip
def test_the_sdks_spelling_is_understood(spelled: str, name: str) -> None:
    assert option_name(spelled) == name


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"debug": True, "warnings": True}, logging.DEBUG),
        ({"debug": True, "warnings": False}, logging.DEBUG),
        ({"debug": False, "warnings": True}, logging.WARNING),
        ({"debug": False, "warnings": False}, logging.CRITICAL + 1),
    ],
)
def test_debug_beats_warnings(given: dict[str, bool], level: int) -> None:
    assert DeviceOptions.of(given).log_level == level


@pytest.mark.parametrize(
    ("name", "value"),
    [("enable_ice_restart", 1), ("codec_preferences", "opus"), ("edge", []), ("edge", {}), ("region", 2),
     ("max_average_bitrate", "20000"), ("rtc_configuration", []), ("ice_servers", ["stun:a"]), ("sounds", "ring.wav"),
     ("audio_constraints", "loud"), ("media_factory", 5), ("connect_timeout_ms", 0), ("chunderw", 8443)],
)  # fmt: skip
def test_a_value_that_is_not_allowed_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=f"option {name}: .* give "):
        DeviceOptions.of({name: value})


def test_edge_and_region_exclude_each_other() -> None:
    with pytest.raises(InvalidArgumentError, match="edge or region"):
        DeviceOptions.of({"generation": "1", "edge": "ashburn", "region": "us1"})


@pytest.mark.parametrize("given", [{"region": "us1"}, {"region": "us1", "chunderw": "a.test"}])
def test_the_second_generation_has_no_regions(given: dict[str, str]) -> None:
    with pytest.raises(InvalidArgumentError, match="option region: generation 2 has no regions; give an edge"):
        DeviceOptions.of(given)
    assert DeviceOptions.of({"generation": "1"} | given).region == "us1"


def test_the_wire_is_that_of_the_second_generation_unless_the_first_is_asked_for() -> None:
    assert DeviceOptions().wire is SECOND
    assert DeviceOptions.of({"generation": "1"}).wire is FIRST


@pytest.mark.parametrize("generation", ["3", 2, True, "", "1.5"])
def test_a_generation_that_there_is_not_is_refused(generation: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r'option generation: .* give the string "2", or "1"'):
        DeviceOptions.of({"generation": generation})


def test_an_unknown_option_is_refused_with_a_suggestion() -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean codec_preferences"):
        DeviceOptions.of({"codec_preference": ["opus"]})


def test_none_goes_back_to_the_default() -> None:
    assert DeviceOptions.of({"debug": True}).merged({"debug": None}).debug is False


@pytest.mark.parametrize(("value", "limit"), [(6_000, 6_000), (510_000, 510_000), (5_999, 0), (510_001, 0), (None, 0)])
def test_a_bitrate_out_of_range_is_ignored(value: int | None, limit: int) -> None:
    assert DeviceOptions.of({"max_average_bitrate": value}).bitrate_limit == limit


def test_a_calls_own_configuration_comes_before_the_devices() -> None:
    configured = {"iceServers": [{"urls": "stun:a"}]}
    options = DeviceOptions.of({"rtc_configuration": configured, "ice_servers": [{"urls": "stun:b"}]})
    own = {"iceServers": [{"urls": ["turn:c"], "username": "u", "credential": "p"}], "iceTransportPolicy": "relay"}

    assert [server.urls for server in media_settings(options).ice_servers] == [("stun:a",)]
    settings = media_settings(options, own)
    assert [(s.urls, s.username, s.credential) for s in settings.ice_servers] == [(("turn:c",), "u", "p")]
    assert settings.ice_transport_policy == "relay"


def test_ice_servers_count_where_no_configuration_is_given() -> None:
    options = DeviceOptions.of({"ice_servers": [{"urls": "stun:b"}]})

    assert [server.urls for server in media_settings(options).ice_servers] == [("stun:b",)]


@pytest.mark.parametrize("server", [{}, {"urls": []}, {"urls": [5]}])
def test_an_ice_server_needs_an_address(server: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="urls"):
        media_settings(DeviceOptions.of({"ice_servers": [server]}))


def test_without_dscp_packets_are_not_marked() -> None:
    assert media_settings(DeviceOptions()).dscp == 46
    assert media_settings(DeviceOptions.of({"dscp": False})).dscp == 0


def test_media_settings_may_be_given_whole_or_in_part() -> None:
    whole = DeviceOptions.of({"media": MediaSettings(packet_ms=40)})
    part = DeviceOptions.of({"media": {"packet_ms": 60}})

    assert (media_settings(whole).packet_ms, media_settings(part).packet_ms) == (40, 60)
    with pytest.raises(InvalidArgumentError, match="packet_mss"):
        media_settings(DeviceOptions.of({"media": {"packet_mss": 60}}))


def test_a_law_may_be_preferred() -> None:
    options = DeviceOptions.of({"codecPreferences": ["PCMA", "opus"]})

    assert media_settings(options).codec_preferences == ("pcma", "opus")
    text = OfferAnswer(media_settings(options), ("sha-256", "AA"), 1, "us").offer(IceParameters("ufra", "p" * 22))
    assert "SAVPF 8 111 63 0 110 126\r\n" in text
