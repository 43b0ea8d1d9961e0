"""Which hosts serve which edges and regions (spec: oracle 4.4)."""

from __future__ import annotations

import logging

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.pstream.endpoints import (
    EDGE_TO_REGION,
    LEGACY_REGIONS,
    REGION_TO_EDGE,
    SERVER_REGIONS,
    edge_of_region,
    region_shortcode,
    signaling_uris,
)


def uri(host: str) -> str:
    return f"wss://{host}/signal"


@pytest.mark.parametrize("edge", [None, "", "roaming", ["roaming"], ("roaming",)])
def test_the_default_is_the_nearest_edge(edge, caplog):
    assert signaling_uris(edge) == [uri("chunderw-vpc-gll.twilio.com")]
    assert not caplog.records


@pytest.mark.parametrize("edge", [edge for edge in EDGE_TO_REGION if edge != "roaming"])
def test_a_known_edge_is_served_by_its_region(edge, caplog):
    assert signaling_uris(edge) == [uri(f"chunderw-vpc-gll-{EDGE_TO_REGION[edge]}.twilio.com")]
    assert not caplog.records


def test_an_unknown_edge_has_a_host_of_its_own_name():
    assert signaling_uris("foo") == [uri("voice-js.foo.twilio.com")]


def test_several_edges_keep_their_order():
    assert signaling_uris(["singapore", "sydney"]) == [
        uri("chunderw-vpc-gll-sg1.twilio.com"),
        uri("chunderw-vpc-gll-au1.twilio.com"),
    ]


@pytest.mark.parametrize("region", [region for region in REGION_TO_EDGE if region != "gll"])
def test_a_known_region_works_and_names_the_edge_to_use(region, caplog):
    with caplog.at_level(logging.WARNING):
        assert signaling_uris(region=region) == [uri(f"chunderw-vpc-gll-{region}.twilio.com")]
    assert REGION_TO_EDGE[region] in caplog.text


@pytest.mark.parametrize(("old", "new"), LEGACY_REGIONS.items())
def test_a_legacy_region_is_renamed(old, new, caplog):
    with caplog.at_level(logging.WARNING):
        assert signaling_uris(region=old) == [uri(f"chunderw-vpc-gll-{new}.twilio.com")]
    assert REGION_TO_EDGE[new] in caplog.text


def test_the_global_region_is_the_default_host(caplog):
    with caplog.at_level(logging.WARNING):
        assert signaling_uris(region="gll") == [uri("chunderw-vpc-gll.twilio.com")]
    assert "roaming" in caplog.text


def test_an_unknown_region_is_tried_but_nothing_is_recommended(caplog):
    with caplog.at_level(logging.WARNING):
        assert signaling_uris(region="foo") == [uri("chunderw-vpc-gll-foo.twilio.com")]
    assert "deprecated" in caplog.text


@pytest.mark.parametrize(
    ("edge", "region"), [("foo", "bar"), ("foo", {}), ("foo", []), ("foo", 2), ({}, "bar"), ([], None), ([""], None)]
)
def test_what_cannot_be_meant_is_refused(edge, region):
    with pytest.raises(InvalidArgumentError):
        signaling_uris(edge, region)


def test_a_host_given_outright_is_the_only_one():
    assert signaling_uris("foo", "bar", chunderw="localhost:8443") == ["wss://localhost:8443/signal"]


@pytest.mark.parametrize(("name", "short"), SERVER_REGIONS.items())
def test_the_region_a_server_reports_has_a_short_name_and_an_edge(name, short):
    assert region_shortcode(name) == short
    assert EDGE_TO_REGION[edge_of_region(short)] == short


def test_an_unknown_region_of_a_server_is_its_own_name():
    assert region_shortcode("FOO_BAR") is None
    assert edge_of_region("FOO_BAR") == "FOO_BAR"
