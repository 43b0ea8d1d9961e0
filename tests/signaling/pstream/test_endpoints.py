"""Which hosts serve which edges and regions (spec: oracle 4.4)."""

from __future__ import annotations

import logging
from functools import partial

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.generation import FIRST, SECOND
from agent.signaling.pstream.hosts import edge_uri
from agent.signaling.pstream.regions import (
    EDGE_TO_REGION,
    LEGACY_REGIONS,
    REGION_TO_EDGE,
    SERVER_REGIONS,
    edge_of_region,
    region_shortcode,
)

first_uris = partial(signaling_uris, generation=FIRST)
second_uris = partial(signaling_uris, generation=SECOND)


def uri(host: str) -> str:
    return f"wss://{host}/signal"


@pytest.mark.parametrize("edge", [None, "", "roaming", ["roaming"], ("roaming",)])
def test_the_default_is_the_nearest_edge(edge, caplog):
    assert first_uris(edge) == [uri("chunderw-vpc-gll.twilio.com")]
    assert not caplog.records


@pytest.mark.parametrize("edge", [edge for edge in EDGE_TO_REGION if edge != "roaming"])
def test_a_known_edge_is_served_by_its_region(edge, caplog):
    assert first_uris(edge) == [uri(f"chunderw-vpc-gll-{EDGE_TO_REGION[edge]}.twilio.com")]
    assert not caplog.records


def test_an_unknown_edge_has_a_host_of_its_own_name():
    assert first_uris("foo") == [uri("voice-js.foo.twilio.com")]


def test_several_edges_keep_their_order():
    assert first_uris(["singapore", "sydney"]) == [
        uri("chunderw-vpc-gll-sg1.twilio.com"),
        uri("chunderw-vpc-gll-au1.twilio.com"),
    ]


@pytest.mark.parametrize("region", [region for region in REGION_TO_EDGE if region != "gll"])
def test_a_known_region_works_and_names_the_edge_to_use(region, caplog):
    with caplog.at_level(logging.WARNING):
        assert first_uris(region=region) == [uri(f"chunderw-vpc-gll-{region}.twilio.com")]
    assert REGION_TO_EDGE[region] in caplog.text


@pytest.mark.parametrize(("old", "new"), LEGACY_REGIONS.items())
def test_a_legacy_region_is_renamed(old, new, caplog):
    with caplog.at_level(logging.WARNING):
        assert first_uris(region=old) == [uri(f"chunderw-vpc-gll-{new}.twilio.com")]
    assert REGION_TO_EDGE[new] in caplog.text


def test_the_global_region_is_the_default_host(caplog):
    with caplog.at_level(logging.WARNING):
        assert first_uris(region="gll") == [uri("chunderw-vpc-gll.twilio.com")]
    assert "roaming" in caplog.text


def test_an_unknown_region_is_tried_but_nothing_is_recommended(caplog):
    with caplog.at_level(logging.WARNING):
        assert first_uris(region="foo") == [uri("chunderw-vpc-gll-foo.twilio.com")]
    assert "deprecated" in caplog.text


@pytest.mark.parametrize(
    ("edge", "region"), [("foo", "bar"), ("foo", {}), ("foo", []), ("foo", 2), ({}, "bar"), ([], None), ([""], None)]
)
def test_what_cannot_be_meant_is_refused(edge, region):
    with pytest.raises(InvalidArgumentError):
        first_uris(edge, region)


def test_a_host_given_outright_is_the_only_one():
    assert first_uris("foo", "bar", chunderw="localhost:8443") == ["wss://localhost:8443/signal"]


def test_the_first_generation_knows_one_host_only():
    with pytest.raises(InvalidArgumentError, match=r"chunderw.*generation 2"):
        first_uris(chunderw=["one.test", "two.test"])


# The second generation


def test_in_the_second_generation_the_default_is_the_nearest_edge_under_its_own_name():
    assert second_uris() == second_uris("roaming") == [uri("voice-js.roaming.twilio.com")]


@pytest.mark.parametrize("edge", [*EDGE_TO_REGION, "foo"])
def test_every_edge_has_a_host_of_its_own_name(edge):
    assert second_uris(edge) == [uri(f"voice-js.{edge}.twilio.com")]


def test_several_edges_or_hosts_keep_their_order():
    assert second_uris(["sydney", "dublin"]) == [uri("voice-js.sydney.twilio.com"), uri("voice-js.dublin.twilio.com")]
    assert second_uris("dublin", chunderw=["b.test:1", "a.test"]) == [uri("b.test:1"), uri("a.test")]
    assert second_uris(chunderw="a.test") == [uri("a.test")]


@pytest.mark.parametrize("region", ["us1", "gll"])
def test_regions_are_gone(region):
    with pytest.raises(InvalidArgumentError, match="option region: generation 2 has no regions; give an edge"):
        second_uris(region=region)
    with pytest.raises(InvalidArgumentError, match="region"):
        second_uris(region=region, chunderw="a.test")


@pytest.mark.parametrize(
    ("edge", "chunderw"),
    [([], None), ([""], None), (5, None), ("a b", None), (None, []), (None, ["a", 5]), (None, ["x/"])],
)
def test_what_is_no_edge_and_no_host_is_refused(edge, chunderw):
    with pytest.raises(InvalidArgumentError):
        second_uris(edge, None, chunderw)


@pytest.mark.parametrize(
    ("used", "edge", "stays"),
    [
        ("voice-js.roaming.twilio.com", "ashburn", "voice-js.ashburn.twilio.com"),
        ("voice-js.roaming.twilio.com", None, "voice-js.roaming.twilio.com"),
        ("localhost:8443", "ashburn", "localhost:8443"),
        ("voice-js.roaming.twilio.com", "evil.test/", "voice-js.roaming.twilio.com"),
        ("voice-js.roaming.twilio.com", "a.b", "voice-js.roaming.twilio.com"),
        ("voice-js.roaming.twilio.com", "-", "voice-js.roaming.twilio.com"),
    ],
)
def test_a_stream_comes_back_to_the_edge_that_served_it_and_to_no_other_place(used, edge, stays):
    assert edge_uri(uri(used), edge) == uri(stays)


@pytest.mark.parametrize(("name", "short"), SERVER_REGIONS.items())
def test_the_region_a_server_reports_has_a_short_name_and_an_edge(name, short):
    assert region_shortcode(name) == short
    assert EDGE_TO_REGION[edge_of_region(short)] == short


def test_an_unknown_region_of_a_server_is_its_own_name():
    assert region_shortcode("FOO_BAR") is None
    assert edge_of_region("FOO_BAR") == "FOO_BAR"
