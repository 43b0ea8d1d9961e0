"""Ports for programs that have to be told a number: one that is free now may be another's by the time they listen.

The kernel hands none of these to whoever asks for any port, and each process that wants some has a range to itself.
"""

from __future__ import annotations

import functools
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

FIRST = 10_240
COUNT = 256  # in one range
FOR_ANYBODY = Path("/proc/sys/net/ipv4/ip_local_port_range")

_claims: list[socket.socket] = []  # open as long as this process lives


def unused_port() -> int:
    """A port on which nobody listens, over TCP or UDP, and that nobody else gets here."""
    return next(port for port in itertools.islice(_own_ports(), COUNT) if _is_unused(port))


@functools.cache
def _own_ports() -> Iterator[int]:
    """The ports of this process, again and again."""
    end = int(FOR_ANYBODY.read_text().split()[0])
    first = next(first for first in range(FIRST, end - COUNT + 1, COUNT) if _claim(first))
    return itertools.cycle(range(first, first + COUNT))


def _claim(first: int) -> bool:
    """Take the range that begins there, unless another process has it."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0unused ports from {first}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def _is_unused(port: int) -> bool:
    family, everywhere = (socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else (socket.AF_INET, "")
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind((everywhere, port))
            except OSError:
                return False
    return True
