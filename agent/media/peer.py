"""One end of one audio call: negotiation, ICE, DTLS, SRTP and RTP composed; asyncio only.

A `Peer` plays the part of a browser's RTCPeerConnection for exactly one audio section. Sound goes in and out as frames
(`push_pcm`, `ear`) or as RTP payloads (`send_rtp`, `on_rtp`), so that a relay needs no codec. Descriptions are
handed out at once; connecting goes on behind them and is reported through `on_event(name, *arguments)`.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aioice import Candidate

from agent.closing import Closing
from agent.errors import InvalidStateError
from agent.media.dtls.srtp_transport import SecureTransport
from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.pair import Pair
from agent.media.ice.transport import IceListener, IceTransport
from agent.media.jitter.playout_stats import PlayoutStats
from agent.media.rtp_endpoint import EventSink, RtpEnd
from agent.media.sdp.offer_answer import OfferAnswer
from agent.media.sdp.parse import Description, IceParameters
from agent.media.settings import MediaSettings
from agent.media.stats import CandidateInfo, RawStats

log = logging.getLogger(__name__)

TICK_S = 0.1
ANSWERS_KEPT = 4
CONNECTION_STATES = {"new": "new", "checking": "connecting", "disconnected": "disconnected", "failed": "failed"}

class Peer(RtpEnd, IceListener, Closing):
    """One end of a call; see the module. Make it in a running asyncio loop.

    `on_event` gets the names and arguments of MediaSession's events. `on_rtp(payload, timestamp, marker, codec,
    sequence)` gets each verified packet, with codec "opus", "PCMU" or "telephone-event"; `on_loss(share)` what the far
    end reports of our stream.
    """

    def __init__(self, settings: MediaSettings | None = None, on_event: EventSink | None = None) -> None:
        super().__init__(settings or MediaSettings(), on_event or (lambda name, *arguments: None))
        self.connection_state = "new"
        self._ice = IceTransport(self.settings, self)
        self._secure = SecureTransport(self._ice, self)
        self._negotiation = OfferAnswer(self.settings, self._secure.fingerprint, self._rtp.ssrc, self._cname)
        self._negotiating = asyncio.Lock()
        self._answers: dict[str, str] = {}  # offers of the far end and what we answered
        self._closed = False
        self._ending: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(TICK_S, self._tick)

    # negotiation

    @property
    def signaling_state(self) -> str:
        """stable, have-local-offer, have-remote-offer or closed."""
        return "closed" if self._closed else self._negotiation.signaling_state

    @property
    def local_sdp(self) -> str:
        """Our latest description."""
        return self._negotiation.local_sdp

    async def create_offer(self) -> str:
        """Make our first offer, with the candidates known at once. Raises InvalidStateError."""
        async with self._negotiating:
            return await self._offer()

    async def create_restart_offer(self) -> str:
        """Make an offer that restarts ICE below the running call, replacing one still unanswered; InvalidStateError."""
        async with self._negotiating:
            if self._agreement is None:
                raise InvalidStateError("ICE can be restarted only after the first answer; make the call first")
            return await self._offer()

    async def _offer(self) -> str:
        self._check_open()
        generation = await self._ice.new_generation(controlling=True)  # also at a restart, as libwebrtc does
        self._check_open()
        sdp = self._negotiation.offer(_parameters(generation))
        self.on_event("signaling_state", "have-local-offer")
        return sdp

    async def apply_answer(self, sdp: str) -> None:
        """Take the answer to our offer; one repeated or too late changes nothing. SdpError, InvalidStateError."""
        async with self._negotiating:
            self._check_open()
            answer = self._negotiation.read(sdp)
            if self._negotiation.signaling_state == "have-local-offer":
                agreement = self._negotiation.accept_answer(answer)
                self.on_event("signaling_state", "stable")
                self._agree(agreement)
                self._ice.set_remote(answer.ice)
            elif self._ice.unconnected and not self._ice.is_remote(answer.ice):
                self._ice.set_remote(answer.ice)  # the answer to a later offer of ours: it is the one that counts

    apply_restart_answer = apply_answer

    async def answer_offer(self, sdp: str) -> str:
        """Answer the far end's offer, first or further; the same offer gets the same answer.

        Raises SdpError, and InvalidStateError when both ends made an offer at once and ours stands.
        """
        async with self._negotiating:
            self._check_open()
            if sdp not in self._answers:
                self._answers[sdp] = await self._answer(self._negotiation.read(sdp))
                while len(self._answers) > ANSWERS_KEPT:
                    del self._answers[next(iter(self._answers))]
            return self._answers[sdp]

    answer_restart_offer = answer_offer

    async def _answer(self, offer: Description) -> str:
        if self._negotiation.signaling_state == "have-local-offer":
            self._negotiation.yield_to(offer)
            self._ice.abandon_pending()
        self.on_event("signaling_state", "have-remote-offer")
        generation = self._ice.newest
        fresh = generation is None or not self._ice.is_remote(offer.ice)
        if generation is None or fresh:
            generation = await self._ice.new_generation(controlling=offer.ice.lite)
            self._check_open()
        sdp, agreement = self._negotiation.answer(offer, _parameters(generation))
        self._agree(agreement)  # W3C reports a track with the offer, before the answer makes the state stable
        self.on_event("signaling_state", "stable")
        if fresh:
            self._ice.set_remote(offer.ice)
        return sdp

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidStateError("the call's media was closed; make a new call")

    def stats(self) -> RawStats:
        """Return the figures so far; may be read from another thread."""
        packets, octets, lost = self._rtp.total_received
        received, pair, rtcp = self._rtp.received, self._ice.pair, self._rtp.rtcp
        sender, receiver = self._audio.sender, self._audio.receiver
        return RawStats(
            timestamp_ms=time.time() * 1000,
            jitter_ms=received.jitter_ms if received else None,
            packets_lost=lost,
            packets_received=packets,
            bytes_received=octets,
            packets_sent=self._rtp.sent.packets,
            bytes_sent=self._rtp.sent.octets,
            codec_name=self.negotiated_codec,
            rtt_ms=rtcp.rtt_ms if rtcp.rtt_ms is not None else self._ice.rtt_ms,
            local_address=pair.local.host if pair else None,
            remote_address=pair.remote.host if pair else None,
            input_snapshots=sender.tap.take() if sender else (),
            output_snapshots=receiver.tap.take() if receiver else (),
        )

    @property
    def playout_stats(self) -> PlayoutStats | None:
        """What the jitter buffer and the decoder did so far; None before anything was heard."""
        receiver = self._audio.receiver
        return receiver.stats if receiver is not None else None

    # states

    def on_ice_state(self, state: str) -> None:
        """Pass the path's new state on."""
        self.on_event("ice_connection_state", state)
        self._set_connection_state()

    def on_ice_gathering_state(self, state: str) -> None:
        """Pass on that gathering began or ended."""
        self.on_event("ice_gathering_state", state)

    def on_ice_candidate(self, candidate: Candidate) -> None:
        """Pass a local candidate on."""
        self.on_event("candidate", CandidateInfo.of(candidate))

    def on_ice_selected_pair(self, pair: Pair) -> None:
        """Pass on which path media takes, and begin the handshake on the first one."""
        self.on_event("selected_pair", CandidateInfo.of(pair.local), CandidateInfo.of(pair.remote))
        if self._agreement is not None and not self._closed:
            self._secure.start(self._agreement.dtls_client, self._agreement.fingerprints)

    def on_dtls_state(self, state: str) -> None:
        """Pass the handshake's new state on."""
        self.on_event("dtls_state", state)
        self._set_connection_state()

    @property
    def ice_connection_state(self) -> str:
        """W3C's name; `completed` is never used."""
        return self._ice.state

    @property
    def local_address(self) -> str | None:
        """The address of this machine that media leaves from; of a relayed path, where the relay is reached from."""
        return self._ice.local_address

    @property
    def ice_gathering_state(self) -> str:
        """new, gathering or complete."""
        return self._ice.gathering_state

    def _set_connection_state(self) -> None:
        state = self._combined_state()
        if state != self.connection_state:
            self.connection_state = state
            self.on_event("connection_state", state)

    def _combined_state(self) -> str:
        if self._closed:
            return "closed"
        if self._secure.state == "failed":
            return "failed"
        if self._ice.state == "connected":
            return "connected" if self._secure.state in ("connected", "closed") else "connecting"
        return CONNECTION_STATES.get(self._ice.state, "closed")

    def _tick(self) -> None:
        now = self._loop.time()
        # Counted from the latest frame, it falls together with another one, and one wake-up does for both.
        since = self._pushed_at if now - self._pushed_at < TICK_S / 2 else now
        self._timer = self._loop.call_at(since + TICK_S, self._tick)
        self._ice.tick()
        self._secure.tick()
        self._tick_rtp(now)

    async def migrate(self) -> None:
        """Move the call to the addresses that this machine has now, without the far end's program being asked."""
        if not self._closed:
            await self._ice.migrate()

    # end

    def sever(self) -> None:
        """Break the path in use without telling anyone (demonstrations, tests)."""
        self._ice.sever()

    def close(self) -> None:
        """End the call: say goodbye, close every socket in the background; idempotent, returns at once."""
        if self._closed:
            return
        self._timer.cancel()
        self._secure.send_rtcp(self._rtp.rtcp.bye())
        self._closed = True
        self.on_event("signaling_state", "closed")
        self._ending = self._loop.create_task(self._shut_down())

    async def _shut_down(self) -> None:
        self._secure.close()
        self._ice.close()
        self._set_connection_state()


def _parameters(generation: Generation) -> IceParameters:
    candidates = tuple(candidate.to_sdp() for candidate in generation.local_candidates)
    return IceParameters(generation.local_username, generation.local_password, candidates)


