"""Turns RTP packets into frames to be played: playout buffer, decoder, repair, concealment, digits.

Transport-free: the caller takes RTP apart and asks for one frame whenever the player wants one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from agent.errors import CodecError
from agent.log import FailureLog
from agent.media.codec import g711, opus
from agent.media.codec.g711 import G711Decoder
from agent.media.codec.level_snapshots import SnapshotTap
from agent.media.codec.opus import OpusDecoder
from agent.media.codec.sender import CLOCK_HZ, OPUS, PCMA, PCMU
from agent.media.codec.telephone_event import EventStreams
from agent.media.jitter.buffer import PlayoutBuffer, PlayoutSettings
from agent.media.jitter.clocks import Clocks
from agent.media.jitter.decision import Decision, PlayoutAction
from agent.media.jitter.playout_stats import PlayoutStats
from agent.media.jitter.time_stretch import TimeStretch
from agent.media.rtp.red import Block
from hw.sound.frame import FRAME_SAMPLES

log = logging.getLogger(__name__)

_PCM_GRID = 120  # Opus conceals multiples of 2.5 ms
_CODECS = (OPUS, PCMU, PCMA)
_TAGS = {codec: bytes([number]) for number, codec in enumerate(_CODECS)}  # in front of what waits, of whatever codec
_DECODE = PlayoutAction.DECODE


class Decoder(Protocol):
    """What a codec does for the receiver; every call continues the sound of the one before."""

    def decode(self, payload: bytes) -> bytes:
        """Decode a packet."""

    def recover(self, next_payload: bytes, samples: int) -> bytes:
        """Decode the packet before `next_payload`, out of it."""

    def conceal(self, samples: int) -> bytes:
        """Invent sound in place of what is missing."""


class AudioReceiver:
    """RTP fields in, 20 ms frames out; one thread at a time."""

    def __init__(
        self,
        codec: str = OPUS,
        settings: PlayoutSettings | None = None,
        *,
        on_digit: Callable[[str], None] | None = None,
    ) -> None:
        """`codec` is what is expected; `on_digit` is called from `put_event`, once for each digit, as it begins."""
        self.codec = codec  # of the latest packet
        self.tap = SnapshotTap()
        self._playout = PlayoutBuffer(settings)
        self._clocks = Clocks()
        self._stretch = TimeStretch()
        self._describe = opus.describer()
        self._decoders: dict[str, Decoder] = {}
        self._decoder, self._decoded = self._decoder_of(codec), codec  # of the latest packet that was decoded
        self._events = EventStreams()
        self._on_digit = on_digit
        self._made = b""
        self._ssrc: int | None = None
        self._failures = FailureLog(log, "decoding")

    @property
    def stats(self) -> PlayoutStats:
        """Counters, delay and target of the playout buffer."""
        return self._playout.stats

    def put(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        now: float,
        *,
        ssrc: int | None = None,
        codec: str | None = None,
        copies: Sequence[Block] = (),
    ) -> None:
        """Take one packet, of another `codec` than the one before if it is given; a damaged one counts as lost.

        `copies` are those of Opus packets before it that came with it.
        """
        if ssrc != self._ssrc:
            self._playout.restart()
            self._clocks.restart()
            self._ssrc = ssrc
        codec = codec or self.codec
        try:
            if codec != OPUS:
                samples, repairs = len(payload) * g711.RATIO, False
            elif payload and payload[0] in opus.SPECTRUM_SAMPLES:
                samples, repairs = opus.SPECTRUM_SAMPLES[payload[0]], False
            else:
                samples, repairs = self._describe(payload)
        except CodecError as error:
            self._failures.failed(error)
            return
        if not samples:
            return
        self.codec = codec
        self._playout.put(
            sequence,
            self._clocks.common(sequence, timestamp, CLOCK_HZ[codec], samples),
            _TAGS[codec] + payload,
            samples,
            now,
            repairs=repairs,
            pauses=codec == OPUS and len(payload) <= opus.DTX_BYTES,
            copies=len(copies),
        )
        for copy in copies:
            self._put_copy(sequence, timestamp, copy, now)

    def _put_copy(self, sequence: int, timestamp: int, copy: Block, now: float) -> None:
        try:
            samples, repairs = self._describe(copy.payload)
        except CodecError as error:
            self._failures.failed(error)
            return
        if len(copy.payload) <= opus.DTX_BYTES or copy.age % samples:
            return
        before, payload = sequence - copy.age // samples & 0xFFFF, _TAGS[OPUS] + copy.payload
        at = self._clocks.common(before, timestamp - copy.age, CLOCK_HZ[OPUS], samples)
        self._playout.put_copy(before, at, payload, samples, now, repairs=repairs)

    def put_event(self, sequence: int, timestamp: int, payload: bytes, *, ssrc: int | None = None) -> None:
        """Take one telephone-event packet, of the sound's stream or of another: no loss, and it may begin a digit."""
        if ssrc is None or ssrc == self._ssrc:
            self._playout.skip(sequence, pauses=True)
        digit = self._events.put(ssrc, sequence, timestamp, payload)
        if digit and self._on_digit:
            self._on_digit(digit)

    def put_other(self, sequence: int, *, pauses: bool = False) -> None:
        """Note a packet of any other payload type: it is not lost, and may announce a pause, as comfort noise does."""
        self._playout.skip(sequence, pauses=pauses)

    def ready(self, samples: int = FRAME_SAMPLES) -> bool:
        """Tell whether the next `samples` can be made out of what has arrived, so that waiting longer is of no use."""
        missing = samples - len(self._made) // 2
        return missing <= 0 or self._playout.ready(missing)

    def pull(self, due: float, samples: int = FRAME_SAMPLES) -> bytes:
        """Make the next `samples` to be played, needed at `due` (now, or later when they are `ready` early)."""
        self._playout.tick(due, len(self._made) // 2, samples)
        frame, wanted = self._made, 2 * samples
        while len(frame) < wanted:
            frame += self._make(self._playout.next())
        frame, self._made = (frame, b"") if len(frame) == wanted else (frame[:wanted], frame[wanted:])
        self.tap.feed(frame)
        return frame

    def _make(self, decision: Decision) -> bytes:
        try:
            if decision.action is not _DECODE:
                return self._filled(decision)
            codec = _CODECS[decision.payload[0]]
            if codec is not self._decoded:
                self._decoder, self._decoded = self._decoder_of(codec), codec
            sound = self._decoder.decode(decision.payload[1:])
            return self._adjusted(sound, decision) if decision.adjust else sound
        except CodecError as error:
            self._failures.failed(error)
            return self._conceal(decision.samples)

    def _filled(self, decision: Decision) -> bytes:
        match decision.action:
            case PlayoutAction.RECOVER if decision.samples % _PCM_GRID == 0:
                codec, payload = _CODECS[decision.payload[0]], decision.payload[1:]
                return self._decoder_of(codec).recover(payload, decision.samples)
            case PlayoutAction.SILENCE:
                return bytes(2 * decision.samples)
        return self._conceal(decision.samples)

    def _decoder_of(self, codec: str) -> Decoder:
        """Both laws of G.711 share one, so that what is lost between them is concealed as within one."""
        name = OPUS if codec == OPUS else PCMU
        if name not in self._decoders:
            self._decoders[name] = OpusDecoder() if codec == OPUS else G711Decoder(codec)
        decoder = self._decoders[name]
        if isinstance(decoder, G711Decoder):
            decoder.law = codec
        return decoder

    def _conceal(self, samples: int) -> bytes:
        whole = -(-samples // _PCM_GRID) * _PCM_GRID
        return self._decoder.conceal(whole)[: 2 * samples]

    def _adjusted(self, pcm: bytes, decision: Decision) -> bytes:
        sound = np.frombuffer(pcm, np.int16)
        changed = self._stretch.changed(sound, decision.adjust, leisurely=decision.leisurely)
        self._playout.adjusted(len(changed) - len(sound))
        return changed.tobytes()
