"""News of cards: from the kernel, from a sound server, and a word from this process."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.rig.virtual_cards import shared_cards
from hw.sound import card_news, presence
from hw.sound.card_news import NETLINK_KOBJECT_UEVENT, CardNews
from hw.sound.server_news import CONTROL, EVENT, HEADER, REPLY, SUBSCRIBED, ServerNews, answer, is_news

PATIENCE_S = 30.0
NEW, CHANGE, REMOVE = 0x00, 0x10, 0x20


@pytest.fixture
def news() -> Iterator[CardNews]:
    with CardNews() as news:
        yield news


def uevent(news: CardNews, message: bytes) -> None:
    """Say what the kernel would; whoever has the right to may do so."""
    assert news._kernel is not None
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT) as kernel:
        try:
            kernel.sendto(message, (news._kernel.getsockname()[0], 0))
        except PermissionError:
            pytest.skip("needs root")


def test_a_word_ends_the_wait_and_is_no_news(news: CardNews) -> None:
    threading.Timer(0.01, news.tell).start()
    assert not news.wait(None)
    news.tell()
    news.tell()
    assert not news.wait(PATIENCE_S)  # it was said before


def test_a_card_that_goes_is_news(news: CardNews) -> None:
    uevent(news, b"remove@/devices/usb/sound/card1\0ACTION=remove\0SUBSYSTEM=sound\0SEQNUM=7\0")
    assert news.wait(PATIENCE_S)


@pytest.mark.parametrize(
    "message", [b"change@/devices/x\0SUBSYSTEM=net\0", b"\0", b"SUBSYSTEM=soundwire\0", b"\xff" * 99]
)
def test_what_is_of_no_card_is_no_news(news: CardNews, message: bytes) -> None:
    uevent(news, message)
    assert not news.wait(0.05)


def test_messages_that_were_lost_may_have_been_of_a_card(news: CardNews) -> None:
    class Flooded:
        def recv(self, _size: int) -> bytes:
            raise OSError(105, "No buffer space available")

    assert CardNews._read_kernel(Flooded())  # type: ignore[arg-type]


def test_after_the_end_a_word_harms_nobody() -> None:
    news = CardNews()
    news.close()
    news.close()
    with Path(os.devnull).open("wb"):  # takes the number that the word had
        news.tell()


# --- the sound server ---


@pytest.mark.sound
def test_a_sound_server_tells_of_sinks_that_come_and_go_and_of_its_end(news: CardNews) -> None:
    cards = shared_cards()
    assert news.ask_server()
    module = cards.pactl("load-module", "module-null-sink", "sink_name=another")
    assert news.wait(PATIENCE_S)
    cards.pactl("set-sink-volume", "spk_a", "90%")
    cards.pactl("set-sink-volume", "spk_a", "100%")
    cards.pactl("unload-module", module)
    assert any(news.wait(PATIENCE_S) for _ in range(20))
    cards.kill()
    try:
        while not news.server_has_gone:
            news.wait(PATIENCE_S)
    finally:
        shared_cards()


class Server:
    """Answers whoever connects as a test says."""

    def __init__(self, path: Path, said: list[bytes]) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._said = said
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(4096)
            for piece in self._said:
                connection.sendall(piece)

    def close(self) -> None:
        self._thread.join(5)
        self._listener.close()


def packet(*numbers: int) -> bytes:
    body = b"".join(b"L" + struct.pack(">I", number) for number in numbers)
    return HEADER.pack(len(body), CONTROL, 0, 0, 0) + body


STANDS = packet(REPLY, SUBSCRIBED)


@pytest.mark.parametrize(
    ("said", "news"),
    [
        ([STANDS, packet(EVENT, 0xFFFFFFFF, NEW | 1, 3)], True),
        ([STANDS, packet(EVENT, 0xFFFFFFFF, REMOVE, 3)], True),
        ([STANDS[:9], STANDS[9:], packet(EVENT, 0, REMOVE, 3)[:7], packet(EVENT, 0, REMOVE, 3)[7:]], True),
    ],
)
def test_a_subscriber_hears_events_however_they_are_cut(tmp_path: Path, said: list[bytes], news: bool) -> None:
    server = Server(tmp_path / "native", said)
    with ServerNews(tmp_path / "native") as subscriber:
        server.close()
        subscriber._connection.settimeout(PATIENCE_S)
        heard = False
        while not heard:
            heard = subscriber.read()
        assert heard is news
        assert subscriber._connection.fileno() >= 0


@pytest.mark.parametrize(
    "said",
    [[], [packet(0, 0)], [b"HTTP/1.1 400 Bad Request\r\n\r\n"], [b"\0" * 2000], [b"\xff" * 64], [packet(REPLY, 0)]],
    ids=["ends", "refuses", "another protocol", "zeros", "huge", "half"],
)
def test_a_server_that_takes_nobody_lets_no_card_rest(
    tmp_path: Path, said: list[bytes], monkeypatch: pytest.MonkeyPatch, news: CardNews
) -> None:
    server = Server(tmp_path / "native", said)
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'native'}")
    assert not news.ask_server()
    server.close()


def test_without_any_server_a_card_may_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, news: CardNews) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    assert news.ask_server()


def test_a_server_of_another_kind_lets_no_card_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, news: CardNews
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    (tmp_path / "pipewire-0").touch()
    assert presence.has_server()
    assert not news.ask_server()


@pytest.mark.parametrize(
    "data", [b"", b"L", b"L" * 15, bytes(15), packet(EVENT, 0)[20:], packet(EVENT, 0, CHANGE)[20:]]
)
def test_nonsense_and_changes_are_no_news(data: bytes) -> None:
    assert not is_news(data)


def test_what_is_no_packet_has_no_answer() -> None:
    assert answer(b"x" * 10) is None
    assert answer(packet(REPLY, 7)[20:]) == (REPLY, 7)


@pytest.mark.parametrize("named", ["{cafe}unix:PATH", "unix:/nowhere unix:PATH", "unix:PATH tcp:10.0.0.1", "PATH"])
def test_a_server_is_found_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, news: CardNews, named: str
) -> None:
    server = Server(tmp_path / "native", [STANDS])
    monkeypatch.setenv("PULSE_SERVER", named.replace("PATH", str(tmp_path / "native")))
    assert news.ask_server() and news._server is not None
    server.close()


@pytest.mark.parametrize("named", ["tcp:10.0.0.1", "10.0.0.1", "{cafe}tcp6:[::1]:4713 hall"])
def test_a_server_of_the_network_tells_nothing_so_that_no_card_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, news: CardNews, named: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_SERVER", named)
    assert presence.has_server() and not news.ask_server()


def test_the_server_of_the_whole_machine_is_asked_where_nobody_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, news: CardNews
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    monkeypatch.setattr(presence, "SYSTEM_WIDE", tmp_path / "native")
    server = Server(tmp_path / "native", [STANDS])
    assert news.ask_server() and news._server is not None
    server.close()


def test_where_nobody_tells_of_cards_none_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_news, "_listen_to_the_kernel", lambda: None)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    with CardNews() as news:
        assert not news.is_told
        server = Server(tmp_path / "native", [STANDS])
        monkeypatch.setenv("PULSE_SERVER", str(tmp_path / "native"))
        assert news.ask_server() and news.is_told
        server.close()


def test_a_kernel_that_tells_nothing_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> socket.socket:
        raise PermissionError("no netlink here")

    monkeypatch.setattr(card_news.socket, "socket", refused)
    with CardNews() as news:
        news.tell()
        assert not news.wait(PATIENCE_S)
