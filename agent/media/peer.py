"""One end of one audio call: negotiation, ICE, DTLS, SRTP and RTP composed; asyncio only.

A `Peer` plays the part of a browser's RTCPeerConnection for exactly one audio section. Sound goes in and out by its
`RtpEndpoint`, as frames or as RTP payloads, so that who forwards them needs no codec. Descriptions are handed out at
once; connecting goes on behind them and is reported through `on_event(name, *arguments)`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agent.closing import Closing
from agent.errors import InvalidStateError
from agent.media.beat_loop import kept
from agent.media.dtls.srtp_transport import SecureTransport
from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.transport import IceTransport
from agent.media.peer_states import EventSink, PeerStates
from agent.media.rtp_endpoint import RtpEndpoint
from agent.media.sdp.description import Description, IceParameters
from agent.media.sdp.offer_answer import Agreement, OfferAnswer
from agent.media.settings import MediaSettings
from agent.media.stats import RawStats
from hw.sound.frame import FRAME_MS

FRAME_S = FRAME_MS / 1000
TICK_S = 0.1
ANSWERS_KEPT = 4


class Peer(Closing):
    """One end of a call; see the module. Make it in a running asyncio loop.

    `on_event` gets the names and arguments of MediaSession's events; `rtp` is where media goes in and out.
    """

    def __init__(
        self,
        settings: MediaSettings | None = None,
        on_event: EventSink | None = None,
        *,
        for_sip: bool = False,
        may_move: bool = True,
    ) -> None:
        """`for_sip` and `may_move` are for `OfferAnswer`."""
        settings, self._on_event = settings or MediaSettings(), on_event or _ignore
        self._loop = asyncio.get_running_loop()
        self._states = PeerStates(self._on_event, self._begin_handshake)
        self._ice = IceTransport(settings, self._states)
        self._secure = SecureTransport(self._ice, self._states.on_dtls_state)
        self.rtp = RtpEndpoint(settings, self._secure, self._on_event)
        self._descriptions = OfferAnswer(
            settings,
            self._secure.fingerprint,
            self.rtp.ssrc,
            self.rtp.cname,
            self._secure.may_be,
            for_sip,
            may_move,
        )
        self._agreement: Agreement | None = None
        self._negotiating = asyncio.Lock()
        self._answers: dict[str, str] = {}  # offers of the far end and what we answered
        self._closed = False
        self._ending: asyncio.Task[None] | None = None
        self._timer = kept(self._loop, self._tick, self._loop.time() + TICK_S)
        self.rtp.on_tick = self._tick

    # negotiation

    @property
    def signaling_state(self) -> str:
        """stable, have-local-offer, have-remote-offer or closed."""
        return "closed" if self._closed else self._descriptions.signaling_state

    @property
    def local_sdp(self) -> str:
        """Our latest description."""
        return self._descriptions.local_sdp

    async def create_offer(self) -> str:
        """Make an offer of all that we can, with the candidates known at once; it restarts ICE within a call.

        Whoever asks for one within a call may pass it on to another far end (RFC 8839 section 7.2). InvalidStateError.
        """
        async with self._negotiating:
            return await self._offer()

    async def create_restart_offer(self) -> str:
        """Make an offer that restarts ICE below the running call, replacing one still unanswered; InvalidStateError."""
        async with self._negotiating:
            if self._agreement is None:
                raise InvalidStateError("ICE can be restarted only after the first answer; make the call first")
            return await self._offer(everything=False)

    async def _offer(self, *, everything: bool = True) -> str:
        self._check_open()
        generation = await self._ice.new_generation(controlling=True)  # also at a restart, as libwebrtc does
        self._check_open()
        sdp = self._descriptions.offer(_parameters(generation), everything=everything)
        self._on_event("signaling_state", "have-local-offer")
        return sdp

    async def apply_answer(self, sdp: str) -> None:
        """Take the answer to our offer; one repeated or too late changes nothing. SdpError, InvalidStateError."""
        async with self._negotiating:
            self._check_open()
            answer = self._descriptions.read(sdp)
            if self._descriptions.signaling_state == "have-local-offer":
                agreement = self._descriptions.accept_answer(answer)
                self._on_event("signaling_state", "stable")
                self._agree(agreement)
                self._ice.set_remote(answer.ice)
            elif self._ice.unconnected and not self._ice.is_remote(answer.ice):
                self._ice.set_remote(answer.ice)  # the answer to a later offer of ours: it is the one that counts

    async def withdraw_offer(self) -> None:
        """Go back to what was agreed on before our latest offer, because that was refused; else changes nothing."""
        async with self._negotiating:
            if self._agreement is not None and self.signaling_state == "have-local-offer":
                self._descriptions.withdraw()
                self._ice.abandon_pending()
                self._on_event("signaling_state", "stable")

    async def replace_answer(self, sdp: str) -> None:
        """Take the answer of another fork to the same offer of ours in the place of the one before.

        Raises SdpError, and InvalidStateError where the latest offer was not ours.
        """
        async with self._negotiating:
            self._check_open()
            answer = self._descriptions.read(sdp)
            if not self._descriptions.may_be_answered_otherwise:
                raise InvalidStateError("there is no answer that could be replaced; apply the first one")
            moved = not self._ice.is_remote(answer.ice)
            self._agree(self._descriptions.accept_answer(answer))
            if moved:
                self._ice.begin_again()
                self._ice.set_remote(answer.ice)

    async def answer_offer(self, sdp: str) -> str:
        """Answer the far end's offer, first or further; the same offer gets the same answer.

        Raises SdpError, and InvalidStateError when both ends made an offer at once and ours stands.
        """
        async with self._negotiating:
            self._check_open()
            if sdp not in self._answers:
                self._answers[sdp] = await self._answer(self._descriptions.read(sdp))
                while len(self._answers) > ANSWERS_KEPT:
                    del self._answers[next(iter(self._answers))]
            return self._answers[sdp]

    async def _answer(self, offer: Description) -> str:
        if self._descriptions.signaling_state == "have-local-offer":
            self._descriptions.yield_to(offer)
            self._ice.abandon_pending()
        self._on_event("signaling_state", "have-remote-offer")
        generation = self._ice.newest
        fresh = generation is None or not self._ice.is_remote(offer.ice)
        if generation is None or fresh:
            generation = await self._ice.new_generation(controlling=offer.ice.lite)
            self._check_open()
        sdp, agreement = self._descriptions.answer(offer, _parameters(generation))
        self._agree(agreement)  # W3C reports a track with the offer, before the answer makes the state stable
        self._on_event("signaling_state", "stable")
        if fresh:
            self._ice.set_remote(offer.ice)
        return sdp

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidStateError("the call's media was closed; make a new call")

    def stats(self) -> RawStats:
        """Return the figures so far; may be read from another thread."""
        figures, pair = self.rtp.stats(), self._ice.pair
        return replace(
            figures,
            rtt_ms=figures.rtt_ms if figures.rtt_ms is not None else self._ice.rtt_ms,
            local_address=pair.local.host if pair else None,
            remote_address=pair.remote.host if pair else None,
        )

    # the path

    @property
    def connection_state(self) -> str:
        """W3C's name: new, connecting, connected, disconnected, failed or closed."""
        return self._states.connection

    @property
    def ice_connection_state(self) -> str:
        """W3C's name; `completed` is never used."""
        return self._states.ice

    @property
    def ice_gathering_state(self) -> str:
        """new, gathering or complete."""
        return self._states.ice_gathering

    @property
    def local_address(self) -> str | None:
        """The address of this machine that media leaves from, also where it goes to a TURN server first."""
        return self._ice.local_address

    def prefer(self, address: str | None) -> None:
        """Offer, and check from, this address of the machine first from now on: it is known to lead out."""
        self._ice.likely_address = address

    def migrate(self) -> None:
        """Begin to move to the addresses that this machine has now, without the far end's program being asked."""
        self._ice.migrate()

    def _begin_handshake(self) -> None:
        """Let the first path begin it; later ones carry it on, unless the far end has moved to another machine."""
        agreement = self._agreement
        if agreement is not None and not self._closed and not self._ice.unconnected:
            self._secure.start(agreement.dtls_client, agreement.fingerprints, agreement.may_hear)

    def _agree(self, agreement: Agreement) -> None:
        before, self._agreement = self._agreement, agreement
        self.rtp.agree(agreement)
        if agreement.remote_direction != (before.remote_direction if before is not None else "sendrecv"):
            self._on_event("remote_direction", agreement.remote_direction)

    def _tick(self) -> float:
        now = self._loop.time()
        # While frames are sent it falls together with one, and one wake-up does for both; else a timer sees to it.
        self.rtp.tick_at = now + TICK_S - FRAME_S / 2
        is_sending = now - self.rtp.pushed_at < TICK_S / 2
        self._timer.at = again_at = now + TICK_S + (FRAME_S / 2 if is_sending else 0.0)
        self._ice.tick()
        self._secure.tick()
        self.rtp.tick(now)
        return again_at

    # end

    def sever(self) -> None:
        """Break the path in use without telling anyone (demonstrations, tests)."""
        self._ice.sever()

    def close(self) -> None:
        """End the call: say goodbye, close every socket in the background; idempotent, returns at once."""
        if self._closed:
            return
        self._timer.cancel()
        self.rtp.on_tick = None
        self.rtp.say_goodbye()
        self._closed = True
        self._on_event("signaling_state", "closed")
        self._ending = self._loop.create_task(self._shut_down())

    async def _shut_down(self) -> None:
        self._secure.close()
        self._ice.close()
        self._states.end()


def _parameters(generation: Generation) -> IceParameters:
    candidates = tuple(candidate.to_sdp() for candidate in generation.local_candidates)
    return IceParameters(generation.local_username, generation.local_password, candidates)


def _ignore(*_event: object) -> None:
    """Nobody listens."""
