"""Snapshots of sound for the level meters."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.media.codec.level_snapshots import MAX_SNAPSHOTS, SnapshotTap
from hw.sound.frame import SILENCE
from tests.media.sounds import frames, tone


def test_there_is_a_snapshot_for_every_fifty_milliseconds():
    tap = SnapshotTap()

    for frame in frames(tone(440, 1.0)):
        tap.feed(frame)

    assert [len(snapshot) for snapshot in tap.take()] == [32] * 20


def test_a_snapshot_is_a_piece_of_the_sound():
    tap, said = SnapshotTap(), tone(440, 0.2)

    for frame in frames(said):
        tap.feed(frame)

    last = tap.take()[-1]
    assert any(np.array_equal(last, said[i : i + 32]) for i in range(len(said) - 31))


def test_what_nobody_takes_is_bounded():
    tap = SnapshotTap()

    for _ in range(3000):
        tap.feed(SILENCE)

    assert len(tap.take()) == MAX_SNAPSHOTS


@given(st.lists(st.integers(32, 4000), max_size=50))
def test_pieces_of_any_length_give_one_snapshot_per_interval(lengths):
    tap = SnapshotTap()

    for length in lengths:
        tap.feed(bytes(2 * length))

    assert len(tap.take()) == min(MAX_SNAPSHOTS, sum(lengths) // 2400)
