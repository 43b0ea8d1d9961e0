"""The sounds a phone makes, computed: ring, ringback, busy, no connection, keys, connect, disconnect. Pure.

The bell rings in the rhythm of the country's ringback tone, as its exchanges do. Each function returns 48 kHz mono
int16 bytes.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from hw.errors import ToneError
from hw.sound.country_tones import Cadence, country_named
from hw.sound.frame import RATE_HZ

FADE_MS = 4  # a tone that starts or ends at full level clicks

ToneSignal = npt.NDArray[np.float64]


# ITU-T Q.23: row and column of each key.
_ROWS_HZ = (697.0, 770.0, 852.0, 941.0)
_COLUMNS_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
_KEYPAD = ("123A", "456B", "789C", "*0#D")

# The SDK's `fakeLocalDTMF`: deliberately no real digits, so that the far end cannot detect them (spec: device 10).
_FAKE_ROWS_HZ = (720.0, 790.0, 870.0, 960.0)
_FAKE_COLUMNS_HZ = (1230.0, 1360.0, 1480.0)
_FAKE_LEVEL = 0.1


def _frequencies(digit: str, rows: tuple[float, ...], columns: tuple[float, ...]) -> tuple[float, float]:
    for row, keys in zip(rows, _KEYPAD, strict=True):
        column = keys.find(digit)
        if len(digit) == 1 and 0 <= column < len(columns):
            return columns[column], row
    raise ToneError(f"there is no key {digit!r}: use one of 0-9, * and #")


def _sines(hz: tuple[float, ...], duration_s: float, level: float) -> ToneSignal:
    """All of `hz` together, `level` (0..1) each, faded at both ends."""
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    tone = np.sum([np.sin(2 * np.pi * f * t) for f in hz], axis=0) * level
    return np.asarray(_faded(tone), np.float64)


def _faded(tone: ToneSignal) -> ToneSignal:
    n = min(RATE_HZ * FADE_MS // 1000, len(tone) // 2)
    ramp = np.linspace(0.0, 1.0, n)
    tone[:n] *= ramp
    tone[len(tone) - n :] *= ramp[::-1]
    return tone


def _silence(duration_s: float) -> ToneSignal:
    return np.zeros(round(duration_s * RATE_HZ))


def _pcm(*parts: ToneSignal) -> bytes:
    joined = np.concatenate(parts)
    return (np.clip(joined, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def _repeated(cadence: Cadence, level: float) -> bytes:
    on_off = cadence.on_off_s
    parts = [_sines(cadence.hz, s, level) if i % 2 == 0 else _silence(s) for i, s in enumerate(on_off)]
    return _pcm(*parts)


@functools.lru_cache(maxsize=4)
def ring(country: str = "us") -> bytes:
    """Compute one period of the box's own bell, to be looped: a two-pitch warble in the country's ringing rhythm."""
    on_off = country_named(country).ringback.on_off_s
    return _pcm(*(_warble(s) if i % 2 == 0 else _silence(s) for i, s in enumerate(on_off)))


def _warble(duration_s: float) -> ToneSignal:
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    pitch_hz = np.where((t * 25.0).astype(np.int64) % 2 == 0, 1050.0, 1320.0)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return _faded(0.45 * np.sin(phase) + 0.15 * np.sin(3 * phase))


@functools.lru_cache(maxsize=4)
def ringback(country: str = "us") -> bytes:
    """Compute one period of what a caller hears while the other end rings, to be looped."""
    return _repeated(country_named(country).ringback, 0.12)


@functools.lru_cache(maxsize=4)
def busy(country: str = "us") -> bytes:
    """Compute one period of what a caller hears when the other end is engaged, to be looped."""
    return _repeated(country_named(country).busy, 0.12)


@functools.lru_cache(maxsize=32)
@functools.lru_cache(maxsize=1)
def unreachable() -> bytes:
    """Compute the special information tone, to be looped: no connection to the network (ITU-T E.180 section 7)."""
    return _pcm(*[_sines((hz,), 0.33, 0.2) for hz in (950.0, 1400.0, 1800.0)], _silence(1.0))


def key(digit: str, *, fake: bool = False, duration_ms: int = 100) -> bytes:
    """Compute a pressed key's tone, for the ear here: DTMF, or the SDK's harmless look-alike when `fake`. ToneError."""
    if fake:
        return _pcm(_sines(_frequencies(digit, _FAKE_ROWS_HZ, _FAKE_COLUMNS_HZ), duration_ms / 1000, _FAKE_LEVEL))
    return _pcm(_sines(_frequencies(digit, _ROWS_HZ, _COLUMNS_HZ), duration_ms / 1000, 0.2))


@functools.lru_cache(maxsize=1)
def connected() -> bytes:
    """Compute two rising notes: the call stands."""
    return _pcm(_sines((523.25,), 0.12, 0.25), _silence(0.03), _sines((783.99,), 0.18, 0.25))


@functools.lru_cache(maxsize=1)
def disconnected() -> bytes:
    """Compute two falling notes: the call is over."""
    return _pcm(_sines((783.99,), 0.12, 0.25), _silence(0.03), _sines((523.25,), 0.18, 0.25))


# What is heard of a press, a code or a limit. None of it is a digit, a ring or a tone of progress of any country.


@functools.lru_cache(maxsize=1)
def granted() -> bytes:
    """Compute two quick rising notes: what was asked for is done."""
    return _pcm(_sines((1046.5,), 0.1, 0.25), _silence(0.02), _sines((1568.0,), 0.18, 0.25))


@functools.lru_cache(maxsize=1)
def refused() -> bytes:
    """Compute one long low note: what was asked for is not done."""
    return _pcm(_sines((277.2,), 0.45, 0.3))


@functools.lru_cache(maxsize=1)
def barred() -> bytes:
    """Compute three short low notes: it is not done either, and for a while nothing of the kind will be."""
    return _pcm(*[part for _ in range(3) for part in (_sines((277.2,), 0.14, 0.3), _silence(0.08))])


@functools.lru_cache(maxsize=1)
def working() -> bytes:
    """Compute a soft tick in every two seconds, after the first silent one, to be looped: it is being worked on."""
    return _pcm(_silence(1.0), _sines((880.0,), 0.05, 0.06), _silence(0.95))


@functools.lru_cache(maxsize=1)
def soon_over() -> bytes:
    """Compute two short high notes: the time is nearly up."""
    return _pcm(_sines((1760.0,), 0.1, 0.2), _silence(0.1), _sines((1760.0,), 0.1, 0.2))


@functools.lru_cache(maxsize=1)
def probe(duration_s: float = 1.0, hz: float = 1000.0) -> bytes:
    """Compute a steady tone for testing a speaker."""
    return _pcm(_sines((hz,), duration_s, 0.3))
