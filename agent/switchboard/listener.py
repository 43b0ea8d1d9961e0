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

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from agent.errors import InvalidStateError, LocalFault
from agent.log import FailureLog
from agent.signaling.token.access_token import ApiKey
from agent.switchboard.address import SwitchboardAddress
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
        on_client: Callable[[ServerConnection], Awaitable[None]],
        on_http: Callable[[ServerConnection, HttpRequest], Response | None],
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
        self._deaf = FailureLog(log, "listening again")

    @property
    def api_key(self) -> ApiKey:
        """What signs tokens; LocalFault before the start."""
        if self._state is None:
            raise LocalFault("the switchboard has no key before it is started; start it first")
        return self._state.api_key

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
        except OSError as error:
            log.warning("the certificate could not be renewed: %s", error)

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
        return await serve(
            self._on_client,
            self._settings.listen_host or None,
            self._port,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            process_request=self._on_http,
            create_connection=partial(Wire, self._settings.frames_per_s, self._wires),  # type: ignore[arg-type]
            open_timeout=HANDSHAKE_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,  # the heartbeat is a text frame (spec: signaling 4)
            max_size=self._settings.max_frame_bytes,
            compression=None,
            server_header=None,
            logger=frames_log,
        )

    def _place(self) -> tuple[Path, tuple[str, ...], dt.datetime]:
        settings = self._settings
        return Path(settings.state_dir or default_folder()), server_names(settings.listen_host, settings.names), _utc()


def _utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
