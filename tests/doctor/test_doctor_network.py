from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gevent.server import StreamServer
from gevent.ssl import PROTOCOL_TLS_SERVER, SSLContext

from agent.doctor import network
from agent.doctor.checklist import Outcome
from agent.media.bridge import Bridge
from agent.media.settings import IceServer, MediaSettings
from agent.signaling.settings import SignalingSettings
from bench.rig.certificate import make_certificate


def relays(url: str, port: int, credential: str = "secret") -> MediaSettings:
    return MediaSettings(ice_servers=(IceServer((f"{url}:{port}",), "kiosk", credential),))


def test_the_service_without_a_server_is_the_edge() -> None:
    far, near = network.server_of(SignalingSettings()), network.server_of(SignalingSettings(server="box.lan:8443"))

    assert (far.host, far.port) == ("voice-js.roaming.twilio.com", 443)
    assert (near.host, near.port, near.setting) == ("box.lan", 8443, "signaling.server")


def test_no_way_out_matters_only_for_a_service_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "route_source", lambda family, peer: None)
    assert network.check_network(SignalingSettings()).outcome is Outcome.FAILED
    assert network.check_network(SignalingSettings(server="10.0.0.2:8443")).outcome is Outcome.WARNING


def test_the_address_that_we_go_out_from_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "route_source", lambda family, peer: "192.168.1.20" if "." in peer[0] else None)
    assert network.check_network(SignalingSettings()).detail == "goes out from 192.168.1.20"


def test_a_name_is_looked_up() -> None:
    check = network.check_dns(SignalingSettings(server="localhost:8443"))
    assert check.outcome is Outcome.OK
    assert "127.0.0.1" in check.detail


def test_a_name_that_does_not_exist_is_told() -> None:
    check = network.check_dns(SignalingSettings(server="no-such-box.invalid:8443"))
    assert check.outcome is Outcome.FAILED
    assert "no-such-box.invalid" in check.detail


def test_a_certificate_is_verified_and_its_end_told(site: Any) -> None:
    check = network.check_tls(site.settings)
    assert check.outcome is Outcome.OK
    assert "TLSv1.3" in check.detail and "good for" in check.detail


def test_a_certificate_of_an_unknown_authority_is_refused(site: Any) -> None:
    check = network.check_tls(SignalingSettings(server=site.settings.server))
    assert check.outcome is Outcome.FAILED
    assert "not trusted" in check.detail


def test_a_certificate_that_is_out_of_date_may_be_the_clocks_fault(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_certificate(certificate, key, ("127.0.0.1",), days=-1)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = StreamServer(("127.0.0.1", 0), lambda *_: None, ssl_context=context)
    server.start()
    place = network.Place("127.0.0.1", server.server_port, "PBX", "sip.edges")

    check = network.check_tls(SignalingSettings(ca_file=str(certificate)), place)
    server.stop()

    assert check.outcome is Outcome.FAILED and "expired" in check.detail
    assert "clock is right, renew the certificate of the PBX" in check.remedy


def test_a_server_that_is_not_there_is_told(closed_port: int) -> None:
    check = network.check_tls(SignalingSettings(server=f"127.0.0.1:{closed_port}"))
    assert check.outcome is Outcome.FAILED
    assert "refused" in check.detail


def test_the_clock_is_compared_with_the_service_even_before_it_is_trusted(site: Any) -> None:
    check = network.check_clock(SignalingSettings(server=site.settings.server))
    assert check.outcome is Outcome.OK


def test_a_clock_that_cannot_be_compared_is_a_warning(closed_port: int) -> None:
    assert network.check_clock(SignalingSettings(server=f"127.0.0.1:{closed_port}")).outcome is Outcome.WARNING


@pytest.mark.parametrize(
    ("skew_s", "outcome", "words"),
    [
        (1.4, Outcome.OK, "agrees"),
        (30, Outcome.WARNING, "30 s ahead"),
        (-3600, Outcome.FAILED, "3600 s behind"),
    ],
)
def test_how_far_a_clock_may_be_off(skew_s: float, outcome: Outcome, words: str) -> None:
    check = network.judge_clock(skew_s)
    assert check.outcome is outcome
    assert words in check.detail


def test_without_relays_there_is_nothing_to_check(bridge: Bridge) -> None:
    assert network.check_relays(MediaSettings(), lambda: bridge).outcome is Outcome.OK


def test_a_stun_server_gives_our_address(relay: Any, bridge: Bridge) -> None:
    check = network.check_relays(relays("stun:127.0.0.1", relay.server_port), lambda: bridge)
    assert check.outcome is Outcome.OK
    assert "gives 127.0.0.1:" in check.detail


def test_a_turn_server_gives_a_relayed_address_to_who_may(relay: Any, bridge: Bridge) -> None:
    check = network.check_relays(relays("turn:127.0.0.1", relay.server_port), lambda: bridge)
    assert check.outcome is Outcome.OK
    assert "gives 127.0.0.9:49152" in check.detail


def test_a_wrong_turn_password_is_told_and_not_shown(relay: Any, bridge: Bridge) -> None:
    check = network.check_relays(relays("turn:127.0.0.1", relay.server_port, "wrong-one"), lambda: bridge)
    assert check.outcome is Outcome.FAILED
    assert "401" in check.detail
    assert "wrong-one" not in check.detail


def test_a_relay_that_does_not_answer_is_told(
    closed_port: int, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.media.ice.server_probe.RETRY_S", 0.01)
    check = network.check_relays(relays("stun:127.0.0.1", closed_port), lambda: bridge)
    assert check.outcome is Outcome.FAILED
