"""The Stream of the second generation against a real TLS WebSocket server (spec: signaling 11)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.signaling.pstream.generation import SECOND
from tests.signaling.conftest import Phone
from tests.signaling.server import Server

Phones = Callable[..., Phone]


def test_a_stream_of_the_second_generation_introduces_itself_and_registers(server: Server, phone: Phones) -> None:
    box = phone(generation=SECOND, max_call_signaling_timeout_ms=5_000)
    peer = server.accept()

    listen = peer.receive()

    assert list(listen) == ["payload", "type", "version"]
    assert (listen["type"], listen["version"]) == ("listen", "1.6")
    assert list(listen["payload"]) == ["browserinfo", "reconnectTimeout", "token"]
    assert listen["payload"]["reconnectTimeout"] == 5
    box.wait_for("transport_open")
    peer.send("connected", {"home": "us1", "edge": "ashburn", "token": {"identity": "alice", "ttl": 60}})
    box.wait_for("connected")
    stream = box.stream
    assert (stream.home, stream.edge, stream.identity, stream.token_ttl_s) == ("us1", "ashburn", "alice", 60)
    stream.register(True)
    assert peer.receive() == {"payload": {"media": {"audio": True}}, "type": "register", "version": "1.6"}


def test_nothing_is_dialled_before_it_is_wanted(server: Server) -> None:
    box = Phone([server.uri], SECOND, ca_file=str(server.ca_file))
    box.stream.set_token("another")
    assert box.events.empty()
    assert not server.peers

    box.stream.open()

    assert server.accept().receive()["payload"]["token"] == "another"
    box.stream.destroy()


def test_messages_go_both_ways(server: Server, phone: Phones) -> None:
    box = phone(generation=SECOND)
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")

    box.stream.message("CA1", {"hello": 1}, "application/json", "user-defined-message", "KX1")

    sent = peer.receive()
    assert (sent["type"], sent["payload"]["content"]) == ("message", {"hello": 1})
    peer.send("ack", {"acktype": "message", "callsid": "CA1", "voiceeventsid": "KX1"})
    assert box.next_event() == ("ack", {"acktype": "message", "callsid": "CA1", "voiceeventsid": "KX1"})
    peer.send("message", {"callsid": "CA1", "content": "words"})
    assert box.next_event() == ("message", {"callsid": "CA1", "content": "words"})


def test_a_call_is_taken_up_again_where_it_was(tmp_path: Path) -> None:
    """Of two hosts the second serves; a lost connection comes back to it, and the call's own `invite` follows."""
    first = Server(tmp_path)
    second = Server(tmp_path)
    first.refusal = 503
    box = Phone(
        [first.uri, second.uri],
        SECOND,
        ca_file=str(first.ca_file),
        max_call_signaling_timeout_ms=30_000,
        backoff_max_ms=0,
    )
    box.stream.open()
    peer = second.accept(30)
    peer.receive()
    first.refusal = None
    peer.send("connected", {})
    box.wait_for("connected")
    box.stream.prefer_current_uri()

    peer.abort()

    again = second.accept()
    again.receive()
    again.send("connected", {})
    box.wait_for("connected")
    box.stream.reconnect("v=0", "CA1", "RT1")
    assert again.receive()["payload"] == {"callsid": "CA1", "reconnect": "RT1", "sdp": "v=0", "twilio": {}}
    assert not first.peers
    box.stream.destroy()
    box.stream.join(2)
    first.close()
    second.close()
