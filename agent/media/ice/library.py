"""aioice without its DNS library, which takes 2 MB and is for far ends that name themselves by multicast DNS.

All others of this program take aioice from here, so that it is imported here first.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from types import ModuleType
from typing import Any

from hw.light_import import standing_in

_LOCAL_NAME = re.compile(r"[a-zA-Z0-9-]{1,63}\.local")


class _LaterMdns(ModuleType):
    """What aioice takes of its module `mdns`; that is loaded, beside the loop, when a name has to be looked up."""

    MDnsProtocol = object  # in an annotation

    @staticmethod
    def is_mdns_hostname(name: str) -> bool:
        """Tell whether `name` is one of multicast DNS (RFC 6762), as aioice does."""
        return _LOCAL_NAME.fullmatch(name) is not None

    async def create_mdns_protocol(self) -> Any:
        """Begin to look names up."""
        mdns = await asyncio.to_thread(importlib.import_module, self.__name__)
        return await mdns.create_mdns_protocol()


with standing_in(_LaterMdns("aioice.mdns")):
    import aioice
    import aioice.ice
    import aioice.stun
    import aioice.turn
    from aioice import Candidate, stun
    from aioice.candidate import candidate_foundation, candidate_priority
    from aioice.ice import CandidatePair, StunProtocol
    from aioice.turn import (
        DEFAULT_ALLOCATION_LIFETIME,
        DEFAULT_CHANNEL_REFRESH_TIME,
        TurnClientMixin,
        TurnClientProtocol,
        TurnClientTcpProtocol,
        TurnClientUdpProtocol,
        TurnTransport,
    )

__all__ = [
    "DEFAULT_ALLOCATION_LIFETIME", "DEFAULT_CHANNEL_REFRESH_TIME", "Candidate", "CandidatePair", "StunProtocol",
    "TurnClientMixin", "TurnClientProtocol", "TurnClientTcpProtocol", "TurnClientUdpProtocol", "TurnTransport",
    "aioice", "candidate_foundation", "candidate_priority", "stun",
]  # fmt: skip
