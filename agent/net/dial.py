"""TCP connections on the gevent hub that use whichever of IPv6 and IPv4 works (RFC 8305, in short)."""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import Any

import gevent
from gevent import socket
from gevent.queue import Empty, Queue

from agent.net.kept_answers import SocketAddress
from agent.net.resolve import resolve

STAGGER_S = 0.25


def dial(host: str, port: int) -> socket.socket:
    """Look `host` up, which has a time of its own, and connect to the first address that answers; raises OSError."""
    return connect(resolve(host, port))


def connect(addresses: list[SocketAddress]) -> socket.socket:
    """Connect to the first address that answers; raises OSError.

    Addresses of both families are tried in turn, each with a start of 250 ms before the next. Killing the calling
    greenlet gives up every try.
    """
    waiting = _alternate(addresses)
    outcomes: Queue[socket.socket | OSError] = Queue()
    tries: list[gevent.Greenlet[..., None]] = []
    failures: list[OSError] = []
    try:
        while waiting or len(failures) < len(tries):
            if waiting:
                tries.append(gevent.spawn(_connect, waiting.pop(0), outcomes))
            outcome = _next(outcomes, STAGGER_S if waiting else None)
            if isinstance(outcome, OSError):
                failures.append(outcome)
            elif outcome is not None:
                return outcome
        raise failures[0]
    finally:
        gevent.killall(tries)
        _close_late_winners(outcomes)


def route_source(family: int, peer: Any) -> str | None:
    """Tell the address that this machine would send from to reach `peer`; None without a route. Sends nothing."""
    probe = socket.socket(family, socket.SOCK_DGRAM)
    try:
        probe.connect(peer)
        return str(probe.getsockname()[0])
    except OSError:
        return None
    finally:
        probe.close()


def _alternate(addresses: list[SocketAddress]) -> list[SocketAddress]:
    """The resolver's order, but with the families in turn."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    second = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address is not None]


def _connect(address: SocketAddress, outcomes: Queue[socket.socket | OSError]) -> None:
    family, peer = address
    sock = None
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(peer)
    except OSError as exc:
        if sock is not None:
            sock.close()
        outcomes.put(exc)
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    else:
        outcomes.put(sock)


def _next(outcomes: Queue[socket.socket | OSError], timeout_s: float | None) -> socket.socket | OSError | None:
    try:
        return outcomes.get(timeout=timeout_s)
    except Empty:
        return None


def _close_late_winners(outcomes: Queue[socket.socket | OSError]) -> None:
    while not outcomes.empty():
        outcome = outcomes.get_nowait()
        if not isinstance(outcome, OSError):
            outcome.close()
