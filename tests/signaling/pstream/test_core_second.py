"""The stream of the second generation, on paper: what differs from the first (spec: signaling 11)."""

from __future__ import annotations

from typing import Any

import pytest

from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import HoldOff, LinkOpened, SendFrame
from agent.signaling.pstream.generation import FIRST, SECOND
from agent.signaling.pstream.retry_queue import MAX_QUEUED
from tests.signaling.wire_on_paper import INFO, WireOnPaper

CONNECTED: dict[str, Any] = {
    "region": "US_EAST_VIRGINIA",
    "gateway": "gw-1",
    "home": "us1",
    "edge": "ashburn",
    "token": {"accountSid": "AC1", "identity": "alice", "ttl": 3585},
}


@pytest.fixture
def bench() -> WireOnPaper:
    return WireOnPaper(generation=SECOND)


def test_listen_says_how_long_calls_wait_for_a_lost_connection() -> None:
    stream = PStream("foo", INFO, SECOND, 12_345)

    listen = stream.hear(LinkOpened())[0]

    assert isinstance(listen, SendFrame)
    assert '"reconnectTimeout":13,"token":"foo"' in listen.frame.text


def test_connected_tells_where_we_are_and_how_long_our_token_lives(bench: WireOnPaper) -> None:
    bench.open()
    bench.server("connected", **CONNECTED)

    facts = bench.stream.service
    assert (facts.region, facts.gateway) == ("US_EAST_VIRGINIA", "gw-1")
    assert (facts.home, facts.edge, facts.identity, facts.token_ttl_s) == ("us1", "ashburn", "alice", 3585)
    assert ("connected", CONNECTED, "connected") in bench.events


def test_a_connected_that_says_less_takes_back_what_the_one_before_it_said(bench: WireOnPaper) -> None:
    bench.open()
    bench.server("connected", **CONNECTED)
    bench.server("ringing", home="elsewhere", edge="nowhere")
    assert (bench.stream.service.home, bench.stream.service.edge) == ("us1", "ashburn")

    bench.server("connected", region="EU_IRELAND")

    facts = bench.stream.service
    assert (facts.region, facts.gateway) == ("EU_IRELAND", "gw-1")
    assert (facts.home, facts.edge, facts.identity, facts.token_ttl_s) == (None, None, None, None)


def test_a_register_does_not_wait_for_a_connection_but_all_that_ends_or_begins_a_call_does(bench: WireOnPaper) -> None:
    stream = bench.stream
    bench.run(stream.register(True))
    bench.run(stream.message("CA1", "words", "text/plain", "user-defined-message", "KX1"))
    bench.run(stream.hangup("CA1"))

    assert stream.queued == ("message", "hangup")
    bench.open()
    assert bench.types == ["listen", "message", "hangup"]


def test_what_a_program_has_to_say_does_not_push_out_the_end_of_a_call(bench: WireOnPaper) -> None:
    bench.run(bench.stream.hangup("CA1"))
    for number in range(2 * MAX_QUEUED):
        bench.run(bench.stream.message("CA2", number, "application/json", "user-defined-message", f"KX{number}"))

    assert len(bench.stream.queued) == MAX_QUEUED
    bench.open()
    assert bench.types[1] == "hangup"
    assert bench.frames[-1]["payload"]["content"] == 2 * MAX_QUEUED - 1


def test_a_call_is_taken_up_again_on_an_open_connection_and_only_there(bench: WireOnPaper) -> None:
    bench.run(bench.stream.reconnect("v=0", "CA1", "RT1"))
    assert bench.names == ["error"]
    bench.open()
    assert bench.types == ["listen"]

    bench.run(bench.stream.reconnect("v=0", "CA1", "RT2"))

    assert bench.frames[-1] == {
        "type": "invite",
        "version": "1.6",
        "payload": {"callsid": "CA1", "reconnect": "RT2", "sdp": "v=0", "twilio": {}},
    }


@pytest.mark.parametrize(
    ("type_", "payload"),
    [
        ("message", {"callsid": "CA1", "content": {"a": 1}, "contenttype": "application/json",
                     "messagetype": "user-defined-message", "voiceeventsid": "KX1"}),
        ("ack", {"acktype": "message", "callsid": "CA1", "voiceeventsid": "KX1"}),
    ],
)  # fmt: skip
def test_messages_and_their_acks_are_heard_in_the_second_generation_only(type_: str, payload: dict[str, Any]) -> None:
    for generation, heard in ((SECOND, [(type_, payload, "connected")]), (FIRST, [])):
        bench = WireOnPaper(generation=generation)
        bench.open()
        bench.events.clear()

        bench.server(type_, **payload)

        assert bench.events == heard


def test_an_error_about_a_message_keeps_the_name_of_the_message(bench: WireOnPaper) -> None:
    bench.open()
    bench.server("error", callsid="CA1", voiceeventsid="KX1", error={"code": 31212, "message": "Too long"})

    name, payload, _status = bench.events[-1]
    assert (name, payload["voiceeventsid"], payload["error"]["code"]) == ("error", "KX1", 31212)


@pytest.mark.parametrize(("told", "held"), [(5, [HoldOff(5)]), (0.5, [HoldOff(0.5)])])
def test_a_server_may_ask_for_patience(told: float, held: list[HoldOff]) -> None:
    stream = PStream("foo", INFO, SECOND)
    stream.hear(LinkOpened())
    text = f'{{"type":"error","payload":{{"error":{{"code":53000,"retryAfter":{told}}}}}}}'

    effects = stream._read(text)

    assert [effect for effect in effects if isinstance(effect, HoldOff)] == held


@pytest.mark.parametrize("told", ["0", "-1", '"5"', "true", "null", "{}"])
def test_patience_that_is_no_time_is_not_heard(told: str) -> None:
    stream = PStream("foo", INFO, SECOND)
    stream.hear(LinkOpened())

    effects = stream._read(f'{{"type":"error","payload":{{"error":{{"code":53000,"retryAfter":{told}}}}}}}')

    assert not [effect for effect in effects if isinstance(effect, HoldOff)]


def test_a_new_token_before_the_connection_is_wanted_is_taken_without_a_word(bench: WireOnPaper) -> None:
    bench.run(bench.stream.set_token("newer"))
    assert bench.history == []

    bench.open()

    assert bench.frames[0]["payload"]["token"] == "newer"


# Where it comes back to


def dialled(bench: WireOnPaper) -> str:
    return bench.link.uri


def test_a_stream_with_a_call_comes_back_to_the_edge_that_served_it() -> None:
    bench = WireOnPaper(["wss://voice-js.roaming.twilio.com/signal"], SECOND)
    bench.open()
    bench.server("connected", **CONNECTED)
    bench.run(bench.stream.prefer_current_uri())
    assert dialled(bench) == "wss://voice-js.roaming.twilio.com/signal"

    bench.lose(1006)
    assert dialled(bench) == "wss://voice-js.ashburn.twilio.com/signal"

    bench.run(bench.stream.forget_preferred_uri())
    bench.open()
    assert dialled(bench) == "wss://voice-js.roaming.twilio.com/signal"


def test_of_several_hosts_it_comes_back_to_the_one_that_served_it() -> None:
    bench = WireOnPaper(["wss://a/signal", "wss://b/signal"], SECOND)
    bench.run(bench.stream.open())
    bench.lose(1006)
    bench.open()
    assert dialled(bench) == "wss://b/signal"
    bench.server("connected", **CONNECTED)
    bench.run(bench.stream.prefer_current_uri())

    bench.lose(1006)
    assert dialled(bench) == "wss://b/signal"


def test_before_anybody_answered_there_is_nothing_to_prefer(bench: WireOnPaper) -> None:
    bench.run(bench.stream.open())
    bench.run(bench.stream.prefer_current_uri())

    bench.lose(1006)

    assert dialled(bench) == "wss://a/signal"
