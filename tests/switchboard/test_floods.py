"""One client that sends without pause ends its own connection, and no round of the loop is long because of it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from agent.switchboard.wire import MAX_FRAGMENTS, PIECE_BYTES, Wire
from bench.rig.floods import Flood
from bench.rig.ways_in import Connect, tls

from .phones import Site

UPGRADE = (b"GET /signal HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")  # fmt: skip
SMALLEST_FRAME_BYTES = 6


def frame(first: int, data: bytes = b"") -> bytes:
    """A client's frame, under a mask of zeros."""
    head = bytes([first, 0x80 | len(data)]) if len(data) < 126 else bytes([first, 0xFE]) + len(data).to_bytes(2, "big")
    return head + bytes(4) + data


FLOODS = {
    "empty fragments": (frame(0x01), frame(0x00), 1009),
    "fragments of one byte": (frame(0x01, b"{"), frame(0x00, b"x"), 1009),
    "pings": (b"", frame(0x89), 1008),
    "pongs": (b"", frame(0x8A, b"x"), 1008),
    "pings between fragments": (frame(0x01), frame(0x89), 1008),
    "beats": (b"", frame(0x81, b"\n"), 1008),
    "texts of one byte": (b"", frame(0x81, b"x"), 1008),
    "nested JSON": (b"", frame(0x81, b"[" * 30_000), 1008),
    "binary": (b"", frame(0x82, b"x"), 1003),
    "junk": (b"", b"\xff" * 7, 1002),
}


def upgraded(site: Site) -> Connect:
    """Connect, and become a WebSocket."""

    def connect() -> socket.socket:
        sock = tls(site.address.port, site.address.ca_file)()
        sock.sendall(UPGRADE)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += sock.recv(4096)
        return sock

    return connect


class Rounds:
    """How many frames were handled in one round of the loop, at most."""

    def __init__(self) -> None:
        self.most = self.total = self._row = 0
        self._handle = asyncio.get_running_loop().call_soon(self._next)

    def happened(self) -> None:
        self.total += 1
        self._row += 1
        self.most = max(self.most, self._row)

    def _next(self) -> None:
        self._row = 0
        self._handle = asyncio.get_running_loop().call_later(0, self._next)

    def close(self) -> None:
        self._handle.cancel()


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_its_own_connection_only(
    play: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    opening, piece, code = FLOODS[name]

    async def story(site: Site) -> None:
        rounds, process, lost, last_words = Rounds(), Wire.process_event, Wire.connection_lost, []

        def counted(self: Wire, event: Any) -> None:
            rounds.happened()
            process(self, event)

        def ended(self: Wire, error: Exception | None) -> None:
            last_words.append(self.protocol.close_sent)
            lost(self, error)

        monkeypatch.setattr(Wire, "process_event", counted)
        monkeypatch.setattr(Wire, "connection_lost", ended)
        phone = await site.ready("alice")
        flood = Flood(upgraded(site), piece, opening)
        while flood.is_alive:
            await phone.send("register", media={"audio": True})
            assert (await phone.next())["type"] == "ready"
            await asyncio.sleep(0.1)
        while not last_words:
            await asyncio.sleep(0.01)
        rounds.close()

        assert flood.was_ended
        assert rounds.most <= 2 * PIECE_BYTES // SMALLEST_FRAME_BYTES
        assert [said.code for said in last_words] == [code]

    play(story)
    assert len([record for record in caplog.records if record.levelname != "INFO"]) <= 2


@pytest.mark.parametrize("piece", [frame(0x81, b"x"), frame(0x00), b"\xff", b"X-More: 1\r\n"])
def test_a_flood_that_does_not_wait_for_the_handshake_ends_too(play: Any, piece: bytes) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        opening = UPGRADE[:-2] if piece.endswith(b"\n") else UPGRADE
        flood = Flood(tls(site.address.port, site.address.ca_file), piece, opening)
        while flood.is_alive:
            await asyncio.sleep(0.1)
        assert flood.was_ended
        assert await phone.silent()

    play(story)


def test_what_is_sent_at_once_arrives_in_order_however_long(play: Any) -> None:
    async def story(site: Site) -> None:
        phone = await site.listening("alice")
        for count in range(20):
            await phone.send("nonsense", text="x" * 5_000, count=count)
        await phone.send("register", media={"audio": True})
        assert (await phone.next())["type"] == "ready"

    play(story)


def test_a_message_may_have_parts_and_the_last_word_counts(play: Any) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        for _ in range(3):
            text = '{"type":"register","payload":{"media":{"audio":true}}}'
            assert len(text) < MAX_FRAGMENTS
            await phone.send_text(list(text))
            assert (await phone.next())["type"] == "ready"
        await phone.send("register", media={"audio": False})
        await phone.close()

    play(story)


def test_strangers_fill_the_log_once_a_minute(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def story(site: Site) -> None:
        for _ in range(5):
            stranger = await site.connect()
            await stranger.send("listen", token="no token")
            await stranger.expect("error")
            await stranger.send_text("no frame")
            assert (await stranger.silent()) is False
            await stranger.close()

    play(story)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([text for text in said if "was refused" in text]) == 1
    assert len([text for text in said if "cannot be used" in text]) == 1


def test_a_full_switchboard_says_so_once_however_many_knock(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def story(site: Site) -> None:
        await site.ready("alice")
        for _ in range(5):
            assert (await (await site.connect()).expect("error"))["error"]["code"] == 31503

    play(story, max_clients=1)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["a client is refused: 1 sockets are the limit"]


def test_calls_that_fail_fill_the_log_once_a_minute(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        for number in range(5):
            await phone.send("invite", callsid=f"TJS{number}", sdp="v=0\r\n", twilio={"params": "To=echo"})
            await phone.expect("ringing")
            assert (await phone.expect("hangup"))["error"]["code"] == 31488

    play(story)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([text for text in said if "the media of alice failed" in text]) == len(said) == 1


def test_whoever_runs_it_reads_why_a_token_was_refused(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def story(site: Site) -> None:
        stranger = await site.connect()
        await stranger.send("listen", token="no token")
        await stranger.expect("error")

    play(story)
    assert "was refused: JWT invalid" in caplog.text
