"""What the self-test says of the voice service: ours, and one that a test plays message by message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import jwt
import pytest

from agent.doctor import service
from agent.doctor.checklist import Check, Outcome
from agent.errors import AgentError
from agent.signaling import dismissals
from agent.signaling.settings import SignalingSettings
from tests.signaling.server import Peer, Server

SENT_AWAY = "the service closes each connection as soon as it knows who we are"
REMEDIES = [("1", 'set signaling.generation = "2"'), ("2", "install its latest version")]
CHECKS = [service.check_version, service.check_registration]


def token(good_for_s: float = 600) -> str:
    return jwt.encode({"exp": int(time.time() + good_for_s)}, "x" * 32, algorithm="HS256")


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


def played(
    server: Server,
    check: Callable[..., Check],
    play: Callable[[Peer], None],
    answer_s: float = 10,
    generation: str = "2",
) -> Check:
    """The outcome of a check while `play` does the server's part in each connection."""

    def answer() -> None:
        while True:
            play(server.accept(30))

    settings = SignalingSettings(f"127.0.0.1:{server.port}", generation, ca_file=str(server.ca_file))
    playing = gevent.spawn(answer)
    try:
        return check(settings, token, answer_s)
    finally:
        playing.kill()


# --- a right account ---


@pytest.mark.parametrize(("generation", "sdk"), [("1", "1.15.1"), ("2", "2.18.5")])
def test_our_switchboard_accepts_version_and_registration(site: Any, generation: str, sdk: str) -> None:
    settings = replace(site.settings, generation=generation)

    version, registration = [check(settings, lambda: site.switchboard.mint("lobby")) for check in CHECKS]

    assert (version.outcome, registration.outcome) == (Outcome.OK, Outcome.OK)
    assert version.detail == f"accepted: generation {generation} of the wire, as SDK {sdk}"
    assert registration.detail == f"registered at wss://{site.settings.server}/signal: calls can come"


def test_registered_is_who_was_told_so(stand_in: Server) -> None:
    heard: list[str] = []

    def play(peer: Peer) -> None:
        heard.append(peer.receive()["type"])
        peer.send("connected")
        message = peer.receive()
        heard.append(f"{message['type']} {message['payload']['media']['audio']}")
        peer.send("ready")

    check = played(stand_in, service.check_registration, play)

    assert check.outcome is Outcome.OK
    assert heard == ["listen", "register True"]


def test_a_version_is_asked_for_without_registering(stand_in: Server) -> None:
    def play(peer: Peer) -> None:
        peer.receive()
        peer.send("connected")

    assert played(stand_in, service.check_version, play).outcome is Outcome.OK
    assert all(peer.frames.is_empty for peer in stand_in.peers)


# --- refusals ---


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("generation", "remedy"), REMEDIES)
def test_a_version_that_was_retired_says_what_to_change(
    stand_in: Server, check: Callable[..., Check], generation: str, remedy: str
) -> None:
    def play(peer: Peer) -> None:
        peer.receive()
        peer.send("error", {"error": {"code": 31007, "message": "This JS client version has been deprecated"}})

    found = played(stand_in, check, play, generation=generation)

    assert found.outcome is Outcome.FAILED
    assert found.detail == "31007: This JS client version has been deprecated"
    assert remedy in found.remedy


def close_normally(peer: Peer) -> None:
    peer.receive()
    peer.close(1000)


def close_for_going_away(peer: Peer) -> None:
    peer.receive()
    peer.close(1001)


def abort(peer: Peer) -> None:
    peer.receive()
    peer.abort()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("generation", "remedy"), REMEDIES)
@pytest.mark.parametrize("play", [close_normally, close_for_going_away, abort])
def test_a_server_that_closes_after_listen_is_told_from_one_that_is_not_there(
    stand_in: Server,
    check: Callable[..., Check],
    play: Callable[[Peer], None],
    generation: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dismissals, "LEAST_S", 0.0)

    found = played(stand_in, check, play, generation=generation)

    assert found.outcome is Outcome.FAILED
    assert found.detail == SENT_AWAY
    assert remedy in found.remedy
    assert len(stand_in.peers) == dismissals.LEAST


@pytest.mark.parametrize("check", CHECKS)
def test_a_server_that_says_close_needs_to_say_it_once(stand_in: Server, check: Callable[..., Check]) -> None:
    def play(peer: Peer) -> None:
        peer.receive()
        peer.send("close")

    found = played(stand_in, check, play)

    assert found.outcome is Outcome.FAILED
    assert found.detail == SENT_AWAY
    assert "latest version" in found.remedy
    assert len(stand_in.peers) == 1


def test_a_refused_token_is_no_refused_version(stand_in: Server) -> None:
    def play(peer: Peer) -> None:
        peer.receive()
        peer.send("error", {"error": {"code": 31205, "message": "JWT expired"}})
        peer.close()

    assert played(stand_in, service.check_version, play).outcome is Outcome.OK
    registration = played(stand_in, service.check_registration, play)
    assert (registration.outcome, registration.detail) == (Outcome.FAILED, "31205: JWT expired")
    assert "[token]" in registration.remedy


def test_a_token_of_somebody_else_is_refused_with_the_services_words(site: Any) -> None:
    check = service.check_registration(site.settings, token)

    assert check.outcome is Outcome.FAILED
    assert check.detail == "31204: JWT invalid: issued by an unknown key"


# --- nobody there ---


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_token_nothing_is_tried(check: Callable[..., Check]) -> None:
    def broken() -> str:
        raise AgentError("token_url answered 403")

    for get_token in (broken, lambda: ""):
        found = check(SignalingSettings(), get_token)
        assert (found.outcome, found.remedy) == (Outcome.FAILED, "mend the token first")


@pytest.mark.parametrize("check", CHECKS)
def test_a_service_that_is_not_there_is_told(closed_port: int, check: Callable[..., Check]) -> None:
    found = check(SignalingSettings(server=f"127.0.0.1:{closed_port}"), token, answer_s=1)

    assert found.outcome is Outcome.FAILED
    assert "31005" in found.detail


@pytest.mark.parametrize("check", CHECKS)
def test_a_service_that_keeps_silent_is_told(stand_in: Server, check: Callable[..., Check]) -> None:
    found = played(stand_in, check, lambda peer: None, answer_s=0.5)

    assert found.outcome is Outcome.FAILED
    assert found.detail == f"no answer from {stand_in.uri} within 0.5 s"
