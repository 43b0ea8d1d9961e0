"""The self-test of a box at the Twilio service, whose part is played here: it says what docs/twilio.md shows."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import jwt
import pytest

from agent.config import Config
from agent.doctor import all_checks, as_text, needs, network, run
from agent.doctor.checklist import Check, Outcome
from agent.media.bridge import Bridge
from agent.net import resolve
from agent.net.kept_answers import KeptAnswers
from agent.signaling.settings import SignalingSettings
from agent.signaling.token.access_token import ApiKey, mint_token
from bench.rig.certificate import make_certificate
from hw.panel.settings import ButtonSettings
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound
from tests.signaling.server import Peer, Server

EDGE, OLD_EDGE, STUN = "voice-js.roaming.twilio.com", "chunderw-vpc-gll.twilio.com", "global.stun.twilio.com"
KEY = ApiKey("AC" + "0" * 32, "SK" + "1" * 32, "a secret that is long enough to sign", "AP" + "2" * 32)
PAGE = Path(__file__).parents[2] / "docs" / "twilio.md"


class Twilio:
    """Takes tokens of the account's key, and what is registered."""

    def __init__(self, folder: Path) -> None:
        make_certificate(folder / "ca.pem", folder / "key.pem", (EDGE, OLD_EDGE), days=80)
        self.server = Server(folder)
        self._answering = gevent.spawn(self._run)

    def close(self) -> None:
        self._answering.kill()
        self.server.close()

    def _run(self) -> None:
        while True:
            gevent.spawn(self._serve, self.server.accept(60))

    def _serve(self, peer: Peer) -> None:
        with gevent.Timeout(20, False):
            while True:
                frame = peer.receive()
                if frame["type"] == "listen":
                    self._welcome(peer, frame["payload"])
                elif frame["type"] == "register" and frame["payload"]["media"]["audio"]:
                    peer.send("ready")

    def _welcome(self, peer: Peer, listen: dict[str, Any]) -> None:
        if listen["browserinfo"]["v"].startswith("1."):
            peer.send("error", {"error": {"code": 31007, "message": "This JS client version has been deprecated"}})
            return
        try:
            claims = jwt.decode(listen["token"], KEY.secret, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            peer.send("error", {"error": {"code": 20101, "message": "Invalid Access Token"}})
            return
        token = {"identity": claims["grants"]["identity"], "ttl": 3600}
        peer.send("connected", {"region": "EU_FRANKFURT", "edge": "frankfurt", "home": "us1", "token": token})


@pytest.fixture
def twilio(tmp_path: Path, relay: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twilio]:
    """The service, with the names by which it is known."""
    service = Twilio(tmp_path)
    places = {EDGE: service.server.port, OLD_EDGE: service.server.port, STUN: relay.server_port}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *more: Any, **options: Any) -> Any:
        return real(*("127.0.0.1", places[host]) if host in places else (host, port), *more, **options)

    monkeypatch.setattr(network, "route_source", lambda family, peer: "192.0.2.9")  # also where there is no way out
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(resolve.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(resolve, "_kept", KeptAnswers())
    yield service
    service.close()


@pytest.fixture
def report(twilio: Twilio, bridge: Bridge) -> Callable[..., dict[str, Check]]:
    def make(get_token: Callable[[], str] | None = None, **signaling: str) -> dict[str, Check]:
        config = Config(
            box=replace(Config().box, identity="door_1", pins="mock"),
            buttons={"call": ButtonSettings(pin=23, short="call:reception?floor=2")},
            sound=SoundSettings(driver="none"),
            signaling=SignalingSettings(ca_file=str(twilio.server.ca_file), **signaling),
        )
        mint = get_token or (lambda: mint_token(KEY, "door_1", ttl_s=3600))
        tests = all_checks(config, mint, WavSound, lambda: bridge)
        return {check.name: check for check in run(tests, needs=needs(config))}

    return make


def shape(line: str) -> str:
    """A line without what differs from machine to machine: figures, addresses, and whose sids these are."""
    sids = re.sub(r"\b(SK|AP)(\.\.\.|[0-9a-f]{32})", r"\1", line)
    return re.sub(r"\d+", "0", " ".join(sids.split()))


def test_a_right_account_is_told_line_by_line_as_the_page_shows(report: Callable[..., dict[str, Check]]) -> None:
    (shown,) = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)

    checks = report()

    told = [shape(as_text(checks[line.split()[1]])) for line in shown.splitlines()]
    assert told == [shape(line) for line in shown.splitlines()]


def test_a_retired_generation_is_the_one_thing_that_is_wrong(report: Callable[..., dict[str, Check]]) -> None:
    checks = report(generation="1")

    (broken,) = [check for check in checks.values() if check.outcome is Outcome.FAILED]
    assert (broken.name, broken.detail) == ("version", "31007: This JS client version has been deprecated")
    assert 'signaling.generation = "2"' in broken.remedy
    assert checks["registration"].outcome is Outcome.SKIPPED


def test_a_token_of_another_key_is_refused_by_the_service_and_nothing_else_is_wrong(
    report: Callable[..., dict[str, Check]],
) -> None:
    foreign = replace(KEY, secret="another secret, which is as long as the right one")

    checks = report(lambda: mint_token(foreign, "door_1", ttl_s=3600))

    (broken,) = [check for check in checks.values() if check.outcome is Outcome.FAILED]
    assert (broken.name, broken.detail) == ("registration", "20101: Invalid Access Token")
    assert checks["version"].outcome is Outcome.OK
    assert checks["media"].outcome is Outcome.SKIPPED
