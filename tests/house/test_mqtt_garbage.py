"""What listens at the broker's address and is none: the box says what it found, and goes on trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
from gevent.server import StreamServer
from paho.mqtt.client import Client

from agent.house.mqtt import connection, link
from agent.house.mqtt.part import MqttPart
from agent.house.mqtt.settings import MqttSettings
from agent.mailbox import Mailbox
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
