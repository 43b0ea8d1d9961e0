"""Turns captured frames into RTP payloads: packets of the wanted length, mute, digits, and protection against loss.

Transport-free: the caller puts sequence number, SSRC and payload type on what `push` returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agent.errors import InvalidArgumentError, NotSupportedError
from agent.media.codec import g711
from agent.media.codec.g711 import G711Encoder
from agent.media.codec.level_snapshots import SnapshotTap
from agent.media.codec.opus import DTX_BYTES, OpusEncoder
from agent.media.codec.telephone_event import EventSender
from agent.media.native.core import Core
from agent.media.rtp.red import MOST_COPIES, rate_beside_copies
from agent.media.rtp.reported_loss import ReportedLoss
from agent.media.sdp.codecs import EVENT
from hw.sound.frame import FRAME_BYTES, FRAME_MS, RATE_HZ, SILENCE
from hw.sound.pcm import mixed

OPUS, PCMU, PCMA = "opus", "PCMU", "PCMA"
PACKET_LENGTHS_MS = (10, 20, 40, 60)
CLOCK_HZ = {OPUS: RATE_HZ, PCMU: g711.CLOCK_HZ, PCMA: g711.CLOCK_HZ}

_READY_PERCENT = 1  # losses come without warning; so much readiness costs a third of the encoder's time and 0.2 of MOS
_LEAST_BITRATE = 20_000  # with less the packets say so little that whole copies of them are of no use ...
_HEAVY_LOSS, _SCANT_BITRATE = 0.15, 15_000  # ... until so much is lost that two of these are worth 0.4 of MOS
_COPIED_COMPLEXITY = 8  # at the lower rate it is worth 0.3 of MOS ...
_USUAL_COMPLEXITY = 5  # ... unless this machine is too slow for even that
_MOST_PERCENT = 8  # beyond this libopus spends more on copies than they are worth
_TRANSFORM_FROM = 64_000  # bit/s


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How sound is encoded; the bit rate and what follows it concern Opus only."""

    packet_ms: int = 20
    bitrate: int = 64_000
    complexity: int = 5
    fec: bool = True
    dtx: bool = False
    red: bool = False  # whether whole copies may go along, within the bit rate


class Outgoing(NamedTuple):
    """One RTP payload; `timestamp` is modulo 2^32; `codec` is "opus", "PCMU", "PCMA" or "telephone-event"."""

    payload: bytes
    timestamp: int
    marker: bool
    codec: str


#: A packet of sound whose payload the native core has kept: its octets, timestamp and marker.
Direct = tuple[int, int, bool]


class Encoder(Protocol):
    """What a codec does for the sender."""

    def encode(self, pcm: bytes) -> bytes:
        """Make one packet of 48 kHz mono int16 `pcm`."""


class AudioSender:
    """Frames in, payloads out; one thread at a time."""

    def __init__(
        self,
        codec: str = OPUS,
        settings: SenderSettings | None = None,
        *,
        event_hz: int | None = None,
        timestamp: int = 0,
        loss: ReportedLoss | None = None,
    ) -> None:
        """`event_hz` is the negotiated telephone-event clock (None: no digits); `timestamp` is the first one.

        `loss` is what was reported of the stream before.
        """
        self.settings = settings or SenderSettings()
        if codec not in CLOCK_HZ or self.settings.packet_ms not in PACKET_LENGTHS_MS:
            raise InvalidArgumentError(f"cannot send {codec} in packets of {self.settings.packet_ms} ms")
        self.codec = codec
        self.tap = SnapshotTap()
        self._events = EventSender(CLOCK_HZ[codec], event_hz) if event_hz else None
        self._offset = timestamp
        self._time = 0
        self._step = self.settings.packet_ms * CLOCK_HZ[codec] // 1000
        self._captured = b""  # that fills no packet yet
        self._muted = False
        self._pausing = False
        self._marker = True
        self._loss = loss or ReportedLoss()
        self.copies: int = self._room_for_copies()  #: whole copies of each packet for which the encoder leaves room
        self._opus: OpusEncoder | None = None
        self._encoder, self._opus = self._make_encoder()
        self._makes_frames = self._opus is not None and self.settings.packet_ms == FRAME_MS

    def push(self, frame: bytes, signal: bytes = b"", dials: bool = True) -> list[Outgoing]:
        """Take 20 ms of captured sound, and of a signal that is heard over it; the payloads that are now complete.

        They are in sending order. Muting silences what was captured, not the signal. While it does not `dials`, digits
        wait, also in their middle.
        """
        self._captured += self._heard(frame, signal)
        packets, size = list[Outgoing](), self.settings.packet_ms * FRAME_BYTES // FRAME_MS
        while len(self._captured) >= size:
            packets += self._packets(self._captured[:size], dials)
            self._captured = self._captured[size:]
        return packets

    def push_direct(self, core: Core, frame: bytes, signal: bytes = b"") -> Direct | None:
        """Take 20 ms as `push` does, where `is_plain`, by way of the native core; None where nothing is to be sent.

        Raises NotSupportedError.
        """
        assert self._opus is not None
        octets = core.encode(self._opus.addresses, self._heard(frame, signal))
        if octets < 0:
            raise NotSupportedError(f"libopus could not encode a frame (error {octets}): reinstall libopus0")
        timestamp = self._offset + self._time & 0xFFFFFFFF
        self._time += self._step
        if octets > DTX_BYTES and not (self._marker or self._pausing):
            return octets, timestamp, False
        marker = self._announce(octets)
        return None if marker is None else (octets, timestamp, marker)

    @property
    def is_plain(self) -> bool:
        """Whether the next frame is one packet of Opus, without copies, and nothing else is to be sent."""
        if not self._makes_frames or self.copies:
            return False
        return self._events is None or self._events.idle

    def _heard(self, frame: bytes, signal: bytes) -> bytes:
        """What the far end is to hear instead of what was captured."""
        if self._muted or len(frame) != FRAME_BYTES:
            frame = SILENCE
        if len(signal) == FRAME_BYTES:
            frame = mixed(frame, signal)
        self.tap.feed(frame)
        return frame

    def _packets(self, pcm: bytes, dials: bool) -> list[Outgoing]:
        packets, instead = self._event_packets() if dials else ([], False)
        if not instead:
            packets += self._sound_packets(pcm)
        self._time += self._step
        return packets

    def mute(self, muted: bool) -> None:
        """Send silence instead of the captured sound; the stream itself goes on."""
        self._muted = muted

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether digits were negotiated."""
        return self._events is not None

    def insert_dtmf(self, tones: str, duration_ms: float = 160, gap_ms: float = 70) -> None:
        """Send digits in place of sound, after those that wait; without `can_insert_dtmf`, nothing."""
        if self._events:
            self._events.insert(self._events.pending + tones, duration_ms, gap_ms)

    def report_loss(self, fraction: float) -> None:
        """Prepare the encoder for the share (0..1) of our packets that a receiver report says was lost."""
        self._loss.report(fraction)
        self.copies = self._room_for_copies()
        if self._opus:
            self._prepare(self._opus)

    def _room_for_copies(self) -> int:
        if self.codec != OPUS or not self.settings.red:
            return 0
        bitrate, room = self.settings.bitrate, max(0, self.settings.bitrate // _LEAST_BITRATE - 1)
        if self._loss.share >= _HEAVY_LOSS and bitrate >= _SCANT_BITRATE * (1 + MOST_COPIES):
            room = MOST_COPIES
        return min(self._loss.copies, room)

    def _prepare(self, opus: OpusEncoder) -> None:
        """Model the voice, with copies for repair, while losses are likely; take the cheaper way while they are not.

        Pauses are not left out while losses are likely: who misses the packet that announces one hears a made-up sound.
        """
        wanted, copies = self.settings, self.copies
        percent = min(max(round(self._loss.share * 100), 0 if self._loss.is_calm else _READY_PERCENT), _MOST_PERCENT)
        plain = percent == 0 and wanted.bitrate >= _TRANSFORM_FROM and not wanted.dtx
        works_hard = copies > 0 and wanted.complexity >= _USUAL_COMPLEXITY
        opus.set_bitrate(rate_beside_copies(wanted.bitrate, copies, wanted.packet_ms))
        opus.set_complexity(_COPIED_COMPLEXITY if works_hard else wanted.complexity)
        opus.set_dtx(wanted.dtx and not self._loss.copies)
        opus.set_loss_percent(0 if copies else percent)
        opus.set_transform(plain)

    def _make_encoder(self) -> tuple[Encoder, OpusEncoder | None]:
        if self.codec != OPUS:
            return G711Encoder(self.codec), None
        wanted = self.settings
        opus = OpusEncoder(bitrate=wanted.bitrate, complexity=wanted.complexity, fec=wanted.fec, dtx=wanted.dtx)
        self._prepare(opus)
        return opus, opus

    def _event_packets(self) -> tuple[list[Outgoing], bool]:
        if not self._events:
            return [], False
        packets, instead = self._events.step(self._time, self._step)
        return [Outgoing(p.payload, self._stamp(p.start), p.marker, EVENT) for p in packets], instead

    def _sound_packets(self, pcm: bytes) -> list[Outgoing]:
        payload = self._encoder.encode(pcm)
        marker = self._announce(len(payload))
        return [] if marker is None else [Outgoing(payload, self._stamp(self._time), marker, self.codec)]

    def _announce(self, octets: int) -> bool | None:
        """Whether a packet of sound begins a new one; None for one that is not sent."""
        short = self._opus is not None and octets <= DTX_BYTES
        if short and self._pausing:
            return None  # the first short packet announced the pause; the rest say nothing new
        marker = self._marker or (self._pausing and not short)
        self._pausing, self._marker = short, False
        return marker

    def _stamp(self, time: int) -> int:
        return self._offset + time & 0xFFFFFFFF
