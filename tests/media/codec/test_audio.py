"""What one peer hears when the payload types of a stream change from packet to packet."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.media.codec.audio import Audio
from agent.media.codec.g711 import G711Decoder
from agent.media.codec.opus import OpusDecoder
from agent.media.codec.sender import OPUS, PCMA, PCMU, AudioSender
from agent.media.rtp.packet import RtpPacket
from agent.media.rtp.reported_loss import ReportedLoss
from agent.media.sdp.codecs import OUR_CODECS
from agent.media.sdp.description import IceParameters
from agent.media.sdp.offer_answer import OfferAnswer
from agent.media.settings import MediaSettings
from hw.sound.frame import SILENCE
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
        self.skew = {}  # of a clock, in its own units

    def hear(self, number, kind, place=None):
        now, codec = number * 0.02, CODECS[kind]
        timestamp = number * codec.clock_hz // 50 + self.skew.get(codec.clock_hz, 0) & 0xFFFFFFFF
        sequence = self._next() if place is None else place
        packet = RtpPacket(codec.payload_type, False, sequence, timestamp, 7, SPOKEN[kind][number])
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


def test_codec_that_changes_for_good_loses_nothing():
    listener = Listener()
    for number in range(200):
        listener.hear(number, OPUS if number < 60 else PCMU if number < 130 else OPUS)

    stats = listener.audio.receiver.stats
    assert listener.audio.receiver.codec == OPUS
    assert (stats.received, stats.decoded, stats.concealed_ms) == (200, 200, 0)


def decoded(kinds):
    """What plain decoders make of the packets, one for Opus and one for both laws."""
    opus, g711, made = OpusDecoder(), G711Decoder(PCMU), b""
    for number, kind in enumerate(kinds):
        g711.law = kind
        made += (opus if kind == OPUS else g711).decode(SPOKEN[kind][number])
    return made


@pytest.mark.parametrize(("every", "skew"), [(1, 0), (1, 123_456_789), (2, 7), (3, 5_000), (50, 4_294_967_000)])
def test_codecs_with_other_clocks_may_alternate(every, skew):
    """Nothing is lost, concealed or stretched after the start: what is heard is what plain decoders make.

    It is not much like what was said, since Opus delays by 3.5 ms more than G.711: each change is a joint.
    """
    listener = Listener()
    listener.skew = {CODECS[PCMU].clock_hz: skew}
    kinds = [(OPUS, PCMU, PCMA)[number // every % 3] for number in range(200)]
    for number, kind in enumerate(kinds):
        listener.hear(number, kind)

    stats = listener.audio.receiver.stats
    assert (stats.received, stats.decoded, stats.concealed_ms, stats.starts) == (200, 200, 0, 1)
    assert decoded(kinds).endswith(b"".join(listener.made)[2 * 48_000 :])


def mixed_up(kind_of, skew=0):
    """The figures of a stream of which 10 packets are lost and 10 overtake the one before."""
    listener = Listener()
    listener.skew = {CODECS[PCMU].clock_hz: skew}
    for number in range(200):
        moved = number + {10: 1, 11: -1}.get(number % 20, 0)
        if moved != number or number % 17:
            listener.hear(moved, kind_of(moved), place=moved + 1)
    return listener.audio.receiver.stats


@pytest.mark.parametrize("skew", [0, 123_456_789])
def test_packets_that_are_lost_or_overtaken_where_the_codec_changes_are_as_within_one(skew):
    figures = ("received", "decoded", "recovered", "concealed_ms", "late", "dropped", "starts")
    changing = mixed_up(lambda number: OPUS if number // 11 % 2 else PCMU, skew)

    for law in (OPUS, PCMU):
        steady = mixed_up(lambda _, law=law: law)
        assert [getattr(changing, name) for name in figures] == [getattr(steady, name) for name in figures]
    assert (changing.received, changing.late, changing.dropped) == (190, 0, 0)


def agreement():
    """Of two ends that can do all that this program can."""
    ice = IceParameters("abcd", "x" * 24)
    caller, callee = (OfferAnswer(MediaSettings(), ("sha-256", "AA"), 1, "us") for _ in range(2))
    return callee.answer(callee.read(caller.offer(ice)), ice)[1]


def test_what_was_reported_lost_is_known_to_each_sender():
    loss, first = ReportedLoss(), agreement()
    loss.report(0.2)  # before anything was said
    audio = Audio(MediaSettings(), lambda digit: None, loss)
    senders = []
    for agreed in (first, replace(first, event_codec=None), first):
        audio.agree(agreed)
        audio.encode(SILENCE, True)
        senders.append(audio.sender)

    assert len({id(sender) for sender in senders}) == 3
    assert [sender.copies for sender in senders] == [2, 2, 2]
