"""What one peer hears when the payload types of a stream change from packet to packet."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.media.codec.audio import Audio
from agent.media.codec.g711 import G711Decoder, G711Encoder, translated
from agent.media.codec.sender import OPUS, PCMA, PCMU, AudioSender
from agent.media.rtp.packet import RtpPacket
from agent.media.sdp.parse import OUR_CODECS
from agent.media.settings import MediaSettings
from tests.media.sounds import alike, frames, pcm_of, voice

CODECS = {codec.kind: codec for codec in OUR_CODECS}
COMFORT_NOISE, RED = 13, 63
SAID = voice(4.0)
SPOKEN = {kind: [packet.payload for frame in frames(SAID) for packet in AudioSender(kind).push(frame)]
          for kind in (OPUS, PCMU, PCMA)}  # fmt: skip


class Listener:
    """A peer's audio, to which packets come every 20 ms."""

    def __init__(self):
        self.audio = Audio(MediaSettings(), lambda digit: None)
        self.audio.listen()
        self.made = []
        self._sequence = 0

    def hear(self, number, kind):
        now, codec = number * 0.02, CODECS[kind]
        timestamp = number * codec.clock_hz // 50
        packet = RtpPacket(codec.payload_type, False, self._next(), timestamp, 7, SPOKEN[kind][number])
        self.audio.receive(packet, codec, now)
        self.made.append(self.audio.receiver.pull(now + 0.007))

    def skip(self, number, payload_type):
        self.audio.skip(RtpPacket(payload_type, False, self._next(), number * 960, 7, b"\x40"))

    def _next(self):
        self._sequence += 1
        return self._sequence & 0xFFFF


@settings(deadline=None, max_examples=25)
@given(laws=st.lists(st.sampled_from([PCMU, PCMA]), min_size=1, max_size=9))
def test_laws_of_g711_may_change_with_each_packet(laws):
    listener = Listener()
    for number in range(200):
        listener.hear(number, laws[number % len(laws)])

    stats = listener.audio.receiver.stats
    assert (stats.received, stats.decoded, stats.concealed_ms) == (200, 200, 0)
    assert alike(SAID[48_000:], pcm_of(listener.made)[48_000:]) > 0.95


@pytest.mark.parametrize("every", [1, 2, 3, 7])
@pytest.mark.parametrize("payload_type", [COMFORT_NOISE, RED, 96])
def test_packets_of_other_types_in_between_are_no_gaps(payload_type, every):
    listener = Listener()
    for number in range(200):
        listener.hear(number, OPUS)
        if number % every == 0:
            listener.skip(number, payload_type)

    stats = listener.audio.receiver.stats
    assert (stats.decoded, stats.concealed_ms, stats.recovered) == (200, 0, 0)


def test_codec_that_changes_for_good_is_heard_after_a_moment():
    listener = Listener()
    for number in range(200):
        listener.hear(number, OPUS if number < 60 else PCMU if number < 130 else OPUS)

    stats = listener.audio.receiver.stats
    assert listener.audio.receiver.codec == OPUS
    assert (stats.received, stats.concealed_ms) == (70, 0)
    assert stats.decoded >= 68


@pytest.mark.parametrize(("law", "other"), [(PCMU, PCMA), (PCMA, PCMU)])
def test_translation_keeps_the_order_of_loudness_and_the_sign(law, other):
    def values(codes, of):
        return [pcm_of([G711Decoder(of).decode(bytes([code]) * 160)])[-50] for code in codes]

    codes = range(256)
    before = values(codes, law)
    after = values(translated(bytes(codes), law, other), other)

    ordered = sorted(zip(before, after, strict=True))
    assert all(earlier[1] <= later[1] + 8 for earlier, later in pairwise(ordered))
    assert all(abs(int(one) - int(two)) <= 16 + abs(int(one)) // 16 for one, two in ordered)
    assert translated(translated(bytes(codes), law, law), law, law) == translated(bytes(codes), law, law)


def test_translated_speech_is_the_same_speech():
    coded = b"".join(G711Encoder(PCMA).encode(frame) for frame in frames(SAID)[:50])
    decoder = G711Decoder(PCMU)
    assert alike(SAID[: 50 * 960], pcm_of([decoder.decode(translated(coded, PCMA, PCMU))])) > 0.9
