"""Look-ups of the names of ICE servers, as `agent.net.resolve` makes them on the hub; asyncio only.

Each has a time of its own, is shared by all who ask for the name, goes on when nobody waits for it any more, and a late
answer is kept.
"""

from __future__ import annotations

import asyncio
import socket
from weakref import WeakKeyDictionary

from agent.net.kept_answers import HostPort, KeptAnswers, SocketAddress
from agent.net.resolve import LOOKUP_LIMIT_S, is_literal


class NameLookups:
    """Those of one loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept = KeptAnswers()
        self._under_way: dict[HostPort, asyncio.Task[list[SocketAddress]]] = {}

    async def resolve(self, host: str, port: int, limit_s: float) -> list[SocketAddress]:
        """Look up the addresses of `host`, in the resolver's order; raises socket.gaierror, also after `limit_s`."""
        name = (host, port)
        if (kept := self._kept.recent(name, self._loop.time())) is not None:
            return kept
        task = self._under_way.get(name) or self._begin(name)
        await asyncio.wait([task], timeout=limit_s)
        if not task.done():
            raise socket.gaierror(socket.EAI_AGAIN, f"no name server answered within {limit_s:g} s")
        return list(task.result())

    def _begin(self, name: HostPort) -> asyncio.Task[list[SocketAddress]]:
        task = self._under_way[name] = self._loop.create_task(self._look_up(name))
        task.add_done_callback(lambda done: self._ended(name, done))
        return task

    async def _look_up(self, name: HostPort) -> list[SocketAddress]:
        asked_at = self._loop.time()
        try:
            found = await self._loop.getaddrinfo(*name, type=socket.SOCK_DGRAM)
        except UnicodeError:
            raise socket.gaierror(socket.EAI_NONAME, "no name can be written so") from None
        addresses: list[SocketAddress] = list(dict.fromkeys((each[0], each[4]) for each in found))
        self._kept.note(name, addresses, asked_at, self._loop.time())
        return addresses

    def _ended(self, name: HostPort, task: asyncio.Task[list[SocketAddress]]) -> None:
        self._under_way.pop(name, None)
        if not task.cancelled():
            task.exception()  # nobody may wait for it any more, and then it is no news


_lookups: WeakKeyDictionary[asyncio.AbstractEventLoop, NameLookups] = WeakKeyDictionary()


async def look_up(host: str, port: int, limit_s: float = LOOKUP_LIMIT_S) -> list[SocketAddress]:
    """Return the addresses of `host`, in the resolver's order; raises socket.gaierror, also after `limit_s`."""
    if is_literal(host):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        return [(family, address) for family, _type, _proto, _name, address in found]
    return await _lookups.setdefault(asyncio.get_running_loop(), NameLookups()).resolve(host, port, limit_s)


async def look_up_family(host: str, port: int, family: int) -> str:
    """Return the first address of `host` that is of `family`; raises socket.gaierror."""
    for found, address in await look_up(host, port):
        if found == family:
            return str(address[0])
    raise socket.gaierror(socket.EAI_NONAME, f"the name has no IPv{6 if family == socket.AF_INET6 else 4} address")
