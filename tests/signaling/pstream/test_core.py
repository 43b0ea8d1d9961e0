"""The stream above a transport that the test plays (spec: oracle 3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.signaling.pstream.core import MAX_QUEUED, PStream

INFO = {"p": "browser", "v": "1.15.1", "browser": {"userAgent": "u", "platform": "p"}, "plugin": "rtc"}
OWN_EVENTS = ("transport_open", "transport_close")


class Wire:
    """A transport that is up or down, and remembers what it sent."""

    def __init__(self) -> None:
        self.is_up = False
        self.closed = 0
        self.frames: list[dict[str, Any]] = []

    def send(self, text: str) -> bool:
        if self.is_up:
            self.frames.append(json.loads(text))
        return self.is_up

    def close(self) -> None:
        self.closed += 1
        self.is_up = False

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


class Bench:
    """A PStream, its wire, and its events with the status at that moment."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.events: list[tuple[str, dict[str, Any], str]] = []
        self.stream = PStream("foo", INFO, lambda name, data: self.events.append((name, data, self.stream.status)))
        self.stream.attach(self.wire)

    @property
    def names(self) -> list[str]:
        return [name for name, _data, _status in self.events if name not in OWN_EVENTS]

    def open(self) -> None:
        self.wire.is_up = True
        self.stream.transport_opened()

    def lose(self) -> None:
        self.wire.is_up = False
        self.stream.transport_closed()

    def server(self, type_: str, **payload: Any) -> None:
        self.stream.transport_message(json.dumps({"type": type_, "payload": payload}))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_new_stream_is_disconnected(bench):
    assert bench.stream.status == "disconnected"


def test_an_open_transport_gets_listen_and_nothing_else(bench):
    bench.open()
    assert bench.stream.status == "connected"
    assert bench.wire.frames == [{"type": "listen", "version": "1.5", "payload": {"token": "foo", "browserinfo": INFO}}]


def test_what_failed_is_sent_after_listen(bench):
    for _ in range(3):
        bench.stream.publish("bar", {})
    bench.open()
    assert bench.wire.types == ["listen", "bar", "bar", "bar"]


def test_what_succeeded_is_not_sent_again(bench):
    bench.wire.is_up = True
    for _ in range(2):
        bench.stream.publish("foo", {})
    bench.wire.is_up = False
    for _ in range(3):
        bench.stream.publish("bar", {})
    bench.wire.frames.clear()
    bench.open()
    assert bench.wire.types == ["listen", "bar", "bar", "bar"]


def test_what_fails_again_waits_again_in_order(bench):
    bench.stream.publish("a", {})
    bench.stream.publish("b", {})
    bench.stream.transport_opened()
    assert bench.stream.queued == ("a", "b")


def test_a_reinvite_is_never_queued(bench):
    bench.open()
    bench.lose()
    bench.events.clear()
    bench.wire.frames.clear()
    bench.stream.register(True)
    bench.stream.reinvite("bar", "foo")
    bench.stream.hangup("foo")
    assert [data["error"]["code"] for _name, data, _status in bench.events] == [31009] * 3
    assert [data["error"]["twilioError"].code for _name, data, _status in bench.events] == [31009] * 3
    assert bench.stream.queued == ("register", "hangup")
    bench.open()
    assert bench.wire.types == ["listen", "register", "hangup"]


def test_a_token_given_while_offline_is_not_queued_but_used(bench):
    bench.stream.set_token("new")
    assert bench.stream.queued == ()
    bench.open()
    assert bench.wire.frames[0]["payload"]["token"] == "new"


def test_each_message_is_queued_when_the_transport_is_down(bench):
    stream = bench.stream
    stream.register(True)
    stream.invite("s", "c", False, "")
    stream.answer("s", "c")
    stream.dtmf("c", "1")
    stream.hangup("c")
    stream.reject("c")
    stream.publish("x", {})
    assert stream.queued == ("register", "invite", "answer", "dtmf", "hangup", "reject", "x")


def test_a_full_queue_gives_up_the_oldest_registration_first(bench):
    bench.stream.hangup("CA1")
    for _ in range(3 * MAX_QUEUED):
        bench.stream.register(True)
    bench.stream.reject("CA2")
    assert len(bench.stream.queued) == MAX_QUEUED
    assert (bench.stream.queued[0], bench.stream.queued[-1]) == ("hangup", "reject")


def test_a_full_queue_without_registrations_gives_up_the_oldest_message(bench):
    for number in range(MAX_QUEUED + 1):
        bench.stream.dtmf("CA1", str(number))
    bench.open()
    assert bench.wire.frames[1]["payload"]["dtmf"] == "1"


@pytest.mark.parametrize("before", ["disconnected", "connected", "offline", "ready"])
def test_a_lost_transport_leaves_the_stream_disconnected(bench, before):
    if before != "disconnected":
        bench.open()
    if before in ("offline", "ready"):
        bench.server(before)
    bench.lose()
    assert bench.stream.status == "disconnected"


def test_a_lost_transport_is_told_while_the_status_is_still_the_old_one(bench):
    bench.open()
    bench.server("ready")
    bench.events.clear()
    bench.lose()
    assert bench.events == [("transport_close", {}, "ready"), ("offline", {}, "offline")]


def test_a_failed_try_is_no_new_offline(bench):
    bench.open()
    bench.lose()
    bench.events.clear()
    bench.lose()
    assert bench.events == [("transport_close", {}, "disconnected")]


def test_a_stream_that_is_offline_already_does_not_say_so_twice(bench):
    bench.open()
    bench.server("offline")
    bench.lose()
    assert bench.names == ["offline"]


@pytest.mark.parametrize(
    ("fault", "passed_on"),
    [
        ({"code": 123, "message": "foo"}, {"error": {"code": 123, "message": "foo"}}),
        ({"error": {"code": 1}, "callSid": "CA1"}, {"error": {"code": 1}, "callSid": "CA1"}),
    ],
)
def test_a_fault_of_the_transport_becomes_an_error(bench, fault, passed_on):
    bench.stream.transport_failed(fault)
    assert bench.events == [("error", passed_on, "disconnected")]


def test_a_fault_without_details_is_a_lost_connection(bench):
    bench.stream.transport_failed()
    error = bench.events[0][1]["error"]
    assert (error["code"], error["twilioError"].code) == (31000, 53001)


def test_an_unknown_message_is_ignored(bench):
    bench.open()
    bench.server("roger")
    assert bench.names == []


def test_a_message_cannot_pose_as_an_event_of_our_own(bench):
    bench.open()
    bench.events.clear()
    bench.server("transport_close")
    assert bench.events == []


@pytest.mark.parametrize("type_", ["connected", "invite", "cancel", "ringing", "answer", "hangup"])
def test_a_known_message_is_an_event_with_its_payload(bench, type_):
    bench.open()
    bench.server(type_, callsid="CA1", extra=1)
    assert bench.events[-1] == (type_, {"callsid": "CA1", "extra": 1}, "connected")


@pytest.mark.parametrize("status", ["ready", "offline"])
def test_the_server_sets_the_status_before_listeners_run(bench, status):
    bench.open()
    bench.server(status)
    assert bench.events[-1] == (status, {}, status)


def test_gateway_and_region_may_come_with_any_message(bench):
    bench.open()
    bench.server("ringing", gateway="g1", region="r1")
    bench.server("answer", gateway="", region="r2")
    assert (bench.stream.gateway, bench.stream.region) == ("g1", "r2")


def test_an_error_of_the_server_gets_its_class(bench):
    bench.open()
    bench.server("error", error={"code": 31205, "message": "expired"}, callsid="CA1")
    payload = bench.events[-1][1]
    assert (payload["error"]["code"], payload["error"]["message"]) == (31205, "expired")
    assert payload["error"]["twilioError"].code == 53000
    assert payload["callsid"] == "CA1"


def test_close_from_the_server_ends_the_stream_once(bench):
    bench.open()
    for _ in range(3):
        bench.server("close")
    assert bench.stream.status == "offline"
    assert bench.names == ["offline", "close"]
    assert bench.wire.closed == 1


def test_a_new_token_is_used_and_told(bench):
    bench.open()
    bench.wire.frames.clear()
    bench.stream.set_token("foobar")
    assert bench.stream.token == "foobar"
    assert bench.wire.types == ["listen"]


def test_a_destroyed_stream_closes_its_transport_and_ignores_it(bench):
    bench.open()
    bench.events.clear()
    bench.stream.destroy()
    bench.stream.destroy()
    bench.stream.transport_closed()
    bench.stream.transport_failed()
    bench.server("ready")
    assert bench.wire.closed == 1
    assert bench.events == [("offline", {}, "offline")]
    assert bench.stream.status == "offline"


def test_destroying_it_while_it_reports_a_loss_is_final(bench):
    bench.open()
    bench.stream._emit = lambda name, data: bench.stream.destroy()
    bench.lose()
    assert bench.stream.status == "offline"
