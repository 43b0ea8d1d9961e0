"""What the far end's reports say of our packets, as the protection against loss needs it. Pure.

Losses come without warning and in groups, and reports come every few seconds. So what was lost weighs at once, and is
forgotten slowly.
"""

from __future__ import annotations

_KEPT = 0.7  # of a loss, from one report to the next
_CALM_REPORTS = 2  # without any loss in so many reports the path is calm ...
_WARY_REPORTS = 120  # ... but later once there was some
_ONE_COPY_FROM, _TWO_COPIES_FROM = 0.02, 0.1


class ReportedLoss:
    """The share (0..1) of our packets that is likely to be lost."""

    def __init__(self) -> None:
        self.share = 0.0
        self._calm_in = _CALM_REPORTS

    def report(self, fraction: float) -> None:
        """Take the share that one report says was lost since the one before."""
        self.share = max(fraction, self.share * _KEPT + fraction * (1 - _KEPT))
        self._calm_in = _WARY_REPORTS if fraction else max(0, self._calm_in - 1)

    @property
    def is_calm(self) -> bool:
        """Whether nothing was lost for so long that being ready for it is not worth its price."""
        return not self._calm_in

    @property
    def copies(self) -> int:
        """How many packets after it should carry a packet once more."""
        return (self.share >= _ONE_COPY_FROM) + (self.share >= _TWO_COPIES_FROM)
