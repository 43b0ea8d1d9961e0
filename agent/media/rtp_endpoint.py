"""The RTP side of one end of a call: packets and frames in and out, once both descriptions agree; asyncio only.

What is heard goes three ways: to whoever forwards it (`on_rtp`), into the playout buffer once somebody listens, and
into the figures. What is said comes as frames or as payloads of a forwarded stream.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from agent.errors import CodecError
from agent.media.codec.audio import Audio
from agent.media.codec.opus import DTX_BYTES, packet_samples
from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import Direct
from agent.media.codec.telephone_event import rescaled
from agent.media.dtls.srtp_transport import SecureTransport
from agent.media.jitter.playout_stats import PlayoutStats
from agent.media.native.core import Core
from agent.media.peer_states import EventSink
from agent.media.rtp.packet import RtpPacket, parse_rtp
from agent.media.rtp.red import RedWriter
from agent.media.rtp.reported_loss import ReportedLoss
from agent.media.rtp.session import ReadPacket, RtpSession
from agent.media.rtp.silence import StreamSilence
from agent.media.sdp.codecs import EVENT, UNKNOWN, Codec
from agent.media.sdp.offer_answer import Agreement
from agent.media.settings import MediaSettings
from agent.media.stats import LevelSnapshots, RawStats
from hw.sound.frame import FRAME_SAMPLES

MOST_BITRATE = 128_000  # of sound with its copies; what we encode ourselves takes far less
FORWARDED_EVENT_HZ = 8_000  # what the durations of forwarded events count

RtpSink = Callable[[bytes, int, bool, str, int | None], None]


class RtpEndpoint:
    """One stream each way over a secure transport.

    `on_rtp(payload, timestamp, marker, codec, sequence)` gets each verified packet, with codec "opus", "PCMU", "PCMA",
    "telephone-event" or, for a type that was not negotiated, "unknown"; the sequence is None for digits that come as a
    stream of their own, with a clock of their own; `on_loss(share)` what the far end reports of our stream;
    `on_arrival()` is called after each packet that was taken in; `collect(may_wait)` takes in what waits at the path's
    socket, which only it does then if what comes `may_wait`, as long as it is called each 20 ms; `on_tick()` is called
    with the first frame of ours from `tick_at` on (loop time). Events: track, digit, rtp_silence, rtp_resumed.
    """

    def __init__(self, settings: MediaSettings, secure: SecureTransport, on_event: EventSink) -> None:
        self.on_rtp: RtpSink | None = None
        self.on_loss: Callable[[float], None] | None = None
        self.on_arrival: Callable[[], None] | None = None
        self.cname = secrets.token_hex(8)
        self.pushed_at = 0.0  # when the latest frame of ours came (loop time)
        self.tick_at = float("inf")
        self.on_tick: Callable[[], object] | None = None
        self._secure = secure
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._session = RtpSession(self.cname)
        self._loss = ReportedLoss()
        self._audio = Audio(settings, lambda digit: on_event("digit", digit), self._loss)
        self._agreement: Agreement | None = None
        self._red: RedWriter | None = None  # where the far end takes copies of our packets
        self._clock_hz = 48_000  # of the sound we send, on which events are timed too
        self._silence = StreamSilence()
        secure.on_rtp, secure.on_packet, secure.on_rtcp = self._take_rtp, self._take_packet, self._take_rtcp
        self.collect, secure.on_moved = secure.collect, self._session.expect_source

    @property
    def ssrc(self) -> int:
        """The source that our packets name."""
        return self._session.ssrc

    def agree(self, agreement: Agreement) -> None:
        """Follow what the descriptions settled, first or further."""
        first, self._agreement = self._agreement is None, agreement
        self._session.accept(agreement.receivable)
        self._clock_hz = agreement.send_codec.clock_hz
        self._audio.agree(agreement)
        self._red = self._writer_of_copies(agreement)
        if first:
            self._on_event("track")

    @property
    def negotiated_codec(self) -> str | None:
        """What we send: "opus", "PCMU" or "PCMA"; None before the descriptions were exchanged."""
        return self._agreement.send_codec.kind if self._agreement else None

    # RTP

    def send(self, payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int | None = None) -> bool:
        """Send one payload as part of our stream; False when there is no path, or the far end cannot take the codec.

        The timestamp is on the clock of its origin (that of a "telephone-event" on any, while its duration counts
        8000 Hz); jumps of the origin are smoothed out. With the `sequence` of a forwarded packet, what was lost before
        stays a gap, which the far end can repair; one that is not sent leaves none.
        """
        chosen = self._codec_to_send(codec)
        sent = chosen is not None and self._send(chosen, payload, timestamp, marker, sequence)
        if sequence is not None and not sent:
            self._session.leave_out(sequence)
        return sent

    def _codec_to_send(self, kind: str) -> Codec | None:
        agreement = self._agreement
        if agreement is None:
            return None
        codecs = (agreement.event_codec,) if kind == EVENT else (agreement.send_codec, *agreement.sendable)
        return next((codec for codec in codecs if codec is not None and codec.kind == kind), None)

    def _send(self, codec: Codec, payload: bytes, timestamp: int, marker: bool, sequence: int | None) -> bool:
        if codec.kind == EVENT:
            payload = rescaled(payload, FORWARDED_EVENT_HZ, codec.clock_hz)
            if self._red is not None:
                self._red.interrupt()
        else:
            self._clock_hz = codec.clock_hz
        if not self._secure.may_send or self._agreement is None or not self._agreement.may_send:
            return False
        payload_type, payload = self._with_copies(codec, payload, timestamp)
        now = self._loop.time()
        data = self._session.write(
            payload_type, self._clock_hz, payload, timestamp, marker, now, sequence, event=codec.kind == EVENT
        )
        return data is not None and self._secure.send_rtp(data)

    def _with_copies(self, codec: Codec, payload: bytes, timestamp: int) -> tuple[int, bytes]:
        """Payload type and payload, which carries those of the packets before it while packets get lost."""
        agreement, red = self._agreement, self._red
        if agreement is None or agreement.red_codec is None or red is None or codec is not agreement.send_codec:
            return codec.payload_type, payload
        try:
            packet = red.write(payload, timestamp, packet_samples(payload))
        except CodecError:
            packet = None
        return (agreement.red_codec.payload_type, packet) if packet is not None else (codec.payload_type, payload)

    def _writer_of_copies(self, agreement: Agreement) -> RedWriter | None:
        codec, most_bitrate = agreement.send_codec, min(agreement.most_bitrate, MOST_BITRATE)
        copies = self._red.copies if self._red is not None else 0
        return RedWriter(codec.payload_type, codec.clock_hz, most_bitrate, copies) if agreement.red_codec else None

    def _take_rtp(self, data: bytes, now: float) -> None:
        """Take a verified packet."""
        if (packet := parse_rtp(data)) is not None:
            self._take_packet(packet, now)

    def _take_packet(self, packet: RtpPacket, now: float) -> None:
        """Take a verified packet that was read."""
        found = self._session.take(packet, now)
        if found is None:
            return
        packet, codec = found.packet, found.codec
        if self._silence.heard(now, pauses=codec is None or len(packet.payload) <= DTX_BYTES):
            self._on_event("rtp_resumed")
        if codec is not None:
            self._audio.receive(packet, codec, now, found.copies)
        else:
            self._audio.skip(packet)
        if self.on_rtp is not None:
            self._forward(self.on_rtp, found)
        if self.on_arrival is not None:
            self.on_arrival()

    @staticmethod
    def _forward(sink: RtpSink, heard: ReadPacket) -> None:
        packet, codec, number = heard.packet, heard.codec, heard.number
        kind, payload = codec.kind if codec is not None else UNKNOWN, packet.payload
        for place, timestamp, copy in heard.missed:
            sink(copy, timestamp, False, kind, place)
        if codec is not None and kind == EVENT:
            payload = rescaled(payload, codec.clock_hz, FORWARDED_EVENT_HZ)
        sink(payload, packet.timestamp, packet.marker, kind, number)

    def _take_rtcp(self, data: bytes, now: float) -> None:
        """Take a verified report; the loss it tells of is what the encoder has to protect against."""
        loss = self._session.read_rtcp(data, now, time.time())
        if loss is None:
            return
        sender = self._audio.sender
        if sender is not None:
            sender.report_loss(loss)
        else:
            self._loss.report(loss)
        if self._red is not None:
            self._red.copies = sender.copies if sender is not None else self._loss.copies
        if self.on_loss is not None:
            self.on_loss(loss)

    def report_loss_beyond(self, share: float) -> None:
        """Let our reports tell the far end of the loss that its stream, forwarded, suffers up to its last receiver."""
        self._session.rtcp.loss_beyond = share

    def say_goodbye(self) -> None:
        """Tell the far end that our stream ends."""
        if self._may_report:
            self._secure.send_rtcp(self._session.rtcp.bye())

    @property
    def _may_report(self) -> bool:
        """Whether reports go where the sound goes; elsewhere there is no path for them (RFC 5761 section 5.1.1)."""
        return self._secure.may_send and self._agreement is not None and self._agreement.has_rtcp_mux

    # sound

    def push_pcm(self, frame: bytes, signal: bytes = b"") -> None:
        """Send one captured frame, and `signal` over it, which no mute keeps back."""
        now = self.pushed_at = self._loop.time()
        sender, agreement, core = self._audio.sender, self._agreement, self._secure.core
        may_send = agreement is not None and agreement.may_send
        if may_send and core is not None and sender is not None and sender.is_plain:
            packet = sender.push_direct(core, frame, signal)
            if packet is not None:
                self._send_direct(core, packet, now)
        else:
            for outgoing in self._audio.encode(frame, self._secure.may_send, signal, self._is_heard(now)):
                self.send(outgoing.payload, outgoing.timestamp, outgoing.marker, outgoing.codec)
        if now >= self.tick_at and self.on_tick is not None:
            self.on_tick()

    def _send_direct(self, core: Core, packet: Direct, now: float) -> None:
        """Number a packet whose payload the core has kept, and let it go."""
        assert self._agreement is not None
        codec, (octets, timestamp, marker) = self._agreement.send_codec, packet
        self._clock_hz = codec.clock_hz
        if self._red is not None:
            self._red.went_without(octets, FRAME_SAMPLES)
        number, timestamp = self._session.number(codec.clock_hz, octets, timestamp, now)
        core.transmit(codec.payload_type | marker << 7, number, timestamp, self._session.ssrc)

    def _is_heard(self, now: float) -> bool:
        """Tell whether the far end hears us, as far as one can know: what comes only once waits for that.

        A digit takes longer than a silence that is noticed, so that one of which nothing arrived is never over.
        """
        return self._secure.path_state == "connected" and not self._silence.is_cut_off(now)

    def listen(self) -> None:
        """Keep what arrives from now on, because somebody is going to play it; idempotent."""
        self._audio.listen()

    @property
    def receiver(self) -> AudioReceiver | None:
        """What makes sound of what arrives; None before anything that can be played did, or without `listen`."""
        return self._audio.receiver

    def mute(self, muted: bool) -> None:
        """Send silence instead of the captured frames; the stream itself goes on."""
        self._audio.mute(muted)

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether the far end takes digits as RTP events."""
        return self._audio.can_insert_dtmf

    def insert_dtmf(self, tones: str, duration_ms: int = 160, gap_ms: int = 70) -> None:
        """Send digits in place of sound, after those that wait for the far end to hear us."""
        self._audio.insert_dtmf(tones, duration_ms, gap_ms)

    # figures and time

    def stats(self) -> RawStats:
        """Return the figures so far, without those of the path; may be read from another thread."""
        packets, octets, lost = self._session.total_received
        received, sent = self._session.received, self._session.sent
        return RawStats(
            timestamp_ms=time.time() * 1000,
            jitter_ms=received.jitter_ms if received else None,
            packets_lost=lost,
            packets_received=packets,
            bytes_received=octets,
            packets_sent=sent.packets,
            bytes_sent=sent.octets,
            codec_name=self.negotiated_codec,
            rtt_ms=self._session.rtcp.rtt_ms,
        )

    def take_snapshots(self) -> LevelSnapshots:
        """Take the level snapshots since the last call of this; from any thread, but only one takes them."""
        sender, receiver = self._audio.sender, self._audio.receiver
        return LevelSnapshots(sender.tap.take() if sender else (), receiver.tap.take() if receiver else ())

    @property
    def playout_stats(self) -> PlayoutStats | None:
        """What the jitter buffer and the decoder did so far; None before anything was heard."""
        return receiver.stats if (receiver := self._audio.receiver) is not None else None

    def tick(self, now: float) -> None:
        """Notice silence and send reports; call it every 100 ms or so."""
        silent_s = self._silence.tick(now)
        if silent_s is not None:
            self._on_event("rtp_silence", round(silent_s * 1000))
        if self._may_report:
            report = self._session.next_report(now, time.time())
            if report is not None:
                self._secure.send_rtcp(report)
