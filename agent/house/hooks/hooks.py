"""All hooks of a box: what happens is put into the queue of each that wants it, and dealt with there, one at a time.

A greenlet lives only while something waits. Whoever tells what happens is never held up.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from time import monotonic
from urllib.parse import urlsplit

import gevent
import gevent.pool
from gevent.lock import BoundedSemaphore

from agent.closing import Closing
from agent.errors import AgentError, FarSideError
from agent.house.happenings import Happening
from agent.house.hooks.command import run_command
from agent.house.hooks.queue import HookQueue
from agent.house.hooks.settings import HookSettings
from agent.house.hooks.values import as_json, as_query, environment
from agent.log import FailureLog
from agent.net.http import HttpHost

log = logging.getLogger(__name__)

MOST_AT_ONCE = 4  # programs and requests of all hooks together
CLOSE_S = 0.2
MARGIN_S = 20.0  # beyond a hook's time: for names, and for whoever does not let itself be ended


class Hooks(Closing):
    """An organ for the supervisor; `put` is called for each happening."""

    def __init__(self, settings: Mapping[str, HookSettings], identity: str) -> None:
        self._lanes = {name: _Lane(name, one, identity) for name, one in settings.items()}
        self._turns = BoundedSemaphore(MOST_AT_ONCE)
        self._greenlets = gevent.pool.Group()

    def put(self, happening: Happening) -> None:
        """Let every hook that wants this deal with it; returns at once."""
        for lane in self._lanes.values():
            if lane.settings.wants(happening.name):
                lane.queue.put(happening)
                if not lane.works:
                    lane.works = True
                    self._greenlets.spawn(self._work, lane)

    def overdue_s(self) -> float:
        """Return the seconds since a hook should have ended what it deals with."""
        now = monotonic()
        return max((lane.queue.overdue_s(now) for lane in self._lanes.values()), default=0.0)

    def restart(self) -> None:
        """Drop what is being dealt with, and go on with what waits."""
        self._greenlets.kill(block=False)
        self._greenlets, self._turns = gevent.pool.Group(), BoundedSemaphore(MOST_AT_ONCE)
        for lane in self._lanes.values():
            lane.queue.busy_until_s = None
            lane.works = len(lane.queue) > 0
            if lane.works:
                self._greenlets.spawn(self._work, lane)

    def close(self) -> None:
        """End every program that runs, and do nothing more; idempotent."""
        self._lanes = {}
        self._greenlets.kill(timeout=CLOSE_S)

    def _work(self, lane: _Lane) -> None:
        turns = self._turns
        while True:
            with turns:
                if not lane.do_next():
                    lane.works = False
                    return


class _Lane:
    """One hook: its queue, and how it fares."""

    def __init__(self, name: str, settings: HookSettings, identity: str) -> None:
        self.settings = settings
        self.queue = HookQueue(settings.queue)
        self.works = False
        self._identity = identity
        self._what = f"hook {name}"
        self._failures = FailureLog(log, self._what)

    def do_next(self) -> bool:
        """Deal with the next that waits; whether there was one."""
        taken = self.queue.take(monotonic() + self.settings.timeout_s + MARGIN_S)
        if taken is None:
            return False
        happening, dropped = taken
        if dropped:
            log.warning("%s is slow: %d events were dropped", self._what, dropped)
        try:
            self._run(happening)
        except AgentError as error:
            self._failures.failed(error)
        except Exception as error:
            self._failures.failed(f"{type(error).__name__}: {error}")
        else:
            self._failures.recovered()
        return True

    def _run(self, happening: Happening) -> None:
        one = self.settings
        if one.command:
            run_command(one.command, environment(happening, self._identity, os.environ), one.timeout_s)
        else:
            _ask(one, happening, self._identity)


def _ask(hook: HookSettings, happening: Happening, identity: str) -> None:
    """Send it to the address; raises FarSideError when that does not take it."""
    parts = urlsplit(hook.url)
    query, body, headers = parts.query, b"", hook.header_pairs()
    if hook.method == "GET":
        query = "&".join(filter(None, (query, as_query(happening, identity))))
    else:
        body = as_json(happening, identity)
        headers = {"Content-Type": "application/json", **headers}
    target = (parts.path or "/") + (f"?{query}" if query else "")
    with HttpHost(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", ca_file=hook.ca_file or None,
                  timeout_s=hook.timeout_s) as host:  # fmt: skip
        answer = host.request(hook.method, target, headers, body)
    if not 200 <= answer.status < 300:
        hint = "; it is not followed: set url to where that leads" if 300 <= answer.status < 400 else ""
        raise FarSideError(f"{parts.hostname} answers {answer.status}{hint}")
