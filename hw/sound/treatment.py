"""Which treatment of captured sound is wanted: the settings, and the constraints of one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Treatment(NamedTuple):
    """Which steps are wanted (`audio_constraints`)."""

    echo: bool = True
    noise: bool = True
    gain: bool = False

    def constrained(self, constraints: Mapping[str, Any] | None) -> Treatment:
        """This treatment with echoCancellation, noiseSuppression and autoGainControl where they are given."""
        wanted = constraints or {}
        return Treatment(
            _flag(wanted.get("echoCancellation"), self.echo),
            _flag(wanted.get("noiseSuppression"), self.noise),
            _flag(wanted.get("autoGainControl"), self.gain),
        )


def _flag(value: Any, default: bool) -> bool:
    """A constraint is a bool, or {"exact": bool} or {"ideal": bool} (Media Capture and Streams, 4.3)."""
    if isinstance(value, Mapping):
        value = value.get("exact", value.get("ideal"))
    return value if isinstance(value, bool) else default
