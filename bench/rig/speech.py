"""Speech for tests, made by espeak-ng, as 48 kHz mono int16."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hw.sound.wav_files import load_pcm

FAR = (
    "Hello, this is the reception. Thank you for calling. Please tell me whom you would like to visit today, "
    "and I will see if somebody is at home. The lift is on the left side, behind the large glass door. "
    "If it does not open at once, please push it firmly with both hands, and wait for the green light."
)
NEAR = (
    "Good morning, I have a large parcel for the second floor. It is rather heavy, so I would be glad of some help. "
    "Where may I leave it, if nobody can come down? I could also try again tomorrow, before nine or after five."
)

Samples = npt.NDArray[np.int16]


@functools.cache
def spoken(text: str, voice: str = "en", seconds: float | None = None) -> Samples:
    """`text` as samples, repeated or cut to `seconds`; skips the test where espeak-ng is not installed."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text], check=True)
        samples = np.frombuffer(load_pcm(path), "<i2")
    if seconds is None:
        return samples
    return np.resize(samples, int(seconds * 48_000))


def write_speech(path: Path, samples: Samples) -> Path:
    """A WAV file of it."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path
