"""Runs one box until a signal ends it, and ends the process in time whatever hangs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial

import gevent

from agent.config.settings_file import SettingsFile
from agent.errors import AgentError, UsageError
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.reload import Reload
from agent.service.stopping import StopSignals, leave_by

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005  # native sound callbacks wait less for the interpreter
LEAVE_MARGIN_S = 0.3
AGAIN = -1  # no status of a process


def serve(
    kiosk: Kiosk, settings: SettingsFile | None = None, set_level: Callable[[str], None] = lambda level: None
) -> int:
    """Start `kiosk`, wait for SIGTERM or SIGINT, stop it; the exit status, or AGAIN when it is to begin anew.

    With `settings`, SIGHUP and the command `reload` read them again.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    within_s = kiosk.config.service.stop_within_ms / 1000 + LEAVE_MARGIN_S
    kiosk.upkeep.self_test.settings = settings.path if settings else None
    reload = Reload(kiosk, settings, lambda: gevent.spawn(kiosk.stop), set_level) if settings else None
    signals = StopSignals(partial(_stop, kiosk), reload.on_hangup if reload else None, within_s)
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
    return AGAIN if kiosk.comes_back and not status else status


def _stop(kiosk: Kiosk, _reason: str) -> None:
    kiosk.comes_back = False
    gevent.spawn(kiosk.stop)
