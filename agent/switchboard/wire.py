"""One client's WebSocket, which takes turns: media and other clients share its asyncio loop.

All that one read brings, up to 256 kB, would be parsed at once: more than a hundred thousand frames. Here it is parsed
in pieces, with a round of the loop between two of them, and reading rests until the last piece is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, CloseCode, Frame
from websockets.http11 import Request

from agent.net.rate_limit import RateLimit

PIECE_BYTES = 2 * 1024  # three hundred empty frames at most
MAX_FRAGMENTS = 64
FRAMES_PER_S = 200.0  # of any kind, fragments too; above what a session allows
CONTROLS_PER_S = 20.0  # pings, pongs
MOST_UNREAD_BYTES = 256 * 1024  # that wait for a client; what its session says waits elsewhere


class Wire(ServerConnection):
    """A connection whose frames are bounded; `session_frames_per_s` is what its session allows of messages."""

    def __init__(self, session_frames_per_s: float, all_wires: set[Wire], *arguments: Any, **options: Any) -> None:
        """`all_wires` holds it from its handshake to its end."""
        super().__init__(*arguments, **options)
        self.leave: Callable[[], object] = _nothing  # says that a token was shown, or that it is gone
        self.act: Callable[[], object] = _nothing  # says that it has got further
        self.is_connected = False
        self._all_wires = all_wires
        self._waiting = bytearray()
        self._fragments = 0
        self._failed = False
        self._budget = RateLimit(max(FRAMES_PER_S, 2 * session_frames_per_s), self.loop.time())
        self._controls = RateLimit(CONTROLS_PER_S, self.loop.time())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self.is_connected = True
        self.act()
        self._all_wires.add(self)
        self.recv_messages.resume = self._resume

    def data_received(self, data: bytes) -> None:
        """Parse the first piece now, and the rest in turns."""
        self.act()
        is_busy = bool(self._waiting)
        self._waiting += data
        if not is_busy:
            self._parse_piece()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.leave()
        self.leave = self.act = _nothing  # no circle keeps the buffers of TLS until the next collection
        self.is_connected = False
        self._waiting.clear()
        self._all_wires.discard(self)
        super().connection_lost(exc)

    def process_event(self, event: Request | Frame) -> None:  # type: ignore[override]
        """Pass one frame on; too many of them, or of fragments, fail the connection."""
        if isinstance(event, Frame):
            self._count(event)
        if not self._failed:
            super().process_event(event)

    def send_data(self) -> None:
        """Send what there is to send; whoever makes us answer and reads no answer is cut off."""
        super().send_data()
        if self.is_connected and self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            self._failed = True
            self.transport.abort()

    def _count(self, frame: Frame) -> None:
        if self._failed:
            return
        if frame.opcode in DATA_OPCODES:
            self._fragments = 0 if frame.fin else self._fragments + 1
        if self._fragments >= MAX_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        elif not (self._budget if frame.opcode in DATA_OPCODES else self._controls).take(self.loop.time()):
            self._fail(CloseCode.POLICY_VIOLATION, "too many frames")

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._failed = True
        self.protocol.fail(code, reason)
        self._waiting.clear()
        self.send_data()

    def _parse_piece(self) -> None:
        piece = bytes(self._waiting[:PIECE_BYTES])
        if not piece:
            return  # the connection failed or ended meanwhile
        super().data_received(piece)
        del self._waiting[:PIECE_BYTES]
        if self._waiting:
            self.transport.pause_reading()
            self.loop.call_soon(self._parse_piece)
        elif not self.recv_messages.paused:
            self.transport.resume_reading()

    def _resume(self) -> None:
        if not self._waiting:
            self.transport.resume_reading()


def _nothing() -> None:
    pass
