"""The port of one switchboard: it listens with the certificate of its state folder, and can begin anew."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from websockets.asyncio.server import Server
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from agent.errors import ConfigError, InvalidStateError, LocalFault
from agent.log import FailureLog, SeldomLog
from agent.signaling.token.access_token import ApiKey
from agent.switchboard.address import SwitchboardAddress
from agent.switchboard.gate import Gate
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.state_dir import StateDir, default_folder, server_names
from agent.switchboard.wire import Wire

log = logging.getLogger(__name__)
frames_log = logging.getLogger("agent.switchboard.websockets")
frames_log.setLevel(logging.CRITICAL)  # below that the library shows frames, and tokens with them

HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0


class Listener:
    """Takes connections between `start` and `stop`; asyncio only."""

    def __init__(
        self,
        settings: SwitchboardSettings,
        on_client: Callable[[Wire], Awaitable[None]],
        on_http: Callable[[Wire, HttpRequest], Response | None],
    ) -> None:
        """`on_client` serves a WebSocket until it ends; `on_http` answers a request, or lets it become one."""
        self._settings = settings
        self._on_client = on_client
        self._on_http = on_http
        self._state: StateDir | None = None
        self._context: ssl.SSLContext | None = None
        self._server: Server | None = None
        self._port = settings.listen_port
        self._listening = asyncio.Lock()
        self._wires: set[Wire] = set()
        self._strangers = SeldomLog(log)
        self._deaf = FailureLog(log, "listening again")
        self._unread = FailureLog(log, "reading the credentials of boxes")
        self._stale = FailureLog(log, "renewing the certificate")

    @property
    def api_key(self) -> ApiKey:
        """What signs tokens; LocalFault before the start."""
        if self._state is None:
            raise LocalFault("the switchboard has no key before it is started; start it first")
        return self._state.api_key

    def find_key(self, key_sid: str) -> ApiKey | None:
        """Return the site's key or a box's, by its name."""
        return self._state.find_key(key_sid) if self._state is not None else None

    def removed_boxes(self) -> list[ApiKey]:
        """Return the credentials that ended since they were last asked for."""
        try:
            gone = self._state.boxes.refresh() if self._state is not None else []
        except ConfigError as error:
            self._unread.failed(error)
            return []
        self._unread.recovered()
        return gone

    async def start(self) -> SwitchboardAddress:
        """Listen; ConfigError when the state folder, LocalFault when the address cannot be used."""
        settings = self._settings
        self._state = StateDir(*self._place())
        self._context = self._state.ssl_context()
        try:
            self._server = await self._listen(self._context)
        except OSError as error:
            where = f"{settings.listen_host or '*'}:{settings.listen_port}"
            raise LocalFault(f"the switchboard cannot listen on {where}: {error}; choose another port") from error
        self._port = int(next(iter(self._server.sockets)).getsockname()[1])
        return SwitchboardAddress.of(settings.listen_host, self._port, self._state.ca_file)

    async def restart(self, drop_clients: Callable[[], None]) -> None:
        """Read keys and certificates anew, drop every client, listen again on the same port.

        ConfigError when a file cannot be used: nothing changes then. InvalidStateError when it does not listen.
        """
        server = self._server
        if server is None:
            raise InvalidStateError("the switchboard does not run; start it first")
        # on a thread, because media flows on this loop
        self._state, self._context = await asyncio.to_thread(StateDir.reopened, *self._place())
        server.close(close_connections=False)
        drop_clients()
        with suppress(TimeoutError):  # a client in the middle of its handshake is not waited for
            await asyncio.wait_for(server.wait_closed(), CLOSE_TIMEOUT_S)
        await self.listen_again()

    async def listen_again(self) -> None:
        """Listen if nothing does since a restart; try it again later when something else holds the port."""
        async with self._listening:
            if self._server is None or self._context is None or self._server.is_serving():
                return
            try:
                self._server = await self._listen(self._context)
            except OSError as error:
                self._deaf.failed(error)
            else:
                self._deaf.recovered()
                log.info("signaling restarted on port %d", self._port)

    def renew_certificate(self) -> None:
        """Replace a certificate that nears its end, without ending a connection."""
        if self._state is None or self._context is None:
            return
        try:
            if self._state.renew(_utc()):
                self._state.load_certificate(self._context)
        except (OSError, ConfigError) as error:
            self._stale.failed(error)
        else:
            self._stale.recovered()

    def stop(self) -> Server | None:
        """Take no more connections; return what closes when the last one has ended. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close(close_connections=False)
        return server

    def drop_all(self) -> None:
        """End every connection without a word: some may never have said anything."""
        for wire in tuple(self._wires):
            wire.transport.abort()

    async def _listen(self, context: ssl.SSLContext) -> Server:
        settings = self._settings

        def make_wire() -> Wire:
            protocol = ServerProtocol(max_size=settings.max_frame_bytes, logger=frames_log)
            # no pings: the heartbeat is a text frame (spec: signaling 4)
            options = {"ping_interval": None, "close_timeout": CLOSE_TIMEOUT_S}
            return Wire(settings.frames_per_s, self._wires, protocol, server, **options)

        gate = Gate(context, make_wire)
        open_gate = partial(gate.open, settings.listen_host or None, self._port)
        server = Server(open_gate, self._serve, frames_log)  # type: ignore[arg-type]
        return await server

    async def _serve(self, connection: Wire) -> None:
        """Let a connection become a WebSocket and serve it, or answer its request; end it in any case."""
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                await connection.handshake(lambda _, request: self._on_http(connection, request), None, None)
            if connection.protocol.state is OPEN:
                async with connection:
                    await self._on_client(connection)
        except (TimeoutError, ConnectionClosed):
            pass
        except Exception as error:
            self._strangers.warning("serving a client failed", exc_info=error)
        finally:
            connection.transport.abort()
            connection.server.handler_tasks.discard(asyncio.current_task())

    def _place(self) -> tuple[Path, tuple[str, ...], dt.datetime]:
        settings = self._settings
        return Path(settings.state_dir or default_folder()), server_names(settings.listen_host, settings.names), _utc()


def _utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
