"""What was played, paired by index with what was captured."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sound.echo_reference import EchoReference
from hw.sound.frame import FRAME_BYTES, SILENCE

LEAD_MS = 20


def frame(value: int) -> bytes:
    return np.full(960, value, "<i2").tobytes()


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
