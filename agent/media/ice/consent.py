"""The health of a media path from the age of what was heard on it: pure, W3C's ICE states out.

A path is `connected` while authenticated packets arrive and our checks are answered. Either going missing is
`disconnected`, and `failed` if it lasts. Answers count apart from packets because loss can be one-way: hearing the far
end does not prove that it hears us.
"""

from __future__ import annotations

from dataclasses import dataclass

CONSENT_INTERVAL_S = 2.5
IMPATIENT_INTERVAL_S = 0.3  # between checks while nothing is heard
IMPATIENT_AFTER_S = 0.25
CONSENT_EXPIRES_S = 30.0  # RFC 7675 section 5.1: then nothing more may be sent


@dataclass(frozen=True)
class ConsentTerms:
    """How long a path may be silent: when it counts as disconnected, and how much later as failed; seconds."""

    disconnected_s: float
    failed_s: float

    @property
    def checking_s(self) -> float:
        """How long a new path may take before it counts as failed."""
        return self.disconnected_s + self.failed_s

    def state(self, heard_age_s: float, answered_age_s: float) -> str:
        """Return the state of a path that once worked."""
        patience_s = 2 * CONSENT_INTERVAL_S  # an answer is due only after a check, and one check may be lost
        age_s = max(heard_age_s, answered_age_s - patience_s)
        if age_s < self.disconnected_s:
            return "connected"
        return "disconnected" if age_s < self.disconnected_s + self.failed_s else "failed"


def consent_due(since_check_s: float, heard_age_s: float) -> bool:
    """Tell whether it is time to ask the far end whether it still wants our packets."""
    impatient = heard_age_s > IMPATIENT_AFTER_S
    return since_check_s >= (IMPATIENT_INTERVAL_S if impatient else CONSENT_INTERVAL_S)
