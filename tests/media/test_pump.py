"""When the pump makes sound: as soon as its packet is here, else at the last moment before the card needs it."""

import asyncio

from agent.media.pump import SoundPump
from hw.sound.frame import FRAME_BYTES, SILENCE
from hw.sound.interface import SoundState
from hw.sound.mixer import SoftMixer


class Card:
    """A sound card that takes nothing by itself: the test says when it needs more."""

    def __init__(self, period_ms=10):
        self.mixer = SoftMixer()
        self.state = SoundState.OPEN
        self.period_ms = period_ms
        self.playout_target_ms = 8
        self.queued = []
        self.to_next_beat_ms = 10.0
        self.sink = None

    def set_capture(self, sink):
        self.sink = sink

    def write(self, sound):
        self.queued.append(sound)

    def due_ms(self):
        return self.to_next_beat_ms + sum(map(len, self.queued)) / 96

    def flush(self):
        self.queued.clear()


class FarEnd:
    """Frames from nowhere: `here` pieces can be made without a guess."""

    def __init__(self, here=0):
        self.here = here
        self.receiver = None
        self.pulled = []
        self.sent = []

    def push_pcm(self, frame):
        self.sent.append(frame)

    def listen(self):
        self.receiver = self

    def ready(self, samples):
        return self.here > 0

    def pull(self, due, samples):
        self.here -= 1
        self.pulled.append((due, samples))
        return bytes(2 * samples)


def with_pump(story, card, far_end):
    async def run():
        pump = SoundPump(far_end, card)
        try:
            return await story(pump)
        finally:
            pump.close()

    return asyncio.run(run())


def test_what_is_here_is_made_at_once():
    card, far_end = Card(), FarEnd(here=2)

    async def story(pump):
        pump.top_up()
        return list(card.queued)

    assert with_pump(story, card, far_end) == [bytes(960)] * 2


def test_what_is_not_here_yet_is_awaited_until_the_card_needs_it():
    card, far_end = Card(), FarEnd()
    card.to_next_beat_ms = 30.0

    async def story(pump):
        pump.top_up()
        before = len(far_end.pulled)
        card.to_next_beat_ms = 5.0
        while not far_end.pulled:
            await asyncio.sleep(0.001)
        return before

    assert with_pump(story, card, far_end) == 0


def test_what_arrives_may_wait_only_while_the_device_asks_for_what_is_due():
    card, far_end = Card(), FarEnd()

    async def story(pump):
        may_wait = []
        pump.collect = may_wait.append
        pump.beat(pump.loop.time())
        pump._asked_at -= 1.0
        pump._collect_and_top_up()
        return may_wait

    assert with_pump(story, card, far_end) == [True, False]


def test_a_card_gets_what_has_arrived_at_once():
    card, far_end = Card(), FarEnd()
    card.to_next_beat_ms = 30.0

    async def story(pump):
        pump.top_up()  # too early for what is not here
        before, far_end.here = list(card.queued), 1
        pump.arrived()
        return before, list(card.queued)

    assert with_pump(story, card, far_end) == ([], [bytes(960)])


def test_what_arrived_is_taken_in_before_anything_is_made_up_for_it():
    card, far_end = Card(), FarEnd()
    card.to_next_beat_ms = 9.0  # due in a millisecond

    async def story(pump):
        looked, made_before = asyncio.Event(), []

        def collect(may_wait):
            made_before.append(len(far_end.pulled))
            looked.set()

        pump.collect = collect
        pump.top_up()
        card.to_next_beat_ms = 5.0
        await looked.wait()
        return made_before[0]

    assert with_pump(story, card, far_end) == 0


def test_half_of_what_is_kept_for_a_late_writer_is_given_to_a_late_packet():
    card, far_end = Card(), FarEnd()
    card.playout_target_ms = 50

    async def story(pump):
        made = []
        for card.to_next_beat_ms in (49.0, 31.0, 29.0):  # 1, 19 and 21 ms later than it should be
            pump.top_up()
            made.append(len(far_end.pulled))
        far_end.pulled.clear()
        card.queued.clear()
        card.to_next_beat_ms, far_end.here = 49.0, 1
        pump.arrived()
        return made, len(far_end.pulled)

    made, on_arrival = with_pump(story, card, far_end)
    assert made == [0, 0, 1]
    assert on_arrival == 1


def test_a_device_that_asks_gets_what_is_due_then():
    card, far_end = Card(), FarEnd()
    card.playout_target_ms, card.to_next_beat_ms = 50, 49.0

    async def story(pump):
        pump.beat(pump.loop.time())

    with_pump(story, card, far_end)
    assert len(far_end.pulled) == 1


def test_a_device_that_asks_gets_no_more_than_is_due():
    card, far_end = Card(), FarEnd(here=5)
    card.to_next_beat_ms = card.playout_target_ms

    async def story(pump):
        pump.beat(pump.loop.time())
        due = len(far_end.pulled)
        pump.beat(pump.loop.time())  # what was written waits still
        pump.arrived()
        return due

    assert with_pump(story, card, far_end) == 1
    assert len(far_end.pulled) == 1


def test_a_late_beat_is_told_when_it_was_due():
    card, far_end = Card(), FarEnd()
    card.to_next_beat_ms = card.playout_target_ms

    async def story(pump):
        due_at = pump.loop.time() - 0.015
        pump.beat(due_at)
        return due_at

    due_at = with_pump(story, card, far_end)
    assert [due for due, _ in far_end.pulled] == [due_at]


def test_the_moment_it_is_needed_is_told():
    card, far_end = Card(), FarEnd(here=2)
    card.to_next_beat_ms = 18.0

    async def story(pump):
        now = asyncio.get_running_loop().time()
        pump.top_up()
        return [round((due - now) * 1000) for due, _ in far_end.pulled]

    first, second = with_pump(story, card, far_end)
    assert first >= 10
    assert second - first == 10


def test_pieces_are_as_long_as_the_cards_period():
    card, far_end = Card(period_ms=40), FarEnd(here=1)

    async def story(pump):
        pump.top_up()

    with_pump(story, card, far_end)
    assert far_end.pulled[0][1] == 1920


def test_listeners_get_whole_frames():
    card, far_end = Card(), FarEnd(here=5)
    heard = []

    async def story(pump):
        pump.heard.add(heard.append)
        pump.top_up()

    with_pump(story, card, far_end)
    assert heard == [SILENCE, SILENCE]


def test_a_card_with_far_too_much_to_play_gets_no_more():
    card, far_end = Card(), FarEnd(here=1000)
    card.queued = [bytes(FRAME_BYTES)] * 11

    async def story(pump):
        pump.top_up()

    with_pump(story, card, far_end)
    assert far_end.pulled == []


def test_while_there_is_no_card_what_arrives_is_drained():
    card, far_end = Card(), FarEnd()
    card.state = SoundState.CLOSED

    async def story(pump):
        while len(far_end.pulled) < 2:
            await asyncio.sleep(0.01)

    with_pump(story, card, far_end)
    assert card.queued == []
    assert far_end.sent[0] == SILENCE
