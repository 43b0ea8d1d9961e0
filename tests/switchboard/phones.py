"""A running switchboard for tests, and raw PStream clients that talk to it over TLS."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agent.switchboard.address import SwitchboardAddress
from agent.switchboard.server import Switchboard
from agent.switchboard.settings import SwitchboardSettings

PATIENCE_S = 30.0


class Phone:
    """A bare client: sends frames, waits for frames of a type, echoes heartbeats."""

    def __init__(self, socket: ClientConnection, version: str = "1.5") -> None:
        self._socket = socket
        self._version = version
        self.seen: list[dict[str, Any]] = []

    async def send(self, message_type: str, **payload: Any) -> None:
        await self.send_text(json.dumps({"type": message_type, "version": self._version, "payload": payload}))

    async def send_text(self, text: str | list[str]) -> None:
        """Send one message, in parts if it is a list."""
        await self._socket.send(text)

    async def raw(self) -> str:
        """Return the text of the next frame."""
        async with asyncio.timeout(PATIENCE_S):
            return str(await self._socket.recv())

    async def next(self) -> dict[str, Any]:
        """Return the next frame that is no heartbeat."""
        while (text := await self.raw()) == "\n":
            with suppress(ConnectionClosed):  # what came before the end is still read
                await self.send_text("\n")
        frame: dict[str, Any] = json.loads(text)
        self.seen.append(frame)
        return frame

    async def expect(self, message_type: str) -> dict[str, Any]:
        """Return the payload of the next frame, which must be of this type."""
        frame = await self.next()
        assert frame["type"] == message_type, frame
        payload: dict[str, Any] = frame["payload"]
        return payload

    async def silent(self) -> bool:
        """Whether nothing was waiting: the answer to one more listen comes next."""
        await self.send("register", media={"audio": True})
        return (await self.next())["type"] == "ready"

    async def drop(self) -> None:
        """Lose the socket as a pulled cable does."""
        self._socket.transport.abort()
        await self._socket.wait_closed()

    async def reset(self) -> None:
        """Lose the socket as the kernel ends those of a process that was killed."""
        raw = self._socket.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.drop()

    async def close(self) -> None:
        await self._socket.close()


class Site:
    """A running switchboard and the phones connected to it."""

    def __init__(self, switchboard: Switchboard, address: SwitchboardAddress) -> None:
        self.switchboard = switchboard
        self.address = address
        self.context = ssl.create_default_context(cafile=address.ca_file)
        self._sockets: list[ClientConnection] = []

    def mint(self, identity: str) -> str:
        """Make a token that the switchboard accepts."""
        return self.switchboard.mint(identity)

    async def connect(self, version: str = "1.5") -> Phone:
        """Open a socket and say nothing."""
        connection = await connect(
            f"wss://{self.address.server}/signal", ssl=self.context, ping_interval=None, compression=None
        )
        self._sockets.append(connection)
        return Phone(connection, version)

    async def listening(self, identity: str, version: str = "1.5", **more: Any) -> Phone:
        """Open a socket and present a token; `more` comes with it."""
        phone = await self.connect(version)
        await phone.send("listen", token=self.mint(identity), **more)
        await phone.expect("connected")
        return phone

    async def ready(self, identity: str, version: str = "1.5", **more: Any) -> Phone:
        """Open a socket and register."""
        phone = await self.listening(identity, version, **more)
        await phone.send("register", media={"audio": True})
        await phone.expect("ready")
        return phone

    async def close(self) -> None:
        for connection in self._sockets:
            await connection.close()
        await self.switchboard.stop()


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """Run a switchboard on a free port."""
    settings = {"listen_port": 0, "state_dir": str(folder), **settings}
    switchboard = Switchboard(SwitchboardSettings(**settings))
    site = Site(switchboard, await switchboard.start())
    try:
        yield site
    finally:
        await site.close()
