"""Notices on the hub, at once, that this machine's addresses or routes changed; once for the whole process.

Linux' routing socket says within milliseconds what signaling's heartbeat and the consent of ICE would find out after
many seconds. Its messages only wake us; what has changed is read from the kernel then.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import gevent
from gevent import socket

from agent.closing import Closing
from agent.log import FailureLog
from agent.net.dial import route_source
from agent.net.netlink import GROUPS, NetworkChange, Snapshot, snapshot
from agent.net.turns import Turns

log = logging.getLogger(__name__)

SETTLE_S = 0.02
MOST_S = 1.0  # one change has many parts, but not for longer
NEWS_A_TURN = 16
ANY_PORT = 9  # no packet is sent to find a route


class NetworkWatch(Closing):
    """Calls `on_change(change)`, for one change after the other, in a greenlet of its own; hub only.

    One change of many parts comes as one. However many watches there are, the process listens to the kernel once.
    """

    def __init__(self, on_change: Callable[[NetworkChange], None]) -> None:
        self._on_change = on_change
        self._news: deque[NetworkChange] = deque()
        self._teller: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin to watch; idempotent. Without the kernel's help (not Linux) nothing is ever noticed."""
        _listener.join(self)

    def close(self) -> None:
        """Stop watching; idempotent."""
        _listener.leave(self)
        self._news.clear()

    def tell(self, change: NetworkChange) -> None:
        """Pass a change on; does not block, however long the one before is worked on."""
        self._news.append(change)
        if self._teller is None or self._teller.ready():
            self._teller = gevent.spawn(self._tell)

    def _tell(self) -> None:
        while self._news:
            try:
                self._on_change(self._news.popleft())
            except Exception:
                log.exception("a change of the network could not be dealt with")


class KernelListener:
    """Listens to the routing socket while anybody watches."""

    def __init__(self) -> None:
        self._watches: list[NetworkWatch] = []
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(log, "noticing changes of the network at once")

    def join(self, watch: NetworkWatch) -> None:
        """Tell this watch of changes from now on; idempotent."""
        if watch not in self._watches:
            self._watches.append(watch)
        if self._greenlet is None:
            self._begin()

    def leave(self, watch: NetworkWatch) -> None:
        """Tell this one nothing more; idempotent."""
        if watch in self._watches:
            self._watches.remove(watch)
        if not self._watches and self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def _begin(self) -> None:
        try:
            netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            netlink.bind((0, GROUPS))
        except (AttributeError, OSError) as exc:
            self._failures.failed(exc)
            return
        self._failures.recovered()
        self._greenlet = gevent.spawn(self._listen, netlink, snapshot())

    def _listen(self, netlink: socket.socket, before: Snapshot) -> None:
        with netlink:
            while True:
                _drain(netlink)
                after = snapshot()
                change = NetworkChange.between(before, after)
                before = after
                if change is not None:
                    log.info("the network changed: +%s -%s", sorted(change.added), sorted(change.removed))
                    for watch in list(self._watches):
                        watch.tell(change)


_listener = KernelListener()


def _drain(netlink: socket.socket) -> None:
    """Wait for news, then until there was none for a moment; news without end are looked at after MOST_S."""
    turns = Turns(NEWS_A_TURN)
    netlink.settimeout(None)
    _receive(netlink)
    until = monotonic() + MOST_S
    with suppress(TimeoutError):
        while (left_s := until - monotonic()) > 0:
            netlink.settimeout(min(SETTLE_S, left_s))
            _receive(netlink)
            turns.step()


def _receive(netlink: socket.socket) -> None:
    try:
        netlink.recv(65_536)
    except TimeoutError:
        raise
    except OSError as exc:  # ENOBUFS: messages were lost, the snapshot will tell
        log.debug("messages about the network were lost: %s", exc)


class Way(NamedTuple):
    """What a change of the network means for one path."""

    harmed: bool  # it is gone, or no longer the one that the kernel would take
    reachable: bool  # there is a way to the far side, this or another


def way_after(change: NetworkChange | None, local_ip: str | None, remote_ip: str | None) -> Way:
    """Judge what `change` means for a path between two addresses; an unknown change or path counts as harmed."""
    if remote_ip is None:
        return Way(harmed=True, reachable=True)
    family = socket.AF_INET6 if ":" in remote_ip else socket.AF_INET
    source = route_source(family, (remote_ip, ANY_PORT))
    gone = change is None or local_ip in change.removed
    return Way(harmed=gone or (source is not None and source != local_ip), reachable=source is not None)
