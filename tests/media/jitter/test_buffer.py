"""The playout buffer on a fake clock: what is played, how late, and how it recovers."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.media.jitter.buffer import PlayoutBuffer, PlayoutSettings
from agent.media.jitter.decision import PlayoutAction
from hw.sound.frame import FRAME_SAMPLES
from tests.media.traces import FIRST_SEQUENCE, FRAME_S, Network, Player


def player(**bounds: float) -> Player:
    return Player(PlayoutBuffer(PlayoutSettings(**bounds)))


def test_a_clean_stream_is_played_whole_and_in_order():
    listener = player()

    listener.run(Network(), 30)

    assert listener.played() == list(range(len(listener.played())))
    assert len(listener.played()) > 1490
    assert listener.count(PlayoutAction.CONCEAL) == 0


@pytest.mark.parametrize("phase_ms", [0.5, 5, 10, 15, 19.5])
def test_a_clean_stream_waits_less_than_a_frame_and_a_bit(phase_ms):
    listener = Player(PlayoutBuffer(), phase_ms=phase_ms)

    listener.run(Network(), 20)

    assert listener.delay_ms(5, share=0.95) < 25


def test_there_is_silence_before_the_first_packet():
    listener = player()

    made = listener.pull(1.0)

    assert [decision.action for decision in made] == [PlayoutAction.SILENCE]


def test_reordered_packets_are_played_in_order():
    listener = player()
    order = list(range(100))
    for first in range(20, 90, 10):
        order[first], order[first + 1] = order[first + 1], order[first]

    listener.run(Network(), 0.3)
    for tick, number in enumerate(order[15:], start=15):
        listener.put(number, tick * FRAME_S + 0.05)
        listener.pull(tick * FRAME_S + 0.057)

    assert listener.played() == sorted(listener.played())
    assert listener.buffer.stats.duplicates == 0


def test_repeated_packets_are_played_once():
    listener = player()
    for tick in range(100):
        listener.put(tick, tick * FRAME_S)
        listener.put(tick, tick * FRAME_S + 0.001)
        listener.pull(tick * FRAME_S + 0.007)

    assert len(listener.played()) == len(set(listener.played()))
    assert listener.buffer.stats.duplicates == 100


def test_sequence_numbers_and_timestamps_wrap_unnoticed():
    listener = player()

    listener.run(Network(), 60)  # 3000 packets from sequence 65000 and a timestamp just before the wrap

    assert listener.buffer.stats.starts == 1
    assert listener.buffer.stats.dropped == 0


# Loss


def test_losses_are_repaired_from_the_next_packet_once_they_are_expected():
    listener = player()

    listener.run(Network(loss=0.05, seed=3), 60)

    stats = listener.buffer.stats
    lost = 3000 - stats.received
    assert stats.recovered > 0.85 * (lost - 5)
    assert listener.delay_ms(10, share=0.5) <= 50


def test_without_repair_in_the_packets_loss_adds_no_delay():
    listener = player()
    listener.repairs = False

    listener.run(Network(loss=0.1, seed=3), 30)

    assert listener.count(PlayoutAction.RECOVER) == 0
    assert listener.delay_ms(10, share=0.9) < 30


def test_a_burst_of_loss_leaves_the_delay_as_it_was():
    listener = player()

    listener.run(Network(lost=frozenset(range(500, 510))), 45)

    before, after = listener.delay_ms(5, 10), listener.delay_ms(40)
    assert abs(after - before) <= 5
    assert abs(listener.delay_ms(15, 20) - before) <= 5


def test_a_burst_of_loss_is_concealed_for_as_long_as_it_lasted():
    listener = player()

    listener.run(Network(lost=frozenset(range(500, 510))), 20)

    filled = sum(decision.samples for decision in listener.decisions if decision.action is not PlayoutAction.DECODE)
    leading = sum(decision.samples for decision in listener.decisions if decision.action is PlayoutAction.SILENCE)
    assert (filled - leading) / FRAME_SAMPLES == pytest.approx(10, abs=1)


def test_most_of_heavy_loss_is_repaired():
    listener = player()

    listener.run(Network(loss=0.2, seed=5), 60)

    stats = listener.buffer.stats
    assert stats.recovered > 0.75 * (3000 - stats.received)


# Late packets


def test_a_stalled_network_loses_no_sound_and_the_delay_returns_within_five_seconds():
    listener = player()

    listener.run(Network(stalls={500: 150.0}), 30)

    played = listener.played()
    assert set(range(490, 520)) <= set(played)
    assert listener.delay_ms(10.05, 10.4, share=1) > listener.delay_ms(5, 10) + 60
    assert listener.delay_ms(15.2, 17, share=0.9) <= listener.delay_ms(5, 10) + 5


def test_what_comes_a_second_late_all_at_once_is_mostly_left_out():
    listener = player()

    listener.run(Network(stalls={500: 900.0}), 30)

    assert listener.buffer.stats.dropped > 20
    assert listener.delay_ms(16, share=0.9) <= listener.delay_ms(5, 10) + 5


def test_steady_jitter_is_waited_for():
    listener = player()

    listener.run(Network(jitter_ms=10, seed=2), 60)

    assert listener.buffer.stats.late < 60
    assert listener.delay_ms(10) < 75


def test_the_delay_stays_within_its_bounds():
    short, long = player(max_ms=60), player(min_ms=80)

    short.run(Network(jitter_ms=40), 30)
    long.run(Network(), 30)

    assert short.delay_ms(5) <= 90
    assert 78 <= long.delay_ms(10) <= 105


# Clocks


@pytest.mark.parametrize("ppm", [500, -500])
def test_clocks_that_drift_apart_do_not_change_the_delay(ppm):
    listener = player()

    listener.run(Network(clock_ppm=ppm), 1800)

    assert listener.delay_ms(1700, share=0.95) < 30
    assert listener.count(PlayoutAction.CONCEAL) < 20
    assert listener.buffer.stats.starts == 1


def test_no_pull_for_a_minute_keeps_little_and_starts_with_what_is_new():
    listener = player()
    listener.run(Network(), 5)

    for number in range(250, 3250):
        listener.put(number, number * FRAME_S + 0.05)
    made = [listener.pull(65.06 + tick * FRAME_S) for tick in range(3)]

    first = next(decision for frame in made for decision in frame if decision.action is PlayoutAction.DECODE)
    assert int(first.payload) >= 3245


# Jumps


def test_a_jump_of_the_timestamp_starts_a_new_timeline():
    listener = player()
    listener.run(Network(), 5)

    for number in range(250, 400):
        now = number * FRAME_S + 0.05
        listener.buffer.put(number, 7_000_000 + number * 960, b"%d" % number, 960, now)
        listener.pull(now + 0.007)

    assert {number for number in listener.played() if number >= 250} >= set(range(252, 398))


@pytest.mark.parametrize("jump_ms", [800, 300, 100, -200, -500, -800, 950, 30_000, -30_000])
@pytest.mark.parametrize("lost", [(), (250,), (249, 250, 251)])
def test_sound_goes_on_where_only_the_timestamp_jumps(jump_ms, lost):
    listener = player()
    for number in range(500):
        now = number * FRAME_S + 0.05
        if number not in lost:
            timestamp = 1_000_000_000 + number * 960 + (jump_ms * 48 if number >= 250 else 0)
            listener.buffer.put(1_000 + number, timestamp, b"%d" % number, 960, now)
        listener.pull(now + 0.007)

    stats = listener.buffer.stats
    assert listener.played() == [number for number in range(listener.played()[-1] + 1) if number not in lost]
    assert listener.played()[-1] >= 498
    assert stats.concealed_ms <= 20 * len(lost)
    assert stats.dropped == stats.late == 0
    assert listener.delay_ms(6, share=0.95) < 25


def test_a_pause_of_the_sender_is_no_jump_of_its_clock():
    listener = player()
    for number in range(500):
        paused_s = 0.8 if number >= 250 else 0.0
        now = number * FRAME_S + 0.05 + paused_s
        if number == 250:
            for tick in range(40):
                listener.pull(now - paused_s + 0.007 + tick * FRAME_S)
        listener.buffer.put(number, number * 960 + round(paused_s * 48_000), b"%d" % number, 960, now)
        listener.pull(now + 0.007)

    assert listener.played()[-1] >= 498
    assert listener.delay_ms(7, share=0.95) < 25


def test_packets_overtaken_around_a_jump_do_not_undo_it():
    listener = player()
    order = [*range(250), 251, 250, 253, 252, *range(254, 500)]
    for tick, number in enumerate(order):
        now = tick * FRAME_S + 0.05
        jump = 800 * 48 if number >= 250 else 0
        listener.buffer.put(number, number * 960 + jump, b"%d" % number, 960, now)
        listener.pull(now + 0.007)

    assert listener.played()[-1] >= 497
    assert listener.buffer.stats.late + listener.buffer.stats.dropped <= 3
    assert listener.delay_ms(7, share=0.95) < 45


def played_around(jump_ms, order):
    """The numbers that are played, and the buffer, when the clock jumps at 250 and packets come in this order."""
    listener = player(min_ms=60)
    for tick, number in enumerate(order):
        now = tick * FRAME_S + 0.05
        jump = jump_ms * 48 if number >= 250 else 0
        listener.buffer.put(number, 500_000_000 + number * 960 + jump, b"%d" % number, 960, now)
        listener.pull(now + 0.007)
    return listener.played(), listener.buffer.stats


@settings(deadline=None, max_examples=150)
@given(
    jump_ms=st.one_of(st.integers(200, 900), st.integers(-900, -200), st.sampled_from([2_000, 60_000, -60_000])),
    shuffled=st.lists(st.tuples(st.integers(245, 254), st.integers(1, 3)), max_size=3),
)
@example(jump_ms=-800, shuffled=[(250, 1)])
@example(jump_ms=800, shuffled=[(251, 1)])
@example(jump_ms=2_000, shuffled=[(250, 2)])
def test_packets_overtaken_around_a_jump_are_played_as_without_it(jump_ms, shuffled):
    order = list(range(400))
    for place, distance in shuffled:
        order.insert(place - distance, order.pop(place))

    with_jump, stats = played_around(jump_ms, order)
    without, usual = played_around(0, order)

    assert with_jump[:390] == without[:390]
    assert (stats.late, stats.dropped) == (usual.late, usual.dropped)


def test_one_absurd_timestamp_is_ignored():
    listener = player()
    listener.run(Network(), 5)

    listener.buffer.put(9999, 2_000_000_000, b"0", 960, 5.001)
    for number in range(248, 400):
        listener.put(number, number * FRAME_S + 0.05)
        listener.pull(number * FRAME_S + 0.057)

    assert listener.count(PlayoutAction.CONCEAL) == 0
    assert listener.buffer.stats.dropped == 1


def test_another_stream_starts_at_once():
    listener = player()
    listener.run(Network(), 5)

    listener.buffer.restart()
    for number in range(50):
        listener.buffer.put(number, number * 960, b"%d" % number, 960, 5.05 + number * FRAME_S)
        listener.pull(5.057 + number * FRAME_S)

    assert len(listener.played()) >= 245 + 48


def test_sound_returns_with_the_first_packets_after_a_blackout():
    listener = player()

    listener.run(Network(lost=frozenset(range(250, 500))), 12)

    first = next(now for now, _ in listener.delays if now > 5.2)
    assert first - (500 * FRAME_S + 0.05) < 0.05
    assert listener.buffer.stats.starts == 2


# Pauses


def test_packets_that_are_no_sound_are_not_concealed():
    listener = player()
    for number in range(100):
        now = number * FRAME_S
        if 50 <= number < 60:
            listener.buffer.skip(65_000 + number & 0xFFFF, pauses=True)
        else:
            listener.put(number, now)
        listener.pull(now + 0.007)

    assert listener.count(PlayoutAction.CONCEAL) == 0
    assert listener.count(PlayoutAction.COMFORT) == pytest.approx(10, abs=2)


def hear_without(listener, numbers, *, unusable):
    """Play 10 s in which these packets are lost, or came with a type that cannot be used."""
    for number in range(500):
        now = number * FRAME_S
        if number not in numbers:
            listener.put(number, now)
        elif unusable:
            listener.buffer.skip(FIRST_SEQUENCE + number & 0xFFFF, pauses=False)
        listener.pull(now + 0.007)


@pytest.mark.parametrize("numbers", [range(60, 500, 7), range(60, 500, 2), [60, 61, 62, *range(200, 500, 15)]])
def test_packets_that_cannot_be_used_are_no_losses(numbers):
    lossy, mixed = player(), player()

    hear_without(lossy, set(numbers), unusable=False)
    hear_without(mixed, set(numbers), unusable=True)

    assert lossy.buffer.stats.target_ms > 15  # it waits for what may repair the next loss
    assert mixed.buffer.stats.target_ms < 5
    assert mixed.played()[-1] >= 497


def test_a_sender_that_announces_its_pause_is_not_concealed():
    listener = player()
    for number in range(200):
        now, sequence = number * FRAME_S, number if number < 50 else number - 99
        if number < 50 or number >= 150:
            listener.buffer.put(sequence, number * 960, b"%d" % number, 960, now, pauses=number == 49)
        listener.pull(now + 0.007)

    assert listener.count(PlayoutAction.CONCEAL) == 0
    assert listener.played()[-40:] == list(range(160, 200)) or listener.played()[-1] >= 198


def test_the_delay_that_a_late_packet_needed_is_not_given_away_before_the_next_one_is_late():
    listener = player()
    late = {number: 90.0 for number in range(300, 3000, 100)}  # every other second by 40 ms

    listener.run(Network(stalls=late), 60)

    stats = listener.buffer.stats
    assert stats.concealed_ms <= 25 * len(late)  # each of them alone takes 40
    assert listener.delay_ms(10, share=0.95) < 60


# Packet lengths


@pytest.mark.parametrize("packet_ms", [10, 20, 40, 60])
def test_every_packet_length_is_played_whole(packet_ms):
    listener = player()

    listener.run(Network(packet_ms=packet_ms), 20)

    assert listener.count(PlayoutAction.CONCEAL) == 0
    assert listener.played() == list(range(len(listener.played())))
    assert listener.delay_ms(5, share=0.95) < 30


@settings(deadline=None, max_examples=60)
@given(
    packet_ms=st.sampled_from([10, 20, 30, 40, 60]),
    period_ms=st.integers(5, 60),
    phase_ms=st.floats(0, 60),
    seed=st.integers(0, 2**32),
)
@example(packet_ms=20, period_ms=40, phase_ms=7, seed=1)
@example(packet_ms=10, period_ms=20, phase_ms=7, seed=1)
@example(packet_ms=30, period_ms=20, phase_ms=7, seed=1)
@example(packet_ms=20, period_ms=18, phase_ms=8.0, seed=2893424)
def test_every_packet_length_is_played_whole_in_pieces_of_every_length(packet_ms, period_ms, phase_ms, seed):
    listener = Player(PlayoutBuffer(), phase_ms=phase_ms, period_ms=period_ms)

    listener.run_eagerly(Network(packet_ms=packet_ms, seed=seed), 12)

    stats, played = listener.buffer.stats, listener.played()
    assert played == list(range(played[0], played[0] + len(played)))
    assert len(played) >= (12_000 - 100 - 2 * period_ms) // packet_ms - 1
    assert stats.concealed_ms == stats.dropped == stats.late == 0
    assert stats.inserted_ms + stats.removed_ms <= 100
    assert listener.delay_ms(5) <= packet_ms + period_ms + 30


def test_ready_means_that_all_that_is_asked_for_is_here():
    listener = player()
    listener.run(Network(), 1)  # what has come by now is played
    head = listener.played()[-1] + 1

    assert not listener.buffer.ready(1)
    listener.put(head, 1.0)
    assert listener.buffer.ready(960) and not listener.buffer.ready(961)
    listener.put(head + 2, 1.0)
    assert not listener.buffer.ready(961)
    listener.put(head + 1, 1.0)
    assert listener.buffer.ready(2880) and not listener.buffer.ready(2881)


def test_the_loss_of_a_long_packet_is_repaired():
    listener = player()

    listener.run(Network(packet_ms=60, loss=0.05, seed=4), 60)

    lost = 1000 - listener.buffer.stats.received
    assert listener.buffer.stats.recovered > 0.7 * lost


def test_a_flood_does_not_fill_the_memory():
    listener = player()

    for number in range(10_000):
        listener.put(number, 1.0 + number * 1e-5)

    assert len(listener.buffer._waiting) <= 128
    assert len(listener.buffer._timeline._seen) <= 512


# Whatever happens

packets = st.tuples(
    st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.sampled_from([120, 480, 960, 1920, 2880, 5760]),
    st.booleans(), st.booleans(), st.floats(0, 0.05),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.one_of(packets, st.none(), st.integers(0, 0xFFFF)), max_size=120))
def test_any_input_gives_whole_frames(script):
    buffer = PlayoutBuffer()
    backlog, now = 0, 0.0
    for step in script:
        if isinstance(step, int):
            buffer.skip(step, pauses=bool(step % 2))
        elif step is not None:
            sequence, timestamp, samples, repairs, pauses, wait = step
            now += wait
            buffer.put(sequence, timestamp, b"x" * 10, samples, now, repairs=repairs, pauses=pauses)
        else:
            now += 0.02
            buffer.tick(now, backlog)
            pieces = 0
            while backlog < FRAME_SAMPLES:
                decision = buffer.next()
                assert 0 < decision.samples <= 5760
                backlog += decision.samples
                pieces += 1
            assert pieces <= 8
            backlog -= FRAME_SAMPLES


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(0, 0.3), st.floats(0.1, 30), st.sampled_from([10, 20, 40, 60]))
def test_whatever_the_loss_and_jitter_the_delay_is_bounded(seed, loss, jitter_ms, packet_ms):
    listener = player(max_ms=200)

    listener.run(Network(packet_ms=packet_ms, loss=loss, jitter_ms=jitter_ms, seed=seed), 12)

    assert all(delay <= 200 + 2 * packet_ms + 60 for now, delay in listener.delays if now > 2)
