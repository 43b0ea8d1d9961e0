"""Whether the ring of incoming calls sounds: derived from the calls that are pending, in this one place.

It sounds while a call waits to be accepted that came when no other call was on, and the switch `incoming` is on.
Whoever changes one of these calls `update`: nothing else starts or stops the ring, so it cannot outlive its calls.
"""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet

from gevent.event import AsyncResult

from agent.voice.connection import Connection
from agent.voice.sounds import INCOMING, Sounds


class RingingOwner(Protocol):
    """The Device; its sounds are other ones after its set-up."""

    @property
    def sounds(self) -> Sounds: ...


class Pending(Protocol):
    """The calls of the Device."""

    def waits(self, connection: Connection) -> bool: ...


class Ringing:
    """The ring of one Device."""

    def __init__(self, device: RingingOwner, calls: Pending) -> None:
        self._device = device
        self._calls = calls
        self._heard: WeakSet[Connection] = WeakSet()  # came while no call was on, and nobody took one since
        self._sounds = False  # what was asked for last; it may still be on its way

    @property
    def wanted(self) -> bool:
        """Whether it should sound now."""
        return self._device.sounds.incoming() and any(self._calls.waits(call) for call in self._heard)

    def announce(self, connection: Connection) -> AsyncResult[Any] | None:
        """Let one more call be heard, from the beginning of the ring; the result is set when it has started."""
        self._heard.add(connection)
        if not self.wanted:
            return None
        self._sounds = True
        return self._device.sounds.play(INCOMING)

    def hush(self) -> None:
        """A call is on: none of those that wait now is heard any more."""
        self._heard.clear()
        self._sounds = False
        self._device.sounds.stop(INCOMING)

    def update(self) -> None:
        """Start or stop it, if what is wanted has changed."""
        wanted = self.wanted
        if wanted == self._sounds:
            return
        self._sounds = wanted
        if wanted:
            self._device.sounds.play(INCOMING)
        else:
            self._device.sounds.stop(INCOMING)
