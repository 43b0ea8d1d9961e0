"""Keys as INFO requests, for calls whose sound cannot carry them (RFC 6086; `application/dtmf-relay` and `/dtmf`).

One key goes out when the one before it is answered, for two requests may overtake each other on their way. A far end
that does not know the usual form gets the other one.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from agent.signaling.sip.message import SipMessage

RELAY: Final = "application/dtmf-relay"
PLAIN: Final = "application/dtmf"
MOST_WAITING: Final = 128
PAUSE_S: Final = 0.5  #: of a `w`

_SIGNAL: Final = re.compile(r"^\s*signal\s*=\s*(\S{1,2})\s*$", re.IGNORECASE | re.MULTILINE)
_NUMBERED: Final = {"10": "*", "11": "#"}
_KEYS: Final = frozenset("0123456789*#ABCD")


def key_of(message: SipMessage) -> str | None:
    """Return the key that an INFO presses; None where it has another purpose, empty where no key has that name."""
    if message.content_type not in (RELAY, PLAIN):
        return None
    found = _SIGNAL.search(message.body)
    text = found[1] if found else message.body.strip() if message.content_type == PLAIN else ""
    key = _NUMBERED.get(text, text.upper())
    return key if key in _KEYS else ""


class KeyPresses:
    """What is still to be pressed."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._is_pressing = False
        self._type = RELAY
        self.due_at: float | None = None  #: when `next` is to be called

    def add(self, digits: str, now: float) -> None:
        """Press these after those that wait."""
        self._waiting.extend(digits)
        if not self._is_pressing and self.due_at is None:
            self.due_at = now

    def next(self, now: float) -> tuple[str, str] | None:
        """Return type and body of the INFO that is due, if one is; its answer goes to `answered`."""
        if self.due_at is None or now < self.due_at:
            return None
        self.due_at = None
        if not self._waiting:
            return None
        key = self._waiting[0]
        if key == "w":
            self._waiting.popleft()
            self.due_at = now + PAUSE_S
            return None
        self._is_pressing = True
        return self._type, key if self._type == PLAIN else f"Signal={key}\r\nDuration=160\r\n"

    def answered(self, status: int, now: float) -> None:
        """Go on with the next one."""
        self._is_pressing = False
        if status == 415 and self._type == RELAY:
            self._type = PLAIN
        elif self._waiting:
            self._waiting.popleft()
        self.due_at = now if self._waiting else None

    def clear(self) -> None:
        """Forget what was not pressed."""
        self._waiting.clear()
        self.due_at = None
