"""The rings between a card and the rest: bounded, and exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hw.sound.frame import FRAME_BYTES
from hw.sound.rings import CaptureRing, PlayoutRing


def frame(value: int) -> bytes:
    return np.full(960, value, "<i2").tobytes()


def unit(value: int) -> bytes:
    return frame(value)[:960]


def test_a_callback_gets_exactly_one_period_whatever_was_written() -> None:
    ring = PlayoutRing(10, 400)
    assert ring.take(0.0) == bytes(960)
    ring.write(frame(5))
    assert [ring.take(0.0) for _ in range(3)] == [unit(5), unit(5), bytes(960)]


def test_sound_is_due_when_what_waits_is_used_up_and_a_callback_comes() -> None:
    ring = PlayoutRing(10, 400)
    ring.take(1.0)
    ring.write(frame(5))
    assert ring.due_ms(1.004) == pytest.approx(26)
    ring.take(1.010)
    assert ring.due_ms(1.010) == pytest.approx(20)
    assert ring.due_ms(1.050) == pytest.approx(10)  # the callback is late: it may come at any moment


@pytest.mark.parametrize("period_ms", [5, 10, 20, 40])
def test_every_period_keeps_the_order_of_samples(period_ms: int) -> None:
    ring = PlayoutRing(period_ms, 400)
    sent = np.arange(1, 1921, dtype="<i2").tobytes()
    ring.write(sent[:FRAME_BYTES])
    ring.write(sent[FRAME_BYTES:])
    taken = [ring.take(0.0) for _ in range(40 // period_ms)]
    assert b"".join(taken) == sent
    assert {len(piece) for piece in taken} == {period_ms * 96}


def test_the_oldest_speech_is_dropped_when_the_ring_is_full() -> None:
    ring = PlayoutRing(20, 100)
    for value in range(10):
        ring.write(frame(value))
    assert ring.speech_ms() == 100
    assert ring.take(0.0) == frame(5)


def test_speech_and_tone_are_added_and_either_plays_alone() -> None:
    ring = PlayoutRing(20, 400)
    ring.write(frame(100))
    ring.write_tone(frame(11))
    ring.write_tone(frame(22))
    assert ring.take(0.0) == frame(111)
    assert ring.take(0.0) == frame(22)


def test_running_dry_in_the_middle_of_speech_is_counted_but_its_end_is_not() -> None:
    ring = PlayoutRing(10, 400)
    ring.write(frame(1))
    for _ in range(4):
        ring.take(0.0)
    assert ring.underruns == 2
    ring.flush()
    ring.take(0.0)
    assert ring.underruns == 2


def test_underruns_stop_counting_when_nobody_speaks_any_more() -> None:
    ring = PlayoutRing(10, 400)
    ring.write(frame(1))
    for _ in range(1000):
        ring.take(0.0)
    assert ring.underruns == PlayoutRing.EXPECTED_MS // 10


def test_the_shortest_wait_of_speech_for_its_callback_is_told_once() -> None:
    ring = PlayoutRing(10, 400)
    ring.write(unit(1), 1.0)
    ring.write(unit(2), 1.012)
    ring.take(1.009)
    ring.take(1.019)
    assert ring.take_least_wait_ms() == pytest.approx(7)
    ring.take(1.029)
    assert ring.take_least_wait_ms() == math.inf


def test_a_clock_that_stands_in_for_the_card_takes_no_part_in_its_beat() -> None:
    ring = PlayoutRing(10, 400)
    ring.write(frame(5), 1.0)
    ring.skip()
    assert ring.speech_ms() == 10
    assert (ring.beat.at, ring.take_least_wait_ms()) == (0.0, math.inf)


def test_the_capture_ring_wakes_once_a_frame_and_drops_the_oldest() -> None:
    woken: list[int] = []
    ring = CaptureRing(lambda: woken.append(1), 10, 40)
    for value in range(6):
        ring.put(unit(value), 480, 1.0 + value, False)
    assert len(woken) == 5  # not for the first half of a frame
    assert ring.lost == 2
    assert ring.take() == unit(2)
    assert ring.beat == (6.0, 6 * 480)
