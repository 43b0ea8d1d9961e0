"""What a supervisor can keep running: a greenlet of the hub, or something that lives outside it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from time import monotonic

import gevent

from agent.errors import StragglerError
from agent.supervision.heartbeat import Heartbeat
from agent.supervision.restart import RestartIntensity, RestartLimits

Run = Callable[[Heartbeat], None]
AGAIN_S = 3600.0
_FIGURES = re.compile(r"[\d.]+")
KILL_S = 1.0  # what a stalled greenlet is given to clean up
RESTART_S = 20.0  # what an organ is given to come back; for those whose restart waits on the hub


class Part:
    """Name, history and freshness of one supervised thing."""

    def __init__(self, name: str, stall_s: float | None, limits: RestartLimits) -> None:
        self.name = name
        self.stall_s = stall_s
        self.intensity = RestartIntensity(limits)
        self.restarts = 0
        self.down = True  # not started yet, or waiting for its next start
        self.in_trouble = False  # it failed, and has not lived for long since
        self.error: Exception | None = None  # what it failed with
        self._told: tuple[str, float] | None = None  # the failure that the log has, and when
        self._started_at = monotonic()

    def news(self, why: str) -> int:
        """Return the level at which to log this failure: what comes again and again is told once an hour."""
        kind, now = _FIGURES.sub("", why), monotonic()
        is_known = self._told is not None and self._told[0] == kind and now - self._told[1] < AGAIN_S
        if not is_known:
            self._told = kind, now
        return logging.DEBUG if is_known else logging.WARNING

    def lived_s(self) -> float:
        """Return the seconds since its latest start; 0 while it is down."""
        return 0.0 if self.down else monotonic() - self._started_at

    def start(self) -> None:
        """Bring it up, ending what may be left of its last life; raises if that fails."""
        self._started_at = monotonic()
        self.down = False

    def stop(self, timeout_s: float) -> bool:
        """End it; whether it was gone within `timeout_s`."""
        raise NotImplementedError

    def age_s(self) -> float:
        """Return the seconds since it last made progress; its start counts as progress."""
        return monotonic() - self._started_at

    @property
    def stalled(self) -> bool:
        """Whether it should be working but has made no progress for too long."""
        return not self.down and self.stall_s is not None and self.age_s() > self.stall_s


class Child(Part):
    """A function in a greenlet; `on_end(child, why)` is called when it ends without being asked to."""

    def __init__(self, name: str, run: Run, stall_s: float | None, limits: RestartLimits,
                 on_end: Callable[[Part, str], None]) -> None:  # fmt: skip
        super().__init__(name, stall_s, limits)
        self._run = run
        self._on_end = on_end
        self._heartbeat = Heartbeat()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Spawn the greenlet; raises `StragglerError` while the one before it cannot be ended."""
        if not self.stop(KILL_S):
            raise StragglerError(f"{self.name} does not let itself be ended")
        self._heartbeat = Heartbeat()
        self._greenlet = gevent.Greenlet(self._live, self._heartbeat)
        self._greenlet.link(self._ended)
        self._greenlet.start()
        super().start()

    def stop(self, timeout_s: float) -> bool:
        """Kill the greenlet and wait for its clean-up; whether it ended in time."""
        greenlet = self._greenlet
        if greenlet is None:
            return True
        greenlet.unlink(self._ended)
        greenlet.kill(block=True, timeout=timeout_s)
        if greenlet.dead:
            self._greenlet = None
        return bool(greenlet.dead)

    def age_s(self) -> float:
        """Return the seconds since the last heartbeat."""
        return self._heartbeat.age_s()

    def _live(self, heartbeat: Heartbeat) -> str:
        try:
            self._run(heartbeat)
        except Exception as error:
            self.error = error
            return f"{type(error).__name__}: {error}"
        return "it ended by itself"

    def _ended(self, greenlet: gevent.Greenlet) -> None:
        self._greenlet = None
        self._on_end(self, str(greenlet.value))


class Organ(Part):
    """Something outside the hub: a thread, a device. `restart` may block the calling greenlet."""

    def __init__(self, name: str, age_s: Callable[[], float], stall_s: float, restart: Callable[[], None],
                 limits: RestartLimits) -> None:  # fmt: skip
        super().__init__(name, stall_s, limits)
        self._age_s = age_s
        self._restart = restart
        self._seen_alive = True  # it runs already when it is handed over

    def start(self) -> None:
        """Restart it; the first call only begins the watch."""
        if self._seen_alive:
            self._seen_alive = False
        else:
            with gevent.Timeout(RESTART_S, StragglerError(f"{self.name} was not restarted within {RESTART_S:g} s")):
                self._restart()
        super().start()

    def stop(self, timeout_s: float) -> bool:
        """Leave it to its owner to end it; True."""
        return True

    def age_s(self) -> float:
        """Return the seconds since its last progress, or since its last start where that is nearer."""
        return min(self._age_s(), super().age_s())
