"""Far-end sound is written as late as the jitter allows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.sound.frame import SILENCE
from hw.sound.playout_depth import PlayoutDepth
from hw.sound.rings import PlayoutRing


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
