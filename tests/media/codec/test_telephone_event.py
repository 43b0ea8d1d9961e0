"""Digits as RTP events: what is sent, and what is understood."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.media.codec.telephone_event import DIGITS, EventReceiver, EventSender, EventStreams


def sent(sender, milliseconds, packet_ms=20, audio_hz=48_000):
    """(start, event, ended, duration, marker) of each packet, and in which steps sound was replaced."""
    step = packet_ms * audio_hz // 1000
    packets, replaced = [], []
    for number in range(milliseconds // packet_ms):
        made, instead = sender.step(number * step, step)
        replaced.append(instead)
        for packet in made:
            event, flags, duration = struct.unpack("!BBH", packet.payload)
            packets.append((packet.start, event, bool(flags & 0x80), duration, packet.marker))
    return packets, replaced


def test_one_digit_is_one_growing_event_with_three_ends():
    sender = EventSender(8000, 8000)
    sender.insert("5", 100, 70)

    packets, _ = sent(sender, 300, audio_hz=8000)

    assert [duration for _, _, _, duration, _ in packets] == [160, 320, 480, 640, 800, 800, 800]
    assert [ended for _, _, ended, _, _ in packets] == [False] * 4 + [True] * 3
    assert [marker for *_, marker in packets] == [True] + [False] * 6
    assert {start for start, *_ in packets} == {0}
    assert {event for _, event, *_ in packets} == {5}


def test_durations_count_the_event_clock_and_starts_the_audio_clock():
    sender = EventSender(48_000, 8000)
    sender.insert("12", 100, 100)

    packets, _ = sent(sender, 500)

    assert {start for start, *_ in packets} == {0, 9600}
    assert max(duration for _, _, _, duration, _ in packets) == 800


def test_sound_is_replaced_only_while_a_digit_sounds():
    sender = EventSender(48_000, 8000)
    sender.insert("1", 100, 70)

    _, replaced = sent(sender, 300)

    assert replaced == [True] * 5 + [False] * 10


def test_digits_keep_their_gap():
    sender = EventSender(48_000, 48_000)
    sender.insert("12", 100, 100)

    _, replaced = sent(sender, 400)

    assert replaced == [True] * 5 + [False] * 5 + [True] * 5 + [False] * 5


def test_a_comma_waits_two_seconds():
    sender = EventSender(8000, 8000)
    sender.insert(",9", 40, 30)

    packets, _ = sent(sender, 3000, audio_hz=8000)

    assert packets[0][0] == 2000 * 8


def test_another_string_replaces_what_has_not_begun():
    sender = EventSender(8000, 8000)
    sender.insert("123", 100, 70)
    sender.step(0, 160)

    sender.insert("9", 100, 70)

    packets, _ = sent(sender, 800, audio_hz=8000)
    assert {event for _, event, *_ in packets} == {1, 9}
    assert sender.pending == ""


def test_durations_and_gaps_are_kept_within_the_limits():
    sender = EventSender(8000, 8000)
    sender.insert("1", 1, 1)

    packets, _ = sent(sender, 200, audio_hz=8000)

    assert packets[-1][3] == 40 * 8


def test_characters_that_are_no_tones_are_skipped():
    sender = EventSender(8000, 8000)

    sender.insert("1-2 x(a)")

    assert sender.pending == "12A"


def test_a_duration_that_outgrows_its_field_goes_on_in_a_new_segment():
    sender, receiver = EventSender(48_000, 48_000), EventReceiver(48_000)
    sender.insert("7", 3000, 70)

    packets, _ = sent(sender, 3200)

    starts = sorted({start for start, *_ in packets})
    assert starts == [0, 65_535, 131_070]
    assert max(duration for _, _, _, duration, _ in packets) == 65_535
    assert [marker for *_, marker in packets].count(True) == 1
    heard = [receiver.put(start, struct.pack("!BBH", event, 0x80 * ended, length))
             for start, event, ended, length, _ in packets]  # fmt: skip
    assert "".join(heard) == "7"


@pytest.mark.parametrize("clock", [8000, 48_000])
@pytest.mark.parametrize("packet_ms", [20, 40, 60])
def test_what_is_sent_is_understood(clock, packet_ms):
    sender, receiver = EventSender(48_000, clock), EventReceiver(48_000)
    sender.insert(DIGITS, 100, 70)
    heard = ""

    for number in range(400):
        for packet in sender.step(number * packet_ms * 48, packet_ms * 48)[0]:
            heard += receiver.put(packet.start & 0xFFFFFFFF, packet.payload)

    assert heard == DIGITS


@given(st.sets(st.integers(0, 6), max_size=6))
def test_a_digit_is_heard_once_whichever_of_its_packets_are_lost(lost):
    sender, receiver = EventSender(8000, 8000), EventReceiver(8000)
    sender.insert("5", 100, 70)
    packets = [packet for number in range(20) for packet in sender.step(number * 160, 160)[0]]

    heard = "".join(receiver.put(p.start, p.payload) for number, p in enumerate(packets) if number not in lost)

    assert heard == "5"


def test_the_same_digit_twice_is_two_digits():
    receiver = EventReceiver(8000)

    heard = [receiver.put(start, struct.pack("!BBH", 3, 0x80, 800)) for start in (0, 0, 0, 1360, 1360)]

    assert heard == ["3", "", "", "3", ""]


def test_a_packet_of_an_older_event_that_comes_late_is_ignored():
    receiver = EventReceiver(8000)
    receiver.put(0, struct.pack("!BBH", 1, 10, 160))
    receiver.put(2000, struct.pack("!BBH", 2, 10, 160))

    assert receiver.put(0, struct.pack("!BBH", 1, 0x8A, 800)) == ""


def test_timestamps_wrap():
    receiver = EventReceiver(8000)

    heard = [receiver.put(start, struct.pack("!BBH", 4, 0x8A, 800)) for start in (0xFFFFFF00, 0x100)]

    assert heard == ["4", "4"]


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=12))
def test_any_packet_is_a_digit_or_nothing(timestamp, payload):
    assert EventReceiver(48_000).put(timestamp, payload) in ("", *DIGITS)


def keyed(streams, ssrc, digits, sequence, timestamp):
    """Send each digit as three packets of one stream; the digits that were heard."""
    heard = ""
    for number, digit in enumerate(digits):
        for flags, duration in ((10, 160), (10, 640), (0x8A, 800)):
            payload = struct.pack("!BBH", DIGITS.index(digit), flags, duration)
            heard += streams.put(ssrc, sequence & 0xFFFF, timestamp + number * 1600 & 0xFFFFFFFF, payload)
            sequence += 1
    return heard


@given(
    sequences=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    timestamps=st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF)),
)
def test_digits_of_another_stream_are_heard_wherever_its_numbers_begin(sequences, timestamps):
    streams = EventStreams()

    assert keyed(streams, 1, "12", sequences[0], timestamps[0]) == "12"
    assert keyed(streams, 2, "12", sequences[1], timestamps[1]) == "12"


@given(start=st.integers(0, 0xFFFFFFFF), clock=st.integers(0, 0xFFFFFFFF))
def test_digits_are_heard_after_the_senders_clock_was_set_anew(start, clock):
    streams = EventStreams()

    assert keyed(streams, 1, "12", 500, start) == "12"
    assert keyed(streams, 1, "34", 600, clock) == "34"


@pytest.mark.parametrize("sequence", [0, 100, 40_000])
def test_digits_are_heard_after_numbers_and_clock_began_anew(sequence):
    streams = EventStreams()

    assert keyed(streams, 1, "12", 500, 400_000) == "12"
    assert keyed(streams, 1, "34", sequence, 0) == "34"


def test_streams_side_by_side_do_not_disturb_each_other():
    streams, payload = EventStreams(), struct.pack("!BBH", 5, 10, 160)

    heard = [streams.put(ssrc, 100 + n, 1_000_000 * ssrc, payload) for n in range(5) for ssrc in (1, 2)]

    assert "".join(heard) == "55"


def test_a_flood_of_streams_keeps_a_few():
    streams = EventStreams()

    for ssrc in range(1_000):
        assert keyed(streams, ssrc, "7", 1, 1) == "7"

    assert len(streams._streams) <= 4


@pytest.mark.parametrize("held_for", [1, 50, 400])
@pytest.mark.parametrize("cut_at", range(40))
def test_digits_are_heard_once_wherever_the_path_is_cut_and_the_sender_held_up(cut_at, held_for):
    """What is sent before the cut is noticed is lost: less than a digit."""
    sender, receiver, noticed_after, step, number = EventSender(8000, 8000), EventReceiver(8000), 6, 160, 0
    sender.insert("1235", 160, 70)
    heard = ""
    for frame in range(100 + held_for):
        if cut_at + noticed_after <= frame < cut_at + noticed_after + held_for:
            continue
        for packet in sender.step(frame * step, step)[0]:
            number += 1
            if not cut_at <= frame < cut_at + noticed_after:
                heard += receiver.put(packet.start, packet.payload, number)

    assert heard == "1235"
