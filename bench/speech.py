"""Speech for the benchmarks: pieces of 8 s by different voices, made with espeak-ng (Debian package `espeak-ng`)."""

from __future__ import annotations

import io
import subprocess
import wave

import numpy as np
import soxr
from numpy.typing import NDArray

from hw.sound.frame import RATE_HZ

PIECE_S = 8
LEVEL_DB = -26.0  # RMS below full scale, as ITU-T P.56 tests have it
SPOKEN = (
    ("en-us", "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to "
              "tell the depth of a well."),
    ("en-gb", "These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of lemons makes "
              "fine punch."),
    ("en-us+f3", "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. Four hours "
                 "of steady work faced us."),
    ("en-gb+f2", "Large size in stockings is hard to sell. The boy was there when the sun rose. A rod is used to catch "
                 "pink salmon."),
)  # fmt: skip


def pieces() -> list[NDArray[np.int16]]:
    """Mono 48 kHz int16, all of one length and level."""
    return [_piece(voice, text) for voice, text in SPOKEN]


def _piece(voice: str, text: str) -> NDArray[np.int16]:
    made = subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "--stdout", text], check=True, capture_output=True)
    with wave.open(io.BytesIO(made.stdout)) as file:
        spoken = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        sound = soxr.resample(spoken, file.getframerate(), RATE_HZ)[: PIECE_S * RATE_HZ]
    sound = np.pad(sound, (0, PIECE_S * RATE_HZ - len(sound)))
    sound *= 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(sound**2))
    piece: NDArray[np.int16] = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return piece
