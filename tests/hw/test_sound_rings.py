"""The rings between a card and the rest: bounded, exact, and paired by index."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.ports import FRAME_BYTES, SILENCE
from hw.rings import CaptureRing, EchoReference, PlayoutDepth, PlayoutRing

LEAD_MS = 20


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


def test_the_capture_ring_wakes_once_a_frame_and_drops_the_oldest() -> None:
    woken: list[int] = []
    ring = CaptureRing(lambda: woken.append(1), 10, 40)
    for value in range(6):
        ring.put(unit(value), 480, 1.0 + value, False)
    assert len(woken) == 5  # not for the first half of a frame
    assert ring.lost == 2
    assert ring.take() == unit(2)
    assert ring.beat == (6.0, 6 * 480)


class Duplex:
    """A card whose callbacks jitter: both sides count alike, but neither comes when it should."""

    def __init__(self, seed: int, jitter_ms: float, period_ms: int = 10) -> None:
        self.random = random.Random(seed)
        self.jitter_s = jitter_ms / 1000
        self.period_s = period_ms / 1000
        self.reference = EchoReference(LEAD_MS)
        self.played = self.captured = 0

    def event_times(self, count: int, offset_s: float) -> list[float]:
        late = [offset_s + (n + 1) * self.period_s + self.random.uniform(0, self.jitter_s) for n in range(count)]
        return sorted(late)

    def run(self, seconds: float) -> list[tuple[int, int]]:
        """Pairs of (captured frame number, number of the first played unit that it was paired with)."""
        count = int(seconds / self.period_s)
        plays = [(at, "play") for at in self.event_times(count, 0.003)]
        captures = [(at, "capture") for at in self.event_times(count, 0.0)]
        pairs, waiting = [], 0
        for _, what in sorted(plays + captures):
            if what == "play":
                self.played += 1
                self.reference.append(np.full(480, self.played % 30_000 + 1, "<i2").tobytes())
                continue
            waiting += 1
            if waiting == 2:
                waiting = 0
                self.reference.hold(self.reference.arrived())
                paired = np.frombuffer(self.reference.pair(), "<i2")
                self.captured += 1
                pairs.append((self.captured, int(paired[0])))
        return pairs


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 15.0))
def test_however_the_callbacks_jitter_the_pairing_stands(seed: int, jitter_ms: float) -> None:
    pairs = Duplex(seed, jitter_ms).run(20.0)[EchoReference.SETTLE_FRAMES + 1 :]
    offsets = {2 * captured - played for captured, played in pairs if played}
    assert len(offsets) == 1


def test_a_late_reference_is_silence_now_and_skipped_later() -> None:
    reference = EchoReference(LEAD_MS)
    for number in range(EchoReference.SETTLE_FRAMES):
        reference.hold(frame(number))
        reference.pair()
    assert reference.locked
    reference.pair()  # that was the lead
    assert reference.pair() == SILENCE
    before = reference.late
    reference.hold(frame(100) + frame(101))
    assert reference.pair() == frame(101)
    assert reference.late == before


def test_a_lasting_shortage_makes_a_new_pairing() -> None:
    reference = EchoReference(LEAD_MS)
    for _ in range(EchoReference.SETTLE_FRAMES):
        reference.hold(frame(1))
        reference.pair()
    locks = reference.locks
    reference.hold(frame(1)[: FRAME_BYTES // 4])  # the player lost most of two frames for good
    reference.pair()
    reference.pair()
    late = reference.late
    for _ in range(2 * EchoReference.LOOK_FRAMES):
        reference.hold(frame(1))
        reference.pair()
    assert reference.locks == locks + 1
    settled_late = reference.late
    assert settled_late - late <= 2 * EchoReference.LOOK_FRAMES
    for _ in range(100):
        reference.hold(frame(1))
        reference.pair()
    assert reference.late == settled_late


def test_a_lasting_surplus_is_trimmed_to_the_lead() -> None:
    reference = EchoReference(LEAD_MS)
    for _ in range(EchoReference.SETTLE_FRAMES):
        reference.hold(frame(1))
        reference.pair()
    reference.hold(frame(1) * 6)
    for _ in range(2 * EchoReference.LOOK_FRAMES):
        reference.hold(frame(1))
        reference.pair()
    assert reference.in_hand_bytes() == reference.lead_bytes


def targets(depth: PlayoutDepth, history: list[tuple[float, int]]) -> list[int]:
    """The target after each (time, underruns so far)."""
    found = []
    for now, underruns in history:
        depth.update(now, underruns)
        found.append(depth.target_ms)
    return found


def test_running_dry_once_changes_nothing() -> None:
    assert targets(PlayoutDepth(20, 60), [(0.0, 0), (1.0, 3), (1.1, 4), (1.2, 4), (20.0, 5)]) == [20] * 5


def test_the_depth_grows_when_it_runs_dry_again_and_shrinks_after_a_calm() -> None:
    history = [(0.0, 0), (1.0, 1), (2.0, 3), (4.0, 4), (18.9, 4), (19.1, 4), (20.0, 4), (34.2, 4)]
    assert targets(PlayoutDepth(20, 60), history) == [20, 20, 30, 40, 40, 35, 35, 30]


def test_the_depth_stays_within_its_limits() -> None:
    depth = PlayoutDepth(20, 40)
    assert targets(depth, [(float(n), n) for n in range(8)])[-1] == 40
    assert targets(depth, [(100.0 * n, 7) for n in range(1, 20)])[-1] == 20


class Call:
    """A card that takes 10 ms at a time, and a writer that is woken when sound is due, a little late."""

    def __init__(self, late_ms: float) -> None:
        self.ring, self.depth = PlayoutRing(10, 400), PlayoutDepth(8, 120)
        self.late_ms = late_ms
        self.dice = random.Random(4)
        self.waited: list[float] = []

    def run(self, seconds: int) -> None:
        write_at = 0.0
        for take_at in (10.0 * n for n in range(1, seconds * 100)):
            while write_at < take_at:
                self.waited.append(self.ring.due_ms(write_at / 1000))
                self.ring.write(SILENCE)
                due = write_at + self.ring.due_ms(write_at / 1000) - self.depth.target_ms
                write_at = max(write_at, due) + self.dice.uniform(0, self.late_ms)
            self.ring.take(take_at / 1000)
            self.depth.update(take_at / 1000, self.ring.underruns)


@pytest.mark.parametrize(("late_ms", "most_ms"), [(1.0, 10), (8.0, 15), (25.0, 40)])
def test_sound_is_written_no_earlier_than_the_lateness_of_the_writer_asks_for(late_ms: float, most_ms: int) -> None:
    call = Call(late_ms)
    call.run(60)
    assert np.median(call.waited[-500:]) <= most_ms
    assert call.ring.underruns <= 30
