"""PStream on its link, without hub and sockets (spec: oracle 3)."""

from __future__ import annotations

import json

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import Emit, LinkOpened, LinkUnsent, OpenLink, SendFrame
from agent.signaling.pstream.generation import FIRST, SECOND
from agent.signaling.pstream.messages import MAX_FRAME_CHARS, OutboundFrame
from agent.signaling.pstream.retry_queue import MAX_QUEUED
from tests.signaling.wire_on_paper import INFO, WireOnPaper

LOST = ["transport_close", "offline"]


@pytest.fixture
def bench() -> WireOnPaper:
    return WireOnPaper()


def test_a_new_stream_is_disconnected(bench):
    assert bench.stream.status == "disconnected"


def test_an_open_transport_gets_listen_and_nothing_else(bench):
    bench.open()
    assert bench.stream.status == "connected"
    assert bench.frames == [{"type": "listen", "version": "1.5", "payload": {"token": "foo", "browserinfo": INFO}}]


def test_what_failed_is_sent_after_listen(bench):
    for _ in range(3):
        bench.run(bench.stream.publish("bar", {}))
    bench.open()
    assert bench.types == ["listen", "bar", "bar", "bar"]


def test_what_succeeded_is_not_sent_again(bench):
    bench.open()
    for _ in range(2):
        bench.run(bench.stream.publish("foo", {}))
    bench.lose()
    for _ in range(3):
        bench.run(bench.stream.publish("bar", {}))
    bench.frames.clear()
    bench.open()
    assert bench.types == ["listen", "bar", "bar", "bar"]


def test_what_fails_again_waits_again_in_order(bench):
    bench.run(bench.stream.publish("a", {}))
    bench.run(bench.stream.publish("b", {}))
    bench.breaks_at = lambda text: True
    bench.open()
    assert bench.stream.queued == ("a", "b")


def test_a_reinvite_is_never_queued(bench):
    bench.open()
    bench.lose()
    bench.events.clear()
    bench.frames.clear()
    bench.run(bench.stream.register(True))
    bench.run(bench.stream.reinvite("bar", "foo"))
    bench.run(bench.stream.hangup("foo"))
    assert [data["error"]["code"] for _name, data, _status in bench.events] == [31009] * 3
    assert [data["error"]["twilioError"].code for _name, data, _status in bench.events] == [31009] * 3
    assert bench.stream.queued == ("register", "hangup")
    bench.open()
    assert bench.types == ["listen", "register", "hangup"]


def test_a_token_given_while_offline_is_not_queued_but_used(bench):
    bench.run(bench.stream.set_token("new"))
    assert bench.stream.queued == ()
    bench.open()
    assert bench.frames[0]["payload"]["token"] == "new"


def test_each_message_is_queued_when_the_transport_is_down(bench):
    stream = bench.stream
    for effects in (
        stream.register(True),
        stream.invite("s", "c", False, ""),
        stream.answer("s", "c"),
        stream.dtmf("c", "1"),
        stream.hangup("c"),
        stream.reject("c"),
        stream.publish("x", {}),
    ):
        bench.run(effects)
    assert stream.queued == ("register", "invite", "answer", "dtmf", "hangup", "reject", "x")


def test_a_full_queue_gives_up_the_oldest_registration_first(bench):
    bench.run(bench.stream.hangup("CA1"))
    for _ in range(3 * MAX_QUEUED):
        bench.run(bench.stream.register(True))
    bench.run(bench.stream.reject("CA2"))
    assert len(bench.stream.queued) == MAX_QUEUED
    assert (bench.stream.queued[0], bench.stream.queued[-1]) == ("hangup", "reject")


def test_a_full_queue_without_registrations_gives_up_the_oldest_message(bench):
    for number in range(MAX_QUEUED + 1):
        bench.run(bench.stream.dtmf("CA1", str(number)))
    bench.open()
    assert bench.frames[1]["payload"]["dtmf"] == "1"


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
    bench.tick()
    bench.events.clear()
    bench.lose()
    assert bench.events == [("transport_close", {}, "disconnected")]


def test_a_stream_that_is_offline_already_does_not_say_so_twice(bench):
    bench.open()
    bench.server("offline")
    bench.lose()
    assert bench.names == ["transport_open", "offline", "transport_close"]


def test_a_fault_of_the_link_becomes_an_error_while_the_status_is_still_the_old_one(bench):
    bench.open()
    bench.server("ready")
    bench.events.clear()
    bench.lose(1006)
    name, payload, status = bench.events[0]
    assert (name, payload["error"]["code"], payload["error"]["twilioError"].code, status) == (
        "error", 31005, 53000, "ready",
    )  # fmt: skip


def test_an_unknown_message_is_ignored(bench):
    bench.open()
    bench.server("roger")
    assert bench.names == ["transport_open"]


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
    assert (bench.stream.service.gateway, bench.stream.service.region) == ("g1", "r2")


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
    assert bench.names == ["transport_open", "offline", "close"]
    assert bench.history.count("close") == 2, "the socket once, and the event"


def test_a_new_token_is_used_and_told(bench):
    bench.open()
    bench.frames.clear()
    bench.run(bench.stream.set_token("foobar"))
    assert bench.stream.token == "foobar"
    assert bench.types == ["listen"]


def test_a_destroyed_stream_closes_its_link_and_ignores_it(bench):
    bench.open()
    bench.forget()
    for _ in range(2):
        bench.run(bench.stream.destroy())
    bench.lose(1006)
    bench.server("ready")
    bench.run(bench.stream.open())
    assert bench.history == ["close", "offline"]
    assert bench.stream.status == "offline"
    assert bench.link.state == "closed"


def test_a_stream_can_be_destroyed_twice_and_asked_for_more(bench):
    bench.run(bench.stream.destroy())
    bench.run(bench.stream.register(True))
    assert bench.names == ["offline", "error"]
    assert bench.stream.queued == ()


# What a core returns, without anybody to carry it out


def test_a_core_is_in_its_new_state_before_anything_is_carried_out():
    stream = PStream("foo", INFO, FIRST)
    assert stream.open() == [OpenLink()]
    (waiting,) = stream.register(True)
    assert isinstance(waiting, Emit) and stream.queued == ("register",)

    effects = stream.hear(LinkOpened())

    assert (stream.status, stream.queued) == ("connected", ())
    assert [each.frame.type for each in effects if isinstance(each, SendFrame)] == ["listen", "register"]
    assert effects[-1] == Emit("transport_open", {}, "connected")


def test_what_a_lost_connection_did_not_take_goes_out_on_the_next_one():
    stream = PStream("foo", INFO, FIRST)
    stream.hear(LinkOpened())
    late = OutboundFrame("hangup", "{}", keep=True)
    assert stream.hear(LinkUnsent(late)) == [SendFrame(late)]


def test_the_second_generation_is_the_same_stream_in_other_words():
    stream = PStream("foo", INFO, SECOND)
    listen = stream.hear(LinkOpened())[0]
    assert isinstance(listen, SendFrame)
    assert listen.frame.text.startswith('{"payload":{"browserinfo":{')
    assert listen.frame.text.endswith('"reconnectTimeout":0,"token":"foo"},"type":"listen","version":"1.6"}')


@pytest.mark.parametrize(
    ("ask", "unusable"),
    [
        (lambda stream: stream.publish("x", {"n": float("nan")}), "x"),
        (lambda stream: stream.publish("x", {"n": object()}), "x"),
        (lambda stream: stream.set_token("t" * MAX_FRAME_CHARS), "listen"),
        (lambda stream: stream.hangup("CA1", "m" * MAX_FRAME_CHARS), "hangup"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_changes_nothing(ask, unusable):
    stream = PStream("foo", INFO, FIRST)
    with pytest.raises(InvalidArgumentError, match=f"{unusable}.*cannot be sent"):
        ask(stream)
    assert (stream.token, stream.queued, stream.status) == ("foo", (), "disconnected")
    assert len(stream.hear(LinkOpened())) == 2


# A socket that breaks


def break_on(bench: WireOnPaper, *types: str) -> None:
    bench.breaks_at = lambda text: any(f'"type":"{type_}"' in text for type_ in types)


def statuses(bench: WireOnPaper, event: str) -> list[str]:
    return [status for name, _payload, status in bench.events if name == event]


def test_a_socket_that_breaks_on_listen_was_open_and_then_lost(bench):
    break_on(bench, "listen")
    bench.open()
    assert bench.history == ["dial", "lost listen", "transport_open", "close", *LOST, "error"]
    assert [status for _name, _payload, status in bench.events] == ["connected", "connected", "offline", "disconnected"]
    assert (bench.stream.status, bench.stream.queued) == ("disconnected", ())

    bench.breaks_at = lambda text: False
    bench.forget()
    bench.open()
    assert bench.history == ["dial", "sent listen", "transport_open"]


@pytest.mark.parametrize("broken", ["listen", "a", "b", "c"])
def test_a_socket_that_breaks_while_the_queue_is_sent_loses_nothing_and_keeps_the_order(bench, broken):
    for type_ in ("a", "b", "c"):
        bench.run(bench.stream.publish(type_, {}))
    bench.forget()
    break_on(bench, broken)

    bench.open()

    sent = ["listen", "a", "b", "c"]
    place = sent.index(broken)
    assert bench.types == sent[:place]
    assert bench.stream.queued == tuple(each for each in sent[place:] if each != "listen")
    assert bench.names == ["transport_open", *LOST, *["error"] * (len(sent) - place)]
    assert statuses(bench, "transport_open") == ["connected"]

    bench.breaks_at = lambda text: False
    bench.forget()
    bench.open()
    assert bench.types == ["listen", *(each for each in sent[place:] if each != "listen")]


@pytest.mark.parametrize(
    ("ask", "is_kept"),
    [
        (lambda stream: stream.register(True), True),
        (lambda stream: stream.invite("s", "c", False, ""), True),
        (lambda stream: stream.answer("s", "c"), True),
        (lambda stream: stream.dtmf("c", "1"), True),
        (lambda stream: stream.hangup("c"), True),
        (lambda stream: stream.reject("c"), True),
        (lambda stream: stream.publish("x", {}), True),
        (lambda stream: stream.reinvite("s", "c"), False),
        (lambda stream: stream.set_token("new"), False),
    ],
)
def test_a_socket_that_breaks_on_a_message_is_lost_before_the_message_is_missed(bench, ask, is_kept):
    bench.open()
    bench.server("ready")
    bench.forget()
    bench.breaks_at = lambda text: True
    bench.run(ask(bench.stream))
    assert bench.names == [*LOST, "error"]
    assert [status for _name, _payload, status in bench.events] == ["ready", "offline", "disconnected"]
    assert len(bench.stream.queued) == is_kept


def test_a_socket_that_breaks_on_a_heartbeat_misses_no_message(bench):
    bench.open()
    bench.forget()
    bench.breaks_at = lambda text: True
    bench.say("\n")
    assert bench.names == LOST


# Handlers that call back


def test_what_a_handler_asks_for_comes_after_what_is_due(bench):
    bench.run(bench.stream.publish("a", {}))
    bench.handlers = {"transport_open": lambda: bench.run(bench.stream.register(True))}
    bench.forget()
    bench.open()
    assert bench.history == ["dial", "sent listen", "sent a", "transport_open", "sent register"]


@pytest.mark.parametrize("event", ["transport_open", "transport_close", "offline", "error"])
def test_a_handler_of_a_broken_opening_can_ask_for_more_and_loses_nothing(bench, event):
    for type_ in ("a", "b"):
        bench.run(bench.stream.publish(type_, {}))
    bench.forget()

    def handler() -> None:
        bench.handlers.clear()
        bench.run(bench.stream.hangup("CA1"))

    bench.handlers = {event: handler}
    break_on(bench, "listen")

    bench.open()

    assert bench.stream.queued == ("a", "b", "hangup")
    assert bench.names == ["transport_open", *LOST, *["error"] * 4]


@pytest.mark.parametrize("event", ["connected", "ready", "ringing", "hangup", "error", "transport_open"])
def test_a_socket_that_breaks_inside_a_handler_is_told_of_after_the_handler(bench, event):
    depth: list[str] = []

    def handler() -> None:
        bench.handlers.pop(event)
        depth.append("in")
        break_on(bench, "register")
        bench.run(bench.stream.register(True))
        depth.append("out")

    bench.handlers = {event: handler, "transport_close": lambda: depth.append("transport_close")}
    bench.open()
    if event != "transport_open":
        bench.server(event, callsid="CA1", error={"code": 1, "message": "m"} if event == "error" else None)
    assert depth[:3] == ["in", "out", "transport_close"]
    assert bench.stream.queued[0] == "register"


@pytest.mark.parametrize("event", ["transport_open", "transport_close", "offline", "error"])
def test_a_stream_that_a_handler_destroys_says_offline_and_nothing_more(bench, event):
    bench.run(bench.stream.publish("a", {}))
    bench.forget()
    break_on(bench, "listen")
    bench.handlers = {event: lambda: bench.run(bench.stream.destroy())}
    bench.open()
    told = ["transport_open", *LOST, "error"]
    assert bench.names == [*told[: told.index(event) + 1], "offline"]
    assert (bench.stream.status, bench.stream.queued, bench.link.state) == ("offline", (), "closed")


def test_a_stream_that_a_handler_destroys_says_its_last_words(bench):
    def leave() -> None:
        bench.run(bench.stream.hangup("CA1"))
        bench.run(bench.stream.destroy())

    bench.open()
    bench.forget()
    bench.handlers = {"ready": leave}
    bench.server("ready")
    assert bench.history == ["ready", "sent hangup", "close", "offline"]


@pytest.mark.parametrize(
    ("asked", "waits"),
    [([True] * 100, [True]), ([False, False], [False]), ([True, False, False], [True, False]),
     ([True, True, False, True, True], [True, False, True])],
)  # fmt: skip
def test_of_registrations_that_say_the_same_one_waits(asked, waits):
    stream = PStream("a-token", {}, FIRST)
    for audio in asked:
        stream.register(audio)
    sent = [effect.frame.text for effect in stream.hear(LinkOpened()) if isinstance(effect, SendFrame)]

    assert [json.loads(text)["payload"]["media"]["audio"] for text in sent[1:]] == waits
