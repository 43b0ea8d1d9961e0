"""How loud the box is: by the card's mixer where there is one, by gain otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from bench.rig.virtual_cards import VirtualCards, shared_cards
from hw.sound.settings import SoundSettings
from hw.sound.volume import CardMixer, Volume, control_device, software_gain
from hw.sound.wav_sound import WavSound

NOON, NIGHT = datetime(2026, 1, 1, 12, 0), datetime(2026, 1, 1, 23, 0)


def ring_peak(sound: WavSound) -> int:
    sound.mixer.play(np.full(960, 10_000, "<i2").tobytes(), ring=True)
    chunk = sound.mixer.render(960)
    assert chunk is not None
    return int(np.frombuffer(chunk, "<i2").max())


def test_full_volume_leaves_every_sample_as_it_is_and_none_is_silence() -> None:
    assert software_gain(100) == 1.0
    assert software_gain(0) == 0.0
    assert software_gain(50) == 0.25


def test_volume_buttons_change_by_the_configured_step_within_the_limits() -> None:
    volume = Volume(SoundSettings(volume_percent=85, volume_step_percent=10), WavSound())
    assert volume.change(1) == 95
    assert volume.change(1) == 100
    assert volume.change(-3) == 70
    assert volume.set(-5) == 0


def test_without_a_mixer_the_volume_is_gain() -> None:
    sound = WavSound()
    volume = Volume(SoundSettings(volume_percent=50, volume_control="software"), sound)
    volume.apply("whatever")
    assert not volume.on_card
    assert sound.mixer.gain == 0.25


def test_the_ring_is_softer_in_the_quiet_hours() -> None:
    sound = WavSound()
    settings = SoundSettings(volume_percent=100, quiet_from="22:00", quiet_to="07:00", quiet_volume_percent=50)
    volume = Volume(settings, sound)
    volume.apply()
    assert volume.before_ringing(NOON) == 100
    assert ring_peak(sound) == 10_000
    sound.mixer.stop_all()
    assert volume.before_ringing(NIGHT) == 50
    assert ring_peak(sound) == 2_500


@pytest.mark.parametrize(
    ("playback", "control"),
    [("USB PnP: Audio (hw:1,0)", "hw:1"), ("default", "default"), ("vspk_a", "vspk_a")],
)
def test_the_mixer_belongs_to_the_card_that_plays(playback: str, control: str) -> None:
    assert control_device(playback) == control


@pytest.mark.sound
def test_the_cards_own_mixer_is_used_where_there_is_one() -> None:
    pytest.importorskip("alsaaudio")
    shared_cards()
    sound = WavSound()
    volume = Volume(SoundSettings(volume_percent=60), sound)
    volume.apply("vspk_b")
    assert volume.on_card
    assert CardMixer("vspk_b").get() == 60
    assert sound.mixer.gain == 1.0
    volume.set(100)
    assert CardMixer("vspk_b").get() == 100


@pytest.mark.sound
def test_a_control_that_the_card_does_not_have_is_named_with_those_it_has() -> None:
    pytest.importorskip("alsaaudio")
    shared_cards()
    with pytest.raises((LookupError, OSError), match="vspk_b"):
        CardMixer("vspk_b", "Loudness")


@pytest.mark.sound
def test_a_card_that_is_gone_falls_back_to_gain() -> None:
    pytest.importorskip("alsaaudio")
    cards = shared_cards()
    sound = WavSound()
    volume = Volume(SoundSettings(volume_percent=50), sound)
    volume.apply("vspk_b")
    cards.kill()
    try:
        volume.set(50)
        volume.apply("vspk_b")
        assert not volume.on_card
        assert sound.mixer.gain == 0.25
    finally:
        cards.start()


@pytest.fixture
def muted_card() -> Iterator[VirtualCards]:
    """Whose speaker `spk_b` somebody has muted."""
    pytest.importorskip("alsaaudio")
    cards = shared_cards()
    cards.pactl("set-sink-mute", "spk_b", "1")
    yield cards
    cards.pactl("set-sink-mute", "spk_b", "0")
    cards.pactl("set-sink-volume", "spk_b", "100%")


def is_muted(cards: VirtualCards) -> bool:
    return cards.pactl("get-sink-mute", "spk_b") == "Mute: yes"


@pytest.mark.sound
@pytest.mark.parametrize("control", ["auto", "alsa", "software"])
def test_a_card_that_was_muted_is_heard_again(muted_card: VirtualCards, control: str) -> None:
    volume = Volume(SoundSettings(volume_percent=80, volume_control=control), WavSound())

    volume.apply("vspk_b")

    assert not is_muted(muted_card)
    assert not volume.muted


@pytest.mark.sound
def test_a_press_of_a_volume_button_ends_a_mute_of_somebody_else(muted_card: VirtualCards) -> None:
    volume = Volume(SoundSettings(volume_percent=80), WavSound())
    volume.apply("vspk_b")
    muted_card.pactl("set-sink-mute", "spk_b", "1")
    until(lambda: volume.look() or volume.muted)

    volume.change(1)

    assert not is_muted(muted_card)
    assert not volume.muted


@pytest.mark.sound
@pytest.mark.parametrize("control", ["auto", "software"])
def test_a_muted_card_that_only_rings_is_heard_again_whatever_the_volume(
    muted_card: VirtualCards, control: str
) -> None:
    volume = Volume(SoundSettings(volume_percent=0, volume_control=control), WavSound())
    volume.apply("vspk_a", "vspk_b")
    assert not is_muted(muted_card)

    muted_card.pactl("set-sink-mute", "spk_b", "1")
    until(lambda: volume.look() or volume.muted)


@pytest.mark.sound
@pytest.mark.parametrize("percent", [0, 30])
def test_a_bell_on_the_speakers_card_is_heard_whatever_the_volume(muted_card: VirtualCards, percent: int) -> None:
    sound = WavSound()
    volume = Volume(SoundSettings(volume_percent=percent), sound)

    volume.apply("vspk_b", "vspk_b")
    volume.set(percent)

    assert CardMixer("vspk_b").get() == 100
    assert not is_muted(muted_card)
    assert sound.mixer.gain == software_gain(percent)
    assert not volume.on_card
    volume.look()
    assert volume.percent == percent


@pytest.mark.sound
def test_a_mute_of_the_card_that_both_play_on_is_told_at_volume_0_too(muted_card: VirtualCards) -> None:
    volume = Volume(SoundSettings(volume_percent=0), WavSound())
    volume.apply("vspk_b", "vspk_b")

    muted_card.pactl("set-sink-mute", "spk_b", "1")

    until(lambda: volume.look() or volume.muted)


def test_a_card_has_one_mixer_by_whichever_name_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hw.sound.volume.CARDS", tmp_path)
    (tmp_path / "Headphones").symlink_to("card1")

    names = ["USB PnP: Audio (hw:1,0)", "sysdefault:CARD=Headphones", "hw:CARD=Headphones,DEV=0"]

    assert {control_device(name) for name in names} == {"hw:1"}
    assert control_device("hdmi:CARD=gone,DEV=0") == "hw:gone"


@pytest.mark.sound
def test_a_volume_of_none_leaves_the_mute_alone_and_is_not_called_muted(muted_card: VirtualCards) -> None:
    volume = Volume(SoundSettings(volume_percent=0), WavSound())
    volume.apply("vspk_b")
    volume.look()

    assert is_muted(muted_card)
    assert not volume.muted


@pytest.mark.sound
def test_what_somebody_else_sets_on_the_card_is_the_volume(muted_card: VirtualCards) -> None:
    volume = Volume(SoundSettings(volume_percent=80), WavSound())
    volume.apply("vspk_b")

    muted_card.pactl("set-sink-volume", "spk_b", "40%")

    until(lambda: volume.look() or volume.percent != 80)
    assert volume.percent == pytest.approx(40, abs=2)


def until(condition: Callable[[], object]) -> None:
    """Look again while the sound server, which nobody can wait for here, passes on what it was told."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never became so")
