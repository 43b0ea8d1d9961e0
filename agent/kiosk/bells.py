"""Places the calls of the bells: by name, by an entry of the directory, by its number, again; not too often."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic

from agent.config.directory import Entries
from agent.config.settings import AnsweringSettings
from agent.errors import InvalidStateError
from agent.kiosk.answering import limit_s
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.lines import Lines
from agent.kiosk.wish import Wish, steps_of
from agent.voice.connection import Connection
from agent.voice.first_contact import WAIT_S


class Bells:
    """Whom a name means is asked at each press: a night may have begun."""

    def __init__(
        self,
        lines: Lines,
        settings: AnsweringSettings,
        entries: Entries,
        board: Noticeboard,
        local_time: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._lines = lines
        self._settings = settings
        self._entries = entries
        self._board = board
        self._local_time = local_time
        self._last: tuple[str, Mapping[str, str]] | None = None
        self._quiet_until: dict[str, float] = {}  # by entry, monotonic seconds

    def use(self, settings: AnsweringSettings, entries: Entries) -> None:
        """Call like this from the next press on."""
        self._settings = settings
        self._entries = entries

    def call(self, whom: str, params: Mapping[str, str]) -> Connection:
        """Call an entry, a number or an identity. Raises InvalidStateError while an entry cools down, UsageError."""
        self._refuse_hot(whom)
        now = monotonic()
        steps = steps_of(self._entries, whom, self._local_time(), limit_s(self._settings.max_ring_s))
        if whom in self._entries:
            self._board.tell("bell", self._entries[whom].label or whom)
        line = self._lines.dial(Wish(steps, params, now, WAIT_S))
        if whom in self._entries:
            self._quiet_until[whom] = now + self._entries[whom].cool_down_s
        self._last = whom, params
        return line.connection

    def call_number(self, number: str) -> Connection:
        """Call the entry that has this number. Raises InvalidStateError where none has it, and as `call` does."""
        named = [name for name, entry in self._entries.items() if number and entry.number == number]
        if not named:
            raise InvalidStateError("no entry of the directory has the number that was typed")
        return self.call(named[0], {})

    def redial(self) -> Connection:
        """Call the same again. Raises InvalidStateError before the first call, and as `call` does."""
        if self._last is None:
            raise InvalidStateError("nobody was called since the start")
        return self.call(*self._last)

    def _refuse_hot(self, whom: str) -> None:
        left_s = self._quiet_until.get(whom, -math.inf) - monotonic()
        if left_s > 0 and whom in self._entries:
            raise InvalidStateError(f"{whom} was called a moment ago, and may be called again in {left_s:.0f} s")
