"""Whatever a server sends, in whatever order: nothing is raised, the status stays in its table, memory stays flat."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.signaling.pstream.core import MAX_QUEUED, PStream
from agent.signaling.pstream.link import Link
from agent.signaling.pstream.messages import SERVER_TYPES

STATUSES = {"disconnected", "connected", "ready", "offline"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(["callsid", "sdp", "error", "parameters", "gateway", "region", "code", "message", "x"])
payloads = st.dictionaries(members, json_values, max_size=5)
envelopes = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(SERVER_TYPES)) | json_values, "payload": payloads | json_values}
)
frames = st.text(max_size=200) | st.binary(max_size=50) | json_values.map(json.dumps) | envelopes.map(json.dumps)
acts = st.sampled_from(["open", "closed", "failed", "send", "register", "reinvite", "network", "wait"])
inputs = st.tuples(st.just("message"), frames) | st.tuples(acts, st.none())


class Socket:
    """Takes everything; sometimes breaks."""

    def __init__(self, sent: list[str]) -> None:
        self.sent = sent

    def send(self, text: str) -> None:
        if len(text) % 7 == 0:
            raise OSError("broken")
        self.sent[:] = [text]

    def close(self) -> None:
        pass


class Agent:
    """The whole pure signaling: a PStream on a link with the fake clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[str] = []
        self.stream = PStream("token", {}, self._emit)
        self.link = Link(["wss://a", "wss://b"], lambda uri: Socket(self.sent), self.stream, random=lambda: 0.5)
        self.stream.attach(self)
        self.link.open(self.now)

    def send(self, text: str) -> bool:
        return self.link.send(text, self.now)

    def close(self) -> None:
        self.link.close(self.now)

    def _emit(self, name: str, payload: dict[str, Any]) -> None:
        assert name in SERVER_TYPES | {"transport_open", "transport_close"}
        assert isinstance(payload, dict)
        assert isinstance(payload.get("callsid", ""), str)
        assert isinstance(payload.get("sdp", ""), str)
        repr(payload)

    def play(self, kind: str, data: Any) -> None:
        self.now += 0.01
        if kind == "message" and self.link.is_open:
            self.link.socket_message(data, self.now)
        elif kind == "open" and self.link.state == "connecting" and self.link.deadline() is not None:
            self.link.socket_opened(self.now)
        elif kind == "closed":
            self.link.socket_closed(1006, "", self.now)
        elif kind == "failed":
            self.link.socket_failed("")
        elif kind == "send":
            self.stream.hangup("CA1")
        elif kind == "register":
            self.stream.register(True)
        elif kind == "reinvite":
            self.stream.reinvite("sdp", "CA1")
        elif kind == "network":
            self.link.network_changed(self.now, path_intact=False)
        elif kind == "wait":
            self.now += 6
            self.link.tick(self.now)
        assert self.stream.status in STATUSES
        assert len(self.stream.queued) <= MAX_QUEUED


@settings(max_examples=300, deadline=None)
@given(st.lists(inputs, max_size=60))
def test_any_order_of_any_input_is_survived(steps):
    agent = Agent()
    for kind, data in steps:
        agent.play(kind, data)


@settings(max_examples=1000, deadline=None)
@given(frames)
def test_any_frame_is_survived(frame):
    agent = Agent()
    agent.link.socket_opened(0)
    agent.play("message", frame)


def test_thirty_thousand_mutilated_frames_leave_memory_flat():
    chance = random.Random(1)
    agent = Agent()
    agent.link.socket_opened(0)
    good = [
        json.dumps({"type": type_, "version": "1.5", "payload": payload})
        for type_ in sorted(SERVER_TYPES - {"close"})
        for payload in ({}, {"callsid": "CA1", "sdp": "v=0", "error": {"code": 31000, "message": "m"}})
    ]

    def send_many(count: int) -> None:
        for _ in range(count):
            agent.play("message", _mutilate(chance.choice(good), chance))

    send_many(2_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    send_many(30_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 50_000
    assert agent.link.is_open


def _mutilate(text: str, chance: random.Random) -> str:
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(text) + 1)
        text = text[:place] + chance.choice(["", '"', "{", "]", "null", "0", "\\u0000", "é", text]) + text[place + 1 :]
    return text
