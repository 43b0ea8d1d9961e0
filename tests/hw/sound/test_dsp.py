"""The worker between the rings, with a card that the test plays by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hw.sound.dsp import DspWorker
from hw.sound.echo_reference import EchoReference
from hw.sound.frame import FRAME_BYTES, SILENCE
from hw.sound.mixer import SoftMixer
from hw.sound.pcm import level_db
from hw.sound.rings import CaptureRing, PlayoutRing
from hw.sound.wake import Wake


class Bench:
    """A worker, its rings, and what it handed on."""

    def __init__(self) -> None:
        wake = self.wake = Wake()
        self.reference = EchoReference(10)
        self.capture = CaptureRing(wake.set, 10, 400)
        self.playback = PlayoutRing(10, 400, self.reference)
        self.ring = PlayoutRing(40, 400)
        self.mixer = SoftMixer(wake.set)
        self.worker = DspWorker(wake, self.capture, self.playback, self.ring, self.reference, self.mixer)
        self.frames: list[bytes] = []
        self.more = threading.Condition()

    def hear(self, frame: bytes) -> None:
        with self.more:
            self.frames.append(frame)
            self.more.notify_all()

    def wait(self, happened: Callable[[], bool]) -> None:
        with self.more:
            assert self.more.wait_for(happened, 10)

    def put(self, value: int) -> None:
        """The card captures 20 ms."""
        for _ in range(2):
            self.capture.put(np.full(480, value, "<i2").tobytes(), 480, time.monotonic(), False)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.worker.start()
    yield made
    made.worker.close()


def frame(value: int) -> bytes:
    return np.full(960, value, "<i2").tobytes()


def test_what_is_captured_is_handed_on_in_whole_frames(bench: Bench) -> None:
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)  # silence, from the clock
    for value in (1, 2, 3):
        bench.put(value)
    bench.wait(lambda: frame(3) in bench.frames)
    assert [heard for heard in bench.frames if heard != SILENCE] == [frame(1), frame(2), frame(3)]


def test_a_frame_leaves_with_the_chunk_that_completes_it_however_many_were_taken_before() -> None:
    bench = Bench()
    for count, wakes in ((3, False), (1, True), (1, False), (1, True)):
        for _ in range(count):
            bench.capture.put(bytes(960), 480, time.monotonic(), False)
        assert bench.wake.wait(0) is (wakes or count > 2)
        bench.worker.listen(bench.hear)
        bench.wake.wait(0)
        bench.worker._round(time.monotonic())


def test_without_a_card_silence_comes_at_the_pace_of_the_clock(bench: Bench) -> None:
    began = time.monotonic()
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) >= 20)
    assert time.monotonic() - began >= 0.35
    assert set(bench.frames) == {SILENCE}


def test_without_a_card_speech_and_tones_come_to_their_end(bench: Bench) -> None:
    for _ in range(5):
        bench.playback.write(frame(7))
    playing = bench.mixer.play(frame(9) * 5)
    bench.worker.listen(bench.hear)
    bench.wait(lambda: playing.done and bench.playback.speech_ms() == 0)


def test_tones_are_rendered_a_little_ahead(bench: Bench) -> None:
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)
    bench.playback.take(time.monotonic())  # the speaker runs
    bench.mixer.play(frame(9), loop=True)
    bench.put(1)
    bench.wait(lambda: frame(1) in bench.frames)
    bench.put(2)
    bench.wait(lambda: frame(2) in bench.frames)
    assert 20 <= bench.playback.tones_ms() <= 40


def test_a_listener_gets_nothing_that_was_captured_before(bench: Bench) -> None:
    bench.put(5)
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)
    assert frame(5) not in bench.frames


def test_nobody_is_called_any_more_after_letting_go(bench: Bench) -> None:
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)
    bench.worker.listen(None)
    bench.put(6)
    other = Bench()
    bench.worker.listen(other.hear)
    other.wait(lambda: len(other.frames) >= 3)
    assert frame(6) not in bench.frames


class Broken:
    """A canceller that fails."""

    name = "broken"

    def process(self, near: bytes, far: bytes) -> bytes:
        raise RuntimeError("out of order")


def test_a_broken_canceller_is_taken_out_and_the_sound_goes_on(bench: Bench) -> None:
    bench.worker.canceller = Broken()
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)
    bench.put(4)
    bench.wait(lambda: frame(4) in bench.frames)
    assert bench.worker.canceller.name == "none"


def test_a_broken_listener_does_not_end_the_worker(bench: Bench) -> None:
    def broken(_: bytes) -> None:
        raise RuntimeError("the listener is broken")

    bench.worker.listen(broken)
    bench.put(1)
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) >= 3)


def test_the_canceller_is_given_what_was_played_with_what_was_captured(bench: Bench) -> None:
    pairs: list[tuple[bytes, bytes]] = []

    class Spy:
        name = "spy"

        def process(self, near: bytes, far: bytes) -> bytes:
            pairs.append((near, far))
            return near

    bench.worker.canceller = Spy()
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)
    for n in range(1, 61):
        bench.playback.write(frame(1_000 + n))
        for _ in range(2):
            bench.playback.take(time.monotonic())
        bench.put(n)
        bench.wait(lambda n=n: frame(n) in bench.frames)
    played = [int(np.frombuffer(far, "<i2")[-1]) - int(np.frombuffer(near, "<i2")[0]) for near, far in pairs[30:]]
    assert set(played) == {1_000}
    assert {len(far) for _, far in pairs} == {FRAME_BYTES}


def test_the_microphone_has_a_gain_of_its_own(bench: Bench) -> None:
    bench.worker.gain = 2.0
    bench.worker.listen(bench.hear)
    bench.wait(lambda: len(bench.frames) > 0)
    bench.put(8_192)
    bench.wait(lambda: frame(16_384) in bench.frames)


def test_levels_are_in_db_of_full_scale() -> None:
    assert level_db(frame(16_384)) == pytest.approx(-6.02, abs=0.01)
    assert level_db(SILENCE) == -100
    assert level_db(b"") == -100


def test_what_sounds_at_rest_waits_for_the_streams_that_start(bench: Bench) -> None:
    bench.worker.rest()
    playing = bench.mixer.play(frame(9) * 10)
    deadline = time.monotonic() + 10
    while not playing.done and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not bench.worker.idle
    assert bench.playback.tones_ms() == 200
    bench.worker.resume()
    taken = [bench.playback.take(time.monotonic()) for _ in range(20)]
    assert b"".join(taken) == frame(9) * 10
    assert bench.worker.idle


def test_what_waits_for_streams_that_do_not_start_comes_to_its_end(bench: Bench) -> None:
    bench.worker.rest()
    bench.mixer.play(frame(9) * 10)
    bench.worker.listen(bench.hear)
    bench.worker.resume()
    bench.wait(lambda: len(bench.frames) >= 3 and bench.playback.tones_ms() == 0)


def test_after_a_rest_the_speaker_and_the_microphone_are_paired_anew(bench: Bench) -> None:
    for _ in range(5):
        bench.playback.take(time.monotonic())
    bench.worker.rest()
    deadline = time.monotonic() + 10
    while bench.worker._restart and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not bench.reference.locked
    assert (bench.reference.arrived(), bench.reference.in_hand_bytes()) == (b"", 0)
