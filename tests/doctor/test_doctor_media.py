"""Whether sound would get through: a call to the switchboard's echo, and the question whether UDP gets out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from agent.config import Config
from agent.doctor import media
from agent.doctor.checklist import Outcome
from agent.media.bridge import Bridge
from agent.media.ice.server_urls import StunServer
from agent.media.settings import MediaSettings


def config(site: Any, **media: Any) -> Config:
    return dataclasses.replace(Config(), signaling=site.settings, media=dataclasses.replace(MediaSettings(), **media))


def test_a_call_to_the_echo_proves_that_sound_comes_and_goes(site: Any, bridge: Bridge) -> None:
    check = media.check_media(config(site), lambda: site.switchboard.mint("lobby"), lambda: bridge)

    assert check.outcome is Outcome.OK
    assert check.detail.startswith("called echo, sound both ways: ")


def test_a_call_whose_sound_finds_no_way_has_failed_and_names_the_firewall(
    site: Any, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "CALL_S", 2.0)
    relayed_only = config(site, ice_transport_policy="relay")  # and there is no relay

    check = media.check_media(relayed_only, lambda: site.switchboard.mint("lobby"), lambda: bridge)

    assert check.outcome is Outcome.FAILED
    assert check.detail.startswith("called echo: ")
    assert "UDP" in check.remedy


def test_a_server_without_an_echo_is_not_judged(site: Any, bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "ECHO", "nobody-at-all")

    check = media.check_media(config(site), lambda: site.switchboard.mint("lobby"), lambda: bridge)

    assert check.outcome is Outcome.WARNING
    assert check.detail == "not tried: nobody is called nobody-at-all there"


def test_a_refused_token_is_told_here_too(site: Any, bridge: Bridge) -> None:
    check = media.check_media(config(site), lambda: "a.b.c", lambda: bridge)

    assert check.outcome is Outcome.FAILED
    assert "31204" in check.detail


def test_udp_that_gets_out_says_as_what_it_is_seen(relay: Any, bridge: Bridge) -> None:
    check = media.check_udp(bridge, StunServer("127.0.0.1", relay.server_port))

    assert check.outcome is Outcome.OK
    assert check.detail.startswith("UDP gets out, seen as 127.0.0.1:")
    assert "168.86.128.0/18" in check.detail


def test_udp_that_gets_no_answer_is_a_warning_with_what_to_allow(closed_port: int, bridge: Bridge) -> None:
    check = media.check_udp(bridge, StunServer("127.0.0.1", closed_port))

    assert check.outcome is Outcome.WARNING
    assert "168.86.128.0/18, ports 10000 to 60000" in check.remedy
