"""G.711 (ITU-T, mu-law and A-law at 8 kHz) to and from 48 kHz frames: companding by table, 6:1 resampling by filters.

Both resamplers are one linear-phase low-pass filter (flat to 3.3 kHz, 50 dB down from 4.3 kHz, whose alias falls above
3.7 kHz), evaluated only where a sample is wanted, with the tail of the previous frame as its state. Each delays 1.5 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agent.errors import CodecError
from agent.media.codec.plc import PitchConcealer
from hw.sound.pcm import FloatSamples, PcmSamples

CLOCK_HZ = 8000
RATIO = 6
_TAPS_A_PHASE = 24
_TAPS = RATIO * _TAPS_A_PHASE
_CUTOFF_HZ = 3800.0
_BIAS = 132
_CLIP = 32635


def _mu_law() -> FloatSamples:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 7)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.float32)


def _a_law() -> FloatSamples:
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    step = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment, step + 0x100 << np.maximum(segment, 1) - 1, step)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.float32)


def _mu_law_codes() -> NDArray[np.uint8]:
    """The code of every int16, indexed by its bits taken as unsigned."""
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(value), _CLIP) + _BIAS
    segment = np.log2(magnitude).astype(np.int32) - 7
    code = np.where(value < 0, 0x80, 0) | segment << 4 | magnitude >> segment + 3 & 0x0F
    codes: NDArray[np.uint8] = (~code & 0xFF).astype(np.uint8)
    return codes


def _a_law_codes() -> NDArray[np.uint8]:
    """The same for A-law, which has no zero: what is below it has the sign of its own."""
    value = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(value < 0, ~value, value)
    segment = np.maximum(np.log2(np.maximum(magnitude, 1)).astype(np.int32) - 4, 0)
    code = np.where(value < 0, 0, 0x80) | segment << 4 | magnitude >> np.maximum(segment, 1) & 0x0F
    codes: NDArray[np.uint8] = (code ^ 0x55).astype(np.uint8)
    return codes


def _low_pass() -> FloatSamples:
    position = (np.arange(_TAPS) - (_TAPS - 1) / 2) * (2 * _CUTOFF_HZ / (CLOCK_HZ * RATIO))
    taps = np.sinc(position) * np.kaiser(_TAPS, 4.5)
    scaled: FloatSamples = (taps / taps.sum()).astype(np.float32)
    return scaled


_DECODED = {"PCMU": _mu_law(), "PCMA": _a_law()}
_ENCODED = {"PCMU": _mu_law_codes(), "PCMA": _a_law_codes()}
_FILTER = _low_pass()
_BANK = np.ascontiguousarray((_FILTER * RATIO).reshape(_TAPS_A_PHASE, RATIO)[::-1])


class NarrowbandDecimator:
    """48 kHz to 8 kHz, any multiple of 6 samples at a time."""

    def __init__(self) -> None:
        self._tail = np.zeros(_TAPS - RATIO, np.float32)

    def __call__(self, pcm: PcmSamples) -> FloatSamples:
        sound: FloatSamples = np.concatenate((self._tail, pcm.astype(np.float32)))
        self._tail = sound[len(sound) - (_TAPS - RATIO) :]
        return np.lib.stride_tricks.sliding_window_view(sound, _TAPS)[::RATIO] @ _FILTER


class NarrowbandInterpolator:
    """8 kHz to 48 kHz, any number of samples at a time."""

    def __init__(self) -> None:
        self._tail = np.zeros(_TAPS_A_PHASE - 1, np.float32)

    def __call__(self, sound: FloatSamples) -> PcmSamples:
        sound = np.concatenate((self._tail, sound))
        self._tail = sound[len(sound) - (_TAPS_A_PHASE - 1) :]
        fine = np.lib.stride_tricks.sliding_window_view(sound, _TAPS_A_PHASE) @ _BANK
        return to_int16(fine.ravel())


def to_int16(sound: FloatSamples) -> PcmSamples:
    """Round and limit to what 16 bits hold."""
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


class G711Encoder:
    """Encodes mono 48 kHz int16 PCM, a multiple of 6 samples at a time."""

    def __init__(self, law: str) -> None:
        """`law` is PCMU or PCMA."""
        self._codes = _ENCODED[law]
        self._decimate = NarrowbandDecimator()

    def encode(self, pcm: bytes) -> bytes:
        """Make one byte for every six samples of `pcm`."""
        narrow = to_int16(self._decimate(np.frombuffer(pcm, np.int16)))
        return self._codes[narrow.view(np.uint16)].tobytes()


class G711Decoder:
    """Decodes to mono 48 kHz int16; the same calls as `OpusDecoder`."""

    def __init__(self, law: str) -> None:
        """`law` is PCMU or PCMA."""
        self.law = law  # may be another one for each packet
        self._interpolate = NarrowbandInterpolator()
        self._concealer = PitchConcealer(CLOCK_HZ)

    def decode(self, payload: bytes) -> bytes:
        """Make six samples for every byte of `payload`; CodecError when it is empty."""
        if not payload:
            raise CodecError(f"a {self.law} packet is empty; it is concealed")
        sound = self._concealer.heard(_DECODED[self.law][np.frombuffer(payload, np.uint8)])
        return self._interpolate(sound).tobytes()

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """Conceal: G.711 repairs nothing."""
        return self.conceal(samples)

    def conceal(self, samples: int) -> bytes:
        """Make `samples` of 48 kHz sound that repeat the last pitch periods and fade out."""
        narrow = self._concealer.lost(-(-samples // RATIO))
        return self._interpolate(narrow).tobytes()[: samples * 2]
