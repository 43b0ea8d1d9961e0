"""Echo: cancelled offline by each canceller, and live on a virtual card whose microphone hears its speaker."""

from __future__ import annotations

import ctypes.util
import random
from pathlib import Path

import numpy as np
import pytest

from bench.rig.live_echo import energy_db, talking
from bench.rig.speech import FAR, NEAR, Samples, spoken, write_speech
from bench.rig.virtual_cards import shared_cards
from hw.errors import SoundError
from hw.sound.drift import Drift, DriftCorrector
from hw.sound.echo import Canceller, NoCanceller, make_canceller
from hw.sound.echo_reference import EchoReference
from hw.sound.frame import FRAME_BYTES, FRAME_SAMPLES
from hw.sound.treatment import Treatment

SECOND = 48_000


def echo_of(far: Samples, delay_ms: int = 40, gain: float = 0.5) -> np.ndarray:
    """What a microphone hears of the speaker in a room that rings for 100 ms."""
    dice = np.random.default_rng(5)
    room = dice.standard_normal(4_800) * np.exp(-np.arange(4_800) / 900)
    response = np.concatenate([np.zeros(delay_ms * 48), room / np.sqrt(np.sum(room**2)) * gain])
    size = len(far) + len(response)
    return np.fft.irfft(np.fft.rfft(far, size) * np.fft.rfft(response, size), size)[: len(far)]


def treated(canceller: Canceller, near: np.ndarray, far: Samples) -> np.ndarray:
    heard = np.clip(near, -32_768, 32_767).astype("<i2").tobytes()
    played = far.tobytes()
    frames = range(0, len(played) - FRAME_BYTES + 1, FRAME_BYTES)
    clean = b"".join(canceller.process(heard[at : at + FRAME_BYTES], played[at : at + FRAME_BYTES]) for at in frames)
    return np.frombuffer(clean, "<i2").astype(float)


def likeness(signal: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """How alike two signals are at their best alignment (-1..1), and the level of `wanted` in the first, in dB."""
    size = len(signal) + len(wanted)
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(wanted, size))
    correlation = np.fft.irfft(spectrum, size)
    best = float(np.max(correlation))
    norm = float(np.sqrt(np.sum(signal**2) * np.sum(wanted**2)))
    return best / norm, 20 * float(np.log10(best / np.sum(wanted**2)))


@pytest.mark.parametrize(("kind", "least_db"), [("webrtc", 35), ("speex", 20)])
def test_a_canceller_takes_the_echo_out(kind: str, least_db: float) -> None:
    if kind == "speex" and ctypes.util.find_library("speexdsp") is None:
        pytest.skip("needs libspeexdsp1")
    far = spoken(FAR, seconds=12.0)
    echo = echo_of(far)
    clean = treated(make_canceller(kind, Treatment()), echo, far)
    assert energy_db(echo[5 * SECOND :]) - energy_db(clean[5 * SECOND :]) >= least_db


@pytest.mark.parametrize(("kind", "least_likeness"), [("webrtc", 0.75), ("speex", 0.7)])
def test_the_near_talker_is_heard_through_double_talk(kind: str, least_likeness: float) -> None:
    if kind == "speex" and ctypes.util.find_library("speexdsp") is None:
        pytest.skip("needs libspeexdsp1")
    far, near = spoken(FAR, seconds=12.0), spoken(NEAR, "en+f3", seconds=12.0).astype(float)
    near[: 4 * SECOND] = 0
    clean = treated(make_canceller(kind, Treatment()), echo_of(far) + near, far)
    alike, level_db = likeness(clean[4 * SECOND :], near[4 * SECOND : len(clean)])
    assert alike >= least_likeness
    assert level_db >= -6


def test_noise_is_suppressed_and_speech_stays() -> None:
    near = spoken(NEAR, seconds=8.0).astype(float)
    noise = np.random.default_rng(3).standard_normal(len(near)) * 150
    silent = np.zeros(len(near), "<i2")
    pauses = np.abs(np.convolve(np.abs(near), np.ones(4_800) / 4_800, "same")) < 1
    with_speech = treated(make_canceller("webrtc", Treatment(False, True, False)), near + noise, silent)
    late = np.arange(len(with_speech)) > 4 * SECOND
    left = with_speech[late & pauses[: len(with_speech)]]
    assert energy_db(noise) - energy_db(left) >= 5
    assert likeness(with_speech, near[: len(with_speech)])[0] >= 0.9


def test_gain_control_lifts_a_quiet_talker() -> None:
    near = spoken(NEAR, seconds=8.0).astype(float) * 0.05
    silent = np.zeros(len(near), "<i2")
    lifted = treated(make_canceller("webrtc", Treatment(False, False, True)), near, silent)
    assert energy_db(lifted[4 * SECOND :]) - energy_db(near[4 * SECOND :]) >= 6


def test_nothing_wanted_is_nothing_done() -> None:
    canceller = make_canceller("auto", Treatment(False, False, False))
    assert isinstance(canceller, NoCanceller)
    assert canceller.process(b"\x01\x02" * FRAME_SAMPLES, bytes(FRAME_BYTES)) == b"\x01\x02" * FRAME_SAMPLES


def test_a_canceller_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pywebrtc_audio", None)
    with pytest.raises(SoundError, match="webrtc is not installed"):
        make_canceller("webrtc", Treatment())
    assert make_canceller("auto", Treatment()).name == "speex"


@pytest.mark.parametrize(
    ("constraints", "treatment"),
    [
        (None, Treatment(True, True, False)),
        ({}, Treatment(True, True, False)),
        ({"echoCancellation": False}, Treatment(False, True, False)),
        ({"noiseSuppression": {"exact": False}, "autoGainControl": {"ideal": True}}, Treatment(True, False, True)),
        ({"echoCancellation": "yes", "sampleRate": 8000}, Treatment(True, True, False)),
    ],
)
def test_constraints_are_understood_as_browsers_do(constraints: dict[str, object] | None, treatment: Treatment) -> None:
    assert Treatment(True, True, False).constrained(constraints) == treatment


def undisturbed(seconds: float, attempts: int = 4, **settings: object) -> tuple[np.ndarray, np.ndarray]:
    """Raw and treated sound of a stretch in which no other program held this one up: a disturbed run is repeated."""
    for _ in range(attempts):
        with talking(spoken(FAR, seconds=20.0), **settings) as talk:
            talk.wait(12.0)
        start, end = talk.longest_calm()
        if end - start >= seconds:
            raw, clean = talk.since(start)
            return raw[: int((end - start) * SECOND)], clean[: int((end - start) * SECOND)]
    pytest.fail(f"this machine is too busy: no {seconds} s without an underrun in {attempts} attempts")


@pytest.mark.sound
@pytest.mark.parametrize("period_ms", [10, 20])
def test_live_echo_is_40_db_down_after_two_seconds(period_ms: int) -> None:
    raw, clean = undisturbed(2.0, period_ms=period_ms)
    assert energy_db(raw) > 40  # there was an echo to cancel
    assert energy_db(raw) - energy_db(clean) >= 40


def heard_near(near: Samples, wav: Path) -> tuple[float, float]:
    """How alike what was sent is to what was said here while the far end talked all the time, and its level in dB."""
    with talking(spoken(FAR, seconds=14.0) // 2) as talk:  # the echo is 6 dB softer than the talker
        talk.wait(4.0)
        shared_cards().say("a", wav).wait(20)
        talk.wait(11.0)
    return likeness(talk.since(4.0)[1], near.astype(float))


@pytest.mark.sound
def test_live_near_speech_is_heard_while_the_far_end_talks(tmp_path: Path) -> None:
    near = spoken(NEAR, "en+f3")[: 6 * SECOND]
    wav = write_speech(tmp_path / "near.wav", near)
    # A program that held the card up tears the speech apart: the best of three runs is the least disturbed one.
    alike, level_db = max(heard_near(near, wav) for _ in range(3))
    assert alike >= 0.6
    assert level_db >= -6


@pytest.mark.sound
def test_echo_cancellation_can_be_switched_off_for_one_call() -> None:
    with talking(spoken(FAR, seconds=6.0), noise_suppression=False) as talk:
        talk.sound.configure({"echoCancellation": False})
        talk.wait(4.0)
        assert talk.sound.stats().canceller == "none"
    raw, clean = talk.since(1.0)
    assert energy_db(clean) == pytest.approx(energy_db(raw), abs=2)


def test_echo_stays_cancelled_between_two_cards_whose_clocks_differ() -> None:
    ppm, seconds = 200, 100
    dice = random.Random(1)
    far = spoken(FAR, seconds=seconds + 2.0)
    heard = np.interp(np.arange(seconds * SECOND) * (1 + ppm * 1e-6), np.arange(len(far)), echo_of(far, delay_ms=60))
    canceller, reference = make_canceller("webrtc", Treatment(True, True, False)), EchoReference(10)
    drift, corrector = Drift(), DriftCorrector()
    clean, played, beat = [], 0, (0.0, 0)
    for n in range(1, seconds * 50):
        now = n / 50 + dice.uniform(0, 0.004)
        while (played + 1) * 0.01 / (1 + ppm * 1e-6) <= now:
            reference.append(far[played * 480 : (played + 1) * 480].tobytes())
            played += 1
            beat = (played * 0.01 / (1 + ppm * 1e-6) + dice.uniform(0, 0.002), played * 480)
        if arrived := reference.arrived():
            reference.hold(corrector.correct(arrived, drift.ppm, reference.in_hand_bytes() // 2))
        locks, paired = reference.locks, reference.pair()
        drift.update((now, n * FRAME_SAMPLES), beat)
        if locks != reference.locks:
            corrector.restart()
        frame = np.clip(heard[(n - 1) * FRAME_SAMPLES : n * FRAME_SAMPLES], -32_768, 32_767).astype("<i2")
        clean.append(canceller.process(frame.tobytes(), paired))
    end = np.frombuffer(b"".join(clean[-30 * 50 :]), "<i2").astype(float)
    assert corrector.active
    assert energy_db(heard[-30 * SECOND :]) - energy_db(end) >= 50
