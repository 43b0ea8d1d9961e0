"""The RTP side of one end of a call: packets and frames in and out, once both descriptions agree; asyncio only.

What is heard goes three ways: to whoever relays it (`on_rtp`), into the playout buffer as soon as somebody pulls
frames, and into the figures. What is said comes as frames or as payloads of a relayed stream.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from agent.media.codec.audio import Audio
from agent.media.codec.receiver import AudioReceiver
from agent.media.dtls.srtp_transport import SecureListener, SecureTransport
from agent.media.rtp.packet import RtpPacket
from agent.media.rtp.session import RtpSession
from agent.media.sdp.offer_answer import Agreement
from agent.media.sdp.parse import EVENT, Codec
from agent.media.settings import MediaSettings

RTP_SILENCE_S = 0.3
DTX_SILENCE_S = 1.5  # a sender that pauses in silence sends only a sign of life every 0.4 s
DTX_PAYLOAD_BYTES = 2
EVENT_HZ = 8_000  # what the durations of relayed events count

EventSink = Callable[..., None]
RtpSink = Callable[[bytes, int, bool, str, int], None]


class RtpEnd(SecureListener):
    """See the module; `Peer` adds descriptions and the path."""

    _secure: SecureTransport

    def __init__(self, settings: MediaSettings, on_event: EventSink) -> None:
        self.settings = settings
        self.on_event = on_event
        self.on_rtp: RtpSink | None = None
        self.on_loss: Callable[[float], None] | None = None
        self.on_arrival: Callable[[], None] | None = None  # after each packet that was taken in
        self._loop = asyncio.get_running_loop()
        self._cname = secrets.token_hex(8)
        self._rtp = RtpSession(self._cname)
        self._audio = Audio(settings, lambda digit: self.on_event("digit", digit))
        self._agreement: Agreement | None = None
        self._clock_hz = 48_000  # of the sound we send, on which events are timed too
        self._pushed_at = 0.0  # the latest frame of ours
        self._rtp_at: float | None = None
        self._rtp_silence_s = RTP_SILENCE_S
        self._rtp_silent = False

    def _agree(self, agreement: Agreement) -> None:
        first, self._agreement = self._agreement is None, agreement
        self._rtp.accept(agreement.receivable)
        self._clock_hz = agreement.send_codec.clock_hz
        self._audio.agree(agreement)
        if first:
            self.on_event("track")

    @property
    def negotiated_codec(self) -> str | None:
        """What we send: "opus" or "PCMU"; None before the descriptions were exchanged."""
        return self._agreement.send_codec.kind if self._agreement else None

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
            payload = _scale(payload, EVENT_HZ, event.clock_hz) if event else payload
            return event is not None and self._send(event, payload, timestamp, marker, sequence)
        chosen = agreement.send_codec
        if codec != chosen.kind:
            others = [other for other in agreement.sendable if other.kind == codec]
            if not others:
                return False
            chosen = others[0]
        self._clock_hz = chosen.clock_hz
        return self._send(chosen, payload, timestamp, marker, sequence)

    def _send(self, codec: Codec, payload: bytes, timestamp: int, marker: bool, sequence: int | None) -> bool:
        if self._secure.state != "connected" or self._agreement is None or not self._agreement.may_send:
            return False
        now = self._loop.time()
        data = self._rtp.write(codec.payload_type, self._clock_hz, payload, timestamp, marker, now, sequence)
        return data is not None and self._secure.send_rtp(data)

    def on_rtp_packet(self, data: bytes, now: float) -> None:
        """Take a verified packet."""
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
        if self.on_rtp is not None:
            self._relay(self.on_rtp, packet, codec)
        if self.on_arrival is not None:
            self.on_arrival()

    @staticmethod
    def _relay(sink: RtpSink, packet: RtpPacket, codec: Codec) -> None:
        payload = _scale(packet.payload, codec.clock_hz, EVENT_HZ) if codec.kind == EVENT else packet.payload
        sink(payload, packet.timestamp, packet.marker, codec.kind, packet.sequence)

    def on_rtcp_packet(self, data: bytes, now: float) -> None:
        """Take a verified report; the loss it tells of is what the encoder has to protect against."""
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

    def push_pcm(self, frame: bytes, signal: bytes = b"") -> None:
        """Send one captured frame, and `signal` over it, which no mute keeps back."""
        self._pushed_at = self._loop.time()
        for packet in self._audio.encode(frame, self._secure.state == "connected", signal):
            self.send_rtp(packet.payload, packet.timestamp, packet.marker, packet.codec)

    @property
    def ear(self) -> AudioReceiver | None:
        """What makes sound of what arrives; None before anything that can be played did. From now on it is kept."""
        self._audio.play()
        return self._audio.receiver

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

    # time

    def _tick_rtp(self, now: float) -> None:
        """Notice silence and send reports; called every 100 ms or so."""
        if self._rtp_at is not None and not self._rtp_silent and now - self._rtp_at > self._rtp_silence_s:
            self._rtp_silent = True
            self.on_event("rtp_silence", round((now - self._rtp_at) * 1000))
        if self._secure.state == "connected" and self._rtp.report_due(now):
            self._secure.send_rtcp(self._rtp.report(now, time.time()))


def _scale(event: bytes, from_hz: int, to_hz: int) -> bytes:
    """A telephone event with its duration on another clock (RFC 4733 section 2.3: its last two octets)."""
    if from_hz == to_hz or len(event) < 4:
        return event
    duration = min(int.from_bytes(event[2:4], "big") * to_hz // from_hz, 0xFFFF)
    return event[:2] + duration.to_bytes(2, "big") + event[4:]
