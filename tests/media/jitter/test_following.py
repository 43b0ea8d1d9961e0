"""The short way of a packet that comes right behind the latest decides what the long way would."""

import random
from collections.abc import Iterator

import pytest

from agent.media.codec import opus
from agent.media.jitter.buffer import PlayoutBuffer
from agent.media.jitter.decision import Decision

FRAME_S = 0.02
STEP = 960

Arrival = tuple[float, int, int, int]  # when, number, timestamp, samples


def strange_stream(seed: int, packets: int = 600) -> list[Arrival]:
    """Packets in the order of their arrival: with jitter, losses, repeats, other lengths, and a clock that jumps."""
    chance = random.Random(seed)
    number, timestamp, arrivals = chance.randrange(1 << 16), chance.randrange(1 << 32), list[Arrival]()
    for n in range(packets):
        samples = chance.choice((STEP, STEP, STEP, STEP // 2, 2 * STEP)) if seed % 2 else STEP
        if chance.random() < 0.01:
            timestamp += chance.choice((-1, 1)) * chance.randrange(10 * STEP, 1000 * STEP)
        if chance.random() < 0.003:
            number = chance.randrange(1 << 16)
        if chance.random() > 0.05:
            at = n * FRAME_S + chance.expovariate(1 / 0.01)
            arrivals.append((at, number & 0xFFFF, timestamp & 0xFFFFFFFF, samples))
            if chance.random() < 0.02:
                arrivals.append((at + chance.random(), number & 0xFFFF, timestamp & 0xFFFFFFFF, samples))
        number, timestamp = number + 1, timestamp + samples
    return sorted(arrivals)


def played(buffer: PlayoutBuffer, arrivals: list[Arrival]) -> Iterator[Decision]:
    waiting, now = list(reversed(arrivals)), 0.0
    while waiting:
        now += FRAME_S
        while waiting and waiting[-1][0] <= now:
            at, number, timestamp, samples = waiting.pop()
            buffer.put(number, timestamp, b"%d" % number, samples, at)
        buffer.tick(now, 0)
        made = 0
        while made < STEP:
            decision = buffer.next()
            made += decision.samples + decision.adjust
            yield decision


@pytest.mark.parametrize("seed", range(12))
def test_the_short_way_of_a_packet_is_the_long_one(seed, monkeypatch):
    short, long = PlayoutBuffer(), PlayoutBuffer()
    monkeypatch.setattr(long._timeline, "following", lambda *_packet: None)
    arrivals = strange_stream(seed)
    assert list(played(short, arrivals)) == list(played(long, arrivals))
    assert short.stats == long.stats
    assert short.stats.decoded > 100


def test_packets_that_need_no_look_inside_are_as_long_as_they_say():
    for first in range(256):
        payload = bytes([first, 1, 2, 3])
        if first in opus.SPECTRUM_SAMPLES:
            assert opus.describe(payload) == (opus.SPECTRUM_SAMPLES[first], False)
        else:
            assert first < 0x80 or first & 3 == 3
