"""Messages along with a call, in the second generation (spec: signaling 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.errors import InvalidArgumentError, InvalidStateError, NotSupportedError
from agent.voice.call_messages import MOST_UNANSWERED, CallMessages

from .conftest import World

MESSAGE = {"content": {"door": "open"}, "messageType": "user-defined-message"}


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(generation="2")


def test_a_message_is_sent_and_its_arrival_told(world: World) -> None:
    call = world.talks()
    told: list[Any] = []
    call.on("message_sent", told.append)

    sid = call.send_message(MESSAGE)
    world.stream.say("ack", acktype="message", callsid="CA9", voiceeventsid=sid)

    sent = world.stream.last("message")
    assert sent == {"callsid": "CA9", "content": {"door": "open"}, "contenttype": "application/json",
                    "messagetype": "user-defined-message", "voiceeventsid": sid}  # fmt: skip
    assert told == [MESSAGE | {"voiceEventSid": sid}]
    assert world.publisher.named("call-message") == ["user-defined-message"]


def test_a_message_is_told_once(world: World) -> None:
    call = world.talks()
    told: list[Any] = []
    call.on("messageSent", told.append)
    sid = call.send_message(content="hello", message_type="greeting", content_type="text/plain")

    for _ in range(2):
        world.stream.say("ack", acktype="message", callsid="CA9", voiceeventsid=sid)
    world.stream.say("ack", acktype="message", callsid="CA9", voiceeventsid="KXother")

    assert len(told) == 1 and world.stream.last("message")["contenttype"] == "text/plain"


def test_what_the_far_side_sends_is_passed_on(world: World) -> None:
    call = world.talks()
    told: list[Any] = []
    call.on("message_received", told.append)

    world.stream.say("message", callsid="CA9", content={"a": 1}, messagetype="m", contenttype="t", voiceeventsid="KX1")
    world.stream.say("message", callsid="CAother", content={}, messagetype="m", voiceeventsid="KX2")

    world.stream.say("message", callsid="CA9", messagetype="m")

    nothing = dict.fromkeys(("content", "contentType", "voiceEventSid"))
    assert told == [{"content": {"a": 1}, "contentType": "t", "messageType": "m", "voiceEventSid": "KX1"},
                    {**nothing, "messageType": "m"}]  # fmt: skip


@pytest.mark.parametrize("callsid", ["CA9", "CAother", None])
def test_an_error_about_a_message_that_nobody_waits_for_is_no_error_of_the_device(world: World, callsid: Any) -> None:
    call = world.talks()
    told: list[Any] = []
    call.on("error", told.append)
    world.device.on("error", told.append)

    world.stream.say("error", callsid=callsid, voiceeventsid="KXno", error={"code": 31209, "message": "too many"})
    world.run()

    assert told == [] and call.status() == "open"


def test_a_message_that_is_refused_is_an_error_of_the_call(world: World) -> None:
    call = world.talks()
    told: list[Any] = []
    call.on("error", told.append)
    sid = call.send_message(MESSAGE)
    world.forget()

    error = {"code": 31209, "message": "too many"}
    world.stream.say("error", callsid="CA9", voiceeventsid=sid, error=error)
    world.run()

    assert [each.code for each in told] == [31209] and call.status() == "open"
    assert "error" in world.publisher.named("call-message")


@pytest.mark.parametrize(
    "message",
    [None, {}, {"content": None, "messageType": "m"}, {"content": 1}, {"content": 1, "messageType": ""},
     {"content": 1, "messageType": 5}, {"content": 1, "messageType": "m", "contentType": 7},
     {"content": 1, "messageType": "m", "color": "red"}, "hello"],
)  # fmt: skip
def test_a_message_that_cannot_be_sent_is_refused(world: World, message: Any) -> None:
    call = world.talks()

    with pytest.raises(InvalidArgumentError):
        call.send_message(message)

    assert world.stream.sent("message") == []


def test_a_call_without_a_name_or_an_end_carries_none(world: World) -> None:
    call = world.device.connect({"To": "bob"})
    with pytest.raises(InvalidStateError):
        call.send_message(MESSAGE)
    call.disconnect()

    ended = world.talks()
    ended.disconnect()
    with pytest.raises(InvalidStateError):
        ended.send_message(MESSAGE)


def test_the_first_generation_has_none(make_world: Callable[..., World]) -> None:
    with pytest.raises(NotSupportedError, match="generation"):
        make_world().talks().send_message(MESSAGE)


def test_what_nobody_answers_does_not_pile_up() -> None:
    messages = CallMessages()
    sids = [messages.send({"content": n, "messageType": "m"})[0] for n in range(MOST_UNANSWERED + 1)]

    assert messages.answered(sids[0]) is None and messages.answered(sids[1]) is not None
