"""Finds out that a server sends us away: it takes the connection, reads our `listen`, and closes without a word.

That is what a service may do with clients that it has given up. A few such connections prove nothing, since a server
that restarts does the same. LEAST in a row or more, over LEAST_S or longer, with no word in any of them, do.

    opened                          `listen` is on its way
    heard: a word of the server     nothing counts any more
    closed, within SOON_S           one more; when it is proved, that one and each further one is told
    closed later                    nothing counts any more: that is another trouble
    closed, but never opened        counts neither way: nobody was there to send us away
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import TRANSPORT_CLOSE, TRANSPORT_OPEN, Member, MessageType

LEAST: Final = 3
SOON_S: Final = 5.0
LEAST_S = 5.0

#: Codes of what a stream reports of its own connection, which it then makes again (spec: signaling 6.2, 6.5).
OWN_CODES: Final = frozenset((31000, 31005, 31009))


class Dismissals:
    """The count of one client, over all its connections and streams."""

    def __init__(self) -> None:
        self.count = 0  #: in a row
        self._first_at = 0.0  # of those in a row
        self._opened_at: float | None = None

    def opened(self, now: float) -> None:
        """Note that a connection is open."""
        self._opened_at = now
        if not self.count:
            self._first_at = now

    def heard(self) -> None:
        """Note a word of the server, be it a refusal."""
        self.count, self._opened_at = 0, None

    def closed(self, now: float) -> bool:
        """Note the end of a connection; tells whether it is proved that the server does not want us."""
        opened_at, self._opened_at = self._opened_at, None
        if opened_at is None:
            return False
        self.count = self.count + 1 if now - opened_at <= SOON_S else 0
        return self.count >= LEAST and now - self._first_at >= LEAST_S


class StreamEvents(Protocol):
    """What is followed of a stream, as `agent.signaling.pstream.shell.Stream` has it."""

    @property
    def on(self) -> Any: ...  # pyee's `on(event, listener)`


def follow(
    stream: StreamEvents, dismissals: Dismissals, now: Callable[[], float], on_proof: Callable[[], object]
) -> None:
    """Tell `dismissals` what becomes of a stream, and call `on_proof` whenever the server does not want us."""

    def ended(_payload: Payload) -> None:
        if dismissals.closed(now()):
            on_proof()

    def complained(payload: Payload) -> None:
        if payload.get(Member.ERROR, {}).get(Member.CODE) not in OWN_CODES:
            dismissals.heard()

    stream.on(TRANSPORT_OPEN, lambda _payload: dismissals.opened(now()))
    stream.on(TRANSPORT_CLOSE, ended)
    stream.on(MessageType.CLOSE, ended)
    stream.on(MessageType.ERROR, complained)
    for word in (MessageType.CONNECTED, MessageType.READY):
        stream.on(word, lambda _payload: dismissals.heard())
