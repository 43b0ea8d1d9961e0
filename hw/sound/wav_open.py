"""Opens WAV files and looks what they hold, without what it takes to read their samples: settings are checked so."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from hw.errors import ToneError
from hw.sound.wav_format import WavFormat, read_format


def open_wav(path: str | Path) -> tuple[BinaryIO, WavFormat]:
    """Open a WAV file that can be played; ToneError names it and what is wrong with it."""
    try:
        with ExitStack() as unless_it_can_be_played:
            file = unless_it_can_be_played.enter_context(Path(path).open("rb"))
            found = read_format(file, str(path))
            unless_it_can_be_played.pop_all()
            return file, found
    except OSError as error:
        raise unreadable(path, error) from error


def check_sound(path: str | Path) -> None:
    """Look into a WAV file without reading it all; raises ToneError."""
    open_wav(path)[0].close()


def unreadable(path: str | Path, error: OSError | ValueError) -> ToneError:
    """Make the error of a file that cannot be opened or read."""
    return ToneError(f"cannot read the sound file {path}: {getattr(error, 'strerror', None) or error}")
