"""The incoming calls in front of a box that are neither on nor over, as far as the Device still knows them."""

from __future__ import annotations

from agent.kiosk.line import Line
from agent.voice.connection import Connection
from agent.voice.device import Device


class Waiting:
    """Remembers what was presented; which of it still waits is asked of the Device each time."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._lines: list[Line] = []

    @property
    def lines(self) -> list[Line]:
        """Those that wait for an answer or are being accepted, the one that has rung longest first."""
        pending = self._device.connections
        return [line for line in self._lines if line.connection in pending]

    @property
    def unanswered(self) -> bool:
        """Whether one waits for somebody to decide about it."""
        return any(line.pending for line in self.lines)

    @property
    def accepted(self) -> Line | None:
        """The one that is being accepted."""
        return next((line for line in self.lines if not line.pending), None)

    def knows(self, connection: Connection) -> bool:
        """Tell whether this call was added and neither taken nor over."""
        return any(line.connection is connection for line in self._lines)

    def add(self, line: Line) -> None:
        """Take in a call that was presented."""
        self._lines.append(line)

    def remove(self, line: Line) -> None:
        """Leave out a call that is on, or over; idempotent."""
        if line in self._lines:
            self._lines.remove(line)

    def dropped(self) -> list[Line]:
        """Return those that nobody can take any more although they never ended."""
        waiting = self.lines
        return [line for line in self._lines if line.pending and line not in waiting]
