"""Notices when a stream of packets falls silent, and when it is back. Pure."""

from __future__ import annotations

from math import inf

RTP_SILENCE_S = 0.3
DTX_SILENCE_S = 1.5  # a sender that pauses in silence sends only a sign of life every 0.4 s
HICCUP_S = 0.1  # less than a digit takes
HOLDS_S = 5.0  # who has been silent for longer on a good path has nothing to say
STALL_S = 0.25  # between two ticks: this machine was busy, which says nothing about the far end


class StreamSilence:
    """Told of each packet that came, and the time every 100 ms or so."""

    def __init__(self) -> None:
        self._heard_at: float | None = None
        self._most_s = RTP_SILENCE_S
        self._is_silent = False
        self._ticked_at = -inf

    def heard(self, now: float, *, pauses: bool) -> bool:
        """Note a packet, which may say that the sender pauses; tell whether a silence that was noticed is over.

        It may have waited in a socket while others were read.
        """
        if self._heard_at is None or now > self._heard_at:
            self._heard_at = now
        self._most_s = DTX_SILENCE_S if pauses else RTP_SILENCE_S
        was_silent, self._is_silent = self._is_silent, False
        return was_silent

    def tick(self, now: float) -> float | None:
        """Return how many seconds the stream has been silent, when that shows; None before and after."""
        stalled = now - self._ticked_at > STALL_S  # what came meanwhile is not read yet
        self._ticked_at = now
        if self._heard_at is None or stalled or self._is_silent or now - self._heard_at <= self._most_s:
            return None
        self._is_silent = True
        return now - self._heard_at

    def is_cut_off(self, now: float) -> bool:
        """Tell whether the far end may be out of reach: it has just fallen silent in the middle of its sound."""
        age_s = 0.0 if self._heard_at is None else now - self._heard_at
        return self._most_s == RTP_SILENCE_S and HICCUP_S < age_s < HOLDS_S
