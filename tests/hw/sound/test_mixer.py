"""The software mixer: several sounds in one stream, each with its own end."""

from __future__ import annotations

import numpy as np
import pytest

from hw.sound.mixer import SoftMixer
from hw.sound.pcm import mixed, scaled


def pcm(value: int, n: int) -> bytes:
    return np.full(n, value, "<i2").tobytes()


def samples(chunk: bytes | None) -> list[int]:
    assert chunk is not None
    return np.frombuffer(chunk, "<i2").tolist()


def test_sounds_are_added() -> None:
    mixer = SoftMixer()
    mixer.play(pcm(100, 4))
    mixer.play(pcm(10, 2))
    assert samples(mixer.render(4)) == [110, 110, 100, 100]


def test_too_loud_a_sum_is_clipped_and_does_not_wrap() -> None:
    assert samples(mixed(pcm(30_000, 1), pcm(30_000, 1))) == [32_767]
    assert samples(scaled(pcm(-30_000, 1), 2.0)) == [-32_768]


def test_nothing_to_play_is_none() -> None:
    mixer = SoftMixer()
    assert mixer.render(4) is None
    playing = mixer.play(pcm(1, 2))
    mixer.render(4)
    assert playing.done
    assert mixer.render(4) is None
    assert not mixer.is_playing()


def test_a_loop_goes_on_until_it_is_stopped() -> None:
    mixer = SoftMixer()
    playing = mixer.play(np.array([1, 2, 3], "<i2").tobytes(), loop=True)
    assert samples(mixer.render(8)) == [1, 2, 3, 1, 2, 3, 1, 2]
    assert samples(mixer.render(2)) == [3, 1]
    playing.stop()
    playing.stop()
    assert mixer.render(1) is None


def test_a_limit_ends_even_a_loop() -> None:
    mixer = SoftMixer()
    playing = mixer.play(pcm(5, 7), loop=True, max_ms=1)
    assert samples(mixer.render(60)) == [5] * 48 + [0] * 12
    assert playing.done


def test_the_ring_plays_on_the_speaker_unless_there_is_a_ring_device() -> None:
    mixer = SoftMixer()
    mixer.play(pcm(7, 10), ring=True)
    assert samples(mixer.render(2)) == [7, 7]
    mixer.separate_ring = True
    assert mixer.render(2) is None
    assert samples(mixer.render(2, ring_device=True)) == [7, 7]


def test_the_ring_has_a_volume_of_its_own() -> None:
    mixer = SoftMixer()
    mixer.gain, mixer.ring_gain = 0.5, 0.1
    mixer.play(pcm(1000, 1))
    mixer.play(pcm(1000, 1), ring=True)
    assert samples(mixer.render(1)) == [550]


@pytest.mark.parametrize(("speaker", "bell", "heard"), [(0.0, 1.0, 1000), (0.25, 0.5, 500), (1.0, 0.0, 0)])
def test_a_loudspeaker_that_only_rings_has_its_own_volume_alone(speaker: float, bell: float, heard: int) -> None:
    mixer = SoftMixer()
    mixer.separate_ring = True
    mixer.gain, mixer.ring_gain = speaker, bell
    mixer.play(pcm(1000, 1), ring=True)
    assert samples(mixer.render(1, ring_device=True)) == [heard]


def test_starting_a_sound_wakes_the_worker() -> None:
    woken: list[bool] = []
    SoftMixer(wake=lambda: woken.append(True)).play(pcm(1, 1))
    assert woken


def test_stop_all_ends_every_sound() -> None:
    mixer = SoftMixer()
    both = [mixer.play(pcm(1, 100), loop=True), mixer.play(pcm(1, 100), ring=True)]
    mixer.stop_all()
    assert all(playing.done for playing in both)
    assert mixer.render(1) is None


def test_empty_sound_is_done_at_once() -> None:
    assert SoftMixer().play(b"", loop=True).done
