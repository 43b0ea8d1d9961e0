"""Samples, volumes and warnings of a call, from the counters of its media."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agent.media.stats import LevelSnapshots, RawStats
from agent.voice.connection import Connection

from .conftest import World

CONSTANT = LevelSnapshots(input=(np.zeros(32, np.int16),) * 20)
LOUD = np.full(32, 20_000, np.int16) * np.tile([1, -1], 16).astype(np.int16)


@pytest.fixture
def call(world: World) -> Connection:
    call = world.talks()
    world.forget()
    return call


class Media:
    """Counters that go on by a second at each look."""

    def __init__(self, world: World, **fixed: Any) -> None:
        self._world = world
        self.packets_a_second = 50
        self.fixed = fixed
        self.raw = RawStats(timestamp_ms=0, jitter_ms=3, packets_lost=0, packets_received=0, bytes_received=0,
                            packets_sent=0, bytes_sent=0, codec_name="opus", rtt_ms=77)  # fmt: skip

    def second(self, n: int = 1) -> None:
        for _ in range(n):
            more = self.packets_a_second
            self.raw = replace(
                self.raw,
                packets_received=(self.raw.packets_received or 0) + more,
                bytes_received=(self.raw.bytes_received or 0) + more * 80,
                packets_sent=(self.raw.packets_sent or 0) + 50,
                bytes_sent=(self.raw.bytes_sent or 0) + 4_000,
                **self.fixed,
            )
            self._world.session.raw = self.raw
            self._world.run(1)


def test_a_sample_comes_every_second_while_the_media_runs(world: World, call: Connection) -> None:
    samples: list[dict[str, Any]] = []
    call.on("sample", samples.append)

    Media(world).second(3)
    call.disconnect()
    world.run(3)

    assert [sample["bytesReceived"] for sample in samples] == [4_000] * 3
    assert [sample["mos"] is None for sample in samples] == [True, False, False]
    assert call.codec == "opus"


def test_the_codec_is_unknown_before_the_first_sample(call: Connection) -> None:
    assert call.codec is None


def test_a_warning_comes_before_its_sample(world: World, call: Connection) -> None:
    order: list[str] = []
    call.on("warning", lambda name, data: order.append(name))
    call.on("sample", lambda sample: order.append("sample"))

    Media(world, rtt_ms=500).second(5)

    assert order[-2:] == ["high-rtt", "sample"]
    assert order.count("high-rtt") == 1


def test_what_a_warning_tells(world: World, call: Connection) -> None:
    Media(world, rtt_ms=500).second(5)

    name, data = world.told[0][2]
    assert (name, data["name"], data["threshold"]) == ("high-rtt", "rtt", {"name": "max", "value": 400})
    assert data["values"] == [500] * 5
    assert world.publisher.named("network-quality-warning-raised") == ["high-rtt"]


def test_a_warning_is_cleared_when_its_reason_is_gone(world: World, call: Connection) -> None:
    media = Media(world)
    media.second(5)
    media.packets_a_second = 0
    media.second(3)
    media.packets_a_second = 50
    media.second(6)

    assert [(name, args[0]) for _, name, args, _ in world.told] == [
        ("warning", "low-bytes-received"),
        ("warning-cleared", "low-bytes-received"),
    ]
    assert world.told[1][2][1] is None


def test_nothing_is_warned_of_in_the_first_five_seconds(world: World, call: Connection) -> None:
    Media(world, rtt_ms=500).second(4)

    assert world.told == []


def test_a_silent_microphone_is_warned_of_unless_it_is_muted(world: World, call: Connection) -> None:
    call.mute()
    world.session.snapshots = CONSTANT
    Media(world).second(12)
    assert "constant-audio-input-level" not in [args[0] for _, name, args, _ in world.told if name == "warning"]


def test_a_constant_microphone_is_warned_of(world: World, call: Connection) -> None:
    world.session.snapshots = CONSTANT
    Media(world).second(11)

    assert [args[0] for _, name, args, _ in world.told if name == "warning"] == ["constant-audio-input-level"]


def test_missing_bytes_on_a_broken_path_begin_a_recovery_before_they_are_warned_of(world: World) -> None:
    world.device.setup("a-token", enable_ice_restart=True)
    world.talks()
    media = Media(world)
    media.second(5)
    world.session.path("disconnected")
    world.forget()

    media.packets_a_second = 0
    media.second(3)

    assert world.events[:2] == ["call reconnecting", "call warning"]


def test_volumes_come_every_50_ms_for_those_who_listen(world: World, call: Connection) -> None:
    volumes: list[tuple[float, float]] = []
    world.session.snapshots = LevelSnapshots((LOUD,), (LOUD // 1000,))
    call.on("volume", lambda *levels: volumes.append(levels))
    world.run(1)
    volumes.clear()

    world.run(1)

    assert 18 <= len(volumes) <= 21
    assert 0 < volumes[-1][1] < volumes[-1][0] <= 1


@pytest.mark.parametrize("listens", [False, True])
def test_the_counters_are_read_once_a_second(world: World, call: Connection, listens: bool) -> None:
    looks: list[int] = []
    if listens:
        call.on("volume", lambda *levels: None)
    raw = world.session.raw
    world.session.stats = lambda: looks.append(1) or raw  # type: ignore[func-returns-value,method-assign,assignment]

    world.run(5)

    assert len(looks) == 5


def test_ten_samples_are_reported_together_and_the_rest_at_the_end(world: World, call: Connection) -> None:
    Media(world).second(12)
    assert [len(batch) for batch in world.publisher.metrics] == [10]

    call.disconnect()

    assert [len(batch) for batch in world.publisher.metrics] == [10, 2]
    entry = world.publisher.metrics[0][1]
    assert (entry["call_sid"], entry["direction"], entry["audio_codec"]) == ("CA9", "OUTGOING", "opus")


@pytest.mark.parametrize("late_s", [0.0, 0.01, 0.4, 0.99, 1.7])
def test_volumes_begin_50_ms_after_somebody_begins_to_listen(world: World, call: Connection, late_s: float) -> None:
    world.run(late_s)
    told: list[float] = []
    call.on("volume", lambda *_levels: told.append(world.clock.now()))
    began = world.clock.now()

    world.run(0.051)

    assert told and told[0] <= began + 0.0501


def test_the_helper_s_volumes_begin_50_ms_after_somebody_begins_to_listen(world: World, call: Connection) -> None:
    world.run(0.3)
    audio = world.device.audio
    assert audio is not None
    audio.input_device = {"deviceId": "default", "kind": "audioinput", "label": ""}
    told: list[float] = []
    audio.on("inputVolume", told.append)

    world.run(0.051)

    assert len(told) == 1
