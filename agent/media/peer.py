"""One end of one audio call: negotiation, ICE, DTLS, SRTP and RTP composed; asyncio only.

A `Peer` plays the part of a browser's RTCPeerConnection for exactly one audio section. Sound goes in and out as frames
(`push_pcm`, `pull_pcm`) or as RTP payloads (`send_rtp`, `on_rtp`), so that a relay needs no codec. Descriptions are
handed out at once; connecting goes on behind them and is reported through `on_event(name, *arguments)`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from aioice import Candidate

from agent.errors import InvalidStateError
from agent.media.audio import Audio, plain_name
from agent.media.ice import IceListener, IceTransport
from agent.media.negotiation import Agreement, Negotiation
from agent.media.private import Address, Leg, Pair, Socket
from agent.media.rtp import RtpPacket
from agent.media.rtp_session import RtpSession
from agent.media.sdp import EVENT, Codec, Description, IceParameters
from agent.media.secure import SecureListener, SecureTransport
from agent.media.settings import MediaSettings
from agent.media.stats import CandidateInfo, RawStats

log = logging.getLogger(__name__)

TICK_S = 0.1
RTP_SILENCE_S = 0.3
DTX_SILENCE_S = 1.5  # a sender that pauses in silence sends only a sign of life every 0.4 s
DTX_PAYLOAD_BYTES = 2
ANSWERS_KEPT = 4
CONNECTION_STATES = {"new": "new", "checking": "connecting", "disconnected": "disconnected", "failed": "failed"}

EventSink = Callable[..., None]
RtpSink = Callable[[bytes, int, bool, str, int], None]


class Peer(IceListener, SecureListener):
    """One end of a call; see the module. Make it in a running asyncio loop.

    `on_event` gets the names and arguments of MediaSession's events. `on_rtp(payload, timestamp, marker, codec,
    sequence)` gets each verified packet, with codec "opus", "PCMU" or "telephone-event"; `on_loss(share)` what the far
    end reports of our stream.
    """

    def __init__(self, settings: MediaSettings | None = None, on_event: EventSink | None = None) -> None:
        self.settings = settings or MediaSettings()
        self.on_event: EventSink = on_event or (lambda name, *arguments: None)
        self.on_rtp: RtpSink | None = None
        self.on_loss: Callable[[float], None] | None = None
        self.on_arrival: Callable[[], None] | None = None  # after each packet that was taken in
        self.connection_state = "new"
        cname = secrets.token_hex(8)
        self._loop = asyncio.get_running_loop()
        self._ice = IceTransport(self.settings, self)
        self._secure = SecureTransport(self._ice, self)
        self._rtp = RtpSession(cname)
        self._negotiation = Negotiation(self.settings, self._secure.fingerprint, self._rtp.ssrc, cname)
        self._negotiating = asyncio.Lock()
        self._audio = Audio(self.settings, lambda digit: self.on_event("digit", digit))
        self._agreement: Agreement | None = None
        self._answers: dict[str, str] = {}  # offers of the far end and what we answered
        self._clock_hz = 48_000  # of the sound we send, on which events are timed too
        self._rtp_at: float | None = None
        self._rtp_silence_s = RTP_SILENCE_S
        self._rtp_silent = False
        self._closed = False
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
        """Our first offer, with the candidates known at once. Raises InvalidStateError."""
        async with self._negotiating:
            return await self._offer()

    async def create_restart_offer(self) -> str:
        """An offer that restarts ICE below the running call and replaces one still unanswered; InvalidStateError."""
        async with self._negotiating:
            if self._agreement is None:
                raise InvalidStateError("ICE can be restarted only after the first answer; make the call first")
            return await self._offer()

    async def _offer(self) -> str:
        self._check_open()
        leg = await self._ice.new_generation(controlling=True)  # also at a restart, as libwebrtc does
        sdp = self._negotiation.offer(_parameters(leg))
        self.on_event("signaling_state", "have-local-offer")
        return sdp

    async def apply_answer(self, sdp: str) -> None:
        """Take the answer to our offer; one that is repeated or comes too late changes nothing. Raises SdpError."""
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
        """Our answer to the far end's offer, first or further; the same offer gets the same answer.

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
        leg = self._ice.newest
        fresh = leg is None or not self._ice.is_remote(offer.ice)
        if leg is None or fresh:
            leg = await self._ice.new_generation(controlling=offer.ice.lite)
        sdp, agreement = self._negotiation.answer(offer, _parameters(leg))
        self.on_event("signaling_state", "stable")
        self._agree(agreement)
        if fresh:
            self._ice.set_remote(offer.ice)
        return sdp

    def _agree(self, agreement: Agreement) -> None:
        first, self._agreement = self._agreement is None, agreement
        self._rtp.accept(agreement.receivable)
        self._clock_hz = agreement.send_codec.clock_hz
        self._audio.agree(agreement)
        if first:
            self.on_event("track")

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidStateError("the call's media was closed; make a new call")

    @property
    def negotiated_codec(self) -> str | None:
        """What we send: "opus" or "PCMU"; None before the descriptions were exchanged."""
        return plain_name(self._agreement.send_codec) if self._agreement else None

    # RTP

    def send_rtp(self, payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int | None = None) -> bool:
        """Send one payload as part of our stream; False when there is no path, or the far end cannot take the codec.

        The timestamp is on the clock of its origin's sound (also that of a "telephone-event", whose duration counts
        8000 Hz); jumps of the origin are smoothed out. With the `sequence` of a relayed packet, what was lost before
        stays a gap, which the far end can repair.
        """
        agreement = self._agreement
        if agreement is None:
            return False
        if codec == EVENT:
            event = agreement.event_codec
            payload = _scale(payload, 8_000, event.clock_hz) if event else payload
            return event is not None and self._send(event, payload, timestamp, marker, sequence)
        chosen = agreement.send_codec
        if codec.lower() != chosen.name.lower():
            other = self._negotiation.remote.codec(codec.lower()) if self._negotiation.remote else None
            if other is None:
                return False
            chosen = other
        self._clock_hz = chosen.clock_hz
        return self._send(chosen, payload, timestamp, marker, sequence)

    def _send(self, codec: Codec, payload: bytes, timestamp: int, marker: bool, sequence: int | None) -> bool:
        if self._secure.state != "connected" or self._agreement is None or not self._agreement.may_send:
            return False
        now = self._loop.time()
        data = self._rtp.write(codec.payload_type, self._clock_hz, payload, timestamp, marker, now, sequence)
        return data is not None and self._secure.send_rtp(data)

    def on_rtp_packet(self, data: bytes, now: float) -> None:
        """A verified packet arrived."""
        found = self._rtp.read(data, now)
        if found is None:
            return
        packet, codec = found
        self._rtp_at = now
        if self._rtp_silent:
            self._rtp_silent = False
            self.on_event("rtp_resumed")
        self._rtp_silence_s = DTX_SILENCE_S if len(packet.payload) <= DTX_PAYLOAD_BYTES else RTP_SILENCE_S
        self._audio.receive(packet, codec, now)
        self._relay(packet, codec)
        if self.on_arrival is not None:
            self.on_arrival()

    def _relay(self, packet: RtpPacket, codec: Codec) -> None:
        if self.on_rtp is not None:
            name = plain_name(codec)
            payload = _scale(packet.payload, codec.clock_hz, 8_000) if name == EVENT else packet.payload
            self.on_rtp(payload, packet.timestamp, packet.marker, name, packet.sequence)

    def on_rtcp_packet(self, data: bytes, now: float) -> None:
        """A verified report arrived; the loss it tells of is what the encoder has to protect against."""
        loss = self._rtp.read_rtcp(data, now, time.time())
        if loss is None:
            return
        if self._audio.sender is not None:
            self._audio.sender.report_loss(loss)
        if self.on_loss is not None:
            self.on_loss(loss)

    def report_loss_beyond(self, share: float) -> None:
        """Let our reports tell the far end of the loss that its stream, relayed, suffers up to its last receiver."""
        self._rtp.rtcp.loss_beyond = share

    # sound

    def push_pcm(self, frame: bytes) -> None:
        """Send one captured frame."""
        for packet in self._audio.encode(frame, self._secure.state == "connected"):
            self.send_rtp(packet.payload, packet.timestamp, packet.marker, packet.codec)

    def pull_pcm(self) -> bytes:
        """The next frame to be played; silence while nothing was heard."""
        return self._audio.pull(self._loop.time())

    @property
    def hearing(self) -> bool:
        """Whether anything that can be played ever arrived; from now on it is kept."""
        self._audio.play()
        return self._audio.receiver is not None

    def mute(self, muted: bool) -> None:
        """Send silence instead of the captured frames; the stream itself goes on."""
        self._audio.mute(muted)

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether the far end takes digits as RTP events."""
        return self._audio.can_insert_dtmf

    def insert_dtmf(self, tones: str, duration_ms: int = 160, gap_ms: int = 70) -> None:
        """Send digits in place of sound; replaces those that have not begun."""
        self._audio.insert_dtmf(tones, duration_ms, gap_ms)

    def stats(self) -> RawStats:
        """The figures so far; may be read from another thread."""
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

    # states

    def on_ice_packet(self, data: bytes, leg: Leg, source: Socket, address: Address) -> None:
        """A datagram of unknown origin arrived."""
        self._secure.receive(data, leg, source, address)

    def on_ice_state(self, state: str) -> None:
        """The path changed its state."""
        self.on_event("ice_connection_state", state)
        self._set_connection_state()

    def on_ice_gathering_state(self, state: str) -> None:
        """Gathering began or ended."""
        self.on_event("ice_gathering_state", state)

    def on_ice_candidate(self, candidate: Candidate) -> None:
        """A local candidate was found."""
        self.on_event("candidate", CandidateInfo.of(candidate))

    def on_ice_selected_pair(self, pair: Pair) -> None:
        """Media takes a path: the first one, or another."""
        self.on_event("selected_pair", CandidateInfo.of(pair.local), CandidateInfo.of(pair.remote))
        if self._agreement is not None:
            self._secure.start(self._agreement.dtls_client, self._agreement.fingerprints)

    def on_dtls_state(self, state: str) -> None:
        """The handshake moved on."""
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
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._ice.tick()
        if self._rtp_at is not None and not self._rtp_silent and now - self._rtp_at > self._rtp_silence_s:
            self._rtp_silent = True
            self.on_event("rtp_silence", round((now - self._rtp_at) * 1000))
        if self._secure.state == "connected" and self._rtp.report_due(now):
            self._secure.send_rtcp(self._rtp.report(now, time.time()))

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
        self._loop.create_task(self._shut_down())

    async def _shut_down(self) -> None:
        await self._secure.close()
        self._ice.close()
        self._set_connection_state()


def _parameters(leg: Leg) -> IceParameters:
    candidates = tuple(candidate.to_sdp() for candidate in leg.local_candidates)
    return IceParameters(leg.local_username, leg.local_password, candidates)


def _scale(event: bytes, from_hz: int, to_hz: int) -> bytes:
    """A telephone event with its duration on another clock (RFC 4733 section 2.3: its last two octets)."""
    if from_hz == to_hz or len(event) < 4:
        return event
    duration = min(int.from_bytes(event[2:4], "big") * to_hz // from_hz, 0xFFFF)
    return event[:2] + duration.to_bytes(2, "big") + event[4:]
