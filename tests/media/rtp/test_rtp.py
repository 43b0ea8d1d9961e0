"""RTP and RTCP packets, and what is counted from them."""

import random

import pytest
from aiortc.rtp import RtcpPacket
from hypothesis import given
from hypothesis import strategies as st

from agent.media.rtp.packet import RtpPacket, is_rtcp, parse_rtp, sequence_distance, write_rtp
from agent.media.rtp.rebase import SequenceBase, TimestampBase
from agent.media.rtp.rtcp import ReceiveCounters, RtcpSession, SentCounters, read_reports
from agent.media.rtp.session import RtpSession
from agent.media.sdp.codecs import OPUS, OUR_CODECS, PCMU


def test_packet_survives_writing_and_reading():
    data = write_rtp(111, True, 70_000, 2**32 + 5, 42, b"sound")
    assert parse_rtp(data) == RtpPacket(111, True, 70_000 & 0xFFFF, 5, 42, b"sound")


def test_sources_extension_and_padding_are_skipped():
    plain = write_rtp(111, False, 1, 2, 3, b"sound")
    sources, extension = bytes(8), b"\xbe\xde\x00\x01" + bytes(4)
    data = bytes([0x80 | 0x20 | 0x10 | 2]) + plain[1:12] + sources + extension + b"sound" + b"\x00\x00\x03"
    assert parse_rtp(data).payload == b"sound"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        bytes(12),
        b"\x8f" + bytes(11),
        b"\x90" + bytes(11),
        b"\x90" + bytes(11) + b"\xbe\xde\xff\xff",
        b"\xa0" + bytes(11) + b"x\x00",
        b"\xa0" + bytes(11) + b"x\xff",
    ],
)
def test_malformed_packet_is_no_packet(data):
    assert parse_rtp(data) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(data):
    parse_rtp(data)
    list(read_reports(data))
    list(read_reports(b"\x81\xc8\x00\x06" + data))
    is_rtcp(data)


def test_rtcp_is_told_from_rtp_by_its_type():
    assert is_rtcp(b"\x80\xc8") and is_rtcp(b"\x81\xcf")
    assert not is_rtcp(write_rtp(111, True, 0, 0, 0, b"")) and not is_rtcp(b"\x80")


@pytest.mark.parametrize("later, earlier, distance", [(5, 3, 2), (3, 5, -2), (1, 65_535, 2), (65_535, 1, -2)])
def test_sequence_numbers_wrap(later, earlier, distance):
    assert sequence_distance(later, earlier) == distance


def stream(counters, numbers, start=0.0):
    for number in numbers:
        counters.received(number & 0xFFFF, number * 960, 100, start + number * 0.02)


def test_loss_is_counted_across_the_wrap():
    counters = ReceiveCounters(1, 48_000)
    stream(counters, [n for n in range(65_500, 65_600) if n % 10])
    assert counters.packets == 90 and counters.expected == 99 and counters.lost == 9


def test_duplicates_and_reordering_are_no_loss():
    counters = ReceiveCounters(1, 48_000)
    stream(counters, [0, 2, 1, 1, 3, 5, 4])
    assert counters.lost == 0


def test_restarted_sender_is_no_loss():
    counters = ReceiveCounters(1, 48_000)
    stream(counters, [0, 1, 3])
    stream(counters, range(30_000, 30_010))
    assert counters.lost == 1


def test_steady_stream_has_no_jitter_and_an_unsteady_one_has():
    steady, unsteady = ReceiveCounters(1, 48_000), ReceiveCounters(1, 48_000)
    for n in range(200):
        steady.received(n, n * 960, 1, n * 0.02)
        unsteady.received(n, n * 960, 1, n * 0.02 + (n % 2) * 0.01)
    assert steady.jitter_ms < 0.01
    assert 9 < unsteady.jitter_ms < 11


def test_reports_give_round_trip_and_loss():
    ours, theirs = RtcpSession(1, "us"), RtcpSession(2, "them")
    sent, received = SentCounters(), ReceiveCounters(1, 48_000)
    sent.sent(0, 48_000, 100, 0.0)
    stream(received, [n for n in range(100) if n % 4])
    theirs.read(ours.write(10.0, 1_000.0, sent, None), 10.05, 1_000.05)
    loss = ours.read(theirs.write(10.15, 1_000.15, SentCounters(), received), 10.2, 1_000.2)
    assert ours.rtt_ms == pytest.approx(100, abs=1)
    assert loss == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("step_s", [50.0, -50.0, 0.3, 86_400.0 * 365])
@pytest.mark.parametrize("who", ["ours", "theirs", "both"])
def test_clock_that_is_set_between_two_reports_leaves_the_round_trip_time(step_s, who):
    ours, theirs = RtcpSession(1, "us"), RtcpSession(2, "them")
    sent, received = SentCounters(), ReceiveCounters(1, 48_000)
    sent.sent(0, 48_000, 100, 0.0)
    stream(received, range(100))
    for n in range(4):
        wall = {side: 1e9 + 5 * n + (step_s if n >= 2 and who in (side, "both") else 0) for side in ("ours", "theirs")}
        theirs.read(ours.write(5.0 * n, wall["ours"], sent, None), 5.0 * n + 0.05, wall["theirs"])
        moved = step_s if n >= 1 and who in ("ours", "both") else 0
        reply = theirs.write(5.0 * n + 0.15, wall["theirs"], SentCounters(), received)
        ours.read(reply, 5.0 * n + 0.2, wall["ours"] + 0.2 + moved)
        assert ours.rtt_ms == pytest.approx(100, abs=1)


def test_report_about_another_source_is_ignored():
    ours, theirs = RtcpSession(1, "us"), RtcpSession(2, "them")
    received = ReceiveCounters(77, 48_000)
    stream(received, [0, 5])
    assert ours.read(theirs.write(1.0, 1.0, SentCounters(), received), 1.0, 1.0) is None


def test_loss_of_a_report_covers_only_the_time_since_the_last():
    received = ReceiveCounters(1, 48_000)
    stream(received, [n for n in range(100) if n % 2])
    first = next(read_reports(RtcpSession(2, "x").write(1, 1, SentCounters(), received))).reports[0]
    stream(received, range(100, 200))
    second = next(read_reports(RtcpSession(2, "x").write(2, 2, SentCounters(), received))).reports[0]
    assert first.fraction_lost > 120 and second.fraction_lost == 0 and second.packets_lost == first.packets_lost


def test_goodbye_is_understood():
    assert RtcpPacket.parse(RtcpSession(5, "x").bye())[-1].sources == [5]


def test_forwarded_timestamps_keep_their_steps_and_lose_their_jumps():
    base = TimestampBase()
    first = [base.move(1_000 + n * 960, 48_000, n * 0.02) for n in range(5)]
    other = [base.move(3_000_000_000 + n * 960, 48_000, (5 + n) * 0.02) for n in range(5)]
    steps = [later - earlier & 0xFFFFFFFF for earlier, later in zip(first + other, (first + other)[1:], strict=False)]
    assert steps == [960] * 9


def test_pause_of_a_forwarded_stream_stays_a_pause():
    base = TimestampBase()
    before = base.move(0, 8_000, 0.0)
    assert base.move(8_000 * 60, 8_000, 60.0) - before & 0xFFFFFFFF == 8_000 * 60


def numbers(base, origins):
    """What the origins' numbers become, counted from the first."""
    moved = [base.move(origin) for origin in origins]
    return [None if number is None else number - moved[0] & 0xFFFF for number in moved]


@pytest.mark.parametrize(
    ("origins", "ours"),
    [
        ([7, 8, 9], [0, 1, 2]),
        ([7, 9, 12], [0, 2, 5]),  # lost on the way here: still missing
        ([7, 9, 8, 10], [0, 2, 1, 3]),  # overtaken: put right
        ([7, 8, 8, 9], [0, 1, None, 2]),  # twice: once
        ([65_535, 0, 2], [0, 1, 3]),
        ([7, 8, 5_000, 5_001], [0, 1, 2, 3]),  # another stream
        ([7, 8, None, None, 9, 10], [0, 1, 2, 3, 4, 5]),  # digits of our own in between
        ([7, 9, None, 8], [0, 2, 3, 4]),
    ],
)
def test_forwarded_numbers_keep_their_losses(origins, ours):
    assert numbers(SequenceBase(), origins) == ours


@pytest.mark.parametrize(
    ("origins", "left_out", "ours"),
    [
        ([7, 8, 9, 10], {8}, [0, 1, 2]),
        ([7, 8, 9, 10, 11], {8, 9, 11}, [0, 1]),
        ([65_534, 65_535, 0, 1], {65_535}, [0, 1, 2]),
        ([7, 9, 10], {9}, [0, 2]),  # 8 was lost, and stays so
        ([7, 9, 10, 8], {9}, [0, 2, 1]),  # 8 came late: its place was kept
        ([7, 9, 8, 10], {8}, [0, 2, 3]),  # the gap is open already
        ([7, 8, 8, 9], {8}, [0, 1]),  # twice
        ([7, 5_000, 8], {5_000}, [0, 1]),  # of another stream
    ],
)
def test_what_is_not_forwarded_leaves_no_gap(origins, left_out, ours):
    base, moved = SequenceBase(), []
    for origin in origins:
        if origin in left_out:
            base.leave_out(origin)
        else:
            moved.append(base.move(origin))
    assert [number - moved[0] & 0xFFFF for number in moved] == ours


def test_no_number_is_used_twice_whatever_arrives():
    base, origins = SequenceBase(), random.Random(7)
    moved = []
    for _ in range(5_000):
        if origins.random() < 0.1:
            base.leave_out(origins.randrange(200))
        moved.append(base.move(origins.choice([None, *range(200)])))
    used = [number for number in moved if number is not None]
    assert all(len(set(used[n : n + 200])) == len(used[n : n + 200]) for n in range(0, len(used), 50))


def test_loss_beyond_a_forwarder_is_reported_to_the_origin():
    relay = RtcpSession(2, "x")
    relay.loss_beyond = 0.5
    received = ReceiveCounters(1, 48_000)
    stream(received, range(100))
    assert next(read_reports(relay.write(1, 1, SentCounters(), received))).reports[0].fraction_lost == 128


def session(*codecs):
    session = RtpSession("x")
    session.accept(codecs or OUR_CODECS)
    return session


@pytest.mark.parametrize("payload_type", [0, 8, 13, 63, 120])
def test_a_type_that_was_not_negotiated_arrives_but_cannot_be_used(payload_type):
    receiver = session(OPUS)
    for n in range(40):
        kind = payload_type if n % 4 == 1 else 111
        found = receiver.read(write_rtp(kind, False, n, n * 960, 1, b"x"), n * 0.02)
        assert (found.codec is None) == (kind != 111)
    assert receiver.total_received == (40, 40, 0)
    report = next(read_reports(receiver.next_report(0.0, 0.0) or receiver.next_report(9.0, 9.0))).reports[0]
    assert (report.fraction_lost, report.packets_lost, report.jitter) == (0, 0, 0)


def test_a_type_that_was_not_negotiated_begins_no_stream():
    receiver = session(OPUS)
    assert receiver.read(write_rtp(8, False, 1, 1, 1, b"x"), 0.0) is None
    assert receiver.read(write_rtp(111, False, 1, 1, 1, b"x"), 0.0)
    assert receiver.read(write_rtp(8, False, 1, 1, 2, b"x"), 9.0) is None
    assert receiver.total_received == (1, 1, 0)


def test_second_source_waits_until_the_first_is_silent():
    receiver = session()
    assert receiver.read(write_rtp(111, False, 1, 1, 1, b"x"), 0.0)
    assert receiver.read(write_rtp(111, False, 1, 1, 2, b"x"), 0.05) is None
    assert receiver.read(write_rtp(111, False, 1, 1, 2, b"x"), 0.5)
    assert receiver.total_received == (2, 2, 0)


@pytest.mark.parametrize("first", [0, 5, 12, 65_530, 40_000])
def test_numbers_of_another_source_are_no_late_ones_of_the_source_before(first):
    receiver, relay = session(), session()
    passed = []
    for ssrc, begin, at in ((1, 10, 0.0), (2, first, 1.0), (1, 10, 2.0)):
        for n in range(10):
            now = at + n * 0.02
            found = receiver.read(write_rtp(111, False, begin + n, n * 960, ssrc, b"x"), now)
            passed.append(parse_rtp(relay.write(111, 48_000, b"x", n * 960, False, now, found.number)).sequence)
    assert [number - passed[0] & 0xFFFF for number in passed] == list(range(30))


EVENT_TYPE = 110


@pytest.mark.parametrize("since_s", [0.01, 5.0])
def test_digits_on_a_second_source_are_heard_and_do_not_take_over(since_s):
    receiver = session()
    assert receiver.read(write_rtp(111, False, 1, 960, 1, b"x"), 0.0)
    found = receiver.read(write_rtp(EVENT_TYPE, True, 9_000, 77, 2, b"xxxx"), since_s)
    assert found.number is None and found.codec.kind == "telephone-event"
    assert receiver.read(write_rtp(111, False, 2, 1920, 1, b"x"), since_s + 0.01)
    assert receiver.total_received == (3, 6, 0)


def test_digits_before_the_sound_are_heard_and_keep_nobodys_place():
    receiver = session()
    assert receiver.read(write_rtp(EVENT_TYPE, True, 9_000, 77, 2, b"xxxx"), 0.0).codec.kind == "telephone-event"
    assert receiver.read(write_rtp(111, False, 1, 1, 1, b"x"), 0.01)


def test_digit_around_the_first_sound_of_its_stream_stays_one_digit():
    receiver = session()
    parts = [write_rtp(EVENT_TYPE, n == 0, 9_000 + n, 77, 1, b"xxxx") for n in (0, 1, 3)]
    before = [receiver.read(part, 0.0) for part in parts[:2]]
    assert receiver.read(write_rtp(111, False, 9_002, 960, 1, b"x"), 0.01)
    found = [*before, receiver.read(parts[2], 0.02)]
    assert [(each.packet.timestamp, each.number) for each in found] == [(77, None), (77, None), (77, 9_003)]


@given(timestamp=st.integers(0, 0xFFFFFFFF))
def test_digits_on_a_clock_of_their_own_are_placed_on_that_of_the_sound(timestamp):
    base = TimestampBase()
    sound = base.move(960_000, 48_000, 0.0)
    placed = []
    for n in range(10):  # two digits, with a second between them, and sound beside both
        now = 0.5 + n * 0.2
        place = base.place(timestamp + 48_000 * (n // 5) & 0xFFFFFFFF, 48_000, n % 5 == 0, now)
        placed.append(place - sound - 24_000 + 0x80000000 & 0xFFFFFFFF)
        assert base.move(960_000 + round(now * 48_000), 48_000, now) - sound & 0xFFFFFFFF == round(now * 48_000)
    first, second = set(placed[:5]), set(placed[5:])
    assert len(first) == len(second) == 1
    assert -48_000 <= max(first) - 0x80000000 <= 48_000
    assert 0 < max(second) - max(first) <= 3 * 48_000


def test_digit_that_is_held_for_long_goes_on_in_its_next_segment():
    base = TimestampBase()
    base.move(0, 48_000, 0.0)
    first = base.place(5, 48_000, True, 0.0)
    assert base.place(5 + 0xFFFF, 48_000, False, 8.2) - first & 0xFFFFFFFF == 0xFFFF
    assert base.place(5, 48_000, False, 8.3) == first  # overtaken
    assert base.place(5 + 2 * 0xFFFF, 48_000, False, 16.4) - first & 0xFFFFFFFF == 2 * 0xFFFF


def test_sent_packets_are_numbered_without_gaps_whatever_they_carry():
    sender = session()
    packets = [
        parse_rtp(sender.write(codec.payload_type, 48_000, b"x", n * 960, False, n * 0.02))
        for n, codec in enumerate([OPUS, PCMU, OPUS])
    ]
    assert [p.sequence - packets[0].sequence & 0xFFFF for p in packets] == [0, 1, 2]
    assert {p.ssrc for p in packets} == {sender.ssrc}


def test_reports_come_about_every_other_second():
    sender = session()
    times = [n / 10 for n in range(600) if sender.next_report(n / 10, 0.0)]
    assert 15 <= len(times) <= 50
