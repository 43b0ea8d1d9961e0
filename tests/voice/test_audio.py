"""Device.audio: microphones, speakers and what happens when one is unplugged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.errors import InvalidArgumentError, InvalidStateError, NotSupportedError
from agent.voice.audio import AudioHelper

from .conftest import World
from .fakes import settle
from .test_sounds import FakeSound

MICROPHONE = {"deviceId": "usb-in", "label": "USB microphone", "kind": "audioinput"}
SPEAKER = {"deviceId": "usb-out", "label": "USB speaker", "kind": "audiooutput"}


class ChoosingSound(FakeSound):
    """A sound device that can be told which card to use."""

    def __init__(self) -> None:
        super().__init__()
        self.configured: list[Any] = []
        self.selected: list[dict[str, str]] = []

    def configure(self, constraints: Any) -> None:
        self.configured.append(constraints)

    def select(self, **names: str) -> None:
        self.selected.append(names)


class Box:
    """A Device with a sound device and a list of cards."""

    def __init__(self, make_world: Callable[..., World]) -> None:
        self.cards = [MICROPHONE, SPEAKER]
        self.sound = ChoosingSound()
        self.world = make_world(sound=self.sound, enumerate_devices=lambda: self.cards)
        self.world.run()
        assert self.world.device.audio is not None
        self.audio: AudioHelper = self.world.device.audio
        self.lost: list[list[str]] = []
        self.audio.on("deviceChange", self.lost.append)

    def unplug(self) -> None:
        self.cards = []
        self.audio.refresh()
        settle()


@pytest.fixture
def box(make_world: Callable[..., World]) -> Box:
    return Box(make_world)


def test_devices_are_listed_by_name(box: Box) -> None:
    assert box.audio.available_input_devices["usb-in"] == MICROPHONE
    assert list(box.audio.available_output_devices) == ["default", "usb-out"]


def test_devices_without_a_label_get_one(box: Box) -> None:
    box.cards = [{"deviceId": "x", "kind": "audioinput"}]
    box.audio.refresh()
    settle()

    assert box.audio.available_input_devices["x"]["label"] == "Unknown Audio Input Device 1"


def test_a_chosen_microphone_is_used_at_once_and_for_calls(box: Box) -> None:
    box.audio.set_input_device("usb-in")
    box.world.device.connect({})
    box.world.run()

    assert box.sound.configured == [{"deviceId": "usb-in"}]
    assert box.world.session.constraints == {"deviceId": "usb-in"}
    assert box.audio.input_device == MICROPHONE


@pytest.mark.parametrize("device_id", ["nothing", None, 5])
def test_an_unknown_microphone_is_refused(box: Box, device_id: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="usb-in"):
        box.audio.set_input_device(device_id)


def test_a_microphone_is_not_taken_away_in_a_call(box: Box) -> None:
    box.audio.unset_input_device()
    box.audio.set_input_device("usb-in")
    call = box.world.talks()

    with pytest.raises(InvalidStateError):
        box.audio.unset_input_device()
    call.disconnect()
    box.audio.unset_input_device()

    assert box.audio.input_device is None


def test_constraints_are_kept_without_a_device(box: Box) -> None:
    box.audio.set_audio_constraints({"echoCancellation": False, "deviceId": "x"})
    assert box.audio.audio_constraints == {"echoCancellation": False}
    assert box.sound.configured == []

    box.audio.set_input_device("usb-in")
    box.audio.unset_audio_constraints()

    assert box.sound.configured == [{"echoCancellation": False, "deviceId": "usb-in"}, {"deviceId": "usb-in"}]


def test_a_calls_own_constraints_are_used(box: Box) -> None:
    box.world.device.connect({}, {"noiseSuppression": False})
    box.world.run()

    assert box.world.session.constraints == {"noiseSuppression": False}


def test_a_speaker_is_chosen_and_reported_during_a_call(box: Box) -> None:
    box.world.talks()

    box.audio.speaker_devices.set("usb-out")
    box.audio.ringtone_devices.set(["usb-out"])

    assert box.sound.selected == [{"playback": "usb-out"}, {"ring": "usb-out"}]
    assert box.world.publisher.named("audio") == ["speaker-devices-set", "ringtone-devices-set"]
    assert box.audio.speaker_devices.get() == {"usb-out"}


@pytest.mark.parametrize("devices", [[], "nothing", ["usb-out", "nothing"]])
def test_speakers_that_are_not_there_change_nothing(box: Box, devices: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="usb-out"):
        box.audio.speaker_devices.set(devices)

    assert box.audio.speaker_devices.get() == {"default"}


def test_without_a_choice_of_speakers_there_is_none(make_world: Callable[..., World]) -> None:
    audio = make_world(sound=FakeSound()).device.audio
    assert audio is not None

    assert not audio.is_output_selection_supported
    with pytest.raises(NotSupportedError):
        audio.speaker_devices.set("default")


def test_a_speaker_that_is_deleted_gives_way_to_the_default(box: Box) -> None:
    box.audio.speaker_devices.set("usb-out")

    assert box.audio.speaker_devices.delete("usb-out")
    assert box.audio.speaker_devices.get() == {"default"}
    assert not box.audio.speaker_devices.delete("usb-out")


def test_devices_that_vanish_give_way_to_the_default(box: Box) -> None:
    box.audio.set_input_device("usb-in")
    box.audio.speaker_devices.set("usb-out")

    box.unplug()

    assert box.lost == [["usb-out", "usb-in"]]
    assert box.audio.input_device == {"deviceId": "default", "kind": "audioinput", "label": "Default"}
    assert box.audio.speaker_devices.get() == {"default"}


def test_a_test_sound_is_played(box: Box) -> None:
    box.audio.speaker_devices.test()
    while not box.sound.mixer.played:
        settle()

    assert box.sound.mixer.played[0][1]["ring"] is False


def test_the_volume_of_a_chosen_microphone_is_told(box: Box) -> None:
    volumes: list[float] = []
    box.audio.on("inputVolume", volumes.append)
    box.audio.set_input_device("usb-in")

    box.world.talks()
    box.world.run(1)

    assert len(volumes) >= 15
    assert all(0 <= volume <= 1 for volume in volumes)


def test_a_programs_own_sound_takes_the_place_of_the_microphone(make_world: Callable[..., World]) -> None:
    class Source:
        def __init__(self) -> None:
            self.frames = [b"one", b"two"]

        def read(self, timeout_s: float | None = None) -> bytes | None:
            settle()
            return self.frames.pop(0) if self.frames else None

    class Sink:
        def __init__(self) -> None:
            self.frames: list[bytes] = []

        def write(self, frame: bytes) -> None:
            self.frames.append(frame)

    sink = Sink()
    world = make_world(file_input_stream=Source())
    world.next_session = lambda session: setattr(session, "local_stream", sink)

    call = world.device.connect({})
    while len(sink.frames) < 2:
        world.run()

    assert sink.frames == [b"one", b"two"]
    call.disconnect()


def test_a_program_may_refuse_the_microphone(make_world: Callable[..., World]) -> None:
    from agent.errors import CaptureDeniedError

    def refuse(constraints: Any) -> None:
        raise CaptureDeniedError("not now")

    world = make_world(get_user_media=refuse)
    world.device.connect({})
    world.run()

    assert [args[0].code for whom, name, args, _ in world.told if (whom, name) == ("call", "error")] == [31208]
