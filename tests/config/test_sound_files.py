"""Sound files in the settings: whatever plays later is taken, and what does not is refused beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import load
from agent.errors import ConfigError
from tests.hw.sound.test_wav_format import FLOAT, PCM, data, fmt, riff, sparse, tone

SOUNDS = ("ring_file", "connect_file", "disconnect_file")


def settings(tmp_path: Path, key: str) -> Path:
    path = tmp_path / "config.toml"
    driver = 'driver = "wav"\n' if key == "wav_capture" else ""
    path.write_text(f'[sound]\n{driver}{key} = "bell.wav"\n')
    return path


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("kind", "width"), [(PCM, 3), (PCM, 4), (FLOAT, 4)])
@pytest.mark.parametrize("key", [*SOUNDS, "wav_capture"])
def test_what_a_sound_editor_writes_is_taken(
    tmp_path: Path, key: str, kind: int, width: int, extensible: bool
) -> None:
    header = fmt(kind, 2, 44_100, width, extensible=extensible)
    (tmp_path / "bell.wav").write_bytes(riff(header, data(tone(kind, 2, 44_100, width))))

    load(settings(tmp_path, key))


@pytest.mark.parametrize("key", [*SOUNDS, "wav_capture"])
def test_a_file_may_be_long(tmp_path: Path, key: str) -> None:
    sparse(tmp_path / "bell.wav", 4000)

    load(settings(tmp_path, key))


@pytest.mark.parametrize("key", [*SOUNDS, "wav_capture"])
def test_a_kind_of_sound_that_is_not_read_is_named(tmp_path: Path, key: str) -> None:
    (tmp_path / "bell.wav").write_bytes(riff(fmt(7, 1, 8_000, 1), data(b"12")))

    with pytest.raises(ConfigError, match=r"holds mu-law, no PCM: convert it: ffmpeg -i .*bell.wav .*bell-pcm.wav"):
        load(settings(tmp_path, key))
