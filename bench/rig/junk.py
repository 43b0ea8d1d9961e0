"""What a stranger may send to the UDP port of a call: nothing of it may matter."""

import asyncio
import os
import re
import struct

from aioice import stun

USE_SRTP = bytes.fromhex("000e00050002000700")  # one extension that a call must have
ALERTS = [(level, description) for level in (0, 1, 2, 255) for description in (0, 10, 20, 40, 47, 50, 80, 90, 100, 255)]


def record(kind, body, version=0xFEFD, epoch=0, number=0, length=None):
    length = len(body) if length is None else length
    return struct.pack("!BHH", kind, version, epoch) + number.to_bytes(6, "big") + struct.pack("!H", length) + body


def message(kind, body, number=0, total=None, offset=0, length=None):
    total = len(body) if total is None else total
    length = len(body) if length is None else length
    header = bytes([kind]) + total.to_bytes(3, "big") + number.to_bytes(2, "big")
    return header + offset.to_bytes(3, "big") + length.to_bytes(3, "big") + body


def hello_body(random=None, version=b"\xfe\xfd", suites=b"\xc0\x2b", extensions=b"\x00\x0a\x00\x04\x00\x02\x00\x1d"):
    """A ClientHello that is well-formed, though nobody would take it."""
    suites = struct.pack("!H", len(suites)) + suites
    return (
        version
        + (random or os.urandom(32))
        + b"\x00\x00"
        + suites
        + b"\x01\x00"
        + struct.pack("!H", len(extensions))
        + extensions
    )


def alerts():
    return [record(21, bytes(alert), number=number) for number, alert in enumerate(ALERTS)]


def hellos():
    """ClientHellos cut short, with bad lengths, in pieces, of other versions, with nothing to choose from."""
    body = hello_body()
    return [
        record(22, message(1, body)),
        record(22, message(1, hello_body(suites=b"\x00\x05"))),
        record(22, message(1, hello_body(suites=b""))),
        record(22, message(1, hello_body(version=b"\x03\x03"))),
        record(22, message(1, hello_body(version=b"\xfe\xff"), number=0), version=0xFEFF),
        record(22, message(1, body), version=0x0301),
        record(22, message(1, body), version=0xFEFC),
        record(22, message(1, body, number=1)),
        record(22, message(1, body[:20])),
        record(22, message(1, body, total=len(body) + 9)),
        record(22, message(1, body, total=3)),
        record(22, message(1, body, total=0xFFFFFF)),
        record(22, message(1, body[:10], total=len(body))),
        record(22, message(1, body[10:], total=len(body), offset=10)),
        record(22, message(1, b"", total=len(body))),
        record(22, message(1, body, offset=0xFFFF00)),
        record(22, message(1, body)[:11]),
        record(22, message(1, body), length=4000),
        record(22, message(1, body), epoch=3),
        record(22, message(1, body) * 5),
        record(22, message(1, body), number=2**48 - 1),
    ]


def hello_verify():
    """A demand to repeat the hello with a cookie, which servers may make."""
    return record(22, message(3, b"\xfe\xff\x04abcd"), version=0xFEFF)


def messages():
    """Handshake messages of both sides with nonsense in them, at every place."""
    kinds = (0, 2, 3, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22, 24, 67, 254)
    return [record(22, message(kind, b"\xa5" * 40, n), number=90) for kind in kinds for n in range(6)]


def other_dtls():
    return [
        record(20, b"\x01"),
        record(20, b"\x02\x02"),
        record(20, b""),
        record(23, b"hello"),
        record(23, os.urandom(60), epoch=1),
        record(21, os.urandom(30), epoch=1),
        record(22, os.urandom(60), epoch=1),
        record(22, b""),
        record(26, os.urandom(20)),
        record(21, b"\x02\x28", number=2**48 - 1),
        *(bytes([first]) + os.urandom(length) for first in (20, 21, 22, 23, 25, 32, 47, 63) for length in (0, 12, 70)),
    ]


def stun_like():
    """Checks that prove nothing, answers to nobody's question, and what only begins like STUN."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes.update({"USERNAME": "a:b", "PRIORITY": 1, "ICE-CONTROLLING": 2**64 - 1, "USE-CANDIDATE": None})
    plain = bytes(request)
    request.add_message_integrity(b"a guess at the password")
    conflict = stun.Message(stun.Method.BINDING, stun.Class.ERROR)
    conflict.attributes["ERROR-CODE"] = (487, "Role Conflict")
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("10.9.8.7", 6)
    short = struct.pack("!HHI12sHHI", 1, 8, stun.COOKIE, os.urandom(12), 0x802A, 4, 7)  # a tie-breaker of 4 bytes
    data = stun.Message(stun.Method.DATA, stun.Class.INDICATION)
    data.attributes.update({"XOR-PEER-ADDRESS": ("10.9.8.7", 6), "DATA": record(21, b"\x02\x28")})
    return [plain, bytes(request), bytes(conflict), bytes(answer), short, bytes(data), b"\x00", b"\x01\x01" + bytes(40)]


def media():
    return [bytes([first, second]) + os.urandom(40) for first in (0x80, 0x90, 0xBF) for second in (0, 111, 200, 201)]


def everything():
    unknown = [b"", b"x", bytes(2000), os.urandom(1400), b"\xff" * 60, b"\x40\x00\x00\x04abcd", b"GET / HTTP/1.1\r\n"]
    return [*alerts(), *hellos(), *messages(), *other_dtls(), *stun_like(), *media(), *unknown]


def addresses(sdp):
    """Where the peer that made this description listens."""
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp)
    return [(host, int(port)) for host, port in found]


class Stranger:
    """Sends to the ports of a call, from ports of its own."""

    def __init__(self):
        self._task = None

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self._sockets = {}
        for family, host in (("4", "0.0.0.0"), ("6", "::")):
            try:
                transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(host, 0))
            except OSError:
                continue
            self._sockets[family] = transport
        return self

    async def __aexit__(self, *_):
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for transport in self._sockets.values():
            transport.close()

    def send(self, packets, *peers):
        """Send each of them once to every port of these peers."""
        for peer in peers:
            for host, port in addresses(peer.local_sdp):
                for packet in packets:
                    self._sockets["6" if ":" in host else "4"].sendto(packet, (host, port))

    def pester(self, *peers):
        """Go on sending everything to them, until the end."""
        self._task = asyncio.get_running_loop().create_task(self._pester(peers))

    async def _pester(self, peers):
        while True:
            for packet in everything():
                self.send([packet], *peers)
                await asyncio.sleep(0.001)
