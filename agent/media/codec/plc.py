"""Concealment of lost sound by repeating pitch periods, in the manner of ITU-T G.711 Appendix I. Pure.

The last pitch period heard becomes a seamless loop: its end is cross-faded into what came before its beginning. The
loop plays at full level for 10 ms and has faded out after 60 ms. Where it starts it is bent so that no step is heard,
and the first sound that arrives again is cross-faded with what the loop would have gone on with. (A loop of several
periods, which the Recommendation changes to after 10 ms, was tried: PESQ at 10 % loss fell from 2.85 to 2.49.)
"""

from __future__ import annotations

import numpy as np

from hw.sound.pcm import FloatSamples

_SHORTEST_MS = 2.5
_LONGEST_MS = 15
_MATCH_MS = 10
_SEAM_MS = 1
_FADE_FROM_MS = 10
_FADE_TO_MS = 60
_MERGE_MS = 3


class PitchConcealer:
    """One direction of sound at `rate_hz`, float samples of any scale."""

    def __init__(self, rate_hz: int) -> None:
        self._per_ms = rate_hz // 1000
        self._history = np.zeros((_MATCH_MS + _LONGEST_MS + _SEAM_MS) * self._per_ms, np.float32)
        self._lost = 0  # samples made since the loss began
        self._loop = self._history

    def heard(self, sound: FloatSamples) -> FloatSamples:
        """Merge the beginning of what arrived into the concealment before it."""
        if self._lost:
            sound = self._merge(sound)
            self._lost = 0
        self._history = np.concatenate((self._history, sound))[-len(self._history) :]
        return sound

    def lost(self, samples: int) -> FloatSamples:
        """Invent `samples` in place of sound that did not arrive."""
        if not self._lost:
            self._loop = self._make_loop()
        made = self._go_on(samples)
        self._lost += samples
        return made

    def _go_on(self, samples: int) -> FloatSamples:
        """What the loop plays next, faded by the age of the loss."""
        at = np.arange(self._lost, self._lost + samples)
        made = self._loop[at % len(self._loop)]
        if self._lost == 0:
            made[: self._per_ms] += (self._history[-1] - self._loop[-1]) * np.linspace(1, 0, min(samples, self._per_ms))
        fade = (_FADE_TO_MS - at / self._per_ms) / (_FADE_TO_MS - _FADE_FROM_MS)
        return (made * np.clip(fade, 0, 1)).astype(np.float32)

    def _merge(self, sound: FloatSamples) -> FloatSamples:
        length = min(len(sound), _MERGE_MS * self._per_ms)
        ramp = np.arange(1, length + 1, dtype=np.float32) / (length + 1)
        merged = sound.copy()
        merged[:length] = sound[:length] * ramp + self._go_on(length) * (1 - ramp)
        return merged

    def _make_loop(self) -> FloatSamples:
        """The last period, with a seamless end."""
        length, seam = self._period(), _SEAM_MS * self._per_ms
        loop = self._history[-length:].copy()
        ramp = np.arange(1, seam + 1, dtype=np.float32) / (seam + 1)
        before = self._history[-length - seam : -length]
        loop[-seam:] = loop[-seam:] * (1 - ramp) + before * ramp
        return loop

    def _period(self) -> int:
        """The lag at which the latest sound resembles itself most."""
        width, first, last = _MATCH_MS * self._per_ms, int(_SHORTEST_MS * self._per_ms), _LONGEST_MS * self._per_ms
        recent = self._history[-width:]
        shifted = np.lib.stride_tricks.sliding_window_view(self._history[-width - last : -first], width)[::-1]
        energy = np.einsum("ij,ij->i", shifted, shifted)
        return first + int(np.argmax((shifted @ recent) / np.sqrt(energy + 1.0)))
