"""Real-time scheduling for the few threads that a sound card waits for."""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)


def raise_priority(level: int) -> bool:
    """Schedule the calling thread ahead of all ordinary ones; 0 leaves it alone. False where the user may not.

    The service may (`LimitRTPRIO` in its unit). Each of these threads works for well under a millisecond at a time.
    """
    if level <= 0:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(level))
    except (OSError, AttributeError) as error:
        log.debug("no real-time priority for sound: %s", error)
        return False
    return True
