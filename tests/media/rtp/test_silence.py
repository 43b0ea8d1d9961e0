"""A stream that falls silent shows once, and again when it is back; neither a pause nor a busy machine is silence."""

from __future__ import annotations

from agent.media.rtp.silence import DTX_SILENCE_S, HICCUP_S, HOLDS_S, RTP_SILENCE_S, StreamSilence

TICK_S = 0.1


def ticks(silence: StreamSilence, begin: float, end: float) -> list[float]:
    """The moments at which a silence shows."""
    moments = [begin + number * TICK_S for number in range(round((end - begin) / TICK_S))]
    return [now for now in moments if silence.tick(now) is not None]


def heard(pauses: bool = False) -> StreamSilence:
    silence = StreamSilence()
    silence.tick(0.0)
    silence.heard(0.05, pauses=pauses)
    return silence


def test_a_silence_shows_once_and_ends_with_the_next_packet() -> None:
    silence = heard()
    (shown,) = ticks(silence, 0.1, 5.0)
    assert RTP_SILENCE_S < shown - 0.05 <= RTP_SILENCE_S + TICK_S
    assert silence.heard(5.0, pauses=False)
    assert not silence.heard(5.02, pauses=False)
    assert len(ticks(silence, 5.05, 7.0)) == 1


def test_before_anything_was_heard_nothing_is_silent() -> None:
    assert not ticks(StreamSilence(), 0.0, 5.0)


def test_a_sender_that_pauses_may_be_silent_for_longer() -> None:
    (shown,) = ticks(heard(pauses=True), 0.1, 5.0)
    assert DTX_SILENCE_S < shown - 0.05 <= DTX_SILENCE_S + TICK_S


def test_whoever_stood_still_reads_what_came_before_he_judges() -> None:
    silence = heard()
    assert silence.tick(3.0) is None
    silence.heard(2.95, pauses=False)
    assert silence.tick(3.1) is None


def test_packets_that_waited_in_a_socket_do_not_set_back_when_it_was_heard() -> None:
    silence = heard()
    silence.heard(1.0, pauses=False)
    silence.heard(0.5, pauses=False)
    silence.tick(0.95)
    assert silence.tick(1.05) is None


def test_whoever_falls_silent_in_his_sound_may_be_cut_off_and_whoever_pauses_is_not() -> None:
    speaks, pauses = heard(), heard(pauses=True)
    for after_s, cut_off in ((HICCUP_S / 2, False), (HICCUP_S * 2, True), (HOLDS_S + 1, False)):
        assert speaks.is_cut_off(0.05 + after_s) is cut_off
        assert not pauses.is_cut_off(0.05 + after_s)
    assert not StreamSilence().is_cut_off(100.0)
