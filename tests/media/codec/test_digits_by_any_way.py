"""Digits on their way: beside the sound, before it, after a transfer, and through a switchboard. Each is heard once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.media.codec.telephone_event import EventStreams
from agent.media.rtp.packet import parse_rtp, write_rtp
from agent.media.rtp.session import RtpSession
from agent.media.sdp.codecs import EVENT, OUR_CODECS

SOUND_TYPE, EVENT_TYPE, OTHER_TYPE = 111, 110, 13
PACKET_S = 0.02
KEYS = "0123456789*#ABCD"


@dataclass
class Source:
    """A sender with an SSRC, numbers and a clock of its own."""

    ssrc: int
    sequence: int
    clock: int
    clock_hz: int = 48_000

    def packet(self, payload_type: int, timestamp: int, payload: bytes, marker: bool = False) -> bytes:
        self.sequence += 1
        return write_rtp(payload_type, marker, self.sequence, timestamp, self.ssrc, payload)


@dataclass
class Way:
    """From several sources to a receiver, and on from there through another session to one more."""

    sources: list[Source]
    relayed_hz: int = 48_000
    now: float = 100.0
    pressed: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    heard_beyond: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._near, self._relay = RtpSession("near"), RtpSession("relay")
        for session in (self._near, self._relay):
            session.accept(OUR_CODECS)
        self._streams, self._streams_beyond = EventStreams(), EventStreams()

    def carry(self, data: bytes) -> None:
        found = self._near.read(data, self.now)
        if found is None or found.codec is None:
            return
        packet, codec, number = found.packet, found.codec, found.number
        is_event = codec.kind == EVENT
        if is_event:
            self.heard += self._streams.put(packet.ssrc, packet.sequence, packet.timestamp, packet.payload)
        sent = self._relay.write(packet.payload_type, self.relayed_hz, packet.payload, packet.timestamp, packet.marker,
                                 self.now, number, event=is_event)  # fmt: skip
        if sent is not None and is_event:
            beyond = parse_rtp(sent)
            assert beyond is not None
            self.heard_beyond += self._streams_beyond.put(
                beyond.ssrc, beyond.sequence, beyond.timestamp, beyond.payload
            )

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for source in self.sources:
            source.clock += round(seconds * source.clock_hz)

    def say(self, n: int, packets: int = 3) -> None:
        source = self.sources[n]
        for _ in range(packets):
            self.carry(source.packet(SOUND_TYPE, source.clock, b"sound"))
            self.pass_time(PACKET_S)

    def press(self, n: int, key: int, lost: int = 0, speaker: int | None = None) -> None:
        """One digit of eight packets; `lost` is a bit for each that does not arrive; another source may speak."""
        source = self.sources[n]
        start = source.clock
        self.pressed.append(KEYS[key])
        for part in range(8):
            flags = 0x8A if part >= 5 else 10
            payload = bytes([key, flags]) + (160 * min(part + 1, 6)).to_bytes(2, "big")
            data = source.packet(EVENT_TYPE, start, payload, part == 0)
            if not lost >> part & 1:
                self.carry(data)
            if speaker is not None:
                other = self.sources[speaker]
                self.carry(other.packet(SOUND_TYPE, other.clock, b"sound"))
            self.pass_time(PACKET_S)

    def jump(self, n: int, by: int) -> None:
        """What a transfer within one source does: another clock, other numbers."""
        self.sources[n].clock += by
        self.sources[n].sequence += 100 + by % 30_000

    def restart(self, n: int, ssrc: int) -> None:
        self.sources[n].ssrc = ssrc


STARTS = st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.sampled_from([8_000, 48_000]))
WHO = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), WHO, st.integers(1, 60)),
        st.tuples(st.just("press"), WHO, st.integers(0, 15), st.integers(0, 254), st.none() | WHO),
        st.tuples(st.just("jump"), WHO, st.integers(480_000 * 2, 2**31)),
        st.tuples(st.just("pass_time"), st.floats(0.1, 90.0)),
        st.tuples(st.just("restart"), WHO, st.integers(10, 0xFFFFFFFF)),
    ),
    max_size=14,
)


def walk(starts, steps, relayed_hz):
    sources = [Source(n + 1, sequence, clock, hz) for n, (sequence, clock, hz) in enumerate(starts)]
    way = Way(sources, relayed_hz)
    for name, *arguments in steps:
        getattr(way, name)(*arguments)
    return way


@given(st.tuples(STARTS, STARTS, STARTS), STEPS, st.sampled_from([8_000, 48_000]))
def test_each_digit_is_heard_once_here_and_beyond(starts, steps, relayed_hz):
    way = walk(starts, steps, relayed_hz)

    assert way.heard == way.pressed
    assert way.heard_beyond == way.pressed


A, B, C = 0, 1, 2


@pytest.mark.parametrize(
    "steps",
    [
        [("press", A, 1), ("say", B, 50), ("press", A, 2), ("restart", B, 77), ("say", B, 50), ("press", A, 3)],
        [("press", A, 1, 0, B), ("press", A, 1, 0, B), ("press", B, 1, 0, A)],
        [("press", A, 1, 0b00001111, B), ("pass_time", 60.0), ("press", A, 1, 0b11110000, C)],
        [("say", A), ("press", B, 4), ("pass_time", 0.2), ("say", C), ("press", B, 4), ("press", A, 4)],
        [("press", A, 5), ("jump", A, 2_000_000_000), ("press", A, 5), ("say", A), ("press", A, 5)],
    ],
)
def test_digits_around_the_first_sound_and_transfers_are_heard_once(steps):
    way = walk([(0xFFF0, 0xFFFFFF00, 48_000), (7, 5, 48_000), (40_000, 1 << 31, 8_000)], steps, 48_000)

    assert way.heard == way.heard_beyond == way.pressed
