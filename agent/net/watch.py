"""Notices on the hub, at once, that this machine's addresses or routes changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import gevent
from gevent import socket

from agent.closing import Closing
from agent.net.dial import route_source
from agent.net.netlink import GROUPS, SETTLE_S, NetworkChange, snapshot
from agent.net.turns import Turns

log = logging.getLogger(__name__)

MOST_S = 1.0  # one change has many parts, but not for longer
NEWS_A_TURN = 16
ANY_PORT = 9  # no packet is sent to find a route


class NetworkWatch(Closing):
    """Calls `on_change(change)` in a greenlet of its own; one change of many parts comes as one."""

    def __init__(self, on_change: Callable[[NetworkChange], None]) -> None:
        self._on_change = on_change
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin to watch; idempotent. Without the kernel's help (not Linux) nothing is ever noticed."""
        if self._greenlet is not None:
            return
        try:
            netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            netlink.bind((0, GROUPS))
        except (AttributeError, OSError) as exc:
            log.warning("changes of the network will be noticed late: %s", exc)
            return
        self._greenlet = gevent.spawn(self._watch, netlink)

    def close(self) -> None:
        """Stop watching; idempotent."""
        greenlet, self._greenlet = self._greenlet, None
        if greenlet is not None:
            greenlet.kill(block=False)

    def _watch(self, netlink: socket.socket) -> None:
        with netlink:
            before = snapshot()
            while True:
                _drain(netlink)
                after = snapshot()
                change = NetworkChange.between(before, after)
                before = after
                if change is not None:
                    log.info("the network changed: +%s -%s", sorted(change.added), sorted(change.removed))
                    self._on_change(change)


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
