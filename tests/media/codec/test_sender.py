"""Frames to payloads: packet lengths, mute, digits in place of sound, pauses, readiness for loss."""

from itertools import pairwise

import pytest

from agent.errors import InvalidArgumentError
from agent.media.codec.opus import OpusDecoder, has_fec, packet_samples
from agent.media.codec.sender import OPUS, PCMU, AudioSender, SenderSettings
from agent.media.sdp.codecs import EVENT
from hw.sound.frame import SILENCE
from tests.media.sounds import frames, pcm_of, rms, tone, voice


def sent(sender, pcm):
    return [packet for frame in frames(pcm) for packet in sender.push(frame)]


@pytest.mark.parametrize(("codec", "step"), [(OPUS, 960), (PCMU, 160)])
def test_every_frame_becomes_a_packet(codec, step):
    packets = sent(AudioSender(codec), voice(0.2))

    assert [packet.timestamp for packet in packets] == [number * step for number in range(10)]
    assert {packet.codec for packet in packets} == {codec}


def test_only_the_first_packet_is_marked():
    packets = sent(AudioSender(), voice(0.2))

    assert [packet.marker for packet in packets] == [True] + [False] * 9


@pytest.mark.parametrize("packet_ms", [10, 20, 40, 60])
def test_packets_have_the_wanted_length(packet_ms):
    packets = sent(AudioSender(OPUS, SenderSettings(packet_ms=packet_ms)), voice(0.24))

    assert len(packets) == 240 // packet_ms
    assert {packet_samples(packet.payload) for packet in packets} == {packet_ms * 48}


def test_a_long_pcmu_packet_holds_all_its_frames():
    packets = sent(AudioSender(PCMU, SenderSettings(packet_ms=60)), voice(0.12))

    assert [len(packet.payload) for packet in packets] == [480, 480]


def test_timestamps_start_where_they_are_told_to_and_wrap():
    sender = AudioSender(timestamp=2**32 - 960)

    assert [packet.timestamp for packet in sent(sender, voice(0.06))] == [2**32 - 960, 0, 960]


@pytest.mark.parametrize(("codec", "packet_ms"), [("G722", 20), (OPUS, 25)])
def test_what_cannot_be_sent_is_refused(codec, packet_ms):
    with pytest.raises(InvalidArgumentError):
        AudioSender(codec, SenderSettings(packet_ms=packet_ms))


def test_mute_sends_silence_and_the_stream_goes_on():
    sender, decoder = AudioSender(), OpusDecoder()
    sent(sender, voice(0.2))

    sender.mute(True)
    muted = sent(sender, voice(1.0))
    sender.mute(False)
    heard_again = sent(sender, voice(1.0))

    quiet = pcm_of([decoder.decode(packet.payload) for packet in muted])
    loud = pcm_of([decoder.decode(packet.payload) for packet in heard_again])
    assert rms(quiet[9600:]) < 5
    assert rms(loud) > 500
    assert [b.timestamp - a.timestamp for a, b in pairwise(muted)] == [960] * 49


def test_the_tap_hears_what_is_sent_not_what_is_muted():
    sender = AudioSender()
    sender.mute(True)

    sent(sender, tone(440, 0.5))

    taken = sender.tap.take()
    assert len(taken) == 10
    assert not any(snapshot.any() for snapshot in taken)


def test_a_frame_of_the_wrong_size_is_taken_for_silence():
    assert len(AudioSender().push(b"short")) == 1


# Digits


def test_digits_take_the_place_of_sound_on_its_timeline():
    sender = AudioSender(event_hz=8000)
    sender.insert_dtmf("5", 100, 70)

    packets = sent(sender, voice(0.3))

    kinds = [packet.codec for packet in packets]
    assert kinds[:5] == [EVENT] * 5
    assert kinds.count(EVENT) == 7
    assert [packet.timestamp for packet in packets if packet.codec == OPUS] == [n * 960 for n in range(5, 15)]
    assert {packet.timestamp for packet in packets if packet.codec == EVENT} == {0}


def test_a_repeated_end_goes_before_the_sound_that_follows():
    sender = AudioSender(event_hz=8000)
    sender.insert_dtmf("5", 40, 70)

    packets = sent(sender, voice(0.1))

    assert [packet.codec == OPUS for packet in packets] == [False, False, False, True, False, True, True]


def test_without_an_agreement_on_digits_none_are_sent():
    sender = AudioSender()
    sender.insert_dtmf("5")

    assert not sender.can_insert_dtmf
    assert {packet.codec for packet in sent(sender, voice(0.2))} == {OPUS}


def test_a_digit_of_a_sender_waits_while_it_does_not_dial():
    sender = AudioSender(event_hz=8000)
    sender.insert_dtmf("1")
    sender.insert_dtmf("2")

    waiting = [packet.codec for _ in range(3) for packet in sender.push(bytes(1920), dials=False)]
    dialled = {packet.payload[0] for _ in range(40) for packet in sender.push(bytes(1920)) if packet.codec != OPUS}

    assert set(waiting) == {OPUS}
    assert dialled == {1, 2}


# Loss and pauses


def test_the_sender_is_always_ready_for_a_first_loss():
    packets = sent(AudioSender(), voice(1.0))

    assert sum(has_fec(packet.payload) for packet in packets) > 15


def test_after_long_calm_nothing_is_spent_on_copies_until_loss_is_reported():
    sender = AudioSender()
    for _ in range(12):
        sender.report_loss(0.0)
    calm = sent(sender, voice(1.0))
    sender.report_loss(0.02)
    sender.report_loss(0.0)
    wary = sent(sender, voice(1.0))

    assert not any(has_fec(packet.payload) for packet in calm[1:])
    assert sum(has_fec(packet.payload) for packet in wary) > 15


def is_transform(packet):
    """Whether a packet codes the spectrum (CELT) instead of modelling the voice (RFC 6716 3.1)."""
    return packet.payload[0] >> 3 >= 16


def calmed(**settings):
    sender = AudioSender(OPUS, SenderSettings(**settings))
    for _ in range(12):
        sender.report_loss(0.0)
    return sender


def test_a_calm_call_takes_the_cheaper_way_until_loss_is_reported():
    sender = calmed()
    calm = sent(sender, voice(1.0))
    sender.report_loss(0.02)
    wary = sent(sender, voice(1.0))

    assert all(map(is_transform, calm[1:]))
    assert not any(map(is_transform, wary[1:]))


def test_a_change_of_ways_is_no_gap_in_the_sound():
    sender, decoder = calmed(), OpusDecoder()
    packets = sent(sender, tone(440, 1.0))
    sender.report_loss(0.02)
    packets += sent(sender, tone(440, 1.0))

    levels = [rms(pcm_of([decoder.decode(packet.payload)])) for packet in packets]
    assert min(levels[10:]) > 0.7 * max(levels[10:])


@pytest.mark.parametrize("settings", [{"bitrate": 48_000}, {"dtx": True}])
def test_few_bits_or_pauses_need_the_model_of_the_voice(settings):
    assert not any(map(is_transform, sent(calmed(**settings), voice(1.0))))


def test_reported_loss_makes_better_copies():
    calm, warned = AudioSender(), AudioSender()
    warned.report_loss(0.10)
    speech = voice(2.0)

    plain, ready = sent(calm, speech), sent(warned, speech)

    lost = next(n for n in range(30, 90) if has_fec(plain[n + 1].payload) and has_fec(ready[n + 1].payload))
    errors = []
    for packets in (plain, ready):
        whole, hurt = OpusDecoder(), OpusDecoder()
        for packet in packets[:lost]:
            whole.decode(packet.payload)
            hurt.decode(packet.payload)
        exact = pcm_of([whole.decode(packets[lost].payload)]).astype(float)
        errors.append(rms(pcm_of([hurt.recover(packets[lost + 1].payload, 960)]) - exact) / rms(exact))
    assert errors[1] < errors[0]


def test_without_error_correction_no_report_turns_it_on():
    sender = AudioSender(OPUS, SenderSettings(fec=False))
    sender.report_loss(0.2)

    assert not any(has_fec(packet.payload) for packet in sent(sender, voice(1.0)))


def test_a_pause_is_announced_once_and_its_end_is_marked():
    sender = AudioSender(OPUS, SenderSettings(dtx=True))
    sent(sender, voice(0.5))

    pause = sent(sender, pcm_of([SILENCE] * 150))
    after = sent(sender, voice(0.2))

    assert len(pause) < 60
    assert any(len(packet.payload) <= 2 for packet in pause)
    assert after[0].marker
    assert after[0].timestamp == (25 + 150) * 960


def test_pauses_are_left_out_only_while_nothing_is_lost():
    sender = AudioSender(OPUS, SenderSettings(dtx=True))

    def packets_in_silence():
        return sum(len(sender.push(SILENCE)) for _ in range(100))

    assert packets_in_silence() < 50
    sender.report_loss(0.1)
    assert packets_in_silence() > 95
    for _ in range(20):
        sender.report_loss(0.0)
    packets_in_silence()
    assert packets_in_silence() < 20
