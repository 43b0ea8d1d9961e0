"""A call that insists on a microphone, or may not use one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent.voice.microphone import exact_names
from hw.errors import SoundError
from hw.sound.wav_sound import WavSound

from .conftest import World


class Cards(WavSound):
    """Files that can be chosen like cards."""

    names = ("usb", "built-in")

    def select(self, **_names: Any) -> None: ...

    def has_microphone(self, name: str) -> bool:
        return name in self.names


class Wedged(Cards):
    def has_microphone(self, name: str) -> bool:
        raise SoundError("the sound server does not answer")


def ended(world: World, call: Any) -> None:
    """Let it come to its end, or open; looking for cards takes a native thread."""
    over = Event()
    call.on("disconnect", lambda _call: over.set())
    call.on("accept", lambda _call: over.set())
    with gevent.Timeout(5, AssertionError("the call neither opened nor ended")):
        while not over.is_set():
            world.run()
            over.wait(0.01)
    world.run()


@pytest.mark.parametrize("written", [{"deviceId": {"exact": "gone"}}, {"mandatory": {"sourceId": "gone"}},
                                     {"deviceId": {"exact": ["gone", "lost"]}}])  # fmt: skip
@pytest.mark.parametrize("sound", [Cards, WavSound])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_an_exact_microphone_that_does_not_exist_ends_the_call_with_31201(
    make_world: Callable[..., World], written: Any, sound: Callable[[], Any], direction: str
) -> None:
    world = make_world(sound=sound())
    if direction == "in":
        call = world.rings()
        call.accept(written)
    else:
        call = world.device.connect({"To": "bob"}, written)
    ended(world, call)

    errors = [args[0] for whom, name, args, _ in world.told if (whom, name) == ("call", "error")]
    assert [error.code for error in errors] == [31201] and "gone" in errors[0].message
    assert (call.status(), world.stream.sent("hangup"), world.sessions) == ("closed", ["hangup"], [])
    assert "device disconnect" in world.events


@pytest.mark.parametrize("written", [{"deviceId": "gone"}, {"deviceId": {"ideal": "gone"}},
                                     {"deviceId": {"exact": "usb"}},
                                     {"deviceId": {"exact": ["gone", "usb"]}}, {"deviceId": {"exact": "default"}},
                                     {"optional": [{"sourceId": "gone"}]}, True, None])  # fmt: skip
def test_one_that_exists_or_may_come_later_does_not(make_world: Callable[..., World], written: Any) -> None:
    world = make_world(sound=Cards())
    call = world.rings()
    call.accept(written)
    ended(world, call)

    assert call.status() == "open"


def test_a_sound_server_that_does_not_answer_is_no_reason_to_end_the_call(make_world: Callable[..., World]) -> None:
    world = make_world(sound=Wedged())
    call = world.rings()
    call.accept({"deviceId": {"exact": "usb"}})
    ended(world, call)

    assert call.status() == "open"


def test_a_program_that_lists_the_devices_itself_decides_what_exists(make_world: Callable[..., World]) -> None:
    world = make_world(sound=WavSound(), enumerate_devices=lambda: [{"deviceId": "own", "kind": "audioinput"}])
    call = world.rings()
    call.accept({"deviceId": {"exact": "own"}})
    ended(world, call)

    assert call.status() == "open"


def test_only_exact_insists() -> None:
    assert exact_names({"deviceId": {"ideal": "a"}}) == exact_names({"deviceId": "a"}) == exact_names(None) == []
