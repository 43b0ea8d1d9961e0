"""Which device the settings give."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.errors import ToneError
from hw.ports import SILENCE, SoundState
from hw.sound import AlsaSound
from hw.sound_drivers import make_sound
from hw.sound_files import WavWriter
from hw.sound_settings import SoundSettings
from hw.virtual import WavSound


def test_a_card_by_default_and_it_is_not_opened_yet() -> None:
    sound = make_sound(SoundSettings())
    assert isinstance(sound, AlsaSound)
    assert sound.state is SoundState.CLOSED


def test_files_where_they_are_wanted(tmp_path: Path) -> None:
    microphone = WavWriter(tmp_path / "in.wav")
    microphone.write(SILENCE)
    microphone.close()
    chosen = SoundSettings(
        driver="wav", wav_capture=str(tmp_path / "in.wav"), wav_playback=str(tmp_path / "out.wav"), wav_loop=True
    )
    sound = make_sound(chosen)
    assert isinstance(sound, WavSound)
    sound.close()
    assert (tmp_path / "out.wav").exists()


def test_silence_where_nothing_is_wanted() -> None:
    assert isinstance(make_sound(SoundSettings(driver="none")), WavSound)


def test_a_microphone_file_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ToneError, match="nowhere"):
        make_sound(SoundSettings(driver="wav", wav_capture="/nowhere.wav"))
