"""Runs one box until a signal ends it, and ends the process in time whatever hangs."""

from __future__ import annotations

import logging
import sys

import gevent

from agent.errors import AgentError, UsageError
from agent.kiosk.kiosk import Kiosk
from agent.service.stopping import StopSignals, leave_by

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005  # native sound callbacks wait less for the interpreter
LEAVE_MARGIN_S = 0.3


def serve(kiosk: Kiosk) -> int:
    """Start `kiosk`, wait for SIGTERM or SIGINT, stop it; the exit status."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    within_s = kiosk.config.service.stop_within_ms / 1000 + LEAVE_MARGIN_S
    signals = StopSignals(lambda _reason: gevent.spawn(kiosk.stop), within_s=within_s)
    status = 0
    try:
        kiosk.start()
        kiosk.wait()
    except AgentError as error:
        log.error("%s", error)
        status = 2 if isinstance(error, UsageError) else 1  # 2: nothing mends settings but an editor
    finally:
        leave_by(within_s, status)
        kiosk.stop()
        signals.close()
    return status
