"""Whatever a server sends, in whatever order: nothing is raised, the status stays in its table, memory stays flat."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.signaling.pstream.generation import FIRST, SECOND, WireGeneration
from agent.signaling.pstream.names import TRANSPORT_CLOSE, TRANSPORT_OPEN
from agent.signaling.pstream.retry_queue import MAX_QUEUED
from tests.signaling.wire_on_paper import WireOnPaper

STATUSES = {"disconnected", "connected", "ready", "offline"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(
    [
        "callsid",
        "sdp",
        "error",
        "parameters",
        "gateway",
        "region",
        "code",
        "message",
        "edge",
        "home",
        "token",
        "ttl",
        "identity",
        "retryAfter",
        "reconnect",
        "voiceeventsid",
        "content",
        "x",
    ]
)
payloads = st.dictionaries(members, json_values, max_size=5)
envelopes = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(SECOND.hears)) | json_values, "payload": payloads | json_values}
)
frames = st.text(max_size=200) | st.binary(max_size=50) | json_values.map(json.dumps) | envelopes.map(json.dumps)
acts = st.sampled_from(
    [
        "open",
        "closed",
        "failed",
        "send",
        "register",
        "reinvite",
        "network",
        "wait",
        "token",
        "reconnect",
        "message",
        "prefer",
        "forget",
    ]
)
generations = st.sampled_from([FIRST, SECOND])
inputs = st.tuples(st.just("frame"), frames) | st.tuples(acts, st.none())


class Agent(WireOnPaper):
    """A stream whose socket sometimes breaks; what is told must be a story that can have happened."""

    def __init__(self, generation: WireGeneration = FIRST) -> None:
        super().__init__(["wss://a", "wss://b"], generation)
        self.generation = generation
        self.breaks_at = lambda text: len(text) % 7 == 0
        self.run(self.stream.open())

    def play(self, kind: str, data: Any) -> None:
        self.now += 0.01
        attempt = self.link.attempt
        if kind == "frame":
            self.run(self.link.socket_message(attempt, data, self.now))
        elif kind == "open":
            self.run(self.link.socket_opened(attempt, self.now))
        elif kind == "closed":
            self.run(self.link.socket_closed(attempt, 1006, "", self.now))
        elif kind == "failed":
            self.run(self.link.socket_failed(attempt, ""))
        elif kind == "send":
            self.run(self.stream.hangup("CA1"))
        elif kind == "register":
            self.run(self.stream.register(True))
        elif kind == "reinvite":
            self.run(self.stream.reinvite("sdp", "CA1"))
        elif kind == "token":
            self.run(self.stream.set_token("newer"))
        elif kind == "reconnect":
            self.run(self.stream.reconnect("sdp", "CA1", "RT1"))
        elif kind == "message":
            self.run(self.stream.message("CA1", {"a": 1}, "application/json", "user-defined-message", "KX1"))
        elif kind == "prefer":
            self.run(self.stream.prefer_current_uri())
        elif kind == "forget":
            self.run(self.stream.forget_preferred_uri())
        elif kind == "network":
            self.run(self.link.network_changed(self.now, path_intact=False))
        elif kind == "wait":
            self.now += 6
            self.run(self.link.tick(self.now))
        self._check()
        self.forget()

    def _check(self) -> None:
        assert self.stream.status in STATUSES
        assert len(self.stream.queued) <= MAX_QUEUED
        for name, payload, status in self.events:
            assert name in self.generation.hears | {TRANSPORT_OPEN, TRANSPORT_CLOSE}
            assert name != TRANSPORT_OPEN or status == "connected"
            assert isinstance(payload.get("callsid", ""), str)
            assert isinstance(payload.get("sdp", ""), str)
            repr(payload)


@settings(max_examples=300, deadline=None)
@given(st.lists(inputs, max_size=60), generations)
def test_any_order_of_any_input_is_survived(steps, generation):
    agent = Agent(generation)
    for kind, data in steps:
        agent.play(kind, data)


@settings(max_examples=1000, deadline=None)
@given(frames, generations)
def test_any_frame_is_survived(frame, generation):
    agent = Agent(generation)
    agent.breaks_at = lambda text: False
    agent.play("open", None)
    agent.play("frame", frame)


def test_thirty_thousand_mutilated_frames_leave_memory_flat():
    chance = random.Random(1)
    agent = Agent()
    agent.breaks_at = lambda text: False
    agent.play("open", None)
    good = [
        json.dumps({"type": type_, "version": "1.5", "payload": payload})
        for type_ in sorted(FIRST.hears - {"close"})
        for payload in ({}, {"callsid": "CA1", "sdp": "v=0", "error": {"code": 31000, "message": "m"}})
    ]

    def send_many(count: int) -> None:
        for _ in range(count):
            agent.play("frame", _mutilate(chance.choice(good), chance))

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
