"""The sound device made of files: what goes in, what comes out, and at what pace."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from hw.errors import ToneError
from hw.sound import tones
from hw.sound.frame import FRAME_BYTES, FRAME_MS, SILENCE
from hw.sound.interface import SoundState
from hw.sound.wav_files import load_pcm
from hw.sound.wav_sound import PcmSource, WavSound


class Heard:
    """Collects frames and lets a test wait for enough of them."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self._more = threading.Condition()

    def __call__(self, frame: bytes) -> None:
        with self._more:
            self.frames.append(frame)
            self._more.notify_all()

    def wait_for(self, count: int) -> bytes:
        with self._more:
            assert self._more.wait_for(lambda: len(self.frames) >= count, 10), f"only {len(self.frames)} frames"
            return b"".join(self.frames)


@contextmanager
def started(sound: WavSound) -> Iterator[WavSound]:
    sound.start()
    try:
        yield sound
    finally:
        sound.close()


def write_wav(path: Path, samples: np.ndarray, rate: int, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def loudest_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 48_000 / len(samples))


def test_what_is_captured_is_the_file() -> None:
    captured = Heard()
    said = tones.probe()
    with started(WavSound(capture=said)) as sound:
        sound.set_capture(captured)
        got = captured.wait_for(10)
    assert set(map(len, captured.frames)) == {FRAME_BYTES}
    assert got[: 4 * FRAME_BYTES] in said


def test_a_file_that_has_ended_is_followed_by_silence() -> None:
    source = PcmSource(b"\x01\x00" * 1000, loop=False)
    assert source.frame() == b"\x01\x00" * 960
    assert source.frame() == b"\x01\x00" * 40 + bytes(1840)
    assert source.frame() == SILENCE


def test_a_looped_file_starts_again_without_a_gap() -> None:
    source = PcmSource(np.arange(1500, dtype="<i2").tobytes(), loop=True)
    got = np.frombuffer(b"".join(source.frame() for _ in range(5)), "<i2")
    assert np.array_equal(got, np.arange(4800) % 1500)


def test_what_is_written_is_played_in_order_and_then_silence() -> None:
    played = Heard()
    one, two = b"\x01\x00" * 960, b"\x02\x00" * 960
    sound = WavSound(playback=played)
    sound.write(one)
    sound.write(two)
    assert sound.queued_ms() == 2 * FRAME_MS
    with started(sound):
        assert played.wait_for(3)[: 3 * FRAME_BYTES] == one + two + SILENCE
        assert sound.queued_ms() == 0


def test_sound_is_due_a_frame_later_for_every_frame_that_waits() -> None:
    with started(WavSound()) as sound:
        before = sound.due_ms()
        sound.write(SILENCE)
        sound.write(SILENCE)
        after = sound.due_ms()
    assert before <= FRAME_MS
    assert after > before + FRAME_MS / 2


def test_the_queue_is_bounded_and_drops_the_oldest() -> None:
    sound = WavSound()
    for i in range(100):
        sound.write(bytes([i, 0]) * 960)
    assert sound.queued_ms() == 400
    played = Heard()
    sound.hear(played)
    with started(sound):
        assert played.wait_for(1)[:2] == bytes([80, 0])


def test_tones_are_mixed_into_what_is_played() -> None:
    played = Heard()
    with started(WavSound(playback=played)) as sound:
        sound.write(b"\x10\x00" * 960)
        playing = sound.mixer.play(tones.probe(), max_ms=100)
        heard = played.wait_for(12)
    assert abs(loudest_hz(heard) - 1000) < 10
    assert playing.done


def test_speech_can_be_put_into_the_microphone_at_any_moment() -> None:
    captured = Heard()
    with started(WavSound()) as sound:
        sound.set_capture(captured)
        sound.speak(tones.probe())
        captured.wait_for(20)
    assert any(frame != SILENCE for frame in captured.frames)


def test_frames_come_at_the_pace_of_the_clock() -> None:
    captured = Heard()
    with started(WavSound()) as sound:
        sound.set_capture(captured)
        began = time.monotonic()
        captured.wait_for(25)
        assert time.monotonic() - began >= 0.45


@pytest.mark.parametrize(("rate", "channels", "width"), [(8_000, 1, 2), (44_100, 2, 2), (48_000, 1, 3), (16_000, 1, 1)])
def test_any_rate_and_channel_count_is_understood(tmp_path: Path, rate: int, channels: int, width: int) -> None:
    tone = np.repeat(np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 0.5, channels)
    if width == 1:
        samples = (tone * 127 + 128).astype(np.uint8)
    elif width == 3:
        samples = (tone * 2**31).astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].copy()
    else:
        samples = (tone * 32767).astype("<i2")
    pcm = load_pcm(write_wav(tmp_path / "in.wav", samples, rate, channels, width))
    assert len(pcm) == pytest.approx(96_000, abs=8)
    assert loudest_hz(pcm) == pytest.approx(440, abs=2)
    assert np.abs(np.frombuffer(pcm, "<i2")).max() == pytest.approx(16_384, rel=0.03)


def test_a_file_that_is_no_wav_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "ring.mp3"
    path.write_bytes(b"ID3 something else")
    with pytest.raises(ToneError, match=r"ring\.mp3 is no PCM WAV file"):
        WavSound(capture=path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ToneError, match=r"none\.wav: No such file"):
        WavSound(capture=tmp_path / "none.wav")


def test_the_playback_file_holds_what_was_played(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    frame = b"\x07\x00" * 960
    played = Heard()
    sound = WavSound(playback=path)
    sound.hear(played)
    sound.write(frame)
    with started(sound):
        played.wait_for(3)
    assert load_pcm(path)[:FRAME_BYTES] == frame
    assert len(load_pcm(path)) == len(played.frames) * FRAME_BYTES


def test_a_killed_recording_is_still_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    program = f"from hw.sound.wav_sound import WavSound\ns = WavSound(playback={str(path)!r})\n"
    program += "s.hear(lambda frame: print(flush=True))\ns.start()\nimport threading; threading.Event().wait()"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        for _ in range(60):
            child.stdout.readline()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    with wave.open(str(path)) as file:
        assert file.getnframes() >= 48_000
        assert len(file.readframes(10**9)) == file.getnframes() * 2


def test_states_are_reported_once_and_closing_twice_is_harmless() -> None:
    seen: list[SoundState] = []
    sound = WavSound()
    sound.on_state = lambda state, why: seen.append(state)
    sound.start()
    sound.start()
    sound.close()
    sound.close()
    assert seen == [SoundState.OPEN, SoundState.CLOSED]


def test_a_faulty_sink_does_not_stop_the_beat() -> None:
    played = Heard()

    def broken(frame: bytes) -> None:
        raise RuntimeError("the sink is broken")

    with started(WavSound(playback=played)) as sound:
        sound.set_capture(broken)
        played.wait_for(5)
        assert sound.progress_s() < 1


def test_a_loop_that_keeps_the_beat_is_asked_at_each_whatever_waits() -> None:
    async def story() -> list[float]:
        waiting, asked = list[float](), asyncio.Event()
        with WavSound() as sound:
            for _ in range(10):
                sound.write(SILENCE)

            def beat(_due_at: float) -> None:
                waiting.append(sound.queued_ms())
                if len(waiting) == 2:
                    asked.set()

            sound.on_beat = beat
            sound.lend_beat(asyncio.get_running_loop())
            sound.start()
            async with asyncio.timeout(20):
                await asked.wait()
        return waiting

    first, second = asyncio.run(story())[:2]
    assert first > second > 0
