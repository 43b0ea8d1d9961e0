"""The embedded switchboard: the server side of PStream for one site, on one asyncio loop.

`/signal` is the signaling WebSocket; every other path is a page. Sessions, registry and call table decide; this file
moves their frames, and lets time pass for them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from agent.errors import ConfigError, ProtocolError
from agent.log import SeldomLog, excerpt
from agent.media.settings import MediaSettings
from agent.signaling.pstream.messages import Dialect, frame
from agent.signaling.pstream.names import MessageType
from agent.signaling.token.access_token import ApiKey, mint_token
from agent.switchboard import tokens
from agent.switchboard.address import WILDCARDS, SwitchboardAddress
from agent.switchboard.call_table import CallTable
from agent.switchboard.client import Client
from agent.switchboard.client_session import ClientSession
from agent.switchboard.effects import CallRequest, CloseClient, HasRead, SendText, SessionEffect, SetReachable
from agent.switchboard.executor import Executor
from agent.switchboard.grant import Grant
from agent.switchboard.listener import Listener
from agent.switchboard.media_leg import MediaLeg
from agent.switchboard.phone_page import PhonePage, is_near
from agent.switchboard.refusals import overload_payload
from agent.switchboard.registry import Registry
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.wire import Wire

log = logging.getLogger(__name__)

SIGNAL_PATH = "/signal"
TICK_S = 0.5
RENEW_EVERY_S = 30.0  # a clock may have been set
FAREWELL_S = 0.8  # for clients to hear that it ends, and for media to go
DROP_S = 0.2
FULL_RETRY_AFTER_S = 15
TURNED_AWAY_AT_ONCE = 10  # clients that are told so; further ones are refused without a word
TURN_AWAY_TIMEOUT_S = 2.0
MOST_SOCKETS = 10  # of one identity


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
        self._strangers = SeldomLog(log)
        self.calls = CallTable(settings, self.registry, self._strangers)
        make_media = partial(MediaLeg, media or MediaSettings())
        self._executor = Executor(self.calls, self.registry, make_media, self._strangers)
        self._listener = Listener(settings, self._serve, self._answer_http)
        self._page = PhonePage(settings, self.mint)
        self._ticker: asyncio.Task[None] | None = None
        self._next_id = 0
        self._turned_away = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether nothing is left of any call."""
        return not self.calls and self._executor.idle

    @property
    def _is_full(self) -> bool:
        full = sum(client.stays for client in self.registry.all()) >= self.settings.max_clients
        if full:
            self._strangers.warning("a client is refused: %d sockets are the limit", self.settings.max_clients)
        return full

    async def start(self) -> SwitchboardAddress:
        """Listen; ConfigError when the state folder, LocalFault when the address cannot be used."""
        address = await self._listener.start()
        self._ticker = asyncio.create_task(self._tick())
        log.info("switchboard listens on %s", address.server)
        return address

    async def stop(self) -> None:
        """End every call, close every socket; idempotent."""
        server = self._listener.stop()
        if server is None or self._ticker is None:
            return
        self._ticker.cancel()
        self._executor.run(self.calls.end())
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await asyncio.gather(self._executor.close(), *map(_say_goodbye, self.registry.all()))
        self._listener.drop_all()
        with suppress(TimeoutError):  # somebody may be in the middle of a handshake; the loop's end ends that, too
            await asyncio.wait_for(server.wait_closed(), DROP_S)
        log.info("switchboard closed")

    async def restart_signaling(self) -> None:
        """Read keys and certificates anew, drop every socket, listen again on the same port.

        Calls keep their media and wait for their clients. ConfigError when a file cannot be used: nothing changes then.
        InvalidStateError when the switchboard does not run.
        """
        await self._listener.restart(self._drop_clients)

    def mint(self, identity: str) -> str:
        """Make a token for `identity`: it may call and be called. Raises LocalFault before the start."""
        return mint(self._listener.api_key, identity, self.settings.token_ttl_s)

    def sever(self, identity: str) -> None:
        """Cut the media path to a client without telling anybody: for demonstrations and tests."""
        self._executor.sever(identity)

    def renew_certificate(self) -> None:
        """Replace a certificate that nears its end, without ending a connection."""
        self._listener.renew_certificate()

    def _answer_http(self, connection: Wire, request: HttpRequest) -> Response | None:
        """Let `/signal` become a WebSocket; answer everything else as a page."""
        if request.path.partition("?")[0] == SIGNAL_PATH:
            if not self._is_full or self._turned_away < TURNED_AWAY_AT_ONCE:
                return None
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The switchboard is full; try again later.\n")
        from_elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
        return self._page.respond(request.path, str(connection.remote_address[0]), from_elsewhere)

    async def _serve(self, connection: Wire) -> None:
        if self._is_full:
            await self._turn_away(connection)
            return
        self._next_id += 1
        session = ClientSession(self._next_id, self.settings, self._judge, self._now(), self._strangers)
        client = Client(session, connection, self._strangers)
        self.registry.add(client)
        writer = asyncio.create_task(client.write())
        try:
            await self._listen(client, connection)
        except ConnectionClosed:
            pass
        finally:
            self._forget(client)
            writer.cancel()

    async def _listen(self, client: Client, connection: Wire) -> None:
        async for received in connection:
            if not isinstance(received, str):
                await client.close(CloseCode.UNSUPPORTED_DATA, "text frames only")
                return
            is_new = client.identity is None
            self._apply(client, client.session.receive(received, self._now()))
            if is_new and client.identity is not None:
                self._admit(client)

    def _forget(self, client: Client) -> None:
        """Let its calls wait or end, and give its place to another one."""
        self._apply(client, client.session.closed())
        self.registry.remove(client.id)
        self._promote(client.identity)
        self._executor.run(self.calls.lost(client.id, self._now()))

    def _admit(self, client: Client) -> None:
        """Give a client that has shown its token a place; beyond its share it goes on having that of a stranger."""
        if sum(own.stays for own in self.registry.of(str(client.identity))) >= MOST_SOCKETS:
            self._strangers.warning("%s has more than %d sockets", client.identity, MOST_SOCKETS)
        elif self._is_full:
            payload = overload_payload(31503, "The switchboard is full; try again later", FULL_RETRY_AFTER_S)
            client.send(client.session.say(MessageType.ERROR, payload).text)
            self._spawn(client, CloseCode.TRY_AGAIN_LATER, "the switchboard is full")
        else:
            client.stay()

    def _promote(self, identity: str | None) -> None:
        """Give the place that a client has left to the next of the same identity that has none."""
        waiting = [client for client in self.registry.of(identity) if not client.stays] if identity else []
        if waiting:
            self._admit(waiting[-1])

    async def _turn_away(self, connection: Wire) -> None:
        """Say over an open socket that there is no place: a client cannot read why a handshake is refused."""
        payload = overload_payload(31503, "The switchboard is full; try again later", FULL_RETRY_AFTER_S)
        self._turned_away += 1
        try:
            async with asyncio.timeout(TURN_AWAY_TIMEOUT_S):
                await connection.send(frame(MessageType.ERROR, payload, Dialect.V2))
                await connection.close(CloseCode.TRY_AGAIN_LATER, "the switchboard is full")
        except (ConnectionClosed, TimeoutError):
            connection.transport.abort()
        finally:
            self._turned_away -= 1

    def _apply(self, client: Client, effects: list[SessionEffect]) -> None:
        for effect in effects:
            match effect:
                case SendText(text):
                    client.send(text)
                case SetReachable(reachable):
                    self._set_reachable(client, reachable)
                case CallRequest(message):
                    try:
                        self._executor.run(self.calls.request(client, message, self._now()))
                    except ProtocolError as error:
                        client.session.malformed(error)
                case HasRead():
                    self.calls.has_read(client)
                case CloseClient(code, reason):
                    self._spawn(client, code, reason)

    def _set_reachable(self, client: Client, reachable: bool) -> None:
        self.registry.set_reachable(client.id, reachable)
        log.info("%s (client %d) is %s", excerpt(client.identity), client.id, "ready" if reachable else "offline")
        if reachable:
            self._executor.run(self.calls.reachable(client))

    def _drop_clients(self) -> None:
        for client in self.registry.all():
            self._spawn(client, CloseCode.SERVICE_RESTART, "signaling restarts")

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
            self._executor.run(self.calls.tick(self._now()))
            await self._listener.listen_again()
            self._end_removed_boxes()
            if self._now() >= renew_at:
                renew_at = self._now() + RENEW_EVERY_S
                self.renew_certificate()

    def _end_removed_boxes(self) -> None:
        """End sockets and calls of those whose credential was removed."""
        for key in self._listener.removed_boxes():
            log.info("the credential of %s has ended", excerpt(key.identity))
            self._executor.run(self.calls.expel(key.identity))
            for client in self.registry.of(key.identity):
                self._apply(client, client.session.revoke(key.key_sid))

    def _judge(self, token: str) -> Grant:
        return tokens.verify(token, self._listener.find_key, time.time())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def _say_goodbye(client: Client) -> None:
    await client.close(CloseCode.GOING_AWAY, "the switchboard closes")


def mint(key: ApiKey, identity: str, ttl_s: int) -> str:
    """Make a token that a switchboard with this key accepts: `identity` may call and be called."""
    return mint_token(key, identity, ttl_s=ttl_s)
