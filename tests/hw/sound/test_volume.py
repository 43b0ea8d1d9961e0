"""How loud the box is: by the card's mixer where there is one, by gain otherwise."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from bench.rig.virtual_cards import shared_cards
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
