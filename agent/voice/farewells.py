"""Hang-ups that found no connection to the service: said at its next `connected` (spec: signaling 11).

The service keeps a call whose socket is lost, so that it may come back; it must hear that it will not. Each call is
asked for first, as only its own connection may end it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

MOST_FAREWELLS: Final = 16


@dataclass(frozen=True)
class Farewell:
    """A call that was ended here while it was reconnecting."""

    callsid: str
    sdp: str
    reconnect_token: str
    message: str | None = None


class Farewells:
    """What is still to be said, and of whom nothing more is heard."""

    def __init__(self) -> None:
        self._waiting: deque[Farewell] = deque(maxlen=MOST_FAREWELLS)
        self._said: deque[str] = deque(maxlen=MOST_FAREWELLS)

    def add(self, farewell: Farewell) -> None:
        """Keep one for the next `connected`; with too many, the oldest is forgotten."""
        self._waiting.append(farewell)

    def take(self) -> list[Farewell]:
        """Return what is to be said now, each once."""
        due = list(self._waiting)
        self._waiting.clear()
        self._said.extend(each.callsid for each in due)
        return due

    def concerns(self, callsid: object) -> bool:
        """Tell whether a message of the server is about a call that was ended so."""
        return callsid in self._said
