"""What waits to be published. Pure.

A state is worth its newest value only, so each topic has one; a happening is worth telling for a while, so they wait in
a row that drops its oldest. What was sent counts as published when the broker says so; when the connection is lost
before, it waits again.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

MOST_EVENTS = 64
LIFE_S = 60.0  # a bell that is heard later than that calls nobody to the door
MOST_IN_FLIGHT = 8
MOST_LEFT_OVER = 64  # that are taken away at once


class OutgoingMessage(NamedTuple):
    """What to publish; a state is retained, a happening is not."""

    topic: str
    payload: str
    retained: bool
    at_s: float = 0.0


class Outbox:
    """Messages in the order in which they matter: states first, for they say that the box is there."""

    def __init__(self) -> None:
        self.dropped = 0  #: happenings that nobody will hear of
        self._latest: dict[str, str] = {}
        self._due: dict[str, None] = {}  # topics whose latest is not published
        self._left_over: dict[str, None] = {}  # topics at which nothing should be retained
        self._events: deque[OutgoingMessage] = deque()
        self._in_flight: dict[int, OutgoingMessage] = {}

    def put_state(self, topic: str, payload: str) -> bool:
        """Publish this once, unless it is what the broker has; whether there is something to do."""
        if self._latest.get(topic) == payload:
            return False
        self._latest[topic] = payload
        self._due[topic] = None
        self._left_over.pop(topic, None)
        return True

    def take_away(self, topic: str) -> None:
        """Let the broker forget what is retained at a topic, unless that is one of ours."""
        if topic not in self._latest and len(self._left_over) < MOST_LEFT_OVER:
            self._left_over[topic] = None

    def put_event(self, topic: str, payload: str, now: float) -> None:
        """Publish a happening; the oldest is dropped where too many wait."""
        self._events.append(OutgoingMessage(topic, payload, False, now))
        if len(self._events) > MOST_EVENTS:
            self._events.popleft()
            self.dropped += 1

    def take(self, now: float) -> OutgoingMessage | None:
        """Return the next message to send; None when there is none, or when the broker has to confirm others first."""
        if len(self._in_flight) >= MOST_IN_FLIGHT:
            return None
        if self._due:
            topic = next(iter(self._due))
            del self._due[topic]
            return OutgoingMessage(topic, self._latest[topic], True)
        if self._left_over:
            return OutgoingMessage(self._left_over.popitem()[0], "", True)
        while self._events:
            message = self._events.popleft()
            if now - message.at_s <= LIFE_S:
                return message
            self.dropped += 1
        return None

    def sent(self, number: int, message: OutgoingMessage) -> None:
        """Note under which number it is on its way."""
        self._in_flight[number] = message

    def confirmed(self, number: int) -> OutgoingMessage | None:
        """Note that the broker has it, and return what that is; None for an unknown number."""
        return self._in_flight.pop(number, None)

    def connected(self) -> None:
        """Begin with a broker that may know nothing: each state again, and what it has not confirmed."""
        waiting = [one for one in self._in_flight.values() if not one.retained]
        self._in_flight.clear()
        self._events.extendleft(reversed(waiting))
        self._due = dict.fromkeys(self._latest)
        self._left_over.clear()
