"""The doors: their relays, and the codes that a caller may dial; every opening is told, no digit ever is."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from time import monotonic

import gevent

from agent.closing import Closing
from agent.config import Config
from agent.config.door_contradictions import door_key
from agent.errors import InvalidStateError, StragglerError
from agent.events import Emitter
from agent.kiosk.door_memory import DoorMemory
from agent.log import SeldomLog
from hw.errors import PinError
from hw.panel.buttons import Post
from hw.panel.code_book import CodeBook
from hw.panel.door_code import CodeVerdict, DoorCode
from hw.panel.door_relay import DoorRelay
from hw.panel.pins import Pins

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

MARGIN_S = 0.05
WRITING_S = 1.0  # that somebody in front of a door waits for a slow disk


class Doorway(Emitter, Closing):
    """Every door of a box.

    Events, on the hub: `open`(name, why), `closed`(name), `code`(verdict) of each entry, `useless code`() instead of
    its verdict where the right one did not release each of its doors, and `fault`(name, why) at each attempt to release
    a door, with an empty `why` where that was possible. The door of [door] has the empty name.
    """

    def __init__(self, config: Config, pins: Pins, post: Post, memory: DoorMemory) -> None:
        """Raises PinError when a relay cannot be had; those before it are released."""
        super().__init__()
        self._doors = config.all_doors()
        self._codes = config.codes
        self._code = DoorCode(config.door, CodeBook(config.door.code, config.codes))
        self._memory = memory
        self._unlocking: gevent.Greenlet[..., None] | None = None
        self._call: object = None  # in which somebody dialled last
        self._why: dict[str, str] = {}
        self._relays: dict[str, DoorRelay] = {}
        if self._code.book:
            self._code.lockout.restore(memory.load(), monotonic())
            self._code.book.remember(memory.used)
            self._remember()
        try:
            for name, door in self._doors.items():
                self._relays[name] = DoorRelay(door, pins, partial(post, self._changed, name))
        except BaseException:
            self.close()
            raise

    def _changed(self, name: str, on: bool) -> None:
        if on:
            self.emit("open", name, self._why.get(name, ""))
        else:
            self.emit("closed", name)

    @property
    def exists(self) -> bool:
        """Whether this box has a door."""
        return bool(self._relays)

    @property
    def is_open(self) -> bool:
        """Whether a door is released now."""
        return any(relay.on for relay in self._relays.values())

    def describe(self) -> dict[str, bool]:
        """Tell of each door, by name, whether it is released now."""
        return {name: relay.on for name, relay in self._relays.items()}

    @property
    def locked(self) -> bool:
        """Whether codes are refused after too many wrong ones."""
        return self._code.locked(monotonic())

    def open(self, why: str, by: str = "", name: str = "") -> None:
        """Release a door for its time; `by` is one of OPENERS, or empty for who administers the box.

        Without a name it is the door of [door], or the only one. Raises InvalidStateError where there is no such door,
        or this may not open it; PinError.
        """
        name = self._meant(name)
        if name not in self._relays:
            raise InvalidStateError(self._no_door(name))
        if not self.may_open(by, name):
            raise InvalidStateError(f"{door_key(name)}.opened_by does not have {by!r}: it may not open this door")
        log.info("the door%s is released: %s", f" {name}" if name else "", why)
        self._why[name] = why
        try:
            self._relays[name].pulse()
        except PinError as error:
            self.emit("fault", name, str(error))
            raise
        self.emit("fault", name, "")

    def may_open(self, by: str, name: str) -> bool:
        """Tell whether this may open a door, both as `open` takes them; False where there is none."""
        door = self._doors.get(self._meant(name))
        return door is not None and (not by or by in door.opened_by)

    def _meant(self, name: str) -> str:
        return next(iter(self._relays)) if not name and len(self._relays) == 1 else name

    def _no_door(self, name: str) -> str:
        if not self._relays:
            return "this box has no door: name the relay's pin in [door]"
        return f"this box has no door {name!r}; it has: {', '.join(filter(None, self._relays))}"

    def overdue_s(self) -> float:
        """Return the seconds since a door should have been shut."""
        return max((relay.overdue_s() for relay in self._relays.values()), default=0.0)

    def restart(self) -> None:
        """Shut the doors that should be; raises StragglerError when one cannot be."""
        for relay in self._relays.values():
            if relay.overdue_s():
                gevent.get_hub().threadpool.apply(relay.release)
        stuck = [door_key(name) for name, relay in self._relays.items() if relay.overdue_s()]
        if stuck:
            raise StragglerError(f"the relay of {', '.join(stuck)} cannot be released; cut its supply")

    def digit(self, digit: str, call: object) -> None:
        """Take one digit that the far end of this call dialled; the right code releases the door.

        What was dialled in another call is forgotten with its first digit, which may come before the call is open.
        """
        if call is not self._call:
            self._call = call
            self._code.start()
        verdict = self._code.digit(digit, monotonic(), datetime.now())
        if verdict is None:
            return
        self._remember()
        owner = self._code.owner
        if verdict is not CodeVerdict.OPEN:
            _strangers.warning("a door code was refused: %s", verdict.value)
            self.emit("code", verdict)
        elif owner and self._codes[owner].once:
            gevent.spawn(self._let_in_once, owner)
        else:
            self._let_in(owner)

    def _let_in_once(self, owner: str) -> None:
        """A code that is used up must be so on the disk, too, whatever ends the program next."""
        self._memory.settle(WRITING_S)
        self._let_in(owner)

    def _let_in(self, owner: str) -> None:
        try:
            self._open_by_code(owner)
        except (InvalidStateError, PinError) as error:
            log.error("the right code did not release each of its doors: %s", error)
            self.emit("useless code")
            return
        self.emit("code", CodeVerdict.OPEN)

    def _open_by_code(self, owner: str) -> None:
        """Open what this code is for: its doors, or all that take codes; without an owner, the door of [door].

        One that cannot be opened keeps no other one shut; the last error is raised then.
        """
        if not owner:
            self.open("the code was dialled", "code")
            return
        takes_codes = [name for name, door in self._doors.items() if "code" in door.opened_by]
        failure: InvalidStateError | PinError | None = None
        for name in self._codes[owner].doors or takes_codes:
            try:
                self.open(f"code of {owner}", "code", name)
            except (InvalidStateError, PinError) as error:
                failure = error
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Release the relays for good; idempotent."""
        if self._unlocking is not None:
            self._unlocking.kill(block=False)
        for relay in self._relays.values():
            relay.close()

    def _remember(self) -> None:
        """Keep the lock-out over a restart, and look again when it ends."""
        if self._unlocking is not None:
            self._unlocking.kill(block=False)
        now = monotonic()
        self._memory.remember(self._code.lockout.record(now), self._code.book.used)
        left_s = self._code.lockout.left_s(now)
        self._unlocking = gevent.spawn_later(left_s + MARGIN_S, self._unlocked) if left_s else None

    def _unlocked(self) -> None:
        self._unlocking = None
        self._remember()
