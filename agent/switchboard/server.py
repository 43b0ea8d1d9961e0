"""The embedded switchboard: the server side of PStream for one site, on one asyncio loop.

`/signal` is the signaling WebSocket; every other path is a page. Sessions, registry and router decide; this file
moves their frames, and lets time pass for them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from agent.errors import ConfigError, InvalidStateError, LocalFault, ProtocolError
from agent.log import FailureLog, SeldomLog, excerpt
from agent.media.settings import MediaSettings
from agent.signaling.token.access_token import ApiKey, mint_token
from agent.switchboard import tokens
from agent.switchboard.address import WILDCARDS, Address
from agent.switchboard.calls import Calls
from agent.switchboard.client import Client
from agent.switchboard.media_leg import MediaLeg
from agent.switchboard.phone_page import Site, is_near
from agent.switchboard.registry import Registry
from agent.switchboard.session import Close, Effect, Presence, Request, Send, Session
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.state_dir import State, default_folder, server_names
from agent.switchboard.wire import Wire

log = logging.getLogger(__name__)
frames_log = logging.getLogger("agent.switchboard.websockets")
frames_log.setLevel(logging.CRITICAL)  # below that the library shows frames, and tokens with them

SIGNAL_PATH = "/signal"
TICK_S = 0.5
RENEW_EVERY_S = 3600.0
HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0


class Switchboard:
    """One site's switchboard; `start` and `stop` run on the asyncio loop."""

    def __init__(self, settings: SwitchboardSettings, media: MediaSettings | None = None) -> None:
        """ConfigError when the settings contradict each other."""
        if settings.demo_tokens and settings.listen_host not in WILDCARDS and not is_near(settings.listen_host):
            raise ConfigError(
                "[switchboard] demo_tokens = true is for a loopback or private listen_host, "
                f"and {settings.listen_host} is neither; set demo_tokens = false"
            )
        self.settings = settings
        self.registry: Registry[Client] = Registry()
        self.calls = Calls(settings, self.registry, partial(MediaLeg, media or MediaSettings(network_watch=False)))
        self._site = Site(settings, self.mint)
        self._state: State | None = None
        self._context: ssl.SSLContext | None = None
        self._server: Server | None = None
        self._port = settings.listen_port
        self._listening = asyncio.Lock()
        self._deaf = FailureLog(log, "listening again")
        self._strangers = SeldomLog(log)
        self._ticker: asyncio.Task[None] | None = None
        self._next_id = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Address:
        """Listen; ConfigError when the state folder, LocalFault when the address cannot be used."""
        settings = self.settings
        self._state = State(*self._place())
        self._context = self._state.ssl_context()
        try:
            self._server = await self._listen(self._context)
        except OSError as error:
            where = f"{settings.listen_host or '*'}:{settings.listen_port}"
            raise LocalFault(f"the switchboard cannot listen on {where}: {error}; choose another port") from error
        self._port = int(next(iter(self._server.sockets)).getsockname()[1])
        self._ticker = asyncio.create_task(self._tick())
        address = Address.of(settings.listen_host, self._port, self._state.ca_file)
        log.info("switchboard listens on %s", address.server)
        return address

    async def stop(self) -> None:
        """End every call, close every socket; idempotent."""
        server, self._server = self._server, None
        if server is None or self._ticker is None:
            return
        self._ticker.cancel()
        server.close(close_connections=False)
        await self.calls.close()
        await asyncio.gather(*(client.close(1001, "the switchboard closes") for client in self.registry.all()))
        await server.wait_closed()
        log.info("switchboard closed")

    async def restart_signaling(self) -> None:
        """Read keys and certificates anew, drop every socket, listen again on the same port.

        Calls keep their media and wait for their clients. ConfigError when a file cannot be used: nothing changes then.
        InvalidStateError when the switchboard does not run.
        """
        server = self._server
        if server is None:
            raise InvalidStateError("the switchboard does not run; start it first")
        # on a thread, because media flows on this loop
        self._state, self._context = await asyncio.to_thread(State.reopened, *self._place())
        server.close(close_connections=False)
        for client in self.registry.all():
            client.abort()
        with suppress(TimeoutError):  # a client in the middle of its handshake is not waited for
            await asyncio.wait_for(server.wait_closed(), CLOSE_TIMEOUT_S)
        await self._listen_again()

    def mint(self, identity: str) -> str:
        """Make a token for `identity`: it may call and be called. Raises LocalFault before the start."""
        if self._state is None:
            raise LocalFault("the switchboard has no key before it is started; start it first")
        return mint(self._state.api_key, identity, self.settings.token_ttl_s)

    async def _listen_again(self) -> None:
        """Listen if nothing does; the clock tries it again when something else holds the port."""
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

    async def _listen(self, context: ssl.SSLContext) -> Server:
        return await serve(
            self._serve,
            self.settings.listen_host or None,
            self._port,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            process_request=self._answer_http,
            create_connection=partial(Wire, self.settings.frames_per_s),  # type: ignore[arg-type]
            open_timeout=HANDSHAKE_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,  # the heartbeat is a text frame (spec: signaling 4)
            max_size=self.settings.max_frame_bytes,
            compression=None,
            server_header=None,
            logger=frames_log,
        )

    def _place(self) -> tuple[Path, tuple[str, ...], dt.datetime]:
        settings = self.settings
        return Path(settings.state_dir or default_folder()), server_names(settings.listen_host, settings.names), _utc()

    def _answer_http(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        """Let `/signal` become a WebSocket; answer everything else as a page."""
        if request.path.partition("?")[0] == SIGNAL_PATH:
            if len(self.registry) < self.settings.max_clients:
                return None
            self._strangers.warning("a client is refused: %d sockets are the limit", self.settings.max_clients)
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The switchboard is full; try again later.\n")
        from_elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
        return self._site.respond(request.path, str(connection.remote_address[0]), from_elsewhere)

    async def _serve(self, connection: ServerConnection) -> None:
        self._next_id += 1
        session = Session(self._next_id, self.settings, self._judge, self._now(), self._strangers)
        client = Client(session, connection, self._strangers)
        self.registry.add(client)
        writer = asyncio.create_task(client.write())
        try:
            async for frame in connection:
                if isinstance(frame, str):
                    self._apply(client, client.session.receive(frame, self._now()))
        except ConnectionClosed:
            pass
        finally:
            self._apply(client, client.session.closed())
            self.registry.remove(client.id)
            self.calls.lost(client.id)
            writer.cancel()

    def _apply(self, client: Client, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    client.send(text)
                case Presence(reachable):
                    self._set_presence(client, reachable)
                case Request(message):
                    try:
                        self.calls.request(client, message)
                    except ProtocolError as error:
                        client.session.malformed(error)
                case Close(code, reason):
                    self._spawn(client, code, reason)

    def _set_presence(self, client: Client, reachable: bool) -> None:
        self.registry.set_reachable(client.id, reachable)
        log.info("%s (client %d) is %s", excerpt(client.identity), client.id, "ready" if reachable else "offline")
        if reachable:
            self.calls.reachable(client)

    def _spawn(self, client: Client, code: int, reason: str) -> None:
        task = asyncio.create_task(client.close(code, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tick(self) -> None:
        renew_at = self._now() + RENEW_EVERY_S
        while True:
            await asyncio.sleep(TICK_S)
            for client in self.registry.all():
                self._apply(client, client.session.tick(self._now()))
            self.calls.tick()
            await self._listen_again()
            if self._now() >= renew_at:
                renew_at = self._now() + RENEW_EVERY_S
                self.renew_certificate()

    def renew_certificate(self) -> None:
        """Replace a certificate that nears its end, without ending a connection."""
        assert self._state is not None and self._context is not None
        try:
            if self._state.renew(_utc()):
                self._state.load_certificate(self._context)
        except OSError as error:
            log.warning("the certificate could not be renewed: %s", error)

    def _judge(self, token: str) -> tokens.Grant:
        assert self._state is not None
        return tokens.verify(token, self._state.api_key, time.time())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def mint(key: ApiKey, identity: str, ttl_s: int) -> str:
    """Make a token that a switchboard with this key accepts: `identity` may call and be called."""
    return mint_token(key, identity, ttl_s=ttl_s)


def _utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
