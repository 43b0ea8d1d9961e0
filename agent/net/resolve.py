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
from gevent.resolver.thread import Resolver
from gevent.threadpool import ThreadPool

from agent.net.kept_answers import HostPort, KeptAnswers, SocketAddress

LOOKUP_LIMIT_S: Final = 15.0  #: two silent name servers, and one that answers
LONGEST_S: Final = 120.0  #: what the C library may take for several servers and domains, and no more
THREADS: Final = 8

_under_way: dict[HostPort, AsyncResult[list[SocketAddress]]] = {}
_asked_at: dict[HostPort, float] = {}
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
    try:
        host.encode("idna")
    except UnicodeError:  # threads would print a traceback of it
        raise socket.gaierror(socket.EAI_NONAME, "this is no name of a host") from None
    name = (host, port)
    if (kept := _kept.recent(name, monotonic())) is not None:
        return kept
    answer = _under_way.get(name)
    if answer is None:
        answer = _under_way[name] = AsyncResult()
        _asked_at[name] = monotonic()
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
        if _under_way.get(name) is answer:  # it was not given up meanwhile
            del _under_way[name], _asked_at[name]


def lookups_overdue_s() -> float:
    """Return the seconds since the oldest look-up should have had its answer, be it a bad one."""
    return max((monotonic() - asked - LONGEST_S for asked in _asked_at.values()), default=0.0)


def replace_resolver() -> None:
    """Leave threads that stand still in the C library behind, with what they look up, and take others."""
    hub = gevent.get_hub()
    resolver = Resolver(hub)
    resolver.pool = ThreadPool(THREADS, hub)  # ours alone: whatever hangs there hangs nobody else
    hub.resolver = resolver
    left = list(_under_way.values())
    _under_way.clear()
    _asked_at.clear()
    for answer in left:
        answer.set_exception(socket.gaierror(socket.EAI_AGAIN, "the look-up of names stood still"))
