"""The Stream against a real TLS WebSocket server."""

from __future__ import annotations

import json
import logging
import random
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from agent.errors import ConfigError, InvalidArgumentError
from agent.net.websocket import WebSocket
from agent.signaling.pstream.shell import Stream
from tests.signaling.conftest import EVENTS, Phone
from tests.signaling.relay import Relay
from tests.signaling.server import WAIT_S, Peer, Server


def test_a_new_stream_introduces_itself_and_registers(server, phone):
    box = phone()
    peer = server.accept()
    listen = peer.receive()
    assert list(listen) == ["type", "version", "payload"]
    assert (listen["type"], listen["version"]) == ("listen", "1.5")
    assert list(listen["payload"]) == ["token", "browserinfo"]
    assert listen["payload"]["token"] == "a-token"
    assert listen["payload"]["browserinfo"] | {"browser": None} == {
        "p": "browser",
        "v": "1.15.1",
        "browser": None,
        "plugin": "rtc",
    }
    assert list(listen["payload"]["browserinfo"]["browser"]) == ["userAgent", "platform"]

    assert box.next_event() == ("transport_open", {})
    assert box.stream.status == "connected"
    peer.send("connected", {"region": "US_EAST_VIRGINIA", "gateway": "gw-1"})
    assert box.next_event() == ("connected", {"region": "US_EAST_VIRGINIA", "gateway": "gw-1"})
    assert (box.stream.region, box.stream.gateway) == ("US_EAST_VIRGINIA", "gw-1")

    box.stream.register(True)
    assert peer.receive() == {"type": "register", "version": "1.5", "payload": {"media": {"audio": True}}}
    peer.send("ready")
    assert box.next_event() == ("ready", {})
    assert box.stream.status == "ready"


def test_the_handshake_carries_no_token_and_no_subprotocol(server, phone):
    phone()
    headers = server.accept().headers
    assert "Sec-WebSocket-Protocol" not in headers
    assert "Origin" not in headers
    assert "Authorization" not in headers
    assert headers["User-Agent"].startswith("kiosk-agent/")
    assert headers["Sec-WebSocket-Extensions"] == "permessage-deflate; client_max_window_bits"


def test_a_heartbeat_is_answered_and_not_passed_on(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")
    peer.connection.send("\n")
    assert peer.receive_text() == "\n"
    assert box.events.empty()


def test_an_aborted_connection_is_reported_and_opened_again(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    peer.send("ready")
    box.wait_for("ready")

    peer.abort()

    name, payload = box.next_event()
    assert (name, payload["error"]["code"], payload["error"]["twilioError"].code) == ("error", 31005, 53000)
    assert [box.next_event()[0] for _ in range(2)] == ["transport_close", "offline"]
    assert server.accept().receive()["type"] == "listen"
    assert box.next_event()[0] == "transport_open"
    assert box.stream.status == "connected"


def test_a_connection_closed_properly_is_opened_again_without_an_error(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")

    peer.close(1000)

    assert [box.next_event()[0] for _ in range(2)] == ["transport_close", "offline"]
    assert server.accept().receive()["type"] == "listen"


def test_what_could_not_be_sent_follows_listen_after_the_reconnection(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")
    peer.abort()
    box.wait_for("transport_close")

    box.stream.register(True)
    box.stream.reinvite("sdp", "CA1")
    box.stream.hangup("CA1", "gone")

    errors = [box.wait_for("error")["error"] for _ in range(3)]
    assert [error["code"] for error in errors] == [31009] * 3
    again = server.accept()
    assert [again.receive()["type"] for _ in range(3)] == ["listen", "register", "hangup"]


def test_a_silent_server_is_left_and_tried_again(server, phone):
    box = phone(heartbeat_timeout_ms=200)
    server.accept().receive()
    box.wait_for("transport_open")
    assert [box.next_event()[0] for _ in range(2)] == ["transport_close", "offline"]
    assert server.accept().receive()["type"] == "listen"


def test_a_half_open_connection_is_found_by_its_silence(tmp_path):
    with Relay(tmp_path) as relay:
        box = Phone([relay.uri], ca_file=str(relay.server.ca_file), heartbeat_timeout_ms=400)
        box.stream.open()
        peer = relay.server.accept()
        peer.receive()
        box.wait_for("transport_open")

        relay.freeze()
        box.stream.hangup("CA1")

        assert box.next_event()[0] == "transport_close"
        assert relay.server.accept().receive()["type"] == "listen"
        box.stream.destroy()


def test_a_server_that_accepts_but_never_answers_is_given_up():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        box = phone_for(f"wss://127.0.0.1:{deaf.getsockname()[1]}/signal", connect_timeout_ms=200)
        assert box.next_event() == ("transport_close", {})
        box.stream.destroy()


def test_a_refused_connection_says_so():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        box = phone_for(f"wss://127.0.0.1:{bound.getsockname()[1]}/signal")
        error = box.wait_for("error")["error"]
        assert (error["code"], error["twilioError"].code) == (31000, 53001)
        assert "refused" in error["message"]
        assert box.wait_for("error")["error"]["code"] == 31005
        assert box.next_event()[0] == "transport_close"
        box.stream.destroy()


def test_a_server_that_refuses_the_handshake_says_so_and_is_tried_again(server, phone):
    server.refusal = 503
    box = phone()
    assert "503" in box.next_event()[1]["error"]["message"]
    assert box.next_event()[1]["error"]["code"] == 31005
    assert box.next_event() == ("transport_close", {})
    server.refusal = None
    assert server.accept().receive()["type"] == "listen"


def test_an_address_may_be_ipv6(tmp_path):
    try:
        server = Server(tmp_path, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    box = phone_for(server.uri, ca_file=str(server.ca_file))
    assert server.accept().receive()["type"] == "listen"
    box.stream.destroy()
    server.close()


def test_a_certificate_of_an_unknown_authority_is_refused_with_advice(server):
    box = phone_for(server.uri)
    message = box.wait_for("error")["error"]["message"]
    assert "certificate of 127.0.0.1 is not trusted" in message
    assert "ca_file" in message
    box.stream.destroy()
    assert not server.peers


def test_a_certificate_for_another_name_is_refused(tmp_path):
    server = Server(tmp_path, names=("other.example",))
    box = phone_for(server.uri, ca_file=str(server.ca_file))
    assert "not trusted" in box.wait_for("error")["error"]["message"]
    box.stream.destroy()
    server.close()


def test_an_address_without_tls_is_refused():
    box = phone_for("ws://127.0.0.1:1/signal")
    assert "wss://" in box.wait_for("error")["error"]["message"]
    assert box.events.empty()


def test_a_missing_ca_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.pem"):
        Stream("t", ["wss://127.0.0.1/signal"], ca_file=str(tmp_path / "nowhere.pem"))


def test_a_stream_needs_an_address():
    with pytest.raises(InvalidArgumentError):
        Stream("t", [])


def test_a_destroyed_stream_says_its_last_words_and_closes_cleanly(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")

    box.stream.hangup("CA1")
    box.stream.destroy()
    box.stream.join(WAIT_S)

    assert peer.receive() == {"type": "hangup", "version": "1.5", "payload": {"callsid": "CA1"}}
    assert peer.closed.wait(WAIT_S)
    assert peer.connection.protocol.close_rcvd is not None
    assert box.next_event() == ("offline", {})
    assert box.stream.status == "offline"
    assert box.events.empty()


def test_a_stream_can_be_destroyed_by_a_handler(server, phone):
    box = phone()
    box.stream.on("ready", lambda _payload: box.stream.destroy())
    peer = server.accept()
    peer.receive()
    peer.send("ready")
    box.wait_for("offline")
    box.stream.join(WAIT_S)
    assert peer.closed.wait(WAIT_S)


def test_close_from_the_server_ends_the_stream_for_good(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")
    peer.send("close")
    assert [box.next_event()[0] for _ in range(2)] == ["offline", "close"]
    box.stream.join(WAIT_S)
    assert peer.closed.wait(WAIT_S)
    assert box.stream.status == "offline"


def test_a_new_token_is_told_at_once(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")
    box.stream.set_token("another")
    assert peer.receive()["payload"]["token"] == "another"


def test_malformed_frames_are_logged_once_and_the_connection_goes_on(server, phone, caplog):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")
    with caplog.at_level(logging.WARNING):
        for bad in ("{", "[]", '"x"', "{}", '{"type":1}', '{"type":"invite","payload":[]}', b"\x00", "x" * 300_000):
            peer.connection.send(bad)
        peer.connection.send("[" * 100_000)
        peer.connection.send(b"\xff\xfe", text=True)
        peer.send("ready")
        assert box.next_event() == ("ready", {})
    assert len(caplog.records) == 1


def test_a_changed_network_is_answered_with_a_new_try_at_once(server, phone):
    server.close()
    held = socket.socket()  # or somebody else may have the port by then
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", server.port))
    box = phone()
    for _ in range(5):  # the pause is 1600 ms by now
        box.wait_for("transport_close")
    held.close()
    revived = Server(server.ca_file.parent, port=server.port)
    tries = box.stream._link.attempt
    box.stream.network_changed()
    assert box.stream._link.attempt == tries + 1
    assert revived.accept().receive()["type"] == "listen"
    revived.close()


def test_an_unharmed_connection_survives_a_change_of_the_network(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    box.wait_for("transport_open")
    box.stream.network_changed()
    peer.connection.send("\n")
    assert peer.receive_text() == "\n"
    assert box.events.empty()


def told_by(box: Phone) -> list[tuple[str, str]]:
    """Every event from now on, with the status that its handlers see."""
    told: list[tuple[str, str]] = []
    for name in EVENTS:
        box.stream.on(name, lambda _payload, name=name: told.append((name, box.stream.status)))
    return told


def test_a_socket_that_takes_no_more_while_the_queue_is_sent_loses_nothing(server):
    draw, numbers = random.Random(1), range(12)  # more noise than the buffer of the socket holds
    box = Phone([server.uri], ca_file=str(server.ca_file))
    for number in numbers:
        noise = draw.choices(range(0x10000, 0x110000), k=60_000)
        box.stream.publish("x", {"n": number, "noise": "".join(map(chr, noise))})
    told = told_by(box)

    box.stream.open()

    got = [received(server.accept()) for _ in range(2)]
    assert [each[0] for each in got] == ["listen", "listen"]
    assert [number for each in got for number in each[1:]] == list(numbers)
    assert told == [
        ("transport_open", "connected"),
        ("transport_close", "connected"),
        ("offline", "offline"),
        *[("error", "disconnected")] * (len(got[1]) - 1),
        ("transport_open", "connected"),
    ]
    box.stream.destroy()
    box.stream.join(WAIT_S)


def received(peer: Peer) -> list[Any]:
    """Of each frame until the last number, or until the end of the connection, its number or else its type."""
    got: list[Any] = []
    while not got or got[-1] != 11:
        try:
            frame = json.loads(peer.frames.get(timeout_s=3))
        except TimeoutError:
            assert peer.closed.is_set()
            return got
        got.append(frame["payload"].get("n", frame["type"]))
    return got


class Brittle(WebSocket):
    """A real socket whose path breaks at the moment when something is sent."""

    def send(self, text: str) -> None:
        raise ConnectionResetError("the path broke")


def test_a_socket_that_breaks_on_listen_is_never_told_as_open_afterwards(server):
    kinds = iter((Brittle, WebSocket))
    box = Phone([server.uri], ca_file=str(server.ca_file), dial=lambda *how: next(kinds)(*how))
    box.stream.register(True)
    told = told_by(box)

    box.stream.open()

    server.accept()
    again = server.accept()
    assert [again.receive()["type"] for _ in range(2)] == ["listen", "register"]
    assert told == [
        ("transport_open", "connected"),
        ("transport_close", "connected"),
        ("offline", "offline"),
        ("error", "disconnected"),
        ("error", "disconnected"),
        ("transport_open", "connected"),
    ]
    box.stream.destroy()
    box.stream.join(WAIT_S)


@pytest.mark.parametrize("event", ["transport_open", "connected", "ready"])
def test_what_a_handler_asks_for_is_sent_after_it_and_no_event_comes_inside_another(server, phone, event):
    box = phone()
    told: list[str] = []

    def handler(_payload: dict[str, Any]) -> None:
        told.append("begin")
        box.stream.register(True)
        box.stream.hangup("CA1", "first")
        told.append("end")

    box.stream.on(event, handler)
    peer = server.accept()
    peer.receive()
    if event != "transport_open":
        peer.send(event)
    assert [peer.receive()["type"] for _ in range(2)] == ["register", "hangup"]
    assert told == ["begin", "end"]


def test_a_handler_that_answers_every_error_with_a_message_leaves_the_machine_to_others():
    box = phone_for("wss://127.0.0.1:1/signal")
    box.stream.on("error", lambda _payload: box.stream.register(True))
    box.wait_for("transport_close")  # it comes, and the test goes on
    box.stream.destroy()
    box.wait_for("offline")


@pytest.mark.parametrize("uri", ["wss:///signal", "nonsense", "wss://host:port/signal", "wss://[::1/signal"])
def test_an_address_that_is_none_ends_the_stream_with_an_error(uri):
    box = phone_for(uri)
    error = box.next_event()[1]["error"]
    assert (error["code"], error["twilioError"].code) == (31000, 53001)
    assert box.stream.status == "disconnected"
    assert box.events.empty()


def test_a_message_that_cannot_be_sent_is_the_caller_s_error(server, phone):
    box = phone()
    peer = server.accept()
    peer.receive()
    with pytest.raises(InvalidArgumentError, match="'x' cannot be sent"):
        box.stream.publish("x", {"n": float("nan")})
    box.stream.publish("x", {"n": 1})
    assert peer.receive()["payload"] == {"n": 1}


def test_a_destroyed_stream_stays_closed(server, phone):
    box = phone()
    server.accept().receive()
    box.stream.destroy()
    box.stream.open()
    with pytest.raises(TimeoutError):
        server.accept(timeout_s=0.3)


def test_a_service_that_cannot_be_reached_is_warned_about_once(caplog):
    box = phone_for("wss://127.0.0.1:1/signal")
    for _ in range(2):
        box.wait_for("transport_close")
    box.stream.destroy()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "Cannot connect to 127.0.0.1" in warnings[0]


def test_the_token_reaches_no_log(server, phone, caplog):
    with caplog.at_level(logging.DEBUG):
        box = phone()
        peer = server.accept()
        peer.receive()
        box.wait_for("transport_open")
        box.stream.set_token("another-token")
        peer.receive()
    assert "token" not in caplog.text


def phone_for(uri: str, **options: object) -> Phone:
    box = Phone([uri], **options)
    box.stream.open()
    return box


@pytest.mark.parametrize("event", ["transport_open", "ready", "invite"])
def test_a_handler_that_waits_stops_neither_reading_nor_heartbeats_nor_the_end(server, phone, event):
    box, gate = phone(), Event()
    box.stream.on(event, lambda _payload: gate.wait())
    peer = server.accept()
    peer.receive()
    peer.send("ready")
    peer.send("invite", {"callsid": "CA1"})
    peer.connection.send("\n")
    assert peer.receive_text() == "\n"
    peer.send("cancel", {"callsid": "CA1"})
    box.wait_for("cancel")

    box.stream.destroy()
    box.stream.join(5)
    assert peer.closed.wait(WAIT_S)
    gate.set()


@pytest.mark.parametrize("error", [gevent.Timeout, gevent.GreenletExit, KeyError])
def test_a_handler_that_raises_anything_ends_nothing(server, phone, error):
    def fail(_payload):
        raise error

    box = phone()
    for event in ("transport_open", "ready"):
        box.stream.on(event, fail)
    peer = server.accept()
    peer.receive()
    peer.send("ready")
    peer.send("offline")
    box.wait_for("offline")
