"""Keeps the agent's parts running: starts them, starts them again when they fail or stall, stops them in order.

A *child* is a function that runs in a greenlet and beats its heartbeat while it makes progress. An *organ* lives
elsewhere (the asyncio thread, the sound card) and is judged by its age alone. Both are started again within the limits
of `agent.supervision.restart`; beyond those `wait` raises, the process ends with status 1, and systemd starts it anew.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
import gevent.pool
from gevent.event import AsyncResult

from agent.errors import RestartLimitError
from agent.hub_clock import sleep_to_round
from agent.log import FailureLog
from agent.supervision.heartbeat import Heartbeat
from agent.supervision.parts import Child, Organ, Part, Run
from agent.supervision.restart import RestartLimits

log = logging.getLogger(__name__)


LATE = 1.5  # a look that comes so many times its pause after the one before was held up itself
MOST_PAUSES = 5  # in a row that are waited for; a part that stalls the others is looked at after them
WELL_AGAIN_S = 2.0  # a part that has lived for so long since its restart is over its trouble


class Supervisor:
    """Owner of the agent's parts.

    Add parts, `start()`, `wait()` until somebody calls `stop()`. A part that is added later starts at once.
    """

    def __init__(self, limits: RestartLimits | None = None, check_s: float = 1.0,
                 trouble: Callable[[str, str], None] = lambda name, why: None) -> None:  # fmt: skip
        """`trouble(name, why)` is told of a part that failed, and with an empty `why` once it lives again."""
        self._trouble = trouble
        self._limits = limits or RestartLimits()
        self._check_s = check_s
        self._parts: dict[str, Part] = {}
        self._timers = gevent.pool.Group()
        self._outcome = AsyncResult()
        self._running = False
        self._heartbeat = Heartbeat()
        self._failures = FailureLog(log, "looking after the parts")

    def progress_s(self) -> float:
        """Return the seconds since the parts were last looked at: who watches them is watched by the watchdog."""
        return self._heartbeat.age_s()

    def child(self, name: str, run: Run, stall_s: float | None = None, limits: RestartLimits | None = None) -> None:
        """Run `run(heartbeat)` in a greenlet; with `stall_s`, that long without a beat counts as a failure."""
        self._add(Child(name, run, stall_s, limits or self._limits, self._failed))

    def organ(self, name: str, age_s: Callable[[], float], stall_s: float, restart: Callable[[], None],
              limits: RestartLimits | None = None) -> None:  # fmt: skip
        """Watch something that runs already; call `restart()`, in a greenlet, when `age_s()` exceeds `stall_s`."""
        self._add(Organ(name, age_s, stall_s, restart, limits or self._limits))

    def renew(self, name: str) -> None:
        """Start a part again because its settings changed, which counts as no restart; unknown names are ignored."""
        if self._running and (part := self._parts.get(name)) is not None:
            self._bring_up(part)

    def start(self) -> None:
        """Start every part, in the order of adding, and the watch over them."""
        self._running = True
        for part in self._parts.values():
            self._bring_up(part)
        self._timers.spawn(self._watch)

    def wait(self) -> None:
        """Block until `stop`; raises `RestartLimitError` when a part fails faster than restarting helps."""
        self._outcome.get()

    def stop(self, deadline_s: float = 1.5) -> list[str]:
        """End every part, last first, within `deadline_s`; the names of those that would not go. Idempotent."""
        if not self._running:
            return []
        self._running = False
        ends_at = monotonic() + deadline_s
        self._timers.kill(timeout=deadline_s / 4)
        stragglers = [
            # Half of what is left each: one that hangs cannot use up the others' time.
            part.name
            for part in reversed(self._parts.values())
            if not part.stop(max(0.0, ends_at - monotonic()) / 2)
        ]
        if stragglers:
            log.warning("did not end within %.1f s: %s", deadline_s, ", ".join(stragglers))
        if not self._outcome.ready():
            self._outcome.set(None)
        return stragglers

    def status(self) -> dict[str, dict[str, Any]]:
        """Tell of each part whether it is up, how often it was restarted, seconds since its last progress."""
        return {
            part.name: {"up": not part.down, "restarts": part.restarts, "age_s": round(part.age_s(), 3)}
            for part in self._parts.values()
        }

    def _add(self, part: Part) -> None:
        self._parts[part.name] = part
        if self._running:
            self._bring_up(part)

    def _watch(self) -> None:
        """Look again and again; not at once after a pause of the whole process, in which nobody could beat."""
        while True:
            sleep_to_round(self._check_s)
            self._outlast_pauses()
            self._look_at_all()
            self._heartbeat.beat()

    def _outlast_pauses(self) -> None:
        """Give everybody time to beat after a pause, and after one that comes in that time."""
        was_late = self._heartbeat.age_s() > LATE * self._check_s
        for _ in range(MOST_PAUSES):
            if not was_late:
                return
            began = monotonic()
            gevent.sleep(self._check_s)
            was_late = monotonic() - began > LATE * self._check_s

    def _look_at_all(self) -> None:
        for part in list(self._parts.values()):
            try:
                self._look_at(part)
            except Exception as error:
                self._failures.failed(error)

    def _look_at(self, part: Part) -> None:
        if part.stalled:
            self._failed(part, _silence(part.age_s()))
        elif part.in_trouble and part.lived_s() > WELL_AGAIN_S:
            part.in_trouble = False
            self._trouble(part.name, "")

    def _failed(self, part: Part, why: str) -> None:
        if not self._running or part.down:
            return
        part.down = part.in_trouble = True
        self._trouble(part.name, f"{part.name} failed ({why})")
        pause_s = part.intensity.failed(monotonic())
        if pause_s is None:
            self._give_up(part, why)
            return
        error, part.error = part.error, None
        log.log(part.news(why), "%s failed (%s); starting it again in %.1f s", part.name, why, pause_s, exc_info=error)
        self._timers.add(gevent.spawn_later(pause_s, self._restart, part))

    def _restart(self, part: Part) -> None:
        if not self._running:
            return
        part.restarts += 1
        self._bring_up(part)

    def _bring_up(self, part: Part) -> None:
        try:
            part.start()
        except Exception as error:
            part.down = False
            part.error = error
            self._failed(part, f"it cannot be started: {error}")

    def _give_up(self, part: Part, why: str) -> None:
        self.end(f"{part.name} failed {part.restarts + 1} times and restarting does not help; the last time: {why}")

    def end(self, message: str) -> None:
        """Let `wait` raise RestartLimitError: only a fresh process helps."""
        log.error("%s", message)
        if not self._outcome.ready():
            self._outcome.set_exception(RestartLimitError(message))


def _silence(age_s: float) -> str:
    return "no sign of life at all" if math.isinf(age_s) else f"no sign of life for {age_s:.1f} s"
