"""The door: its relay, and the code that a caller may dial; every opening is told, no digit ever is."""

from __future__ import annotations

import logging
from time import monotonic

import gevent

from agent.closing import Closing
from agent.config import DoorSection
from agent.errors import InvalidStateError, StragglerError
from agent.events import Emitter
from agent.kiosk.door_memory import DoorMemory
from agent.log import SeldomLog
from hw.errors import PinError
from hw.panel.buttons import Post
from hw.panel.door_code import CodeVerdict, DoorCode
from hw.panel.door_relay import DoorRelay
from hw.panel.pins import Pins

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

MARGIN_S = 0.05


class Doorway(Emitter, Closing):
    """Events, on the hub: `open`(), `closed`(), `code`(verdict) of each entry, `failed`(why).

    The last is told when the right code does not release the door. Without a pin there is no door.
    """

    def __init__(self, settings: DoorSection, pins: Pins, post: Post, memory: DoorMemory) -> None:
        super().__init__()
        self._code = DoorCode(settings)
        self._memory = memory
        self._unlocking: gevent.Greenlet[..., None] | None = None
        if settings.code:
            self._code.lockout.restore(memory.load(), monotonic())
            self._remember()
        self._relay = None
        if settings.pin is not None:
            self._relay = DoorRelay(settings, pins, lambda on: post(self.emit, "open" if on else "closed"))

    @property
    def exists(self) -> bool:
        """Whether this box has a door."""
        return self._relay is not None

    @property
    def is_open(self) -> bool:
        """Whether the door is released now."""
        return self._relay is not None and self._relay.on

    @property
    def locked(self) -> bool:
        """Whether codes are refused after too many wrong ones."""
        return self._code.locked(monotonic())

    def open(self, why: str) -> None:
        """Release the door for its time; raises InvalidStateError where there is no door."""
        if self._relay is None:
            raise InvalidStateError("this box has no door: name the relay's pin in [door]")
        log.info("the door is released: %s", why)
        self._relay.pulse()

    def overdue_s(self) -> float:
        """Return the seconds since the door should have been shut."""
        return self._relay.overdue_s() if self._relay is not None else 0.0

    def restart(self) -> None:
        """Shut the door now; raises StragglerError when it cannot be."""
        if self._relay is not None:
            gevent.get_hub().threadpool.apply(self._relay.release)
            if self._relay.overdue_s():
                raise StragglerError("the door's relay cannot be released; cut its supply")

    def call_began(self) -> None:
        """Forget what was dialled in an earlier call."""
        self._code.start()

    def digit(self, digit: str) -> None:
        """Take one digit that the far end dialled; the right code releases the door."""
        verdict = self._code.digit(digit, monotonic())
        if verdict is None:
            return
        self._remember()
        if verdict is CodeVerdict.OPEN:
            try:
                self.open("the code was dialled")
            except (InvalidStateError, PinError) as error:
                log.error("the right code did not release the door: %s", error)
                self.emit("failed", str(error))
                return
        else:
            _strangers.warning("a door code was refused: %s", verdict.value)
        self.emit("code", verdict)

    def close(self) -> None:
        """Release the relay for good; idempotent."""
        if self._unlocking is not None:
            self._unlocking.kill(block=False)
        if self._relay is not None:
            self._relay.close()

    def _remember(self) -> None:
        """Keep the lock-out over a restart, and look again when it ends."""
        if self._unlocking is not None:
            self._unlocking.kill(block=False)
        now = monotonic()
        self._memory.remember(self._code.lockout.record(now))
        left_s = self._code.lockout.left_s(now)
        self._unlocking = gevent.spawn_later(left_s + MARGIN_S, self._unlocked) if left_s else None

    def _unlocked(self) -> None:
        self._unlocking = None
        self._remember()
