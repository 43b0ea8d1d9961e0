"""A program's own words: what is acknowledged was sent on, and everything else is refused in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from agent.errors import ProtocolError
from agent.signaling.pstream.messages import Message, frame
from agent.switchboard.call_leg import MESSAGES_PER_S, CallLeg
from agent.switchboard.effects import MakeAnswer, MakeOffer, TakeAnswer, Tell, TellClient
from agent.switchboard.reconnect_tokens import ReconnectTokens
from agent.switchboard.registry import Registered
from agent.switchboard.router import RoutedCall
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.user_messages import CONTENT_BYTES, pass_on

ASKS = 5  # alice's next socket, while her leg has still the one before
WORDS = {"content": {"door": "open"}, "contenttype": "application/json", "messagetype": "user-defined-message"}


@dataclass(frozen=True)
class Bob:
    """Whom the call is for; he is of either generation."""

    id: int
    can_resume: bool
    identity: str = "bob"
    account_sid: str = "AC1"
    reconnect_timeout_s: float = 0.0


def call_to_bob(*, takes_messages: bool = True, is_open: bool = True, target: str = "bob") -> RoutedCall:
    def new_leg(client: Registered) -> CallLeg:
        return CallLeg("CA2", "bob", client.id, tokens=ReconnectTokens() if client.can_resume else None)

    caller = CallLeg("CA1", "alice", 1, temporary_sid="TJS1", tokens=ReconnectTokens())
    call = RoutedCall(caller, target, {}, SwitchboardSettings(), new_leg)
    call.start([Bob(2, takes_messages)], now=0.0)
    for leg in call.callees:
        call.done(MakeOffer(leg, ()), "offer")
        if is_open:
            call.answer(leg, "answer")
            call.done(TakeAnswer(leg, ""), "")
    if is_open:
        call.done(MakeAnswer(caller, "", None), "answer")
    return call


def say(call: RoutedCall, now: float = 0.0, **words: Any) -> list[Any]:
    payload = {"callsid": "CA1", "voiceeventsid": "KX1", **WORDS, **words}
    return pass_on(call, call.caller, ASKS, Message("message", payload), now)


def refusal(effects: list[Any]) -> int:
    """The code by which a message was refused, and nothing else happened."""
    (error,) = effects
    assert isinstance(error, TellClient) and (error.client_id, error.type) == (ASKS, "error")
    assert (error.payload["callsid"], error.payload["voiceeventsid"]) == ("CA1", "KX1")
    assert error.payload["error"]["message"]
    return int(error.payload["error"]["code"])


def test_a_message_is_sent_on_under_the_other_name_of_the_call_and_acknowledged() -> None:
    call = call_to_bob()
    sent, ack = say(call)
    assert sent == Tell(call.callees[0], "message", {"callsid": "CA2", "voiceeventsid": "KX1", **WORDS})
    assert ack == TellClient(ASKS, "ack", {"acktype": "message", "callsid": "CA1", "voiceeventsid": "KX1"})


def test_a_message_is_json_unless_it_says_otherwise_and_brings_nothing_else() -> None:
    call = call_to_bob()
    payload = {"callsid": "CA1", "voiceeventsid": "KX1", "content": 1, "messagetype": "m", "sdp": "x", "reconnect": "y"}
    sent, _ = pass_on(call, call.caller, ASKS, Message("message", payload), 0.0)
    assert isinstance(sent, Tell)
    assert sent.payload == {
        "callsid": "CA2", "content": 1, "contenttype": "application/json", "messagetype": "m", "voiceeventsid": "KX1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (call_to_bob(takes_messages=False), 31404),
        (call_to_bob(is_open=False), 31404),
        (call_to_bob(target="tone"), 31404),
        (call_to_bob(target="noanswer", is_open=False), 31404),
    ],
)
def test_a_message_that_nobody_takes_is_refused(call: RoutedCall, code: int) -> None:
    assert refusal(say(call)) == code


def test_a_message_to_somebody_whose_socket_is_lost_is_refused() -> None:
    call = call_to_bob()
    call.lost(2, now=1.0)
    assert refusal(say(call, now=1.0)) == 31480


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"content": None}, 31400),
        ({"contenttype": 7}, 31400),
        ({"contenttype": ""}, 31400),
        ({"messagetype": None}, 31210),
        ({"messagetype": "x" * 201}, 31210),
        ({"content": "x" * CONTENT_BYTES}, 31212),
        ({"content": "ü" * (CONTENT_BYTES // 2)}, 31212),
        ({"content": [9e15] * 2000}, 31212),
    ],
)
def test_a_message_that_cannot_be_read_there_is_refused(words: dict[str, Any], code: int) -> None:
    assert refusal(say(call_to_bob(), **words)) == code


def test_the_longest_message_arrives() -> None:
    sent, _ = say(call_to_bob(), content="x" * (CONTENT_BYTES - 2))
    assert isinstance(sent, Tell) and frame(sent.type, sent.payload)


def test_a_message_without_a_name_to_answer_by_is_malformed() -> None:
    with pytest.raises(ProtocolError):
        say(call_to_bob(), voiceeventsid=None)


def test_messages_come_at_a_bounded_rate() -> None:
    call = call_to_bob()
    taken = [len(say(call, now=10.0)) == 2 for _ in range(100)]
    assert 1 < taken.count(True) < 50 and taken == sorted(taken, reverse=True)
    assert refusal(say(call, now=10.0)) == 31206
    assert len(say(call, now=10.0 + 2 / MESSAGES_PER_S)) == 2
