"""Several calls on one sound device: each has the microphone and is heard for as long as it lives."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from agent.media.capture_wishes import CaptureWishes
from agent.media.pump import SoundPump
from agent.media.sound_desk import SoundDesk
from hw.sound.frame import FRAME_BYTES, FRAME_SAMPLES
from hw.sound.interface import SoundState
from hw.sound.mixer import SoftMixer
from hw.sound.pcm import mixed

SPOKEN = b"\x10\x00" * FRAME_SAMPLES
STEPS = st.lists(
    st.tuples(st.sampled_from(("open", "close", "mute", "unmute", "speak")), st.integers(0, 3)), max_size=40
)


class Card:
    """A device that captures and plays when the test says so."""

    def __init__(self):
        self.mixer = SoftMixer()
        self.state = SoundState.OPEN
        self.period_ms = self.playout_target_ms = 20
        self.played = []
        self.configured = []
        self.sink = None

    def set_capture(self, sink):
        self.sink = sink

    def capture(self, frame):
        if self.sink is not None:
            self.sink(frame)

    def due_ms(self):
        return 500.0 if self.played else 0.0

    def write(self, sound):
        self.played.append(sound)

    def flush(self):
        """Nothing waits here."""

    def configure(self, constraints):
        self.configured.append(constraints)


class FarEnd:
    """The RTP side of a call, which hears `level` and keeps what was sent, as one that is muted keeps it."""

    def __init__(self, level):
        self.level = level
        self.sent = []
        self.muted = False
        self.receiver = None

    def push_pcm(self, frame):
        self.sent.append(bytes(FRAME_BYTES) if self.muted else frame)

    def listen(self):
        self.receiver = self

    def ready(self, _samples):
        return True

    def pull(self, _due, samples):
        return self.level.to_bytes(2, "little") * samples


class Calls:
    """Up to four calls on one card, and what each should have sent and the card played."""

    def __init__(self):
        self.card = Card()
        self.live = {}

    def open(self, n):
        if n not in self.live:
            far_end = FarEnd(1 << n)
            self.live[n] = far_end, SoundPump(far_end, self.card)

    def close(self, n):
        if n in self.live:
            self.live.pop(n)[1].close()

    def mute(self, n, muted=True):
        if n in self.live:
            self.live[n][0].muted = muted

    def unmute(self, n):
        self.mute(n, False)

    def speak(self, _n):
        self.card.played.clear()
        for far_end, _ in self.live.values():
            far_end.sent.clear()
        self.card.capture(SPOKEN)
        for far_end, pump in self.live.values():
            pump.top_up()  # as when a packet arrives
            assert far_end.sent == [bytes(FRAME_BYTES) if far_end.muted else SPOKEN]
        together = sum(1 << n for n in self.live)
        assert self.card.played == ([together.to_bytes(2, "little") * FRAME_SAMPLES] if self.live else [])

    def end(self):
        for n in list(self.live):
            self.close(n)
        assert self.card.sink is None


@given(STEPS)
def test_however_calls_come_and_go_each_that_lives_has_the_microphone_and_is_heard(steps):
    async def story():
        calls = Calls()
        for step, n in [*steps, ("speak", 0)]:
            getattr(calls, step)(n)
        calls.end()

    asyncio.run(story())


class Listener:
    """A user of a desk, in a loop of its own that may end."""

    def __init__(self, loop):
        self.loop = loop
        self.frames = []
        self.ended = False

    def captured(self, frame):
        if not self.ended:
            self.frames.append(frame)
        return not self.ended


def test_call_of_a_loop_that_ended_is_forgotten_and_the_other_goes_on():
    card, desk, first, second = Card(), SoundDesk(), Listener("one"), Listener("two")
    desk.join(card, first)
    desk.join(card, second)
    second.ended = True

    card.capture(SPOKEN)
    card.capture(SPOKEN)

    assert first.frames == [SPOKEN, SPOKEN]
    assert desk.users == (first,)
    assert desk.together(first) == (first,)


def test_calls_of_two_loops_are_not_mixed_and_the_first_is_heard_again_when_the_other_ends():
    card, desk, first, second = Card(), SoundDesk(), Listener("one"), Listener("two")
    desk.join(card, first)
    desk.join(card, second)
    assert desk.together(first) == ()
    assert desk.together(second) == (second,)

    desk.leave(card, second)

    assert desk.together(first) == (first,)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30))
def test_microphone_is_as_the_latest_live_call_wants_it(steps):
    card, wishes, live = Card(), CaptureWishes(), []
    calls = [object() for _ in range(4)]
    for opens, n in steps:
        before = list(live)
        if opens and n not in live:
            wishes.take(card, calls[n], {"deviceId": n})
            live.append(n)
        elif not opens:
            wishes.give_back(card, calls[n])
            live = [other for other in live if other != n]
        if live and live[-1:] != before[-1:]:
            assert card.configured[-1] == {"deviceId": live[-1]}


def test_mixture_is_clipped():
    loud = (30_000).to_bytes(2, "little", signed=True)

    assert mixed(loud, loud) == (32_767).to_bytes(2, "little", signed=True)
