"""One client's socket: what its session decides goes out in order, and a client that does not read is dropped."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from agent.log import SeldomLog
from agent.signaling.pstream.messages import Dialect, Payload
from agent.signaling.pstream.names import SECOND_GENERATION_TYPES, Member
from agent.switchboard.client_session import ClientSession
from agent.switchboard.wire import Wire

OUTBOX_FRAMES = 200
OUTBOX_BYTES = 1024 * 1024
CLOSE_TIMEOUT_S = 2.0


class Client:
    """A session with its socket."""

    def __init__(self, session: ClientSession, connection: Wire, strangers: SeldomLog) -> None:
        self.id = session.id
        self.session = session
        self._connection = connection
        self._strangers = strangers
        self._outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX_FRAMES)
        self._waiting_bytes = 0
        self.stays = False  # has a place of its own among the clients

    @property
    def identity(self) -> str | None:
        """Who it is, once a token has said so."""
        return self.session.identity

    @property
    def reached_at(self) -> str | None:
        """The address of this machine that its socket came to."""
        address = self._connection.local_address
        return str(address[0]) if address else None

    @property
    def account_sid(self) -> str:
        """The account that its token names."""
        return self.session.grant.account_sid if self.session.grant else ""

    @property
    def can_resume(self) -> bool:
        """Whether it takes its calls up again by token, as the 2.x SDK does."""
        return self.session.dialect is Dialect.V2

    @property
    def reconnect_timeout_s(self) -> float:
        """How long its calls shall wait for it when its socket is lost; 0 when it did not say."""
        return self.session.reconnect_timeout_s

    def tell(self, message_type: str, payload: Payload) -> None:
        """Send a message in the client's dialect, unless it does not know the type (spec: signaling 11)."""
        if message_type in SECOND_GENERATION_TYPES and not self.can_resume:
            return
        self.send(self.session.say(message_type, payload).text)
        if Member.RECONNECT in payload:
            self.send(self.session.ask_whether_read().text)

    def send(self, text: str) -> None:
        """Queue one frame; a client that has not read for so long is disconnected."""
        if self._outbox.full() or self._waiting_bytes > OUTBOX_BYTES:
            self._strangers.warning("client %d does not read what it is sent; its socket is closed", self.id)
            self.abort()
            return
        self._waiting_bytes += len(text)
        self._outbox.put_nowait(text)

    def stay(self) -> None:
        """Take it for no stranger any more, who would have to make room for the next one."""
        self.stays = True
        self._connection.leave()

    def abort(self) -> None:
        """Drop the socket without a word."""
        self._connection.transport.abort()

    async def write(self) -> None:
        """Send what is queued until the socket closes."""
        with suppress(ConnectionClosed):
            while True:
                text = await self._outbox.get()
                self._waiting_bytes -= len(text)
                await self._connection.send(text)

    async def close(self, code: int, reason: str) -> None:
        """Send what is still queued, and close; a client that does not read is not waited for."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                with suppress(ConnectionClosed):
                    while not self._outbox.empty():
                        await self._connection.send(self._outbox.get_nowait())
                await self._connection.close(code, reason)
        except TimeoutError:
            self.abort()
