"""A voice service that sends without pause is left, with the right code, and the hub goes on meanwhile."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.protocol import State

from agent.net.websocket import MAX_FRAGMENTS, MOST_LAST_READS, STEPS_A_TURN, WebSocket
from bench.rig.certificate import make_certificate
from bench.rig.flooding_server import FloodingServer
from bench.rig.turn import Turn
from tests.signaling.conftest import Phone

SECRET = "the-server's-own-words"


def frame(first: int, data: bytes = b"") -> bytes:
    """A frame of a server; `first` has its opcode and flags."""
    size = len(data)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    return bytes([first]) + length + data


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


TEXT, PART, MORE, PING, PONG = 0x81, 0x01, 0x00, 0x89, 0x8A
LAST_MORE, PACKED_TEXT = 0x80, 0xC1
NESTED = json.dumps({"type": SECRET, "payload": {"a": [[[[]]]] * 5_000}}).encode()
WIDE = json.dumps({"type": SECRET, "payload": {f"{n:x}": [n] for n in range(1_300)}}).encode()

FLOODS = {
    "empty fragments": (frame(PART), frame(MORE), "", 1009),
    "fragments of one byte": (frame(PART, b"{"), frame(MORE, b"x"), "", 1009),
    "pings": (b"", frame(PING), "", 1008),
    "pings between fragments": (frame(PART), frame(PING, b"x" * 125), "", 1008),
    "pongs": (b"", frame(PONG, b"x"), "", 1008),
    "beats": (b"", frame(TEXT, b"\n"), "", 1008),
    "texts of one byte": (b"", frame(TEXT, b"x"), "", 1008),
    "texts in two parts": (b"", frame(PART, b"x") + frame(LAST_MORE), "", 1008),
    "ready": (b"", frame(TEXT, b'{"type":"ready","payload":{}}'), "", 1008),
    "nested JSON": (b"", frame(TEXT, NESTED), "", 1008),
    "JSON of many members": (b"", frame(TEXT, WIDE), "", 1008),
    "binary": (b"", frame(0x82, SECRET.encode()), "", 1008),
    "a long message": (frame(TEXT)[:1] + b"\x7f" + (1 << 40).to_bytes(8, "big"), b"x", "", 1009),
    "long fragments": (frame(PART), frame(MORE, b"x" * 50_000), "", 1009),
    "a bomb": (b"", frame(PACKED_TEXT, deflated(bytes(50_000_000))), "permessage-deflate", 1009),
    "small bombs": (b"", frame(PACKED_TEXT, deflated(b" " * 400_000)), "permessage-deflate", 1008),
    "packed nested JSON": (b"", frame(PACKED_TEXT, deflated(NESTED)), "permessage-deflate", 1008),
    "junk": (b"", b"\xff" * 7, "", 1002),
    "masked frames": (b"", b"\x81\x80abcd", "", 1002),
    "lost fragments": (b"", frame(MORE), "", 1002),
}


@pytest.fixture
def flood(tmp_path: Path) -> Iterator[Callable[..., FloodingServer]]:
    servers: list[FloodingServer] = []
    make_certificate(tmp_path / "ca.pem", tmp_path / "key.pem", ("127.0.0.1",))

    def start(opening: bytes, piece: bytes, extensions: str = "") -> FloodingServer:
        servers.append(FloodingServer(tmp_path / "ca.pem", tmp_path / "key.pem", piece, opening, extensions))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def dial(tmp_path: Path) -> Iterator[Callable[[FloodingServer], Phone]]:
    """Makes a phone that trusts a server, and opens its stream."""
    made: list[Phone] = []

    def make(server: FloodingServer) -> Phone:
        made.append(Phone([f"wss://127.0.0.1:{server.port}/signal"], ca_file=str(tmp_path / "ca.pem")))
        made[-1].stream.open()
        return made[-1]

    yield make
    for box in made:
        box.stream.destroy()


@pytest.fixture
def turn() -> Iterator[Turn]:
    turn = Turn()
    yield turn
    turn.close()


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all that comes count as of one moment: a slow machine takes no more in a second than a good service sends."""
    monkeypatch.setattr("agent.net.websocket.monotonic", lambda: 0.0)


@pytest.mark.usefixtures("one_moment")
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_its_connection_and_everything_else_goes_on(
    flood: Callable[..., FloodingServer], dial: Callable[..., Phone], turn: Turn, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, name: str,
) -> None:  # fmt: skip
    opening, piece, extensions, code = FLOODS[name]
    server = flood(opening, piece, extensions)
    kept = [0]
    monkeypatch.setattr(WebSocket, "_take", turn.counted(WebSocket._take))
    take = WebSocket._take_fragment

    def count(self: WebSocket, *arguments: Any) -> None:
        take(self, *arguments)
        kept[0] = max(kept[0], len(self._fragments))

    monkeypatch.setattr(WebSocket, "_take_fragment", count)

    box = dial(server)
    error = box.wait_for("error")["error"]
    box.wait_for("transport_close")
    box.stream.destroy()
    box.stream.join(5)

    assert error["code"] == 31005
    assert "because of what it sent" in error["message"]
    assert turn.most <= 2 * STEPS_A_TURN
    assert kept[0] <= MAX_FRAGMENTS
    assert server.first_close_code() == code
    assert len([record for record in caplog.records if record.levelname != "DEBUG"]) <= 3
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("one_moment")
def test_a_service_that_floods_each_connection_is_tried_less_and_less_often(
    flood: Callable[..., FloodingServer], dial: Callable[..., Phone], caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    box = dial(flood(b"", frame(PING)))
    for _ in range(4):
        box.wait_for("transport_close")
    box.stream.destroy()

    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([text for text in warnings if "signaling connection" in text]) == 1


def test_what_a_busy_service_sends_all_arrives(server: Any, phone: Callable[..., Phone]) -> None:
    box = phone()
    peer = server.accept()
    for count in range(300):
        peer.send("ringing", {"callsid": f"CA{count}"})
        if count % 10 == 0:
            peer.connection.ping()
            peer.connection.send(["{", '"type":"ready"', "}"])

    sids = [box.wait_for("ringing")["callsid"] for _ in range(300)]

    assert sids == [f"CA{count}" for count in range(300)]
    assert box.stream.status == "ready"


def test_a_message_in_many_parts_takes_turns_and_arrives(
    server: Any, phone: Callable[..., Phone], turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebSocket, "_take", turn.counted(WebSocket._take))
    box = phone()
    peer = server.accept()
    text = json.dumps({"type": "answer", "payload": {"sdp": "x" * 60_000, "callsid": "CA1"}})
    size = len(text) // 60 + 1
    peer.connection.send([text[at : at + size] for at in range(0, len(text), size)])

    assert len(box.wait_for("answer")["sdp"]) == 60_000
    assert turn.most <= 2 * STEPS_A_TURN


def test_what_is_still_sent_after_the_last_word_is_read_in_turns_too(
    flood: Callable[..., FloodingServer], dial: Callable[..., Phone], turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClientProtocol, "receive_data", turn.counted(ClientProtocol.receive_data))
    box = dial(flood(b"", b"\xff" * 7))
    box.wait_for("transport_close")
    at_the_last_word = turn.total
    box.stream.destroy()
    box.stream.join(5)

    assert turn.total > at_the_last_word
    assert turn.most <= 2 * STEPS_A_TURN


def test_whoever_floods_after_the_last_word_is_not_waited_for(
    flood: Callable[..., FloodingServer], dial: Callable[..., Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[object] = Counter()
    receive = ClientProtocol.receive_data

    def counted(protocol: ClientProtocol, data: bytes) -> None:
        reads[protocol] += protocol.state is not State.OPEN
        receive(protocol, data)

    monkeypatch.setattr(ClientProtocol, "receive_data", counted)
    box = dial(flood(b"", b"\xff" * 7))
    for _ in range(3):
        box.wait_for("transport_close")

    assert max(reads.values()) <= MOST_LAST_READS + STEPS_A_TURN
