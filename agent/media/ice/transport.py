"""One ICE transport whose generations come and go underneath a running call (RFC 8445, RFC 7675).

aioice cannot restart. So each generation is a `Leg` of its own and this facade is what DTLS and SRTP see for the whole
call. A restart opens a new leg beside the current one; the first leg with a nominated pair carries what we send; the
one before keeps receiving until media was heard on the new one and not on the old (make before break).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aioice import Candidate

from agent.log import SeldomLog, excerpt
from agent.media.ice.aioice_adapter import Address, Leg, PacketSink, Pair, Socket
from agent.media.ice.consent import CONSENT_EXPIRES_S, PathLimits, consent_due
from agent.media.ice.gathering import Gatherer
from agent.media.ice.generations import Legs
from agent.media.ice.pair_selection import Steering
from agent.media.sdp.parse import IceParameters
from agent.media.settings import MediaSettings

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

CONSENT_RETRANSMISSIONS = 3


class IceListener:
    """What the facade reports; every method is called in the asyncio loop."""

    def on_ice_state(self, state: str) -> None:
        """new, checking, connected, disconnected, failed or closed."""

    def on_ice_gathering_state(self, state: str) -> None:
        """gathering or complete."""

    def on_ice_candidate(self, candidate: Candidate) -> None:
        """One more local candidate."""

    def on_ice_selected_pair(self, pair: Pair) -> None:
        """What we send travels over another pair from now on."""


class IceTransport:
    """The facade; asyncio only."""

    def __init__(self, settings: MediaSettings, listener: IceListener) -> None:
        self.on_packet: PacketSink = _ignore  # gets every datagram that is not STUN; nothing is known of its sender
        self.on_verified: Callable[[Socket, Address], None] = _ignore  # hears which addresses passed a check
        self._listener = listener
        self._limits = PathLimits(settings.disconnected_after_ms / 1000, settings.failed_after_ms / 1000)
        self._gatherer = Gatherer(settings, listener.on_ice_candidate)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._legs = Legs()
        self._steering = Steering(self._legs)
        self._consent_at = 0.0
        self._closed = False
        self.state = "new"
        self.gathering_state = "new"

    # generations

    @property
    def newest(self) -> Leg | None:
        """The leg that the next or latest description is about."""
        return self._legs.newest

    async def new_generation(self, controlling: bool) -> Leg:
        """Open a new leg with fresh credentials on every local address; a leg still unconnected is given up."""
        self._drop_pending()
        leg = self._legs.pending = Leg(controlling, self.on_packet, self._leg_changed, self._gatherer.relay_only)
        leg.on_verified = self.on_verified
        self._set_gathering("gathering")
        await self._gatherer.open_hosts(leg)
        if not leg.ended:
            self._spawn(self._ask_servers(leg))
        return leg

    async def _ask_servers(self, leg: Leg) -> None:
        await self._gatherer.ask_servers(leg)
        if leg is self.newest:
            self._set_gathering("complete")

    def abandon_pending(self) -> None:
        """Give up a generation that was offered and not answered; the current one goes on."""
        if self._legs.current is not None:
            self._drop_pending()

    async def migrate(self) -> None:
        """Look for a way from the addresses that this machine has now, with the credentials that both ends know.

        The far end learns the new address as peer-reflexive, so that a call moves within a round trip, before a
        restart is negotiated, or without one.
        """
        leg, began_at = self._legs.current, self._loop.time()
        if leg is None:
            return
        before = leg.sockets
        await self._gatherer.open_hosts(leg)
        if leg.ended:
            return
        leg.check_from(leg.sockets - before)

        def check_relays() -> None:
            if self._legs.heard_at < began_at and not leg.ended:
                leg.check_from(leg.sockets - before)

        await self._gatherer.ask_servers(leg, check_relays)

    def set_remote(self, parameters: IceParameters) -> None:
        """Start checks of the newest leg, or go on with other credentials if the far end changed its mind."""
        leg = self.newest
        if leg is None or self._closed:
            return
        first = leg.checking_since is None
        leg.remote_is_lite = parameters.lite
        leg.remote_username, leg.remote_password = parameters.ufrag, parameters.password
        leg.checking_since = self._loop.time()
        for text in parameters.candidates:
            self._spawn(_add_candidate(leg, text))
        if first:
            self._spawn(self._connect(leg))
        else:
            leg.retry_checks()
        self.tick()

    @property
    def role(self) -> str:
        """Whether we choose the pair: controlling or controlled."""
        leg = self._legs.newest
        return "controlling" if leg is not None and leg.ice_controlling else "controlled"

    @property
    def unconnected(self) -> bool:
        """Whether the newest leg carries nothing yet."""
        return self._legs.pending is not None

    def is_remote(self, parameters: IceParameters) -> bool:
        """Whether the newest leg already works with these credentials."""
        leg = self.newest
        theirs = parameters.ufrag, parameters.password
        return leg is not None and (leg.remote_username, leg.remote_password) == theirs

    # media

    def send(self, data: bytes) -> bool:
        """Send one datagram on the best path there is; False when there is none."""
        pair = self._steering.pair
        if pair is None:
            return False
        pair.send(data)
        return True

    @property
    def pair(self) -> Pair | None:
        """The pair that carries what we send."""
        return self._steering.pair

    @property
    def local_address(self) -> str | None:
        """The address of this machine that media leaves from; None before there is a path."""
        return self.pair.own_address if self.pair is not None else None

    @property
    def rtt_ms(self) -> float | None:
        """Round-trip time of the latest answered check."""
        return self._legs.current.rtt_ms if self._legs.current is not None else None

    def authentic(self, leg: Leg, source: Socket, address: Address, now: float) -> None:
        """The datagram just reported came from the far end for certain: it keeps the path alive and shows the way."""
        leg.heard_at = leg.media_at = now
        self._steering.heard(leg, source, address, now)

    # time

    def tick(self) -> None:
        """Look after consent, old legs and the state; call it every 100 ms or so."""
        if self._closed:
            return
        now = self._loop.time()
        self._steering.look(now)
        self._look_after_consent(now)
        for leg in self._legs.expired(now):
            self._spawn(leg.close())
        self._set_state(self._state_at(now))

    def _state_at(self, now: float) -> str:
        current, pending, state = self._legs.current, self._legs.pending, "new"
        if current is not None:
            state = self._limits.state(now - self._legs.heard_at, now - (current.answered_at or 0.0))
        if state != "connected" and pending is not None and pending.checking_since is not None:
            state = "checking" if now - pending.checking_since < self._limits.checking_s else "failed"
        return state

    def _look_after_consent(self, now: float) -> None:
        leg, pair = self._legs.current, self._steering.pair
        if leg is None or pair is None:
            return
        if now - (leg.answered_at or now) > CONSENT_EXPIRES_S:
            log.info("the far end did not answer for %d s; nothing more is sent on this path", CONSENT_EXPIRES_S)
            self._steering.pair = None
        elif consent_due(now - self._consent_at, now - self._legs.heard_at):
            self._consent_at = now
            self._spawn(self._ask_consent(leg, pair, now))

    async def _ask_consent(self, leg: Leg, pair: Pair, asked_at: float) -> None:
        if await leg.ask_consent(pair, CONSENT_RETRANSMISSIONS):
            leg.heard_at = leg.answered_at = self._loop.time()
            leg.rtt_ms = (leg.answered_at - asked_at) * 1000

    # what legs report

    def _leg_changed(self, leg: Leg) -> None:
        pair = leg.nominated
        if pair is None or self._closed or leg not in (self._legs.pending, self._legs.current):
            return
        if leg is self._legs.pending:
            self._legs.promote(leg, self._loop.time())
        if not pair.same(self._steering.pair):
            self._steering.pair = pair
            self._consent_at = self._loop.time()
            self._listener.on_ice_selected_pair(pair)
        self.tick()

    def _drop_pending(self) -> None:
        leg, self._legs.pending = self._legs.pending, None
        if leg is not None:
            self._spawn(leg.close())

    async def _connect(self, leg: Leg) -> None:
        try:
            await leg.connect()
        except ConnectionError as error:
            log.debug("an ICE generation ended: %s", error)
            return
        leg.retry_checks()  # the checks that winning cancelled would otherwise stay in progress for ever

    # state and end

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._listener.on_ice_state(state)

    def _set_gathering(self, state: str) -> None:
        if state != self.gathering_state:
            self.gathering_state = state
            self._listener.on_ice_gathering_state(state)

    def sever(self) -> None:
        """Break the path that is in use without telling anyone; what is opened later works."""
        for leg in self._legs.receiving:
            leg.sever()

    def close(self) -> None:
        """Close every socket in the background; idempotent."""
        if self._closed:
            return
        self._closed, self._steering.pair = True, None
        for task in self._tasks:
            task.cancel()
        for leg in self._legs.clear():
            self._spawn(leg.close())
        self._set_state("closed")

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("a task of the ICE transport failed", exc_info=task.exception())


def _ignore(*_report: object) -> None:
    """Before anybody listens."""


async def _add_candidate(leg: Leg, text: str) -> None:
    try:
        candidate = Candidate.from_sdp(text)
        if candidate.transport.lower() == "udp" and candidate.component == 1 and 0 < candidate.port < 65_536:
            await leg.add_remote_candidate(candidate)
    except (ValueError, OSError) as error:
        _strangers.say(logging.INFO, "a candidate of the far end is left out: %s", excerpt(error))


