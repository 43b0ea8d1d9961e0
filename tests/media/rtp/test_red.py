"""Packets that carry copies of the ones before them: written, read, and what they are worth."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import OPUS, AudioSender, SenderSettings
from agent.media.rtp.packet import write_rtp
from agent.media.rtp.red import MOST_COPIES, Block, RedWriter, pack, rate_beside_copies, unpack
from agent.media.rtp.reported_loss import ReportedLoss
from agent.media.rtp.session import RtpSession
from agent.media.sdp.codecs import OPUS as OPUS_CODEC
from agent.media.sdp.codecs import OUR_CODECS, red_of
from tests.media.sounds import alike, frames, pcm_of, voice

RED_CODEC = red_of(OPUS_CODEC)
EVENT_TYPE = 110
SPOKEN = frames(voice(6.0))
PAYLOADS = [packet.payload for frame in SPOKEN for packet in AudioSender(OPUS).push(frame)]


@given(
    copies=st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=0x3FF)), max_size=3),
    own=st.binary(max_size=1200),
)
def test_packet_survives_writing_and_reading(copies, own):
    blocks = (*(Block(111, age, payload) for age, payload in copies), Block(111, 0, own))
    assert unpack(pack(blocks)) == blocks


def test_packet_is_laid_out_as_in_the_rfc():
    assert pack([Block(111, 960, b"ab"), Block(111, 0, b"c")]).hex() == "ef" + "0f0002" + "6f" + "6162" + "63"


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data):
    blocks = unpack(data)
    assert not blocks or len(data) == len(pack(blocks))


@pytest.mark.parametrize("data", ["", "ef", "ef0f00", "ef0f0002", "ef0f00026f61", "ef0f0002" * 20 + "6f"])
def test_of_a_malformed_packet_nothing_is_used(data):
    assert unpack(bytes.fromhex(data)) == ()


def written(copies, most_bitrate=128_000, size=80, count=200):
    writer = RedWriter(111, 48_000, most_bitrate, copies)
    payloads = [bytes([number & 0xFF]) * size for number in range(count)]
    return payloads, [writer.write(payload, 960 * number, 960) for number, payload in enumerate(payloads)]


def test_without_copies_packets_go_as_they_are():
    assert set(written(0)[1]) == {None}


@pytest.mark.parametrize("copies", range(1, MOST_COPIES + 1))
def test_each_packet_carries_the_ones_before_it(copies):
    payloads, packets = written(copies)
    for number in range(copies, len(packets)):
        blocks = unpack(packets[number])
        assert [block.payload for block in blocks] == payloads[number - copies : number + 1]
        assert [block.age for block in blocks] == [960 * back for back in range(copies, -1, -1)]


@pytest.mark.parametrize("most_bitrate", [20_000, 40_000, 70_000, 90_000])
def test_copies_keep_to_the_bit_rate(most_bitrate):
    payloads, packets = written(2, most_bitrate)
    sizes = [len(packet or payload) for payload, packet in zip(payloads, packets, strict=True)][50:]
    average = sum(sizes) * 8 * 50 / len(sizes)
    assert average <= max(most_bitrate, 80 * 8 * 50) * 1.02
    assert average > min(most_bitrate, 3 * 80 * 8 * 50) * 0.9


def test_what_is_too_far_back_or_too_long_is_not_copied():
    writer = RedWriter(111, 48_000, 10**9, 2)
    writer.write(b"a" * 1024, 0, 960)
    assert writer.write(b"b", 960, 960) is None
    assert writer.write(b"c", 960 + 0x4000, 960) is None
    assert writer.write(b"d", 960, 960) is None  # overtaken


@pytest.mark.parametrize(
    ("reports", "copies"),
    [([0], 0), ([0.01], 0), ([0.03], 1), ([0.2], 2), ([0.2, 0], 2), ([0.2, 0, 0], 1), ([0.2] + [0] * 30, 0)],
)
def test_reported_loss_asks_for_copies_at_once_and_is_forgotten_slowly(reports, copies):
    loss = ReportedLoss()
    for report in reports:
        loss.report(report)
    assert loss.copies == copies


# What a session makes of them


class Stream:
    """A stream whose packets carry two copies, some of which are lost."""

    def __init__(self):
        self.session = RtpSession("us")
        self.session.accept([*OUR_CODECS, RED_CODEC])
        self.writer = RedWriter(111, 48_000, 10**9, 2)
        self.sequence = 0

    def say(self, number, arrives=True):
        payload, timestamp = b"%03d" % number, 960 * number
        packet = self.writer.write(payload, timestamp, 960)
        return self._send(63 if packet else 111, packet or payload, timestamp, arrives)

    def dial(self, arrives=True):
        return self._send(EVENT_TYPE, b"\x01\x0a\x00\xa0", 960 * 3, arrives)

    def _send(self, payload_type, payload, timestamp, arrives):
        self.sequence += 1
        data = write_rtp(payload_type, False, 65_530 + self.sequence, timestamp, 7, payload)
        return self.session.read(data, self.sequence * 0.02) if arrives else None


def test_packets_with_copies_are_read_as_what_they_carry():
    stream = Stream()
    for number in range(20):
        found = stream.say(number)
        assert (found.packet.payload, found.codec.kind, found.missed) == (b"%03d" % number, OPUS, ())
    assert [copy.payload for copy in found.copies] == [b"017", b"018"]


@pytest.mark.parametrize("lost", [(5,), (5, 6), (5, 9), (5, 7)])
def test_what_was_missed_is_found_once_in_its_place(lost):
    stream, made = Stream(), []
    for number in range(20):
        found = stream.say(number, arrives=number not in lost)
        if found is not None:
            made += [(place, at, payload) for place, at, payload in found.missed]
            made.append((found.number, found.packet.timestamp, found.packet.payload))
    assert made == [((65_531 + n) & 0xFFFF, 960 * n, b"%03d" % n) for n in range(20)]


def test_digits_in_between_are_not_taken_for_sound_that_is_missing():
    stream = Stream()
    for number in range(10):
        assert stream.say(number).missed == ()
    assert stream.dial().missed == ()
    stream.dial(arrives=False)
    assert [payload for _, _, payload in stream.say(10).missed] == []


def test_copies_of_what_was_not_negotiated_are_left_out():
    session = RtpSession("us")
    session.accept([*OUR_CODECS, RED_CODEC])
    for number, strange in enumerate([*(pack([Block(kind, 0, b"x")]) for kind in (96, 63, EVENT_TYPE)), b"\xff", b""]):
        found = session.read(write_rtp(63, False, number, 2, 3, strange), 0.0)
        assert (found.codec, found.copies, found.missed) == (None, (), ())
    found = session.read(write_rtp(63, False, 9, 2, 3, pack([Block(96, 960, b"x"), Block(111, 0, b"y")])), 1.0)
    assert (found.packet.payload, found.copies) == (b"y", ())


@pytest.mark.parametrize("between", [Block(EVENT_TYPE, 960, b"\x01\x0a\x00\xa0"), Block(111, 960, b"")])
def test_a_block_of_no_use_keeps_its_place(between):
    session = RtpSession("us")
    session.accept([*OUR_CODECS, RED_CODEC])
    session.read(write_rtp(111, False, 10, 9_600, 3, b"first"), 0.0)
    packet = pack([Block(111, 1_920, b"lost"), between, Block(111, 0, b"own")])
    found = session.read(write_rtp(63, False, 13, 12_480, 3, packet), 0.06)
    assert found.missed == ((11, 10_560, b"lost"),)


def test_copies_of_a_codec_of_which_none_were_agreed_on_are_left_out():
    session = RtpSession("us")
    session.accept([*OUR_CODECS, RED_CODEC])
    session.read(write_rtp(0, False, 10, 160, 3, bytes(160)), 0.0)
    packet = pack([Block(0, 160, bytes(160)), Block(0, 0, bytes(160))])
    found = session.read(write_rtp(63, False, 12, 480, 3, packet), 0.04)
    assert (found.codec.kind, found.copies, found.missed) == ("PCMU", (), ())


# What they are worth


def heard(copies, is_lost):
    """What is heard of speech whose packets carry so many copies, and the buffer's figures."""
    writer, receiver, made = RedWriter(111, 48_000, 10**9, copies), AudioReceiver(OPUS), []
    for number, payload in enumerate(PAYLOADS):
        packet = writer.write(payload, 960 * number, 960)
        *before, own = unpack(packet) if packet else (Block(111, 0, payload),)
        now = 0.02 * number
        if not is_lost(number):
            receiver.put(number, 960 * number, own.payload, now, copies=before)
        made.append(receiver.pull(now + 0.007))
    return b"".join(made), receiver.stats


@pytest.mark.parametrize(
    ("copies", "is_lost"), [(1, lambda n: n % 5 == 4), (2, lambda n: n % 5 == 4), (2, lambda n: n % 7 in (5, 6))]
)
def test_with_copies_a_loss_is_not_heard_at_all(copies, is_lost):
    whole, _ = heard(0, lambda number: False)
    made, stats = heard(copies, is_lost)
    last_3_s = slice(-3 * 48_000, None)
    assert alike(pcm_of([whole])[last_3_s], pcm_of([made])[last_3_s]) > 0.999
    assert stats.recovered >= 50
    assert stats.concealed_ms <= 20 * copies  # before the buffer knows that it pays to wait
    assert (stats.late, stats.dropped, stats.duplicates) == (0, 0, 0)


def test_without_loss_copies_change_nothing():
    assert heard(2, lambda number: False) == heard(0, lambda number: False)


@pytest.mark.parametrize("packet_ms", [20, 60])
@pytest.mark.parametrize(
    ("bitrate", "loss", "copies"),
    [(12_000, 0.2, 0), (24_000, 0.2, 0), (44_000, 0.2, 1), (48_000, 0.1, 1), (48_000, 0.2, 2), (64_000, 0.1, 2)],
)
def test_sound_with_its_copies_keeps_to_the_bit_rate(bitrate, loss, copies, packet_ms):
    sender = AudioSender(OPUS, SenderSettings(packet_ms, bitrate=bitrate, red=True))
    writer, sizes = RedWriter(111, 48_000, 128_000), []
    for number, frame in enumerate(SPOKEN):
        if number % 125 == 0:
            sender.report_loss(loss)
            writer.copies = sender.copies
        for packet in sender.push(frame):
            made = writer.write(packet.payload, packet.timestamp, 48 * packet_ms)
            sizes.append(len(made or packet.payload))
    assert sender.copies == copies
    assert sum(sizes) * 8 * 1000 / packet_ms / len(sizes) <= bitrate * 1.05


def test_copies_and_their_headers_are_within_the_rate():
    assert rate_beside_copies(64_000, 0, 20) == 64_000
    assert rate_beside_copies(64_000, 1, 20) == (64_000 - 5 * 8 * 50) // 2


def test_nobody_who_cannot_take_copies_gets_an_encoder_that_leaves_room_for_them():
    sender = AudioSender(OPUS, SenderSettings())
    sender.report_loss(random.Random(1).uniform(0.2, 0.3))
    assert sender.copies == 0


ODD_PAYLOADS = [*PAYLOADS[:3], b"", b"\x03", b"\x08x"]
STRANGE = st.builds(Block, st.just(111), st.integers(0, 0x3FFF), st.sampled_from(ODD_PAYLOADS))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.lists(STRANGE, max_size=8), st.booleans()), min_size=20, max_size=40),
)
def test_no_copies_break_the_receiver(steps):
    receiver, number = AudioReceiver(OPUS), 0
    for tick, (ahead, copies, arrives) in enumerate(steps):
        number += ahead
        if arrives:
            receiver.put(number, 960 * number, PAYLOADS[tick], 0.02 * tick, copies=copies)
        assert len(receiver.pull(0.02 * tick + 0.007)) == 1920


def test_another_source_begins_without_the_copies_of_the_one_before():
    stream = Stream()
    for number in range(10):
        stream.say(number)
    packet = pack([Block(111, 960, b"old"), Block(111, 0, b"new")])
    found = stream.session.read(write_rtp(63, False, 500, 7_000, 8, packet), 5.0)
    assert (found.packet.payload, found.missed) == (b"new", ())
