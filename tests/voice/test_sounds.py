"""Sounds of calls: which one is played when, in what order, and how each can be replaced or switched off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gevent.event import Event

from agent.errors import InvalidArgumentError
from agent.voice.async_queue import AsyncQueue
from agent.voice.sounds import KEY_NAMES, NAMES, Sounds
from hw.sound.wav_files import WavWriter

from .conftest import World
from .fakes import settle


class FakePlaying:
    def __init__(self) -> None:
        self.done = False

    def stop(self) -> None:
        self.done = True


class FakeMixer:
    """Keeps what it was asked to play."""

    def __init__(self) -> None:
        self.played: list[tuple[bytes, dict[str, Any]]] = []
        self.playing: list[FakePlaying] = []

    def play(self, pcm: bytes, **how: Any) -> FakePlaying:
        self.played.append((pcm, how))
        self.playing.append(FakePlaying())
        return self.playing[-1]


class FakeSound:
    def __init__(self) -> None:
        self.mixer = FakeMixer()


@pytest.fixture
def sound() -> FakeSound:
    return FakeSound()


def test_every_sound_of_the_sdk_exists(sound: FakeSound) -> None:
    sounds = Sounds(sound)

    for name in NAMES:
        sounds.play(name).get(timeout=5)

    assert len(sound.mixer.played) == 15
    assert all(pcm for pcm, _ in sound.mixer.played)


def test_the_ring_repeats_on_the_ring_device_until_it_is_stopped(sound: FakeSound) -> None:
    sounds = Sounds(sound)

    sounds.play("incoming").get(timeout=5)
    assert sound.mixer.played[0][1] == {"loop": True, "max_ms": None, "ring": True}
    sounds.stop("incoming")
    settle()

    assert sound.mixer.playing[0].done


@pytest.mark.parametrize(("name", "max_ms"), [("outgoing", 3_000), ("disconnect", 3_000), ("dtmf5", 1_000)])
def test_other_sounds_end_by_themselves(sound: FakeSound, name: str, max_ms: int) -> None:
    Sounds(sound).play(name).get(timeout=5)

    assert sound.mixer.played[0][1] == {"loop": False, "max_ms": max_ms, "ring": False}


def test_a_sound_that_is_played_again_starts_from_its_beginning(sound: FakeSound) -> None:
    sounds = Sounds(sound)

    sounds.play("incoming").get(timeout=5)
    sounds.play("incoming").get(timeout=5)

    assert [playing.done for playing in sound.mixer.playing] == [True, False]


def test_a_sound_that_is_stopped_while_it_is_loaded_does_not_start(sound: FakeSound) -> None:
    sounds = Sounds(sound)

    started = sounds.play("incoming")
    sounds.stop("incoming").get(timeout=5)
    started.get(timeout=5)

    assert sound.mixer.played == []


def test_a_sound_may_be_replaced_by_samples_or_by_a_file(sound: FakeSound, tmp_path: Path) -> None:
    file = WavWriter(tmp_path / "ring.wav")
    file.write(b"\x01\x02" * 960)
    file.close()
    sounds = Sounds(sound, {"outgoing": b"\x05\x06" * 960, "incoming": str(tmp_path / "ring.wav")})

    sounds.play("outgoing").get(timeout=5)
    sounds.play("incoming").get(timeout=5)

    assert [pcm for pcm, _ in sound.mixer.played] == [b"\x05\x06" * 960, b"\x01\x02" * 960]


def test_a_file_that_is_missing_fails_its_sound_alone(sound: FakeSound) -> None:
    sounds = Sounds(sound, {"incoming": "/nowhere.wav"})

    failed = sounds.play("incoming")
    sounds.play("outgoing").get(timeout=5)

    failed.wait(5)
    assert failed.exception is not None
    assert len(sound.mixer.played) == 1


def test_an_unknown_sound_is_refused(sound: FakeSound) -> None:
    with pytest.raises(InvalidArgumentError, match="'ring'"):
        Sounds(sound, {"ring": b""})


def test_fake_key_tones_are_not_those_of_a_telephone(sound: FakeSound) -> None:
    Sounds(sound).play_key("5")
    Sounds(sound, None, True).play_key("5")
    settle()
    while len(sound.mixer.played) < 2:
        settle()

    assert sound.mixer.played[0][0] != sound.mixer.played[1][0]


@pytest.mark.parametrize(("digit", "name"), [("1", "dtmf1"), ("*", "dtmfs"), ("#", "dtmfh")])
def test_keys_have_the_sdks_names(digit: str, name: str) -> None:
    assert KEY_NAMES[digit] == name


def test_switches_take_only_booleans(sound: FakeSound) -> None:
    with pytest.raises(InvalidArgumentError, match="argument on"):
        Sounds(sound).incoming("no")  # type: ignore[arg-type]


class Noted(Sounds):
    """Notes what is asked for, in order."""

    def __init__(self, *args: Any) -> None:
        super().__init__(None)
        self.asked: list[str] = []

    def play(self, name: str) -> Any:
        self.asked.append(f"play {name}")
        return super().play(name)

    def stop(self, name: str) -> Any:
        self.asked.append(f"stop {name}")
        return super().stop(name)


@pytest.fixture
def heard(make_world: Any) -> World:
    world: World = make_world(sound_factory=Noted)
    return world


def asked(world: World) -> list[str]:
    assert isinstance(world.device.sounds, Noted)
    return world.device.sounds.asked


def test_a_ring_that_is_accepted_stops_and_the_end_is_heard(heard: World) -> None:
    call = heard.rings()
    call.accept()
    heard.run()
    call.disconnect()

    assert asked(heard)[:2] == ["play incoming", "stop incoming"]
    assert "play disconnect" in asked(heard)
    assert "play outgoing" not in asked(heard)


def test_an_outgoing_call_is_heard_when_it_is_open(heard: World) -> None:
    heard.talks()

    assert asked(heard) == ["stop incoming", "play outgoing"]


def test_a_cancelled_call_ends_without_a_sound(heard: World) -> None:
    call = heard.rings()
    call.accept()
    heard.run()

    heard.stream.say("cancel", callsid="CA1")

    assert "play disconnect" not in asked(heard)


def test_switched_off_sounds_are_not_played(heard: World) -> None:
    for switch in (heard.device.sounds.incoming, heard.device.sounds.outgoing, heard.device.sounds.disconnect):
        switch(False)

    heard.rings().reject()
    heard.talks().disconnect()

    assert [each for each in asked(heard) if each.startswith("play")] == []


def test_it_rings_on_while_another_caller_waits(heard: World) -> None:
    first = heard.rings("CA1")
    heard.rings("CA2")
    asked(heard).clear()

    first.reject()

    assert asked(heard) == []


def test_a_second_caller_during_a_call_does_not_ring(make_world: Any) -> None:
    world: World = make_world(sound_factory=Noted, allow_incoming_while_busy=True)
    world.talks()
    asked(world).clear()

    world.rings()

    assert "play incoming" not in asked(world)


def test_keys_are_heard_one_every_200_ms(heard: World) -> None:
    call = heard.talks()
    asked(heard).clear()

    call.send_digits("1w#")
    assert asked(heard) == ["play dtmf1"]
    heard.run(0.39)
    assert asked(heard) == ["play dtmf1"]
    heard.run(0.02)

    assert asked(heard) == ["play dtmf1", "play dtmfh"]


def test_queued_operations_run_one_after_the_other() -> None:
    queue, gate, order = AsyncQueue(), Event(), []

    def first() -> str:
        gate.wait()
        order.append("first")
        return "one"

    results = [queue.enqueue(first), queue.enqueue(lambda: order.append("second"))]
    settle()
    assert order == []
    gate.set()

    assert results[0].get(timeout=5) == "one"
    results[1].get(timeout=5)
    assert order == ["first", "second"]


def test_a_failure_does_not_stop_the_queue() -> None:
    queue = AsyncQueue()

    def fail() -> None:
        raise ZeroDivisionError

    failed, worked = queue.enqueue(fail), queue.enqueue(lambda: 5)

    assert worked.get(timeout=5) == 5
    assert isinstance(failed.exception, ZeroDivisionError)
