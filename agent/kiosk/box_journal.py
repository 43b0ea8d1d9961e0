"""What the box's log tells of its life: each of its own moments, and a bounded share of what others can bring about.

Whoever may call the box decides what stands in `From`, and how often it rings. So of such a moment one line a minute is
logged, with the beginning of what they sent; the list of calls has the rest.
"""

from __future__ import annotations

import logging

from agent.log import MOST_WHY, SeldomLog, excerpt

log = logging.getLogger(__name__)

# What repeats for as long as the network is away is told once, by others.
_LEVELS = {"trouble": logging.WARNING, "error": logging.DEBUG, "action": logging.DEBUG, "not possible": logging.DEBUG}

OWN = frozenset(
    ("trouble", "trouble over", "action", "not possible", "bell", "dialling", "ready", "offline", "door open",
     "door closed", "feedback", "mute", "unmute", "soon over", "sound open", "sound opening", "sound lost",
     "sound closed")
)  # fmt: skip


class Journal:
    """Writes moments into the log."""

    def __init__(self) -> None:
        self._strangers = SeldomLog(log)

    def note(self, moment: str, detail: object) -> None:
        """Write down what happened; what is not known to be the box's own doing counts as a stranger's."""
        level = _LEVELS.get(moment, logging.INFO)
        if moment in OWN:
            log.log(level, "%s: %s" if detail else "%s%s", moment, excerpt(detail, MOST_WHY))
        elif detail:
            self._strangers.say(level, f"{moment}: %s", excerpt(detail))
        else:
            self._strangers.say(level, moment)
