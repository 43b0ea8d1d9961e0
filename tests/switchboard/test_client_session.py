"""One client's signaling, without a socket."""

from __future__ import annotations

import json
import logging
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.log import SeldomLog
from agent.switchboard.client_session import ClientSession
from agent.switchboard.effects import CallRequest, CloseClient, HasRead, SendText, SessionEffect, SetReachable
from agent.switchboard.grant import Grant, TokenRejected
from agent.switchboard.settings import SwitchboardSettings

SETTINGS = SwitchboardSettings(heartbeat_s=10, frames_per_s=1000)


def judge(token: str) -> Grant:
    if token == "bad":
        raise TokenRejected(31204, "JWT invalid")
    return Grant(token, "AC1", ttl_s=100.0, may_call=token != "mute", may_register=token != "deaf")


def frame(message_type: str, **payload: Any) -> str:
    return json.dumps({"type": message_type, "version": "1.5", "payload": payload})


def session(*frames: str) -> ClientSession:
    made = ClientSession(1, SETTINGS, judge, 0.0, SeldomLog(logging.getLogger(__name__)))
    for text in frames:
        made.receive(text, 0.0)
    return made


def types(effects: list[SessionEffect]) -> list[str]:
    texts = [effect.text for effect in effects if isinstance(effect, SendText)]
    return [json.loads(text)["type"] for text in texts if text != "\n"]


LISTEN = frame("listen", token="alice")
REGISTER = frame("register", media={"audio": True})


def test_presence_is_announced_once_however_often_the_client_registers() -> None:
    client = session(LISTEN)
    assert SetReachable(True) in client.receive(REGISTER, 1.0)
    assert SetReachable(True) not in client.receive(REGISTER, 31.0)


def test_a_new_token_keeps_the_presence() -> None:
    client = session(LISTEN, REGISTER)
    assert types(client.receive(LISTEN, 1.0)) == ["connected"]
    assert client.receive(LISTEN, 1.0).count(SetReachable(False)) == 0


def test_a_token_for_another_identity_moves_the_client() -> None:
    client = session(LISTEN, REGISTER)
    assert SetReachable(False) in client.receive(frame("listen", token="bob"), 1.0)
    assert client.identity == "bob"


def test_a_refused_token_leaves_the_old_one_in_force() -> None:
    client = session(LISTEN, REGISTER)
    assert types(client.receive(frame("listen", token="bad"), 1.0)) == ["error"]
    assert client.identity == "alice"


def test_call_messages_are_passed_on_only_with_access() -> None:
    assert types(session().receive(frame("hangup", callsid="CA1"), 0.0)) == ["error"]
    assert isinstance(session(LISTEN).receive(frame("hangup", callsid="CA1"), 0.0)[0], CallRequest)


def test_a_token_without_outgoing_calls_is_hung_up() -> None:
    client = session(frame("listen", token="mute"))
    assert types(client.receive(frame("invite", callsid="TJS1", sdp="v=0"), 0.0)) == ["hangup"]


def test_a_token_without_incoming_calls_cannot_register() -> None:
    assert types(session(frame("listen", token="deaf")).receive(REGISTER, 0.0)) == ["error"]


def test_an_expired_token_ends_presence_but_not_the_calls() -> None:
    client = session(LISTEN, REGISTER)
    client.receive("\n", 99.0)
    effects = client.tick(100.0)
    assert SetReachable(False) in effects
    assert types(effects) == ["error", "offline"]
    assert types(client.receive(REGISTER, 101.0)) == ["error"]
    assert types(client.receive(frame("invite", callsid="TJS1"), 101.0)) == ["hangup"]
    assert isinstance(client.receive(frame("hangup", callsid="CA1"), 101.0)[0], CallRequest)


def test_a_socket_without_token_is_closed_after_a_while() -> None:
    client = session()
    client.receive("\n", 59.0)
    assert client.tick(59.0) == [SendText("\n")]
    assert CloseClient(1008, "no valid token") in client.tick(60.0)


def test_a_client_of_either_generation_may_say_how_long_its_calls_shall_wait() -> None:
    assert session(LISTEN).reconnect_timeout_s == 0
    for said, waits_s in ((30, 30.0), (2.5, 2.5), (0, 0.0), (-1, 0.0), (True, 0.0), ("9", 0.0), (None, 0.0), ([], 0.0)):
        assert session(frame("listen", token="alice", reconnectTimeout=said)).reconnect_timeout_s == waits_s


def test_a_token_for_incoming_calls_only_is_enough_to_take_such_a_call_up_again() -> None:
    client = session(frame("listen", token="mute"))
    again = frame("invite", callsid="CA1", sdp="v=0", reconnect="x")
    assert isinstance(client.receive(again, 0.0)[0], CallRequest)
    client.receive("\n", 99.0)
    client.tick(100.0)
    assert types(client.receive(again, 101.0)) == ["hangup"]  # it has expired


def test_an_echo_tells_that_what_came_before_its_beat_was_read() -> None:
    client = session(LISTEN)
    client.tick(10.0)
    assert client.ask_whether_read() == SendText("\n")
    assert client.receive("\n", 11.0) == []  # the echo of the beat before
    assert client.receive("\n", 12.0) == [HasRead()]
    client.tick(20.0)
    assert client.receive("\n", 21.0) == []


def test_echoes_of_no_beat_tell_nothing() -> None:
    client = session(LISTEN, "\n", "\n", "\n")
    client.tick(10.0)
    client.ask_whether_read()
    assert [client.receive("\n", 11.0) for _ in range(2)] == [[], [HasRead()]]


def test_silence_takes_the_client_offline() -> None:
    client = session(LISTEN, REGISTER)
    client.receive("\n", 50.0)
    assert SetReachable(False) not in client.tick(80.0)
    assert [type(effect) for effect in client.tick(80.1)] == [SetReachable, CloseClient]


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) |
       st.dictionaries(st.sampled_from(["type", "payload", "version", "token", "media", "callsid"]), inner)
       ).map(json.dumps))  # fmt: skip
def test_no_text_breaks_a_session(text: str) -> None:
    client = session(LISTEN, REGISTER)
    client.receive(text, 1.0)
    assert types(client.receive(LISTEN, 1.0)) == ["connected"]


def test_beats_count_as_frames_and_too_many_of_them_end_the_socket() -> None:
    client = ClientSession(1, SwitchboardSettings(frames_per_s=10), judge, 0.0, SeldomLog(logging.getLogger(__name__)))
    client.receive(LISTEN, 0.0)
    effects = [effect for _ in range(600) for effect in client.receive("\n", 1.0)]
    assert [effect.code for effect in effects if isinstance(effect, CloseClient)] == [1008]


def test_calls_that_are_begun_too_fast_are_refused_and_others_go_on() -> None:
    client = session(LISTEN)
    answers = [client.receive(frame("invite", callsid=f"TJS{n}", sdp="v=0"), 0.0)[0] for n in range(100)]
    taken = [isinstance(answer, CallRequest) for answer in answers]
    assert 5 <= sum(taken) < 50 and taken == sorted(taken, reverse=True)
    assert types(answers[-1:]) == ["hangup"]
    assert isinstance(client.receive(frame("hangup", callsid="TJS1"), 0.0)[0], CallRequest)
    resumed = frame("invite", callsid="CA1", sdp="v=0", reconnect="token")
    assert isinstance(client.receive(resumed, 0.0)[0], CallRequest)
    assert isinstance(client.receive(frame("invite", callsid="TJS200", sdp="v=0"), 60.0)[0], CallRequest)


def test_only_the_key_that_gave_access_takes_it_back() -> None:
    client = ClientSession(1, SETTINGS, lambda token: Grant(token, "AC1", 100.0, True, True, "SK1"), 0.0,
                           SeldomLog(logging.getLogger(__name__)))  # fmt: skip
    assert client.revoke("SK1") == []
    client.receive(LISTEN, 0.0)
    client.receive(REGISTER, 0.0)
    assert client.revoke("SK2") == []
    effects = client.revoke("SK1")
    assert types(effects) == ["error"] and SetReachable(False) in effects
    assert [effect.code for effect in effects if isinstance(effect, CloseClient)] == [1008]
    assert client.revoke("SK1") == [] and client.receive(LISTEN, 1.0) == []
