"""How often the service was started lately, and how long the next start waits for it: crash loops slow down.

systemd 254 and newer can do that (`RestartSteps=`), older ones start again at the same pace for ever. So each start is
noted in the runtime folder, which is memory; an orderly stop, settings that changed, and a box that has run for some
while begin anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

FREE = 3  # starts that wait for nothing
LONGEST_S = 60.0
FAILED_FOR_LONG, LONG_S = 30, 900.0  # what half an hour did not mend is tried seldom, or its log would fill the card
DAY_S = 86_400.0


def pause_before_start_s(starts: Sequence[float], now: float) -> float:
    """Tell how long the next start waits, after earlier ones at these monotonic seconds; pure."""
    count = sum(0 <= now - at < DAY_S for at in starts)
    if count <= FREE:
        return 0.0
    if count > FAILED_FOR_LONG:
        return LONG_S
    return float(min(LONGEST_S, 2.0 ** (count - FREE)))


class StartRecord:
    """The moments of the latest starts since the machine booted, in the service's runtime folder if there is one."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        folder = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
        self._path = Path(folder) / "starts" if folder else None

    def note(self, now: float) -> float:
        """Add a start at `now`, monotonic seconds; the seconds that it has to wait."""
        if self._path is None:
            return 0.0
        starts = self._read()
        pause_s = pause_before_start_s(starts, now)
        with suppress(OSError):  # without a record nothing waits
            self._path.write_text(json.dumps([*starts[-FAILED_FOR_LONG:], now]))
        return pause_s

    def forget(self) -> None:
        """Begin anew; idempotent."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _read(self) -> list[float]:
        try:
            found = json.loads(self._path.read_text()) if self._path is not None else []
        except (OSError, ValueError, RecursionError):
            return []
        return [float(at) for at in found if isinstance(at, int | float)] if isinstance(found, list) else []
