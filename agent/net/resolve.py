"""Look-ups of names: each has a time of its own, goes on when nobody waits for it any more, and a late answer is kept.

The C library asks one name server after the other, for 5 s each, and offers no way to look at what it has so far. So a
first server that is silent makes every look-up take a little more than 5 s, for ever: who gave up sooner would never
get an answer.
"""

from __future__ import annotations

from ipaddress import ip_address
from time import monotonic
from typing import Final

import gevent
from gevent import socket
from gevent.event import AsyncResult

from agent.net.kept_answers import HostPort, KeptAnswers, SocketAddress

LOOKUP_LIMIT_S: Final = 15.0  #: two silent name servers, and one that answers

_under_way: dict[HostPort, AsyncResult[list[SocketAddress]]] = {}
_kept = KeptAnswers()


def is_literal(host: str) -> bool:
    """Tell whether `host` is an address already."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def resolve(host: str, port: int, limit_s: float = LOOKUP_LIMIT_S) -> list[SocketAddress]:
    """Look up the addresses of `host`, in the resolver's order; raises socket.gaierror, also after `limit_s`."""
    name = (host, port)
    if (kept := _kept.recent(name, monotonic())) is not None:
        return kept
    answer = _under_way.get(name)
    if answer is None:
        answer = _under_way[name] = AsyncResult()
        gevent.spawn(_look_up, name, answer)
    answer.wait(limit_s)
    if not answer.ready():
        raise socket.gaierror(socket.EAI_AGAIN, f"no name server answered within {limit_s:g} s")
    return list(answer.get())


def _look_up(name: HostPort, answer: AsyncResult[list[SocketAddress]]) -> None:
    asked_at = monotonic()
    try:
        found = socket.getaddrinfo(*name, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((family, address) for family, _type, _proto, _name, address in found))
        _kept.note(name, addresses, asked_at, monotonic())
        answer.set(addresses)
    except Exception as exc:
        answer.set_exception(exc)
    finally:
        del _under_way[name]
