from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.doctor import sound
from agent.doctor.checklist import Outcome
from agent.doctor.tone import Heard, find_sweep, sweep
from hw.sound.devices import SoundDevice
from hw.sound.frame import RATE_HZ
from hw.sound.interface import Sound
from hw.sound.pcm import scaled
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound

CARDS = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-3f980000.usb-1.2
"""


DEVICES = [
    SoundDevice(0, "bcm2835 Headphones (hw:0,0)", inputs=0, outputs=2, rate_hz=48000),
    SoundDevice(1, "USB PnP: Audio (hw:1,0)", inputs=1, outputs=2, rate_hz=48000),
]


def room(delay_ms: float, gain: float, noise: float = 0.0, seconds: float = 1.5) -> bytes:
    """What a microphone hears of the sweep."""
    heard = np.random.default_rng(1).normal(0, noise, int(seconds * RATE_HZ))
    played = np.frombuffer(sweep(), "<i2").astype(np.float64) * gain
    at = round(delay_ms * RATE_HZ / 1000)
    heard[at : at + len(played)] += played
    return bytes(np.clip(heard, -32768, 32767).astype("<i2").tobytes())


def test_the_sweep_is_found_with_its_delay_and_level() -> None:
    heard = find_sweep(room(delay_ms=87.5, gain=0.1, noise=20))
    assert heard.delay_ms == pytest.approx(87.5, abs=0.1)
    assert heard.level_db == pytest.approx(-20, abs=0.5)
    assert sound.judge(heard).outcome is Outcome.OK


def test_the_sweep_is_found_below_the_noise() -> None:
    heard = find_sweep(room(delay_ms=120, gain=0.05, noise=1500))
    assert heard.delay_ms == pytest.approx(120, abs=0.5)
    assert heard.clarity_db > sound.CLEAR_DB


@pytest.mark.parametrize("noise", [0.0, 1.0, 3000.0])
def test_noise_alone_is_not_taken_for_the_sweep(noise: float) -> None:
    check = sound.judge(find_sweep(room(delay_ms=0, gain=0.0, noise=noise)))
    assert check.outcome is Outcome.FAILED
    assert "does not hear" in check.detail


@pytest.mark.parametrize("captured", [b"", bytes(2), bytes(1000)])
def test_a_capture_that_is_too_short_is_no_sweep(captured: bytes) -> None:
    assert sound.judge(find_sweep(captured)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("heard", "word"),
    [
        (Heard(delay_ms=60, level_db=3, clarity_db=40, clipped=True), "distorted"),
        (Heard(delay_ms=60, level_db=-60, clarity_db=40, clipped=False), "faint"),
        (Heard(delay_ms=400, level_db=-10, clarity_db=40, clipped=False), "late"),
    ],
)
def test_what_an_installer_should_mend_is_a_warning(heard: Heard, word: str) -> None:
    check = sound.judge(heard)
    assert check.outcome is Outcome.WARNING
    assert word in check.detail


def echoing(gain: float) -> WavSound:
    """A virtual card whose microphone hears its speaker."""
    card = WavSound()
    card.hear(lambda frame: card.speak(scaled(frame, gain)))
    return card


def test_a_speaker_is_heard_through_a_real_sound_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "LISTEN_S", 0.9)
    opened: list[Sound] = []

    def open_sound() -> Sound:
        opened.append(echoing(0.25))
        return opened[-1]

    check = sound.check_tone(SoundSettings(), open_sound)
    assert check.outcome is Outcome.OK
    assert "heard -12 dB" in check.detail
    assert opened[0].state.value == "closed"


def test_a_card_that_does_not_open_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "OPEN_S", 0.1)

    class Missing(WavSound):
        def start(self) -> None:
            assert self.on_state is not None
            self.on_state(self.state, "there is no card called 'usb'")

    check = sound.check_tone(SoundSettings(), Missing)
    assert check.outcome is Outcome.FAILED
    assert "no card called 'usb'" in check.detail


def test_cards_are_named(tmp_path: Path) -> None:
    (tmp_path / "cards").write_text(CARDS)
    check = sound.check_cards(SoundSettings(), tmp_path / "cards")
    assert check.detail == "bcm2835 Headphones, USB PnP Sound Device"


@pytest.mark.parametrize("text", [None, "--- no soundcards ---\n"])
def test_no_card_is_a_warning(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "cards").write_text(text)
    assert sound.check_cards(SoundSettings(), tmp_path / "cards").outcome is Outcome.WARNING


def test_the_configured_devices_are_named() -> None:
    check = sound.check_devices(SoundSettings(capture="usb", playback="headphones"), lambda: DEVICES)
    assert check.outcome is Outcome.OK
    assert check.detail.startswith("USB PnP: Audio (hw:1,0), bcm2835 Headphones (hw:0,0)")


def test_a_device_that_is_not_there_lists_those_that_are() -> None:
    check = sound.check_devices(SoundSettings(capture="jabra"), lambda: DEVICES)
    assert check.outcome is Outcome.FAILED
    assert "'jabra'" in check.detail
    assert "USB PnP: Audio (hw:1,0)" in check.detail


def test_without_a_sound_card_in_the_settings_nothing_is_tested() -> None:
    settings = SoundSettings(driver="none")
    assert sound.check_cards(settings).outcome is Outcome.OK
    assert sound.check_tone(settings, lambda: pytest.fail("opened")).outcome is Outcome.OK


def test_an_echo_canceller_that_is_missing_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sound.ctypes.util, "find_library", lambda name: None)
    check = sound.check_canceller(SoundSettings())
    assert check.outcome is Outcome.FAILED
    assert "pip install pywebrtc-audio" in check.remedy


def test_speex_stands_in_where_there_is_no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sound.ctypes.util, "find_library", lambda name: "libspeexdsp.so.1")
    assert sound.check_canceller(SoundSettings()).detail == "speex"


def test_a_canceller_that_is_switched_off_is_a_warning() -> None:
    assert sound.check_canceller(SoundSettings(echo="none")).outcome is Outcome.WARNING
