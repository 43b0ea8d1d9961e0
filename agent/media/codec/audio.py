"""The sound of one peer: captured frames to RTP payloads and back, following what was negotiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import OPUS, PACKET_LENGTHS_MS, AudioSender, Outgoing, SenderSettings
from agent.media.jitter.buffer import PlayoutSettings
from agent.media.rtp.packet import RtpPacket
from agent.media.rtp.red import Block
from agent.media.rtp.reported_loss import ReportedLoss
from agent.media.sdp.codecs import COMFORT_NOISE, EVENT, Codec
from agent.media.sdp.offer_answer import Agreement
from agent.media.settings import MediaSettings
from hw.sound.frame import SILENCE


class Audio:
    """Sender and receivers of one call; asyncio only. What is not used costs nothing: who only forwards has neither."""

    def __init__(
        self, settings: MediaSettings, on_digit: Callable[[str], None], loss: ReportedLoss | None = None
    ) -> None:
        """`loss` is what was reported of our packets, which outlives each sender."""
        self._settings = settings
        self._loss = loss or ReportedLoss()
        self._on_digit = on_digit
        self._agreement: Agreement | None = None
        self._muted = False
        self.sender: AudioSender | None = None
        self.receiver: AudioReceiver | None = None
        self._listening = False

    # sending

    def agree(self, agreement: Agreement) -> None:
        """Follow a new agreement; sound that goes on as before keeps its encoder."""
        before, self._agreement = self._agreement, agreement
        if before is not None and _sent(before) != _sent(agreement):
            self.sender = None

    def mute(self, muted: bool) -> None:
        """Send silence, or stop doing so."""
        self._muted = muted
        if self.sender is not None:
            self.sender.mute(muted)

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether the far end takes digits as events."""
        return self._agreement is not None and self._agreement.event_codec is not None

    def insert_dtmf(self, tones: str, duration_ms: int, gap_ms: int) -> None:
        """Send digits, after those that wait; without effect before the descriptions were exchanged."""
        sender = self._need_sender()
        if sender is not None:
            sender.insert_dtmf(tones, duration_ms, gap_ms)

    def encode(self, frame: bytes, connected: bool, signal: bytes = b"", dials: bool = True) -> list[Outgoing]:
        """Return the payloads that this frame, with `signal` over it, completes; none before the call is connected.

        While it does not `dials`, digits wait.
        """
        sender = self._need_sender()
        if sender is None:
            return []
        if not connected:
            sender.tap.feed(SILENCE if self._muted else frame)
            return []
        return sender.push(frame, signal, dials)

    def _need_sender(self) -> AudioSender | None:
        agreement = self._agreement
        if self.sender is None and agreement is not None:
            event = agreement.event_codec
            self.sender = AudioSender(
                agreement.send_codec.kind,
                self._sender_settings(agreement),
                event_hz=event.clock_hz if event else None,
                loss=self._loss,
            )
            self.sender.mute(self._muted)
        return self.sender

    def _sender_settings(self, agreement: Agreement) -> SenderSettings:
        """Ours, within what the far end asked for (RFC 7587 section 6.1, RFC 8866 section 6.5)."""
        ours, codec = self._settings, agreement.send_codec
        longest_ms, bitrate = agreement.longest_packet_ms, min(ours.opus_bitrate, agreement.most_bitrate)
        fec = ours.opus_fec and codec.parameters.get("useinbandfec") == "1"
        dtx = ours.opus_dtx or codec.parameters.get("usedtx") == "1"
        fitting = [length for length in PACKET_LENGTHS_MS if length <= min(ours.packet_ms, longest_ms)]
        packet_ms = max(fitting, default=PACKET_LENGTHS_MS[0])
        return SenderSettings(packet_ms, bitrate, ours.opus_complexity, fec, dtx, agreement.red_codec is not None)

    # receiving

    def receive(self, packet: RtpPacket, codec: Codec, now: float, copies: Sequence[Block] = ()) -> None:
        """Take one packet, and the copies of others that came with it.

        Nothing is kept before somebody listens, so who only forwards needs no memory.
        """
        if not self._listening:
            return
        if self.receiver is None:
            self.receiver = self._new_receiver(self._expected_kind if codec.kind == EVENT else codec.kind)
        if codec.kind == EVENT:
            self.receiver.put_event(packet.sequence, packet.timestamp, packet.payload, ssrc=packet.ssrc)
        else:
            self.receiver.put(
                packet.sequence,
                packet.timestamp,
                packet.payload,
                now,
                ssrc=packet.ssrc,
                codec=codec.kind,
                copies=copies,
            )

    @property
    def _expected_kind(self) -> str:
        """What sound will probably be, while there are only digits."""
        return self._agreement.send_codec.kind if self._agreement is not None else OPUS

    def skip(self, packet: RtpPacket) -> None:
        """Note a packet of a type that was not negotiated: it is not lost, and comfort noise announces a pause."""
        if self.receiver is not None:
            self.receiver.put_other(packet.sequence, pauses=packet.payload_type == COMFORT_NOISE)

    def _new_receiver(self, name: str) -> AudioReceiver:
        limits = PlayoutSettings(self._settings.playout_min_ms, self._settings.playout_max_ms)
        return AudioReceiver(name, limits, on_digit=self._on_digit)

    def listen(self) -> None:
        """Keep what arrives, because somebody is going to pull; idempotent."""
        self._listening = True


def _sent(agreement: Agreement) -> tuple[object, ...]:
    """What an encoder depends on."""
    return agreement.send_codec, agreement.event_codec, agreement.red_codec, agreement.longest_packet_ms
