"""Clocks of two cards: the difference is measured through the jitter, and taken out without a click."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.sound.drift import ClockRate, Drift, DriftCorrector, Stretcher
from hw.sound.echo_reference import EchoReference
from hw.sound.frame import FRAME_SAMPLES


def feed(rate: ClockRate, ppm: float, seconds: float, jitter_ms: float, at: float = 0.0, samples: int = 0) -> None:
    """Callbacks of a card that is `ppm` too fast, each up to `jitter_ms` late."""
    dice = random.Random(1)
    step_s = 0.02 / (1 + ppm * 1e-6)
    for n in range(int(seconds / step_s)):
        rate.update(at + n * step_s + dice.uniform(0, jitter_ms / 1000), samples + n * FRAME_SAMPLES)


@pytest.mark.parametrize("ppm", [-200.0, -37.0, 0.0, 12.0, 500.0])
def test_a_clock_is_measured_within_a_few_ppm_in_spite_of_jitter(ppm: float) -> None:
    rate = ClockRate()
    feed(rate, ppm, seconds=60, jitter_ms=8)
    assert rate.ppm == pytest.approx(ppm, abs=4)


def test_a_clock_that_changes_is_followed() -> None:
    rate = ClockRate()
    feed(rate, 100.0, seconds=60, jitter_ms=2)
    feed(rate, -50.0, seconds=240, jitter_ms=2, at=60.0, samples=60 * 48_000 + 288)
    assert rate.ppm == pytest.approx(-50, abs=10)


def test_a_young_measurement_counts_as_no_drift() -> None:
    drift = Drift()
    for n in range(200):
        drift.update((n * 0.02, n * FRAME_SAMPLES), (n * 0.02, n * (FRAME_SAMPLES + 1)))
    assert drift.ppm == 0.0


def test_one_card_has_no_drift_and_its_reference_is_left_alone() -> None:
    cards = TwoCards(playback_ppm=0.0, jitter_ms=8.0)
    cards.run(seconds=300)
    assert not cards.corrector.active


def test_a_measured_drift_is_believed_only_when_the_backlog_has_moved() -> None:
    corrector = DriftCorrector()
    chunk = b"\x01\x02" * 480
    assert all(corrector.correct(chunk, 80.0, backlog=480) == chunk for _ in range(2_000))
    assert not corrector.active
    for _ in range(2_000):
        corrector.correct(chunk, 80.0, backlog=900)
    assert corrector.active


class TwoCards:
    """A capture card and a playback card with clocks of their own, on simulated time."""

    def __init__(self, playback_ppm: float, jitter_ms: float = 3.0) -> None:
        self.dice = random.Random(7)
        self.jitter_s = jitter_ms / 1000
        self.play_step_s = 0.01 / (1 + playback_ppm * 1e-6)
        self.reference = EchoReference(lead_ms=20)
        self.drift, self.corrector = Drift(), DriftCorrector()
        self.played = 0
        self.backlog_ms: list[float] = []

    def run(self, seconds: int) -> None:
        beat = (0.0, 0)
        for n in range(1, seconds * 50):
            now = n * 0.02 + self.dice.uniform(0, self.jitter_s)
            while (self.played + 1) * self.play_step_s <= now:
                self.played += 1
                beat = (self.played * self.play_step_s + self.dice.uniform(0, 0.001), self.played * 480)
                self.reference.append(bytes(960))
            self._pair((now, n * FRAME_SAMPLES), beat)

    def _pair(self, captured: tuple[float, int], played: tuple[float, int]) -> None:
        if self.reference.locked:
            self.drift.update(captured, played)
        locks = self.reference.locks
        if arrived := self.reference.arrived():
            backlog = self.reference.in_hand_bytes() // 2
            self.reference.hold(self.corrector.correct(arrived, self.drift.ppm, backlog))
        self.reference.pair()
        if self.reference.locks != locks:
            self.corrector.restart()
        self.backlog_ms.append(self.reference.in_hand_bytes() / 96)


@pytest.mark.parametrize("ppm", [-300.0, -60.0, 60.0, 300.0])
def test_the_backlog_of_two_cards_does_not_grow(ppm: float) -> None:
    cards = TwoCards(ppm)
    cards.run(seconds=300)
    late = np.array(cards.backlog_ms[-3000:])
    assert abs(late.mean() - 20) < 12
    assert cards.drift.ppm == pytest.approx(ppm, abs=10)


@pytest.mark.parametrize("ppm", [-300.0, 300.0])
def test_drift_hardly_ever_breaks_the_pairing(ppm: float) -> None:
    cards = TwoCards(ppm)
    cards.run(seconds=300)
    assert cards.reference.locks <= 2
    assert cards.reference.late <= 10


def sine(seconds: float) -> np.ndarray:
    return (20_000 * np.sin(2 * np.pi * 300 * np.arange(int(48_000 * seconds)) / 48_000)).astype("<i2")


@pytest.mark.parametrize("ppm", [-250.0, 250.0])
def test_stretched_sound_is_the_same_sound_at_another_pace(ppm: float) -> None:
    stretcher, tone = Stretcher(), sine(4.0).tobytes()
    pieces = [stretcher.stretch(tone[at : at + 960], 1 + ppm * 1e-6) for at in range(0, len(tone), 960)]
    stretched = np.frombuffer(b"".join(pieces), "<i2").astype(float)
    exact = 20_000 * np.sin(2 * np.pi * 300 * (1 + ppm * 1e-6) * np.arange(len(stretched)) / 48_000)
    assert np.abs(stretched - exact).max() < 4
    assert len(stretched) == pytest.approx(4 * 48_000 * (1 - ppm * 1e-6), abs=4)


def test_stretching_begins_without_a_seam() -> None:
    stretcher, tone = Stretcher(), sine(0.1)
    stretcher.remember(tone[:960].tobytes())
    stretched = np.frombuffer(stretcher.stretch(tone[960:1920].tobytes(), 1.0), "<i2")
    assert np.array_equal(stretched, tone[960 : 960 + len(stretched)])
    assert len(stretched) >= 958
