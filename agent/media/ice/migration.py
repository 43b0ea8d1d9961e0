"""How a generation goes on from the addresses that this machine has now, with the credentials that both ends know."""

from __future__ import annotations

import asyncio

from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.gathering import Gatherer
from agent.media.ice.generations import Generations


class Migration:
    """Moves of one call; asyncio only."""

    def __init__(self, gatherer: Gatherer, generations: Generations) -> None:
        self._gatherer, self._generations = gatherer, generations
        self._opening = asyncio.Lock()  # two changes in a row must not open the same address twice

    async def carry_on(self, generation: Generation) -> None:
        """Check from new addresses, and from relays where nothing is heard meanwhile."""
        began_at = asyncio.get_running_loop().time()
        async with self._opening:
            before = generation.sockets
            await self._gatherer.open_hosts(generation)
        if generation.ended:
            return
        generation.check_from(generation.sockets - before)

        def check_relays() -> None:
            if self._generations.heard_at < began_at and not generation.ended:
                generation.check_from(generation.sockets - before)

        await self._gatherer.ask_servers(generation, check_relays)
