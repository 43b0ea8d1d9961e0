"""One ICE transport whose generations come and go underneath a running call (RFC 8445, RFC 7675).

aioice cannot restart. So each `Generation` is a connection of its own, and this facade is what DTLS and SRTP see for
the whole call. A restart opens a new one beside the current one; the first that has a nominated pair carries what we
send; the one before keeps receiving until media was heard on the new one and not on the old (make before break).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from agent.closing import Closing
from agent.log import SeldomLog, excerpt
from agent.media.ice.aioice_adapter import Generation, PacketSink
from agent.media.ice.background import BackgroundTasks
from agent.media.ice.consent import ConsentTerms
from agent.media.ice.consent_checks import ConsentChecks
from agent.media.ice.gathering import Gatherer
from agent.media.ice.generations import Generations
from agent.media.ice.library import Candidate
from agent.media.ice.migration import Migration
from agent.media.ice.pair import Pair
from agent.media.ice.pair_selection import PairSelection
from agent.media.ice.sockets import DatagramReceiver, IpPort, Socket, SocketReader
from agent.media.sdp.description import IceParameters
from agent.media.settings import MediaSettings

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)


class IceListener(Protocol):
    """What the transport reports; every method is called in the asyncio loop."""

    def on_ice_state(self, state: str) -> None:
        """Take the new state: new, checking, connected, disconnected, failed or closed."""

    def on_ice_gathering_state(self, state: str) -> None:
        """Take the new state: gathering or complete."""

    def on_ice_candidate(self, candidate: Candidate) -> None:
        """Take one more local candidate."""

    def on_ice_selected_pair(self, pair: Pair) -> None:
        """Take the pair over which what we send travels from now on."""


class IceTransport(Closing):
    """The facade; asyncio only."""

    def __init__(self, settings: MediaSettings, listener: IceListener) -> None:
        self.on_packet: PacketSink = _ignore  # gets every datagram that is not STUN; nothing is known of its sender
        self.on_verified: Callable[[Socket, IpPort], None] = _ignore  # hears which addresses passed a check
        self.reader: SocketReader | None = None  # takes in what arrives in the place of Python
        self._listener = listener
        self._gatherer = Gatherer(settings, listener.on_ice_candidate)
        self._loop = asyncio.get_running_loop()
        self._tasks = BackgroundTasks()
        self._generations = Generations()
        self._selection = PairSelection(self._generations)
        terms = ConsentTerms(settings.disconnected_after_ms / 1000, settings.failed_after_ms / 1000)
        self._consent = ConsentChecks(terms, self._generations, self._selection, self._tasks.spawn)
        self._migration = Migration(self._gatherer, self._generations)
        self._closed = False
        self._made = 0  # generations so far
        self._before: Pair | None = None  # what carried our packets when the current generation took over
        self.likely_address: str | None = None  # one of this machine that is known to lead out
        self.state = "new"
        self.gathering_state = "new"

    # generations

    @property
    def newest(self) -> Generation | None:
        """The generation that the next or latest description is about."""
        return self._generations.newest

    async def new_generation(self, controlling: bool) -> Generation:
        """Open one with fresh credentials on every local address; another that is still unconnected is given up."""
        self._drop_pending()
        generation = self._new(controlling)
        self._generations.pending = generation
        self._set_gathering("gathering")
        await self._gatherer.open_hosts(generation)
        if not generation.ended:
            self._tasks.spawn(self._ask_servers(generation))
        return generation

    def _new(self, controlling: bool, *credentials: str) -> Generation:
        relay_only = self._gatherer.relay_only
        generation = Generation(controlling, self.on_packet, self._generation_changed, relay_only, *credentials)
        generation.on_verified, generation.likely_address = self.on_verified, self.likely_address
        generation.reader = self.reader
        self._made += 1
        generation.number = self._made
        return generation

    async def _ask_servers(self, generation: Generation) -> None:
        await self._gatherer.ask_servers(generation)
        if generation is self.newest:
            self._set_gathering("complete")

    def abandon_pending(self) -> None:
        """Give up a generation that was offered and not answered; the current one goes on."""
        if self._generations.current is not None:
            self._drop_pending()

    def begin_again(self) -> None:
        """Let another far end take the place of the newest generation's: with our sockets and credentials, as offered.

        That is a fork of the call that answers the same offer.
        """
        before = self.newest
        if before is None or self._closed:
            return
        if before is self._generations.pending:
            self._drop_pending()
        generation = self._new(before.ice_controlling, before.local_username, before.local_password)
        generation.take_sockets(before)
        self._generations.pending = generation

    def migrate(self) -> None:
        """Begin to look for a way from the addresses that this machine has now, with the credentials that both know.

        The far end learns the new address as peer-reflexive, so that a call moves within a round trip, before a
        restart is negotiated, or without one.
        """
        if self._generations.current is not None and not self._closed:
            self._tasks.spawn(self._migration.carry_on(self._generations.current))

    def set_remote(self, parameters: IceParameters) -> None:
        """Start checks of the newest generation, or go on with other credentials if the far end changed its mind."""
        generation = self.newest
        if generation is None or self._closed:
            return
        first = generation.checking_since is None
        generation.remote_is_lite = parameters.lite
        generation.meet(parameters.ufrag, parameters.password)
        generation.checking_since = self._loop.time()
        for text in parameters.candidates:
            self._tasks.spawn(_add_candidate(generation, text))
        if first:
            self._tasks.spawn(self._connect(generation))
        else:
            generation.retry_checks()
        self.tick()

    @property
    def role(self) -> str:
        """Whether we choose the pair: controlling or controlled."""
        generation = self._generations.newest
        return "controlling" if generation is not None and generation.ice_controlling else "controlled"

    @property
    def unconnected(self) -> bool:
        """Whether the newest generation carries nothing yet."""
        return self._generations.pending is not None

    def is_remote(self, parameters: IceParameters) -> bool:
        """Tell whether the newest generation already works with these credentials."""
        generation = self.newest
        theirs = parameters.ufrag, parameters.password
        return generation is not None and (generation.remote_username, generation.remote_password) == theirs

    @property
    def current(self) -> Generation | None:
        """The generation that carries what we send."""
        return self._generations.current

    # media

    def send(self, data: bytes) -> bool:
        """Send one datagram on the best path there is; False when there is none."""
        pair = self._selection.pair
        if pair is None:
            return False
        pair.send(data)
        return True

    def send_as_before(self, data: bytes) -> bool:
        """Send one datagram the way that was in use before the current generation's; False when there was none."""
        if self._before is None:
            return False
        self._before.send(data)
        return True

    @property
    def pair(self) -> Pair | None:
        """The pair that carries what we send."""
        return self._selection.pair

    @property
    def local_address(self) -> str | None:
        """The address of this machine that media leaves from; None before there is a path."""
        return self.pair.own_address if self.pair is not None else None

    @property
    def rtt_ms(self) -> float | None:
        """Round-trip time of the latest answered check."""
        return self._generations.current.rtt_ms if self._generations.current is not None else None

    def authentic(self, generation: DatagramReceiver, source: Socket, address: IpPort, now: float) -> None:
        """Keep the path alive: the datagram just reported came from the far end for certain, and shows the way.

        It came at `now`, which may be a while ago: it waited in its socket while others were read.
        """
        assert isinstance(generation, Generation)
        generation.note_media(now)
        self._selection.heard(generation, source, address, now)

    # time

    def tick(self) -> None:
        """Look after consent, old generations and the state; call it every 100 ms or so."""
        if self._closed:
            return
        now = self._loop.time()
        self._selection.look(now)
        self._consent.look(now)
        for generation in self._generations.drop_expired(now):
            self._tasks.spawn(generation.close())
        self._set_state(self._consent.state(now))

    # what generations report

    def _generation_changed(self, generation: Generation) -> None:
        pair = generation.nominated
        if pair is None or self._closed or generation not in (self._generations.pending, self._generations.current):
            return
        if generation is self._generations.pending:
            self._before = self._selection.pair
            self._generations.promote(generation, self._loop.time())
        if not pair.same(self._selection.pair):
            self._selection.pair = pair
            self._consent.begin(self._loop.time())
            self._listener.on_ice_selected_pair(pair)
        self.tick()

    def _drop_pending(self) -> None:
        generation, self._generations.pending = self._generations.pending, None
        if generation is not None:
            self._tasks.spawn(generation.close())

    async def _connect(self, generation: Generation) -> None:
        try:
            await generation.connect()
        except ConnectionError as error:
            log.debug("an ICE generation ended: %s", error)
            return
        generation.retry_checks()  # the checks that winning cancelled would otherwise stay in progress for ever

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
        for generation in self._generations.receiving:
            generation.sever()

    def close(self) -> None:
        """Close every socket in the background; idempotent."""
        if self._closed:
            return
        self._closed, self._selection.pair, self._before = True, None, None
        self._tasks.cancel()
        for generation in self._generations.clear():
            self._tasks.spawn(generation.close())
        self._set_state("closed")


def _ignore(*_report: object) -> None:
    """Before anybody listens."""


async def _add_candidate(generation: Generation, text: str) -> None:
    try:
        candidate = Candidate.from_sdp(text)
        if candidate.transport.lower() == "udp" and candidate.component == 1 and 0 < candidate.port < 65_536:
            await generation.add_remote_candidate(candidate)
    except (ValueError, OSError) as error:
        _strangers.say(logging.INFO, "a candidate of the far end is left out: %s", excerpt(error))


