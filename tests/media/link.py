"""A network between two peers that tests can disturb: a UDP relay with loss, delay and a NAT that forgets.

Each end is given the relay's address as the other's only candidate, so every packet crosses it.
"""

import asyncio
import random
import re


class _Side(asyncio.DatagramProtocol):
    """The relay's socket towards one end."""

    def __init__(self, link, name):
        self.link, self.name, self.end = link, name, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.end = self.end or address
        self.link.carry(self.name, data)

    def error_received(self, error):
        pass


class Link:
    """Between "caller" and "callee"."""

    def __init__(self, seed=1):
        self.loss = {"caller": 0.0, "callee": 0.0}  # share of the packets from that end which is dropped
        self.delay_s = 0.0
        self.up = True
        self.carried = []  # (origin, packet) while `listening`
        self.listening = False
        self._random = random.Random(seed)
        self._sides = {}

    async def open(self):
        for name in ("caller", "callee"):
            await self._open_side(name)
        return self

    async def _open_side(self, name):
        loop = asyncio.get_running_loop()
        _, side = await loop.create_datagram_endpoint(lambda: _Side(self, name), local_addr=("127.0.0.1", 0))
        self._sides[name] = side

    def through(self, sdp, towards):
        """A description with the relay's socket towards that end in place of its candidates."""
        port = self._sides[towards].transport.get_extra_info("sockname")[1]
        candidate = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\n"
        bare = re.sub(r"a=candidate:.*\r\n", "", sdp)
        return bare.replace("a=ice-ufrag", candidate + "a=ice-ufrag", 1)

    async def rebind(self, towards):
        """Send to that end from another port from now on; what it sends to the old one is lost."""
        old = self._sides[towards]
        await self._open_side(towards)
        self._sides[towards].end = old.end
        old.transport.close()

    def carry(self, origin, data):
        if self.listening:
            self.carried.append((origin, data))
        if not self.up or self._random.random() < self.loss[origin]:
            return
        target = self._sides["callee" if origin == "caller" else "caller"]
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self._send, target, data)
        else:
            self._send(target, data)

    def inject(self, towards, data):
        """Send that end a packet of our own."""
        self._send(self._sides[towards], data)

    @staticmethod
    def _send(side, data):
        if side.end is not None and not side.transport.is_closing():
            side.transport.sendto(data, side.end)

    def close(self):
        for side in self._sides.values():
            side.transport.close()
