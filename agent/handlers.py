"""Calls functions of the program without lending them the greenlet that has something to tell.

Whoever emits an event may be the reader of a socket. A handler runs at once, in a greenlet of its own. One that
returns has held up nobody but for its own time; one that waits goes on waiting by itself, and the next one is called
on the next turn of the hub. What it raises is logged and goes no further, `gevent.Timeout` included. SystemExit and
KeyboardInterrupt end the program as from anywhere else, GreenletExit only the handler.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

import gevent
from greenlet import GreenletExit, greenlet  # type: ignore[import-untyped]

from agent.events import Emitter
from agent.log import SeldomLog

log = logging.getLogger(__name__)
_crowded = SeldomLog(log)

MAX_WAITING: Final = 1000  #: handlers of one emitter that wait at one time; more events than that are dropped


class HubEmitter(Emitter):
    """Emitter of what programs listen to: no listener holds up, or ends, whoever emits."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = 0
        self._kept: list[tuple[str, Callable[..., Any]]] = []

    def _add_event_handler(self, event: str, k: Callable[..., Any], v: Callable[..., Any]) -> None:
        super()._add_event_handler(event, k, v)
        self._listened(event)

    def _listened(self, event: str) -> None:
        """Do what a new listener of `event` needs; for those that only work while somebody listens."""

    def on_for_good(self, event: str, f: Callable[..., Any]) -> None:
        """Add a listener of this package's own, which `remove_all_listeners` leaves in its place."""
        self._kept.append((event, f))
        self.on(event, f)

    def remove_all_listeners(self, event: str | None = None) -> None:
        """Remove the program's listeners of one event, or of all."""
        super().remove_all_listeners(event)
        for name, f in self._kept:
            if event in (None, name):
                self.on(name, f)

    def _emit_run(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._waiting >= MAX_WAITING:
            _crowded.warning("an event of %s is dropped: %d handlers wait already", type(self).__name__, MAX_WAITING)
            return
        handler = _Handler(f"a listener of {type(self).__name__}", f, args, kwargs)
        if handler.start():
            return
        self._waiting += 1
        handler.on_end = self._one_less

    def _one_less(self) -> None:
        self._waiting -= 1

    def remove_listener(self, event: str, f: Callable[..., Any]) -> None:
        """Remove a listener; one that is not there, or no more, changes nothing, as in the SDK."""
        if f in self.listeners(event):
            super().remove_listener(event, f)


def call_handler(what: str, fn: Callable[..., Any], *args: Any) -> None:
    """Call `fn(*args)` at once; return when it does, or on the hub's next turn. `what` names it in the log."""
    _Handler(what, fn, args, {}).start()


def log_failure(what: str, fn: object, exc: BaseException) -> None:
    """Log what `fn` of the program raised, once; for an `except` block of everything."""
    if isinstance(exc, SystemExit | KeyboardInterrupt):
        gevent.get_hub().handle_error(None, *sys.exc_info())  # throws it into the main greenlet
    elif not isinstance(exc, GreenletExit):
        log.error("%s failed: %r", what, fn, exc_info=exc)


class _Handler(greenlet):  # type: ignore[misc]
    """One call of one handler."""

    def __init__(self, what: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(self._work)
        self.on_end: Callable[[], None] = lambda: None
        self._what = what
        self._fn = fn
        self._args = args
        self._kwargs = kwargs

    def start(self) -> bool:
        """Run it until it returns or waits; tells whether it has returned."""
        hub, caller = gevent.get_hub(), gevent.getcurrent()
        # Who waits switches to the hub, which comes back to us by this; the hub itself is switched back to anyway.
        back = hub.loop.run_callback(caller.switch) if caller is not hub else None
        try:
            self.switch()
        finally:  # also when the caller is ended meanwhile
            if back is not None:
                back.stop()
            if not self.dead:
                self.parent = hub
        return bool(self.dead)

    def throw(self, *args: Any) -> Any:
        """Throw into it, as a time limit does that it has left running; one that has returned does not care."""
        return None if self.dead else super().throw(*args)

    def _work(self) -> None:
        try:
            self._fn(*self._args, **self._kwargs)
        except BaseException as exc:
            log_failure(self._what, self._fn, exc)
        finally:
            self.on_end()
