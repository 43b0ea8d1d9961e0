"""The connection to the broker, in a thread of its own: it comes back by itself, ever more seldom, and delays nobody.

The hub puts messages into an `Outbox` and goes on. What comes back crosses through the mailbox: commands, at a bounded
rate, and how the connection stands. Nothing wakes the thread but messages, and the broker's keep-alive.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

from agent.closing import Closing
from agent.house.mqtt.bell import Bell
from agent.house.mqtt.connection import CONNECTING_S, BrokerConnection, BrokerGoneError
from agent.house.mqtt.leftovers import Leftovers
from agent.house.mqtt.outbox import Outbox
from agent.house.mqtt.settings import MqttSettings
from agent.log import SeldomLog
from agent.net.rate_limit import RateLimit

_strangers = SeldomLog(logging.getLogger(__name__))

MARGIN_S = 5.0
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
STEADY_S = 60.0  # a connection that lasted so long makes the next pause short again
PACKETS_PER_S = 20.0  # what is read; a flood waits in the broker
FLOODED_S = 0.2
COMMANDS_PER_S = 4.0

_Post = Callable[..., None]


class LinkState(NamedTuple):
    """How the connection stands: `why` it does not, and whether that waits for somebody (`refused`)."""

    up: bool
    why: str = ""
    refused: bool = False


class BrokerLink(Closing):
    """Keeps one connection; its owner calls it on the hub, and is called there through `post`.

    `heard(topic, payload, retained)` is told each message below `commands`, `stands(LinkState)` each change; what is
    left over at the broker is taken away.
    """

    def __init__(self, settings: MqttSettings, name: str, will: str, commands: str, leftovers: Leftovers, post: _Post,
                 heard: Callable[[str, bytes, bool], None], stands: Callable[[LinkState], None]) -> None:  # fmt: skip
        self.outbox = Outbox()
        self.lock = threading.Lock()  # of the outbox
        self._about = (settings, name, will, commands, leftovers, post, heard, stands)
        self._thread: _LinkThread | None = None

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread = _LinkThread(self, *self._about)
        self._thread.start()

    def wake(self) -> None:
        """Send what is in the outbox."""
        if self._thread is not None:
            self._thread.wake()

    def overdue_s(self) -> float:
        """Return the seconds since the thread should have done its next step."""
        return self._thread.overdue_s() if self._thread is not None else 0.0

    def restart(self) -> None:
        """Put another thread into the place of one that stands still, which is told to end if it ever can."""
        self.close()
        self.start()

    def close(self) -> None:
        """Leave; the broker finds out, and tells others by the last will. Idempotent."""
        if self._thread is not None:
            self._thread.end()
            self._thread = None

    def join(self, timeout_s: float) -> None:
        """Wait for a thread that was told to end; for those who have time."""
        for thread in threading.enumerate():
            if isinstance(thread, _LinkThread) and thread.link is self:
                thread.join(timeout_s)


class _LinkThread(threading.Thread):
    """One life of the link: connects again and again until it is ended."""

    def __init__(self, link: BrokerLink, settings: MqttSettings, name: str, will: str, commands: str,
                 leftovers: Leftovers, post: _Post, heard: Callable[[str, bytes, bool], None],
                 stands: Callable[[LinkState], None]) -> None:  # fmt: skip
        super().__init__(name="mqtt", daemon=True)
        self.link = link
        self.is_ending = False
        self._connection = BrokerConnection(self, link.outbox, link.lock, settings, name, will, commands, leftovers)
        self._keepalive_s = settings.keepalive_s
        self._post, self._heard, self._stands = post, heard, stands
        self._due_s = monotonic() + MARGIN_S
        self._bell = Bell()
        self._reads = RateLimit(PACKETS_PER_S, monotonic())
        self._asks = RateLimit(COMMANDS_PER_S, monotonic())

    # --- from the hub ---

    def wake(self) -> None:
        """Let the thread look at the outbox."""
        self._bell.ring()

    def end(self) -> None:
        """Let it end as soon as it can; it tells nothing any more."""
        self.is_ending = True
        self.wake()

    def overdue_s(self) -> float:
        """Return the seconds since its next step should have been done."""
        return max(0.0, monotonic() - self._due_s)

    # --- the thread ---

    def run(self) -> None:
        """Connect, serve, and after a pause again."""
        failures = 0
        while not self.is_ending:
            began_s = monotonic()
            self._due_s = began_s + CONNECTING_S + self._keepalive_s
            try:
                self._connection.serve()
            except BrokerGoneError as gone:
                failures = 1 if monotonic() - began_s > STEADY_S else failures + 1
                self._tell_hub(self._stands, LinkState(False, str(gone), gone.refused))
            self._rest(PAUSES_S[min(failures, len(PAUSES_S)) - 1] * random.uniform(0.8, 1.2))
        self._due_s = math.inf
        self._bell.close()

    def _rest(self, pause_s: float) -> None:
        self._due_s = monotonic() + pause_s + MARGIN_S
        until_s = monotonic() + pause_s
        while not self.is_ending and (left_s := until_s - monotonic()) > 0:
            self._bell.wait(left_s)

    # --- what the connection asks for, in the thread ---

    def wait(self, sock: Any, write: bool, wait_s: float) -> tuple[bool, bool]:
        """Wait for the socket or the hub; whether the socket can be read, and written."""
        self._due_s = monotonic() + wait_s + MARGIN_S
        return self._bell.wait(wait_s, sock, write=write)

    def has_read(self) -> None:
        """Rest when the broker sends too much."""
        if not self._reads.take(monotonic()):
            self._rest(FLOODED_S)

    def listens(self) -> None:
        """Tell the hub that the connection stands."""
        self._tell_hub(self._stands, LinkState(True))

    def hears(self, topic: str, payload: bytes, retained: bool) -> None:
        """Pass on what the house asks for, but no flood of it."""
        if self._asks.take(monotonic()):
            self._tell_hub(self._heard, topic, payload, retained)
        else:
            _strangers.warning("more is asked for over MQTT than %g things a second; the rest is dropped",
                               COMMANDS_PER_S)  # fmt: skip

    def _tell_hub(self, fn: Callable[..., None], *args: Any) -> None:
        if not self.is_ending:
            self._post(fn, *args)
