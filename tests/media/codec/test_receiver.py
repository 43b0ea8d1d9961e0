"""RTP to frames: the whole receive path with real codecs, on a fake clock."""

import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import OPUS, PCMU, AudioSender, SenderSettings
from agent.media.pump import MOST_AHEAD_S
from agent.media.sdp.codecs import EVENT
from hw.sound.frame import FRAME_BYTES, SILENCE
from tests.media.sounds import alike, frames, pcm_of, rms, steps, tone, voice

ARRIVES_S, PULLED_S = 0.03, 0.036


def carried(said, codec=OPUS, lost=(), receiver=None, settings=None, on_digit=None, digits=""):
    """Send `said` through a sender and a receiver; returns the receiver and the frames it made."""
    sender = AudioSender(codec, settings, event_hz=8000)
    receiver = receiver or AudioReceiver(codec, on_digit=on_digit)
    if digits:
        sender.insert_dtmf(digits, 100, 70)
    made, sequence = [], 60_000
    for number, frame in enumerate(frames(said)):
        now = number * 0.02
        for packet in sender.push(frame):
            sequence = sequence + 1 & 0xFFFF
            if sequence - 60_001 in lost:
                continue
            if packet.codec == EVENT:
                receiver.put_event(sequence, packet.timestamp, packet.payload)
            else:
                receiver.put(sequence, packet.timestamp, packet.payload, now + ARRIVES_S, ssrc=1)
        made.append(receiver.pull(now + PULLED_S))
    return receiver, made


@pytest.mark.parametrize(("codec", "least"), [(OPUS, 0.9), (PCMU, 0.98), ("PCMA", 0.98)])
def test_what_is_said_is_heard(codec, least):
    said = voice(3.0, pitch_hz=240)

    _, made = carried(said, codec)

    assert alike(said[48_000:], pcm_of(made)[48_000:]) > least


@pytest.mark.parametrize("codec", [OPUS, PCMU])
@pytest.mark.parametrize("packet_ms", [20, 40, 60])
def test_every_pull_gives_one_frame(codec, packet_ms):
    receiver, made = carried(voice(2.0), codec, settings=SenderSettings(packet_ms=packet_ms))

    assert {len(frame) for frame in made} == {FRAME_BYTES}
    assert receiver.stats.concealed_ms == 0


@pytest.mark.parametrize("packet_ms", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("period_ms", [10, 20, 40])
def test_pcmu_is_heard_uncut_whatever_its_packets_and_the_cards_period(packet_ms, period_ms):
    coded = b"".join(packet.payload for frame in frames(voice(6.0)) for packet in AudioSender(PCMU).push(frame))
    receiver, due, size = AudioReceiver(PCMU), 0.005, packet_ms * 8
    for number in range(len(coded) // size):
        now = number * packet_ms / 1000
        while due < now:
            receiver.pull(due, period_ms * 48)
            due += period_ms / 1000
        receiver.put(number, number * size, coded[number * size : (number + 1) * size], now)
        while receiver.ready(period_ms * 48):
            receiver.pull(due, period_ms * 48)
            due += period_ms / 1000

    stats = receiver.stats
    assert stats.concealed_ms == stats.dropped == stats.late == 0
    assert stats.inserted_ms + stats.removed_ms <= 100


@settings(deadline=None, max_examples=40)
@given(
    lengths_ms=st.lists(st.sampled_from([10, 20, 30, 40, 60]), min_size=2, max_size=4, unique=True),
    period_ms=st.sampled_from([10, 20, 30, 40, 60]),
    seed=st.integers(0, 2**32),
)
@example(lengths_ms=[10, 20], period_ms=20, seed=1)
@example(lengths_ms=[20, 30], period_ms=20, seed=1)
@example(lengths_ms=[10, 60], period_ms=40, seed=1)
def test_packets_whose_length_changes_all_the_time_are_heard_uncut(lengths_ms, period_ms, seed):
    receiver, due, now, timestamp, lengths = AudioReceiver(PCMU), 0.005, 0.0, 0, random.Random(seed)
    settled = None
    for number in range(500):
        size = 8 * lengths.choice(lengths_ms)
        now += size / 8000  # it comes when all of it was said
        while due < now:
            receiver.pull(due, period_ms * 48)
            due += period_ms / 1000
        receiver.put(number, timestamp, bytes([0x80]) * size, now)
        timestamp += size
        while receiver.ready(period_ms * 48) and due < now + MOST_AHEAD_S:
            receiver.pull(due, period_ms * 48)
            due += period_ms / 1000
        if number == 250:
            settled = receiver.stats.concealed_ms, receiver.stats.inserted_ms, receiver.stats.removed_ms

    stats = receiver.stats
    assert stats.dropped == stats.late == 0
    assert stats.concealed_ms <= 2 * max(lengths_ms) + period_ms
    assert stats.concealed_ms == settled[0]
    assert stats.inserted_ms + stats.removed_ms - settled[1] - settled[2] <= 60


def test_before_the_first_packet_there_is_silence():
    assert AudioReceiver().pull(1.0) == SILENCE


@pytest.mark.parametrize("codec", [OPUS, PCMU])
def test_scattered_losses_leave_the_speech_recognisable(codec):
    said = voice(6.0, pitch_hz=240)

    receiver, made = carried(said, codec, lost=set(range(60, 300, 12)))

    assert receiver.stats.recovered + receiver.stats.concealed_ms / 20 >= 19
    assert alike(said[48_000:], pcm_of(made)[48_000:]) > 0.75


def test_losses_are_repaired_once_they_are_expected():
    receiver, _ = carried(voice(10.0), lost=set(range(60, 490, 12)))

    assert receiver.stats.recovered > 20


def test_a_long_gap_becomes_silence():
    _, made = carried(voice(4.0), lost=set(range(50, 150)))

    assert rms(pcm_of(made[52:53])) > 0
    assert not pcm_of(made[80:140]).any()


def test_the_delay_is_cut_without_a_click_when_the_path_becomes_shorter():
    said = tone(300, 8.0)
    sender, receiver = AudioSender(PCMU), AudioReceiver(PCMU)
    sent, made = [], []
    for number, frame in enumerate(frames(said)):
        sent.append((number, sender.push(frame)[0]))
        now = number * 0.02
        while sent and sent[0][0] * 0.02 + (0.1 if sent[0][0] < 100 else 0.0) <= now:
            at, packet = sent.pop(0)
            receiver.put(at, packet.timestamp, packet.payload, now)
        made.append(receiver.pull(now + 0.005))

    heard = pcm_of(made)
    assert receiver.stats.removed_ms > 60
    assert receiver.stats.delay_ms < 40
    assert steps(heard[9600:]) < 3 * steps(said)


def test_another_source_is_heard_at_once():
    receiver, _ = carried(voice(2.0))
    other = AudioSender(OPUS, timestamp=3_000_000_000)
    made = []
    for number, frame in enumerate(frames(voice(1.0))):
        now = 2.0 + number * 0.02
        for packet in other.push(frame):
            receiver.put(7 + number, packet.timestamp, packet.payload, now + ARRIVES_S, ssrc=2)
        made.append(receiver.pull(now + PULLED_S))

    assert rms(pcm_of(made[5:])) > 300


def test_digits_are_reported_and_are_no_loss():
    heard = []

    receiver, _ = carried(voice(2.0), digits="42#", on_digit=heard.append)

    assert heard == ["4", "2", "#"]
    assert receiver.stats.concealed_ms == 0


def test_a_sender_that_pauses_is_followed_by_quiet():
    said = np.concatenate((voice(1.0), np.zeros(3 * 48_000, np.int16), voice(1.0)))

    receiver, made = carried(said, settings=SenderSettings(dtx=True))

    assert receiver.stats.concealed_ms == 0
    assert rms(pcm_of(made[100:190])) < 50
    assert rms(pcm_of(made[205:])) > 300


def test_the_tap_hears_what_is_played():
    receiver, _ = carried(voice(2.0))

    taken = receiver.tap.take()

    assert len(taken) == 40
    assert {len(snapshot) for snapshot in taken} == {32}
    assert any(snapshot.any() for snapshot in taken)
    assert receiver.tap.take() == ()


def test_a_damaged_packet_is_concealed_and_the_call_goes_on(caplog):
    receiver, _ = carried(voice(1.0))

    for number in range(50, 60):
        receiver.put(60_001 + number, number * 960, b"\x4b\xc1\xff\xff", number * 0.02 + ARRIVES_S, ssrc=1)
        assert len(receiver.pull(number * 0.02 + PULLED_S)) == FRAME_BYTES

    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([OPUS, PCMU]),
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=80)), max_size=40),
)
def test_any_packets_give_frames(codec, packets):
    receiver = AudioReceiver(codec)
    for number, (sequence, timestamp, payload) in enumerate(packets):
        receiver.put(sequence, timestamp, payload, number * 0.02)
        receiver.put_event(sequence ^ 1, timestamp, payload)
        assert len(receiver.pull(number * 0.02)) == FRAME_BYTES
