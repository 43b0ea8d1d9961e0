"""Makes a piece of speech shorter or longer by whole pitch periods, so that nobody hears it (WSOLA).

The literature calls the one accelerate, the other (preemptive) expand.

A cut or a repetition joins two places some periods apart with a cross-fade. In voiced speech that is the lag at which
the sound resembles itself most; in quiet any lag will do. However good the joint is, what follows it comes at another
time: within a word that is heard, and measured (PESQ), far more than in a pause.
"""

from __future__ import annotations

import numpy as np

from agent.media.jitter.decision import HURRY_SAMPLES
from hw.sound.frame import RATE_HZ
from hw.sound.pcm import FloatSamples, PcmSamples

_COARSE = 6  # the period is searched at 8 kHz first
_SHORTEST = RATE_HZ * 25 // 10_000
_LONGEST = RATE_HZ // 100
_ALIKE = 0.6  # correlation from which a joint is not heard
_QUIET_RMS = 100.0  # of 32767: below this any joint will do
_QUIET_SHARE = 1 / 256  # of the power of what was loud lately: -24 dB
_PAUSE = RATE_HZ * 15 // 100  # between sentences, not within a word
_FORGET = 0.99  # a piece
_NOTHING = np.zeros(1, np.float32)


class TimeStretch:
    """Of one stream of sound, of which it learns what is quiet."""

    def __init__(self) -> None:
        self._loudest = 0.0  # of the pieces lately that were to be changed at leisure; mean square
        self._quiet_for = 0  # so many samples, in pieces one after the other

    def changed(self, pcm: PcmSamples, by: int, *, leisurely: bool = False) -> PcmSamples:
        """Add (> 0) about so many samples, or cut out (< 0) at most so many; what is `leisurely` waits for a pause."""
        if by > 0:
            return lengthen(pcm, by)
        if leisurely and not self._pauses(pcm):
            return pcm
        return shorten(pcm, -by, quiet=leisurely, force=-by >= HURRY_SAMPLES)

    def _pauses(self, pcm: PcmSamples) -> bool:
        power = _power(pcm.astype(np.float32))
        self._loudest = max(power, self._loudest * _FORGET)
        is_quiet = power < max(_QUIET_RMS**2, self._loudest * _QUIET_SHARE)
        self._quiet_for = self._quiet_for + len(pcm) if is_quiet else 0
        return self._quiet_for >= _PAUSE


def shorten(pcm: PcmSamples, most: int, *, quiet: bool = False, force: bool = False) -> PcmSamples:
    """Cut one period of up to `most` samples out of `pcm`, or in `quiet` so many; unchanged where that is heard.

    With `force` it is cut even then.
    """
    sound = pcm.astype(np.float32)
    longest = min(most, _LONGEST, len(pcm) // 2)
    lag = longest if quiet or _power(sound) < _QUIET_RMS**2 else _period(sound, _SHORTEST, longest, force=force)
    if not lag:
        return pcm
    return np.concatenate((_fade(pcm[:lag], pcm[lag : 2 * lag]), pcm[2 * lag :]))


def lengthen(pcm: PcmSamples, wanted: int) -> PcmSamples:
    """Repeat as many periods of `pcm` as make `wanted` samples, or else a shorter one; unchanged where that is heard.

    In quiet it becomes longer by just what is wanted.
    """
    sound = pcm.astype(np.float32)
    lag = min(wanted, len(pcm) // 2) if _power(sound) < _QUIET_RMS**2 else _periods(sound, wanted)
    if not lag:
        return pcm
    joint = min(lag, len(pcm) - lag)
    return np.concatenate((pcm[:lag], _fade(pcm[lag : lag + joint], pcm[:joint]), pcm[joint:]))


def _periods(sound: FloatSamples, wanted: int) -> int:
    """The lag of whole periods that is just enough, or else of one."""
    enough = _period(sound, max(wanted, _SHORTEST), min(wanted + _LONGEST, len(sound) * 3 // 4))
    return enough or _period(sound, _SHORTEST, min(_LONGEST, len(sound) // 2))


def _fade(old: PcmSamples, new: PcmSamples) -> PcmSamples:
    ramp = np.arange(1, len(old) + 1, dtype=np.float32) / (len(old) + 1)
    mixed: PcmSamples = np.rint(old + (new.astype(np.float32) - old) * ramp).astype(np.int16)
    return mixed


def _power(sound: FloatSamples) -> float:
    """Mean square."""
    return float(sound @ sound) / max(len(sound), 1)


def _period(sound: FloatSamples, shortest: int, longest: int, *, force: bool = False) -> int:
    """The lag between both at which the sound resembles itself most; 0 where that is heard (unless `force`)."""
    if longest < shortest:
        return 0
    lag, alike = _best(sound[::_COARSE], shortest // _COARSE, longest // _COARSE)
    if alike < _ALIKE and not force:
        return 0
    fine, _ = _best(sound, max(shortest, (lag - 1) * _COARSE), min(longest, (lag + 1) * _COARSE))
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
