"""What is done to captured sound before it is sent: echo cancelled, noise suppressed, gain evened out.

`pywebrtc-audio` (AEC3) where it has a wheel, libspeexdsp through ctypes elsewhere, nothing if there is neither.
"""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np

from hw.errors import SoundError
from hw.sound.frame import RATE_HZ
from hw.sound.treatment import Treatment

log = logging.getLogger(__name__)


class Canceller(Protocol):
    """Treats one 20 ms frame at a time; keeps what it has learnt of the room."""

    name: str

    def process(self, near: bytes, far: bytes) -> bytes:
        """`near` is what was captured, `far` what was played (same length, index-locked); the near talker alone."""


class WebrtcCanceller:
    """AEC3 with noise suppression and gain control; finds the echo's delay itself, up to 300 ms.

    Adds 9 ms, 15 with noise suppression. The library works on 10 ms blocks and releases the interpreter lock.
    """

    name = "webrtc"

    def __init__(self, treatment: Treatment, delay_hint_ms: int = 60) -> None:
        """ImportError where the library has no wheel."""
        from pywebrtc_audio import AudioProcessor

        self._processor = AudioProcessor(
            sample_rate=RATE_HZ,
            echo_cancellation=treatment.echo,
            noise_suppression=treatment.noise,
            ns_level=2,
            auto_gain_control=treatment.gain,
            stream_delay_ms=delay_hint_ms,
        )
        self._echo = treatment.echo

    def process(self, near: bytes, far: bytes) -> bytes:
        """The near talker alone."""
        heard = np.frombuffer(near, "<i2")
        played = np.frombuffer(far, "<i2") if self._echo else None
        done = self._processor.process(heard, played)
        return bytes(done.tobytes())


class NoCanceller:
    """Leaves the sound as it is."""

    name = "none"

    def process(self, near: bytes, far: bytes) -> bytes:
        """The captured frame itself."""
        return near


def make_canceller(kind: str, treatment: Treatment) -> Canceller:
    """`kind` is auto, webrtc, speex or none; SoundError says what to install when a named one is missing."""
    if kind == "none" or not any(treatment):
        return NoCanceller()
    for name, make in (("webrtc", WebrtcCanceller), ("speex", _speex)):
        if kind in (name, "auto"):
            try:
                return make(treatment)
            except (ImportError, OSError) as error:
                if kind == name:
                    raise SoundError(f"the echo canceller {name} is not installed ({error})") from error
                log.debug("the echo canceller %s is not installed: %s", name, error)
    log.warning("no echo canceller is installed: the far end will hear itself (install pywebrtc-audio or libspeexdsp1)")
    return NoCanceller()


def _speex(treatment: Treatment) -> Canceller:
    from hw.sound.echo_speex import SpeexCanceller

    return SpeexCanceller(treatment)
