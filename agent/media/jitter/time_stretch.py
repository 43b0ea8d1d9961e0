"""Makes a piece of speech shorter or longer by whole pitch periods, so that nobody hears it (WSOLA).

The literature calls the one accelerate, the other (preemptive) expand.

A cut or a repetition joins two places one period apart with a cross-fade. In voiced speech the period is the lag at
which the sound resembles itself most; in quiet any lag will do.
"""

from __future__ import annotations

import numpy as np

from hw.sound.frame import RATE_HZ
from hw.sound.pcm import FloatSamples, PcmSamples

_COARSE = 6  # the period is searched at 8 kHz first
_SHORTEST = RATE_HZ * 25 // 10_000
_LONGEST = RATE_HZ // 100
_ALIKE = 0.6  # correlation from which a joint is not heard
_QUIET_RMS = 100.0  # of 32767: below this any joint will do
_NOTHING = np.zeros(1, np.float32)


def shorten(pcm: PcmSamples, most: int, *, force: bool = False) -> PcmSamples:
    """Cut one period of up to `most` samples out of `pcm`; unchanged where it would be heard (unless `force`)."""
    lag = _lag(pcm, most, most, force)
    if not lag:
        return pcm
    return np.concatenate((_fade(pcm[:lag], pcm[lag : 2 * lag]), pcm[2 * lag :]))


def lengthen(pcm: PcmSamples, wanted: int) -> PcmSamples:
    """Repeat one period of `pcm`, or in quiet up to `wanted` samples; unchanged where it would be heard."""
    lag = _lag(pcm, wanted, _LONGEST, False)
    if not lag:
        return pcm
    return np.concatenate((pcm[:lag], _fade(pcm[lag : 2 * lag], pcm[:lag]), pcm[lag:]))


def _fade(old: PcmSamples, new: PcmSamples) -> PcmSamples:
    ramp = np.arange(1, len(old) + 1, dtype=np.float32) / (len(old) + 1)
    mixed: PcmSamples = np.rint(old + (new.astype(np.float32) - old) * ramp).astype(np.int16)
    return mixed


def _lag(pcm: PcmSamples, in_quiet: int, in_speech: int, force: bool) -> int:
    """The distance between the two places to be joined; 0 for none."""
    longest = min(in_speech, _LONGEST, len(pcm) // 2)
    sound = pcm.astype(np.float32)
    if float(sound @ sound) < _QUIET_RMS**2 * len(pcm):
        return min(in_quiet, _LONGEST, len(pcm) // 2)
    if longest < _SHORTEST:
        return 0
    lag, alike = _best(sound[::_COARSE], _SHORTEST // _COARSE, longest // _COARSE)
    if alike < _ALIKE and not force:
        return 0
    fine, _ = _best(sound, max(_SHORTEST, (lag - 1) * _COARSE), min(longest, (lag + 1) * _COARSE))
    return fine


def _best(sound: FloatSamples, first: int, last: int) -> tuple[int, float]:
    """The lag from `first` to `last` at which `sound` resembles itself most, and how much (-1..1)."""
    width = len(sound) - last
    start = sound[:width]
    energies = np.cumsum(np.concatenate((_NOTHING, sound * sound)), dtype=np.float64)
    energy = (energies[first + width :] - energies[first : last + 1]) * energies[width]
    likeness = np.correlate(sound[first:], start, "valid") / np.sqrt(np.maximum(energy, 0.0) + 1.0)
    best = int(likeness.argmax())
    return first + best, float(likeness[best])
