"""A long file rings from its first to its last sample and again, in little memory, and whatever the disk does."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import numpy as np
import pytest

from hw.errors import ToneError
from hw.sound.frame import RATE_HZ
from hw.sound.mixer import SoftMixer
from hw.sound.sound_file import FileStream, SoundFile
from hw.sound.wav_files import MOST_KEPT_S
from tests.hw.sound.test_wav_format import PCM, data, fmt, riff, sparse

SECONDS = 14
COUNTED = np.repeat(np.arange(1, SECONDS + 1, dtype="<i2"), RATE_HZ)  # the n-th second is a row of n


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "bell.wav"
    path.write_bytes(riff(fmt(PCM, 1, RATE_HZ, 2), data(COUNTED.tobytes())))
    return path


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sound file"]


def until_read_ahead(stream: FileStream) -> None:
    """Wait until the next second is there, or nothing more will be read."""
    while len(stream._ready) < 2 and readers():
        readers()[0].join(0.001)


def seconds_of(stream: FileStream, count: int) -> list[int]:
    """What is heard second by second, with a disk that keeps up."""
    heard = []
    for _ in range(count):
        until_read_ahead(stream)
        second = stream.read(RATE_HZ)
        assert len(second) == RATE_HZ
        assert second.min() == second.max()
        heard.append(int(second[0]))
    return heard


def test_every_second_is_played_in_its_turn_and_over_again(path: Path) -> None:
    with FileStream(SoundFile(path)) as stream:
        assert seconds_of(stream, 3 * SECONDS) == 3 * list(range(1, SECONDS + 1))


def test_a_short_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "ding.wav").write_bytes(riff(fmt(PCM, 1, RATE_HZ, 2), data(COUNTED[:RATE_HZ].tobytes())))

    assert SoundFile(tmp_path / "ding.wav").sound() == COUNTED[:RATE_HZ].tobytes()


@pytest.mark.parametrize("left", [b"", b"no sound at all", riff(fmt(PCM, 1, RATE_HZ, 2), data(b""))])
def test_where_the_rest_is_gone_the_beginning_repeats(path: Path, left: bytes) -> None:
    file = SoundFile(path)
    path.unlink()
    if left:
        path.write_bytes(left)

    with FileStream(file) as stream:
        for _ in range(2):
            assert {int(sample) for sample in stream.read(MOST_KEPT_S * RATE_HZ)} <= set(range(MOST_KEPT_S + 1))


def test_a_disk_that_hangs_makes_nobody_wait(tmp_path: Path, path: Path) -> None:
    file = SoundFile(path)
    path.unlink()
    os.mkfifo(path)  # nobody ever writes into it

    stream = file.sound()
    assert isinstance(stream, FileStream)
    for _ in range(3):
        assert len(stream.read(MOST_KEPT_S * RATE_HZ)) == MOST_KEPT_S * RATE_HZ
    stream.close()
    os.close(os.open(path, os.O_WRONLY))  # ends the hang
    for thread in readers():
        thread.join()


def test_what_is_stopped_is_no_longer_read(path: Path) -> None:
    mixer = SoftMixer()
    stream = SoundFile(path).sound()
    playing = mixer.play(stream, loop=True, ring=True)
    assert mixer.render(960) is not None

    playing.stop()

    assert mixer.render(960) is None
    for thread in readers():
        thread.join(5)
    assert not readers()


def test_a_limit_of_time_ends_it_too(path: Path) -> None:
    mixer = SoftMixer()
    mixer.play(SoundFile(path).sound(), max_ms=20)

    assert mixer.render(960) is not None
    assert mixer.render(960) is None
    for thread in readers():
        thread.join(5)
    assert not readers()


def test_hours_take_no_memory(tmp_path: Path) -> None:
    path = sparse(tmp_path / "bell.wav", 4 * 3600)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with FileStream(SoundFile(path)) as stream:
        for _ in range(60):
            until_read_ahead(stream)
            stream.read(RATE_HZ)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20_000


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToneError, match="cannot read"):
        SoundFile(tmp_path / "nothing.wav")
