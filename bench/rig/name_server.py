"""A name server that knows one name, or is silent, or refuses."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

A = 1
REFUSED = 5
TTL_S = 1
Mood = Literal["answers", "silent", "refuses"]


class NameServer:
    """Serves one address over UDP in a thread of its own."""

    def __init__(self, listener: socket.socket, address: str) -> None:
        """`listener` is bound already: its network is the one that it was made in."""
        self.mood: Mood = "answers"
        self.asked = 0
        self._listener = listener
        self._address = socket.inet_aton(address)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; idempotent."""
        with suppress(OSError):  # a socket without a peer is woken up all the same
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                query, asker = self._listener.recvfrom(4096)
            except OSError:
                return
            if query and len(query) > 12 and self.mood != "silent":
                self.asked += 1
                self._listener.sendto(self._answer(query), asker)
            elif not query:
                return

    def _answer(self, query: bytes) -> bytes:
        """RFC 1035 sections 4.1.1 to 4.1.3."""
        end = query.index(b"\0", 12) + 5
        question, kind = query[12:end], struct.unpack(">H", query[end - 4 : end - 2])[0]
        found = kind == A and self.mood == "answers"
        flags = 0x8180 | (REFUSED if self.mood == "refuses" else 0)
        head = query[:2] + struct.pack(">5H", flags, 1, int(found), 0, 0)
        record = b"\xc0\x0c" + struct.pack(">2HIH", A, 1, TTL_S, 4) + self._address
        return head + question + (record if found else b"")
