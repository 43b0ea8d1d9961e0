"""The fallback echo canceller: libspeexdsp through ctypes, at 16 kHz (Debian package libspeexdsp1).

The numbers of requests are those of speex/speex_echo.h and speex/speex_preprocess.h. ctypes releases the interpreter
lock during each call. Speech above 8 kHz is lost, and the echo path must be steadier than the other canceller needs.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hw.sound.frame import FRAME_SAMPLES

if TYPE_CHECKING:
    from hw.sound.treatment import Treatment

RATE_HZ = 16_000
FACTOR = 3
SAMPLES = FRAME_SAMPLES // FACTOR
TAIL_MS = 250

ECHO_SET_SAMPLING_RATE = 24
PREPROCESS_SET_DENOISE = 0
PREPROCESS_SET_AGC = 2
PREPROCESS_SET_NOISE_SUPPRESS = 18
PREPROCESS_SET_ECHO_SUPPRESS = 20
PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE = 22
PREPROCESS_SET_ECHO_STATE = 24

Signal = npt.NDArray[np.float32]


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libspeexdsp.so.1")
    pointer = ctypes.c_void_p
    signatures = {
        "speex_echo_state_init": (pointer, [ctypes.c_int, ctypes.c_int]),
        "speex_echo_ctl": (ctypes.c_int, [pointer, ctypes.c_int, pointer]),
        "speex_echo_cancellation": (None, [pointer, ctypes.c_char_p, ctypes.c_char_p, pointer]),
        "speex_echo_state_destroy": (None, [pointer]),
        "speex_preprocess_state_init": (pointer, [ctypes.c_int, ctypes.c_int]),
        "speex_preprocess_ctl": (ctypes.c_int, [pointer, ctypes.c_int, pointer]),
        "speex_preprocess_run": (ctypes.c_int, [pointer, pointer]),
        "speex_preprocess_state_destroy": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _low_pass(taps: int = 48, cutoff: float = 0.9 / FACTOR) -> Signal:
    """Windowed sinc for both directions of the rate change: 0.5 ms of delay each."""
    n = np.arange(taps) - (taps - 1) / 2
    kernel = np.sinc(n * cutoff) * cutoff * np.kaiser(taps, 6.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _pcm(signal: Signal) -> bytes:
    return bytes(np.clip(np.rint(signal), -32768, 32767).astype("<i2").tobytes())


class WidebandDecimator:
    """48 kHz to 16 kHz, frame by frame without seams."""

    def __init__(self) -> None:
        self._kernel = _low_pass()
        self._past = np.zeros(len(self._kernel) - 1, np.float32)

    def __call__(self, frame: bytes) -> bytes:
        signal = np.concatenate([self._past, np.frombuffer(frame, "<i2").astype(np.float32)])
        self._past = signal[-len(self._past) :]
        return _pcm(np.convolve(signal, self._kernel, "valid")[::FACTOR])


class WidebandInterpolator:
    """16 kHz to 48 kHz, frame by frame without seams."""

    def __init__(self) -> None:
        self._kernel = _low_pass() * FACTOR
        self._past = np.zeros(len(self._kernel) - 1, np.float32)

    def __call__(self, frame: bytes) -> bytes:
        spread = np.zeros(FRAME_SAMPLES, np.float32)
        spread[::FACTOR] = np.frombuffer(frame, "<i2")
        signal = np.concatenate([self._past, spread])
        self._past = signal[-len(self._past) :]
        return _pcm(np.convolve(signal, self._kernel, "valid"))


class SpeexCanceller:
    """Echo canceller, residual echo and noise suppressor, gain control, as far as they are wanted."""

    name = "speex"

    def __init__(self, treatment: Treatment) -> None:
        """OSError where the library is not installed."""
        self._library = _library()
        self._near, self._far, self._up = WidebandDecimator(), WidebandDecimator(), WidebandInterpolator()
        self._out = (ctypes.c_int16 * SAMPLES)()
        self._echo: int | None = None
        if treatment.echo:
            self._echo = self._library.speex_echo_state_init(SAMPLES, RATE_HZ * TAIL_MS // 1000)
            rate = ctypes.c_int(RATE_HZ)
            self._library.speex_echo_ctl(self._echo, ECHO_SET_SAMPLING_RATE, ctypes.byref(rate))
        self._polish = self._library.speex_preprocess_state_init(SAMPLES, RATE_HZ)
        self._set_up_polish(treatment)

    def _set_up_polish(self, treatment: Treatment) -> None:
        if self._echo is not None:
            self._library.speex_preprocess_ctl(self._polish, PREPROCESS_SET_ECHO_STATE, self._echo)
        for request, value in (
            (PREPROCESS_SET_DENOISE, int(treatment.noise)),
            (PREPROCESS_SET_NOISE_SUPPRESS, -15),
            (PREPROCESS_SET_ECHO_SUPPRESS, -40),
            (PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, -15),
            (PREPROCESS_SET_AGC, int(treatment.gain)),
        ):
            number = ctypes.c_int(value)
            self._library.speex_preprocess_ctl(self._polish, request, ctypes.byref(number))

    def process(self, near: bytes, far: bytes) -> bytes:
        """The near talker alone, below 8 kHz."""
        heard = self._near(near)
        if self._echo is not None:
            self._library.speex_echo_cancellation(self._echo, heard, self._far(far), self._out)
        else:
            ctypes.memmove(self._out, heard, len(heard))
        self._library.speex_preprocess_run(self._polish, self._out)
        return self._up(bytes(self._out))

    def __del__(self) -> None:
        if (library := getattr(self, "_library", None)) is None:
            return
        if getattr(self, "_polish", None) is not None:
            library.speex_preprocess_state_destroy(self._polish)
        if getattr(self, "_echo", None) is not None:
            library.speex_echo_state_destroy(self._echo)
