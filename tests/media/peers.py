"""Two real peers in one asyncio loop, for the tests of this room."""

import asyncio

from agent.media.peer import Peer
from agent.media.settings import MediaSettings
from agent.net.netlink import LocalAddress, Snapshot

PATIENCE_S = 30.0


class WatchedPeer(Peer):
    """A peer that remembers its events, and lets tests wait for them."""

    def __init__(self, **settings):
        self.events = []
        self.packets = []
        self._changed = asyncio.Event()
        super().__init__(MediaSettings(**settings), self._note)
        self.rtp.on_rtp = self._note_rtp

    def _note(self, name, *arguments):
        self.events.append((name, *arguments))
        self._changed.set()

    def _note_rtp(self, payload, timestamp, marker, codec, _sequence):
        self.packets.append((payload, timestamp, marker, codec))
        self._changed.set()

    def values(self, name):
        return [event[1] if len(event) == 2 else event[1:] for event in self.events if event[0] == name]

    async def until(self, condition):
        """Wait until `condition(self)` holds; it is looked at after each event and packet, and every 50 ms."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self):
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.05)
                except TimeoutError:
                    continue

    async def connected(self):
        await self.until(lambda peer: peer.connection_state == "connected")


def run(story):
    """Run an async story; whatever it leaves open is closed by the end of the loop."""
    return asyncio.run(story)


async def negotiate(caller, callee):
    await caller.apply_answer(await callee.answer_offer(await caller.create_offer()))


async def linked_pair(link, **settings):
    """A connected pair on loopback whose packets all cross `link`."""
    caller, callee = WatchedPeer(**settings), WatchedPeer(**settings)
    await link_up(link, caller, callee)
    await asyncio.gather(caller.connected(), callee.connected())
    return caller, callee


async def link_up(link, caller, callee):
    """Exchange descriptions, first or further, so that the new path crosses `link`."""
    restart = caller.local_sdp != ""
    offer = await (caller.create_restart_offer() if restart else caller.create_offer())
    answer = await callee.answer_offer(link.through(offer, "callee"))
    await caller.apply_answer(link.through(answer, "caller"))


async def connected_pair(caller_settings=None, callee_settings=None):
    caller, callee = WatchedPeer(**caller_settings or {}), WatchedPeer(**callee_settings or {})
    await negotiate(caller, callee)
    await asyncio.gather(caller.connected(), callee.connected())
    return caller, callee


async def close(*peers):
    for peer in peers:
        peer.close()
    for peer in peers:
        await peer.until(lambda peer: peer.connection_state == "closed")


def send_unusable(peer, payload_type, timestamp):
    """Send one packet of a type that was not negotiated, as part of that peer's stream."""
    session, now = peer.rtp._session, asyncio.get_running_loop().time()
    peer._secure.send_rtp(session.write(payload_type, 48_000, bytes(20), timestamp, False, now))


def only_addresses(monkeypatch, *addresses):
    """Let this machine have these addresses only, for whoever gathers from now on."""
    network = Snapshot(frozenset(LocalAddress(address, 1) for address in addresses), frozenset())
    monkeypatch.setattr("agent.media.ice.gathering.snapshot", lambda: network)


class Talker:
    """Sends a numbered payload every 20 ms, as a sound source would."""

    def __init__(self, peer, codec="opus"):
        self.sent = 0
        self._task = asyncio.get_running_loop().create_task(self._talk(peer, codec))

    async def _talk(self, peer, codec):
        while True:
            peer.rtp.send(self.sent.to_bytes(4, "big") + bytes(60), self.sent * 960, False, codec)
            self.sent += 1
            await asyncio.sleep(0.02)

    def stop(self):
        self._task.cancel()


def number_of(packet):
    return int.from_bytes(packet[0][:4], "big")
