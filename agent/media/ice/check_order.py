"""Puts pairs of addresses into the order in which they are checked: those that the kernel would use go first.

With many interfaces on both sides most pairs cannot work, and each costs its turn (20 ms): of 30 addresses times 30 it
is the 30 pairs whose own address is the source that the routing table gives for the far one that deserve the first. And
of those it is the ones whose own address is known to lead out, because signaling uses it: of containers' networks that
both sides have alike, the routing table says that each leads to itself.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable

from agent.media.ice.library import CandidatePair
from agent.media.ice.sockets import IpPort


def source_towards(destination: IpPort) -> str | None:
    """Return the address of ours that the routing table gives for a destination; sends nothing; None without a way."""
    family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(destination)
            return str(probe.getsockname()[0])
    except OSError:
        return None


def put_likely_first(
    pairs: list[CandidatePair], leads_out: str | None, source: Callable[[IpPort], str | None] = source_towards
) -> None:
    """Sort in place, and keep the order of pairs that are alike; relays have their own way to anywhere."""
    known = functools.cache(source)
    pairs.sort(key=lambda pair: (_is_unlikely(pair, known), pair.local_candidate.host != leads_out))


def is_detour(
    pair: CandidatePair, other: CandidatePair, source: Callable[[IpPort], str | None] = source_towards
) -> bool:
    """Tell whether `pair` leaves from an address that the kernel would not take, and `other` from one that it would."""
    return _is_unlikely(pair, source) and not _is_unlikely(other, source)


def _is_unlikely(pair: CandidatePair, source: Callable[[IpPort], str | None]) -> bool:
    return pair.local_candidate.type == "host" and source(pair.remote_addr) != pair.local_candidate.host
