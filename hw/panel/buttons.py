"""Buttons: native pin edges in, gestures out, on the hub.

A pin's thread only notes the edge and its time and wakes the one greenlet that looks after all buttons. That greenlet
also re-reads the pins when `hw.panel.debounce` asks for it, so that it doubles as the heartbeat of the pins.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

import gevent
from gevent.event import Event

from hw.closing import Closing
from hw.errors import PinError
from hw.panel.debounce import Debounce
from hw.panel.gestures import STUCK, Gestures
from hw.panel.pins import InputPin, Pins
from hw.panel.settings import ButtonSettings

log = logging.getLogger(__name__)

MAX_PENDING_EDGES = 64  # a noisy cable must not fill the memory; the level is re-read anyway

Post = Callable[..., None]
OnGesture = Callable[[str, str], None]


class Buttons(Closing):
    """All buttons of the panel; `on_gesture(name, gesture)` is called on the hub and must not block.

    `post(fn, *args)` runs `fn` on the hub from any thread. Gestures are those of `hw.panel.gestures`, and `stuck`.
    """

    def __init__(self, settings: Mapping[str, ButtonSettings], pins: Pins, post: Post, on_gesture: OnGesture) -> None:
        self._post = post
        self._on_gesture = on_gesture
        self._wake = Event()
        self._posted = False
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._alive_at = time.monotonic()
        self._closed = False
        self._pins = pins
        self._buttons: dict[str, _Button] = {}
        self.wire(settings)

    def wire(self, settings: Mapping[str, ButtonSettings]) -> None:
        """Have these buttons and no others from now on; PinError leaves none."""
        for button in self._buttons.values():
            button.close()
        self._buttons = {}
        now = time.monotonic()
        made: dict[str, _Button] = {}
        try:
            for name, one in settings.items():
                made[name] = _Button(name, one, _open(name, one, self._pins), now)
                if self._greenlet is not None:
                    made[name].start(self._edge_seen)
        except PinError:
            for button in made.values():
                button.close()
            raise
        self._buttons = made
        self._wake.set()

    def start(self) -> None:
        """Watch the pins; idempotent. Inputs start last: call it when everything that buttons act on is there."""
        if self._greenlet is None and not self._closed:
            for button in self._buttons.values():
                button.start(self._edge_seen)
            self._greenlet = gevent.spawn(self._run)

    def restart(self) -> None:
        """Begin anew to look after the pins, for a supervisor that saw no progress."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        if not self._closed:
            self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Let all pins go; what was pressed and not yet decided is forgotten; idempotent."""
        self._closed = True
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None
        for button in self._buttons.values():
            button.close()

    def press(self, name: str, hold_s: float = 0.1) -> None:
        """Press a button as if by hand and let it go after `hold_s`; returns at once. KeyError when there is none.

        While it is pressed already the new time replaces the old one, and 0 lets go now.
        """
        button = self._buttons[name]
        if not self._closed:
            button.simulate(hold_s)

    def progress_s(self) -> float:
        """Return the seconds since the pins were last looked at: at most about one while all is well."""
        return time.monotonic() - self._alive_at

    def _edge_seen(self) -> None:
        if not self._posted:  # any thread
            self._posted = True
            self._post(self._wake.set)

    def _run(self) -> None:
        while not self._closed:
            self._posted = False
            now = self._alive_at = time.monotonic()
            for button in self._buttons.values():
                for gesture in button.step(now):
                    self._tell(button.name, gesture)
            due = min((button.due for button in self._buttons.values()), default=now + 1.0)
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()

    def _tell(self, name: str, gesture: str) -> None:
        if gesture == STUCK:
            log.warning("button %s has been down for very long: is it stuck, or its cable shorted?", name)
        try:
            self._on_gesture(name, gesture)
        except Exception:
            log.exception("what button %s does on %s failed", name, gesture)


class _Button:
    """One button: its pin, and the pure parts behind it."""

    def __init__(self, name: str, settings: ButtonSettings, pin: InputPin, now: float) -> None:
        self.name = name
        self.pin = pin
        self._settle_s = settings.debounce_ms / 1000
        self._debounce = Debounce(self._settle_s, False, now)
        self._gestures = Gestures(settings.bindings(), settings.timing())
        self._edges: deque[tuple[bool, float]] = deque(maxlen=MAX_PENDING_EDGES)
        self._failed = False
        self._letting_go: gevent.Greenlet[[bool], None] | None = None

    @property
    def due(self) -> float:
        return min(self._debounce.due, self._gestures.due)

    def start(self, edge_seen: Callable[[], None]) -> None:
        now = time.monotonic()
        pressed = self.pin.active
        self._debounce = Debounce(self._settle_s, pressed, now)
        if pressed:
            self._gestures.found_pressed(now)

        def changed(active: bool, at: float) -> None:
            self._edges.append((active, at))
            edge_seen()

        self.pin.watch(changed)

    def simulate(self, hold_s: float) -> None:
        if self._letting_go is not None:
            self._letting_go.kill(block=False)
        self.pin.simulate(hold_s > 0)
        gevent.get_hub().loop.update_now()  # after a busy moment the loop's clock is late, and the hold would be short
        self._letting_go = gevent.spawn_later(hold_s, self.pin.simulate, False) if hold_s > 0 else None

    def close(self) -> None:
        if self._letting_go is not None:
            self._letting_go.kill(block=False)
        self.pin.close()

    def step(self, now: float) -> list[str]:
        """Take in the edges and the level; the gestures that are now certain.

        The level is read first: the edges are then as new as it is, or newer.
        """
        done: list[str] = []
        level = self._level() if self._edges or now >= self._debounce.due else None
        for _ in range(len(self._edges)):  # those of a contact that never rests are for the next turn
            if self._debounce.edge(*self._edges.popleft()):
                done += self._changed()
        if level is not None and now >= self._debounce.due and self._debounce.read(level, now):
            done += self._changed()
        return done + self._gestures.tick(now)

    def _changed(self) -> list[str]:
        at = self._debounce.changed_at
        return self._gestures.press(at) if self._debounce.pressed else self._gestures.release(at)

    def _level(self) -> bool:
        try:
            level = self.pin.active
        except PinError as error:
            if not self._failed:
                log.warning("button %s cannot be read and counts as released: %s", self.name, error)
            self._failed = True
            return False
        if self._failed:
            log.info("button %s can be read again", self.name)
            self._failed = False
        return level


def _open(name: str, settings: ButtonSettings, pins: Pins) -> InputPin:
    try:
        return pins.input(settings.pin, pull=settings.pull, active_low=settings.active_low)
    except PinError as error:
        raise PinError(f"button {name}: {error}") from error
