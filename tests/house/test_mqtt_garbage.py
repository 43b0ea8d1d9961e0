"""What listens at the broker's address and is none: the box says what it found, and goes on trying."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, gaierror
from typing import Any

import pytest
from gevent.server import StreamServer
from paho.mqtt.client import Client

from agent.house.mqtt import connection, link
from agent.house.mqtt import part as part_module
from agent.house.mqtt.explanations import explain
from agent.house.mqtt.part import MqttPart
from agent.house.mqtt.settings import MqttSettings
from agent.mailbox import Mailbox
from bench.rig.ports import unused_port
from tests.house.stage import PlayedBox

CONNACK_5 = b"\x20\x03\x00\x00\x00"
SUBACK = b"\x90\x04\x00\x01\x00\x01"


@contextmanager
def serving(answer: Callable[[Any], None]) -> Iterator[int]:
    """Something that answers each connection like this, and then waits for its end."""

    def handle(sock: Any, _address: Any) -> None:
        answer(sock)
        while sock.recv(4096):
            pass

    server = StreamServer(("127.0.0.1", 0), handle)
    server.start()
    yield server.server_port
    server.stop(timeout=0)


def after_connect(*pieces: bytes) -> Callable[[Any], None]:
    def answer(sock: Any) -> None:
        sock.recv(4096)
        for piece in pieces:
            sock.sendall(piece)

    return answer


GARBAGE = {
    "a web server": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",),
    "bytes without sense": (b"\x00" * 300,),
    "a packet without end": (b"\x30\xff\xff\xff\x7f" + b"x" * 100,),
    "a length without end": (b"\x20\xff\xff\xff\xff\xff",),
    "an old broker that knows no MQTT 5": (b"\x20\x02\x00\x01",),
    "a message that is cut": (CONNACK_5, b"\x32\x02\x00\x50"),
    "a topic that is no text": (CONNACK_5, SUBACK, b"\x30\x05\x00\x02\xff\xfe\x00"),
    "a publish confirmed that never was": (CONNACK_5, b"\x40\x02\x7f\x7f", b"\xff\xff"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_no_broker_is_told_and_the_thread_lives_on(
    what: str, mailbox: Mailbox, played: PlayedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSES_S", (0.05,))
    monkeypatch.setattr(connection, "ANSWER_S", 1.0)
    with serving(after_connect(*GARBAGE[what])) as port:
        part = MqttPart(MqttSettings(host="127.0.0.1", port=port), "gate", played, mailbox.post, played.trouble)
        part.start()
        played.until(lambda: any("cannot be used" in why for why in played.troubles), f"told of {what}")

        assert part.overdue_s() == 0.0
        part.close()
        part.link.join(5.0)


def until_told(part: MqttPart, played: PlayedBox, *words: str) -> None:
    """Wait until one trouble has all these words."""
    part.start()
    try:
        played.until(lambda: any(all(word in why for word in words) for why in played.troubles), f"told of {words}")
    finally:
        part.close()
        part.link.join(5.0)


@pytest.fixture
def at(mailbox: Mailbox, played: PlayedBox, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MqttPart]:
    """The box at what listens there, with these settings; it is quick to try again, and to call that a trouble."""
    monkeypatch.setattr(link, "PAUSES_S", (0.05,))
    monkeypatch.setattr(part_module, "PATIENCE", 2)
    return lambda port, **more: MqttPart(MqttSettings(host="127.0.0.1", port=port, **more), "gate", played,
                                         mailbox.post, played.trouble)  # fmt: skip


@pytest.mark.parametrize("tls", [True, False])
def test_what_hangs_up_at_once_is_told_with_what_to_check(
    at: Callable[..., MqttPart], played: PlayedBox, tls: bool
) -> None:
    def hang_up(sock: Any) -> None:
        sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))  # by RST, as a broker does that is not amused
        sock.close()

    server = StreamServer(("127.0.0.1", 0), lambda sock, _address: hang_up(sock))
    server.start()
    until_told(at(server.server_port, tls=tls), played, "[mqtt] port and tls")
    server.stop(timeout=0)


def test_nothing_that_listens_and_no_such_name_are_told_with_what_to_check(
    at: Callable[..., MqttPart], mailbox: Mailbox, played: PlayedBox
) -> None:
    until_told(at(unused_port()), played, "nothing listens there", "[mqtt] host and port")
    nowhere = MqttSettings(host="nowhere.invalid")
    until_told(MqttPart(nowhere, "gate", played, mailbox.post, played.trouble), played, "[mqtt] host")


@pytest.mark.parametrize(
    ("key", "more", "named"),
    [("ca_file", {"tls": True}, "there is none"), ("password_file", {"user": "gate"}, "there is none"),
     ("ca_file", {"tls": True}, "words"), ("password_file", {"user": "gate"}, "folder")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_told_by_its_key(
    tmp_path: Path, at: Callable[..., MqttPart], played: PlayedBox, key: str, more: dict[str, Any], named: str
) -> None:
    (tmp_path / "words").write_text("no certificate, and a secret of somebody's")
    (tmp_path / "folder").mkdir()
    until_told(at(1, **{key: str(tmp_path / named)}, **more), played, f"[mqtt] {key}")
    assert not any("secret" in why for why in played.troubles)


NETWORK = [ConnectionRefusedError(111, "refused"), ConnectionResetError(104, "reset"), BrokenPipeError(32, "broken"),
           TimeoutError("timed out"), gaierror(-2, "unknown"), OSError(101, "unreachable")]  # fmt: skip


@pytest.mark.parametrize("error", [*NETWORK, ssl.SSLError(1, "WRONG_VERSION_NUMBER"), UnicodeError("label too long"),
                                   UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), ValueError("x"),
                                   UnicodeDecodeError("utf-8", b"\xff", 0, 1, "start byte"), IndexError()],
                         ids=repr)  # fmt: skip
@pytest.mark.parametrize("tls", [True, False])
def test_whatever_keeps_a_box_from_its_broker_is_told_with_the_settings_that_change_it(
    error: Exception, tls: bool
) -> None:
    settings = MqttSettings(host="broker.lan", tls=tls, user="gate", password="topsecret")
    why, waits_for_somebody = explain(error, settings, was_up=False)
    assert "[mqtt]" in why and "topsecret" not in why
    assert waits_for_somebody is (error not in NETWORK)


def test_a_broker_of_before_mqtt_5_is_told_of_with_what_to_set(
    mailbox: Mailbox, played: PlayedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSES_S", (0.05,))
    with serving(after_connect(b"\x20\x02\x00\x01")) as port:
        part = MqttPart(MqttSettings(host="127.0.0.1", port=port), "gate", played, mailbox.post, played.trouble)
        part.start()
        played.until(lambda: any('version = "3.1.1"' in why for why in played.troubles), "told of the version")
        part.close()
        part.link.join(5.0)


def test_one_that_takes_the_connection_and_says_nothing_is_left(
    mailbox: Mailbox, played: PlayedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSES_S", (0.05,))
    monkeypatch.setattr(connection, "ANSWER_S", 0.1)
    with serving(after_connect()) as port:
        settings = MqttSettings(host="127.0.0.1", port=port)
        part = MqttPart(settings, "gate", played, mailbox.post, played.trouble)
        part.start()
        played.until(lambda: any("does not answer" in why for why in played.troubles), "told that nothing is said")
        part.close()
        part.link.join(5.0)


def test_a_broker_that_stops_answering_in_a_connection_is_left_after_its_keep_alive(
    mailbox: Mailbox, played: PlayedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PAUSES_S", (0.05,))
    settings = replace(MqttSettings(host="127.0.0.1", port=1), keepalive_s=1)  # shorter than a file may say
    with serving(after_connect(CONNACK_5, SUBACK)) as port:
        part = MqttPart(replace(settings, port=port), "gate", played, mailbox.post, played.trouble)
        part.start()
        played.until(lambda: any("was lost" in why for why in played.troubles), "left", within_s=60)
        part.close()
        part.link.join(5.0)


def test_the_private_names_of_paho_are_where_they_were() -> None:
    """`PahoClient._sock_recv` is called with the announced length of a packet, before anything is read of it."""
    assert list(signature(Client._sock_recv).parameters) == ["self", "bufsize"]
