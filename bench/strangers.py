"""How many calls have sound both ways while strangers send to their ports.

    python -m bench.strangers [--calls 20]

For each role in the DTLS handshake and each kind of packet, that many calls: one burst while the call still rings,
then one every few milliseconds until it has talked. A call counts when both ends hear ten packets within 15 s.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Callable

from agent.media.peer import Peer
from agent.media.settings import MediaSettings
from bench.rig import junk

PATIENCE_S = 15.0
PACKETS = 10
KINDS: dict[str, Callable[[], list[bytes]]] = {
    "one alert": lambda: [junk.record(21, b"\x02\x28")],
    "alerts": junk.alerts,
    "hellos": junk.hellos,
    "one hello": lambda: junk.hellos()[:1],
    "other DTLS": lambda: [*junk.messages(), *junk.other_dtls()],
    "everything": junk.everything,
}


class End:
    """A peer that talks and counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0
        self.peer = Peer(MediaSettings())
        self.peer.rtp.on_rtp = self._hear

    def _hear(self, *_packet: object) -> None:
        self.heard += 1


async def call(kind: Callable[[], list[bytes]], victim: str) -> bool:
    """One call whose caller (DTLS server) or callee (client) gets these packets; whether both ends heard the other."""
    caller, callee = End(), End()
    async with junk.Stranger() as stranger:
        offer = await caller.peer.create_offer()
        if victim == "server":
            stranger.send(kind(), caller.peer)
            await asyncio.sleep(0.05)  # it rings
        answer = await callee.peer.answer_offer(offer)
        if victim == "client":
            stranger.send(kind(), callee.peer)
            await asyncio.sleep(0)
        await caller.peer.apply_answer(answer)
        target = caller.peer if victim == "server" else callee.peer
        until, number = asyncio.get_running_loop().time() + PATIENCE_S, 0
        while min(caller.heard, callee.heard) < PACKETS and asyncio.get_running_loop().time() < until:
            for end in (caller, callee):
                end.peer.rtp.send(bytes(60), number * 960, False, "opus")
            stranger.send(kind()[:20], target)
            number += 1
            await asyncio.sleep(0.01)
    for end in (caller, callee):
        end.peer.close()
    return min(caller.heard, callee.heard) >= PACKETS


async def run(calls: int) -> None:
    """Every kind and role; calls of one row are made at once, five by five."""
    print(f"{'':14} {'DTLS role':>10} {'calls':>6} {'sound':>6}")
    for name, kind in KINDS.items():
        for victim in ("server", "client"):
            sound = 0
            for start in range(0, calls, 5):
                sound += sum(await asyncio.gather(*(call(kind, victim) for _ in range(min(5, calls - start)))))
            print(f"{name:14} {victim:>10} {calls:6} {sound:6}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20)
    logging.disable(logging.ERROR)
    asyncio.run(run(parser.parse_args().calls))


if __name__ == "__main__":
    main()
