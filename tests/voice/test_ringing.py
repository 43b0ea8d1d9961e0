"""The ring sounds exactly while a call waits for somebody, however the calls, the switch and a busy hub interleave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent.event import Event
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import Connection, Device
from hw.sound.mixer import PlayingTone, SoftMixer

from .conftest import World
from .fakes import FakeStream, held, settle

BELL = b"\x01\x02" * 960


class Speaker:
    """A sound device whose mixer is real, and which nobody listens to."""

    def __init__(self) -> None:
        self.mixer = SoftMixer()

    def configure(self, constraints: Any) -> None: ...

    @property
    def bells(self) -> list[PlayingTone]:
        """What plays on the ring's lane; one that nobody stops plays for ever."""
        return [tone for tone in self.mixer._playing[True] if not tone.done]


class Hall(World):
    """A phone in a hall: what it rings for is kept beside it, by what the server, the program and the people did."""

    def __init__(self, **options: Any) -> None:
        self.speaker = Speaker()
        self.audible: set[Connection] = set()
        self.presented: list[Connection] = []
        own = {"sound": self.speaker, "sounds": {"incoming": BELL}, "allow_incoming_while_busy": True}
        super().__init__(**own | options)
        self.device.on("incoming", self._on_incoming)
        self.sids = 0
        self.destroyed = False

    def invite(self) -> None:
        busy = self.device.status() == "busy"
        before = len(self.calls)
        self.sids += 1
        self.stream.say("invite", callsid=f"CA{self.sids}", sdp="offer", parameters={"From": "client:bob"})
        for call in self.calls[before:]:
            call.on("accept", lambda _call: self.audible.clear())
            if not busy:
                self.audible.add(call)

    def dial(self) -> None:
        if self.device.status() != "busy" and self.device.stream is not None:
            self.device.connect({"To": "carol"})
            self.audible.clear()

    def close(self) -> None:
        if self.device.stream is not None:
            self.stream.say("close")

    def come_back(self) -> None:
        if self.device.stream is None:
            self.device.update_token("another-token")
        self.stream.connect()

    def destroy(self) -> None:
        self.device.destroy()
        self.destroyed = True

    def act(self, action: str, which: int) -> None:
        """One thing happens to the phone, or to one of its calls."""
        if self.destroyed:
            return
        waiting = self.calls[which % len(self.calls)] if self.calls else None
        match action:
            case "invite" | "dial" | "close" | "come_back" | "destroy":
                getattr(self, action)()
            case "lose":
                self.stream.lose()
            case "forget":
                self.device.disconnect_all()
            case "on" | "off":
                self.device.sounds.incoming(action == "on")
            case "cancel" | "hangup" if waiting is not None:
                self.stream.say(action, callsid=waiting.parameters.get("CallSid"))
            case "accept" | "reject" | "ignore" | "disconnect" if waiting is not None:
                getattr(waiting, action)()

    def check(self) -> None:
        """Nothing is under way any more: the ring follows from the calls."""
        waiting = [call for call in self.device.connections if call.status() == "pending"]
        wanted = self.device.sounds.incoming() and any(call in self.audible for call in waiting)
        assert len(self.speaker.bells) == wanted, (waiting, self.audible)

    def _on_incoming(self, call: Connection) -> None:
        assert call.status() == "pending"
        assert call in self.device.connections
        self.presented.append(call)


@contextmanager
def no_thread_is_free() -> Iterator[None]:
    """Nothing that is loaded on the hub's threads arrives before the end."""
    pool = gevent.get_hub().threadpool
    free = threading.Event()
    jobs = [pool.spawn(free.wait, 20) for _ in range(pool.maxsize)]
    try:
        yield
    finally:
        free.set()
        gevent.joinall(jobs)
        pool.join()
        settle()


ACTIONS = ("invite", "cancel", "hangup", "close", "lose", "come_back", "accept", "reject", "ignore", "disconnect",
           "dial", "forget", "on", "off", "destroy")  # fmt: skip
STEPS = st.tuples(
    st.sampled_from((*ACTIONS, "invite", "invite", "invite")),
    st.integers(0, 3),  # which call
    st.sampled_from((0, 0, 1, 2, 5, 30)),  # turns of the hub until the next step: none, while it is busy
)


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(STEPS, max_size=14), slow_microphone=st.booleans())
def test_the_ring_follows_the_calls_whatever_happens_in_whatever_turn(
    steps: list[tuple[str, int, int]], slow_microphone: bool
) -> None:
    hall = Hall()
    gate = held(hall) if slow_microphone else Event()
    for action, which, turns in steps:
        hall.act(action, which)
        for _ in range(turns):
            gevent.sleep(0)
    hall.run()
    hall.check()
    gate.set()
    hall.run(3)
    hall.check()
    hall.device.destroy()
    hall.run()
    assert hall.speaker.bells == []
    assert hall.device.connections == []


ENDS: dict[str, Callable[[Hall], object]] = {
    "the caller gives up": lambda hall: hall.stream.say("cancel", callsid="CA1"),
    "the service closes": lambda hall: hall.close(),
    "the socket breaks": lambda hall: hall.stream.lose(),
    "the program rejects": lambda hall: hall.calls[0].reject(),
    "the program ignores": lambda hall: hall.calls[0].ignore(),
    "the program accepts": lambda hall: hall.calls[0].accept(),
    "the program forgets its calls": lambda hall: hall.device.disconnect_all(),
    "the program calls somebody": lambda hall: hall.dial(),
    "the ring is switched off": lambda hall: hall.device.sounds.incoming(False),
    "the device is destroyed": lambda hall: hall.destroy(),
}


@pytest.fixture
def hall() -> Iterator[Hall]:
    hall = Hall()
    yield hall
    hall.device.destroy()


@pytest.fixture
def slow_hall() -> Iterator[Hall]:
    """Its bell has to be computed first."""
    hall = Hall(sounds={})
    yield hall
    hall.device.destroy()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 30])
def test_a_ring_ends_with_what_it_rang_for(hall: Hall, end: Callable[[Hall], object], turns: int) -> None:
    hall.invite()
    for _ in range(turns):
        gevent.sleep(0)

    end(hall)
    hall.run()

    assert hall.speaker.bells == []


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_ring_that_is_still_being_loaded_does_not_begin_afterwards(
    slow_hall: Hall, end: Callable[[Hall], object]
) -> None:
    with no_thread_is_free():
        slow_hall.invite()
        settle()
        end(slow_hall)
        settle()

    assert slow_hall.speaker.bells == []


def test_a_ring_that_was_long_in_loading_begins_all_the_same(slow_hall: Hall) -> None:
    with no_thread_is_free():
        slow_hall.invite()
        settle()
        assert slow_hall.speaker.bells == []

    assert len(slow_hall.speaker.bells) == 1
    assert slow_hall.presented == slow_hall.calls


@pytest.mark.parametrize("end", ["cancel", "close", "lose", "reject", "ignore", "forget", "destroy"])
def test_a_call_that_ended_before_it_was_presented_is_not_presented(slow_hall: Hall, end: str) -> None:
    with no_thread_is_free():
        slow_hall.invite()
        settle()
        slow_hall.act(end, 0)
        slow_hall.run(3)

    assert slow_hall.presented == []


def test_switched_on_again_it_rings_for_whoever_still_waits(hall: Hall) -> None:
    hall.device.sounds.incoming(False)
    hall.invite()
    hall.run()
    assert hall.speaker.bells == []

    hall.device.sounds.incoming(True)
    hall.run()

    assert len(hall.speaker.bells) == 1


def test_the_pressing_of_accept_silences_it_before_the_microphone_is_open(hall: Hall) -> None:
    gate = held(hall)
    hall.invite()
    hall.run()

    hall.calls[0].accept()
    hall.run()

    assert (hall.calls[0].status(), hall.speaker.bells) == ("connecting", [])
    gate.set()


def test_who_waits_during_a_call_rings_neither_then_nor_after_it(hall: Hall) -> None:
    hall.invite()
    hall.invite()
    hall.run()
    hall.calls[0].accept()
    hall.run()
    hall.invite()
    hall.run()
    assert hall.speaker.bells == []

    hall.calls[0].disconnect()
    hall.run()

    assert (len(hall.device.connections), hall.speaker.bells) == (2, [])


def test_what_the_service_has_left_is_pending_no_more(hall: Hall) -> None:
    hall.invite()
    hall.run()
    hall.told.clear()

    hall.close()

    assert hall.device.connections == []
    assert hall.events == ["call transportClose"]


def test_a_call_that_is_on_does_not_notice_that_the_service_closed(hall: Hall) -> None:
    call = hall.talks()
    hall.told.clear()

    hall.close()

    assert (call.status(), hall.events) == ("open", [])


@pytest.mark.parametrize("end", ["cancel", "close", "lose", "reject", "ignore", "forget", "destroy", "accept"])
def test_whoever_asks_is_told_of_every_change_of_the_pending_calls(hall: Hall, end: str) -> None:
    seen: list[int] = []
    hall.device.on_pending_changed = lambda: seen.append(len(hall.device.connections))
    hall.invite()
    hall.run()

    hall.act(end, 0)
    hall.run()

    assert seen == [1, 0]


def test_switches_set_before_the_set_up_hold_after_it() -> None:
    device = Device()
    device.sounds.incoming(False)
    device.setup("a-token", stream_factory=FakeStream, network_watch=False, publish_events=False)

    assert (device.sounds.incoming(), device.sounds.outgoing()) == (False, True)


def test_a_trial_of_the_bell_ends_by_itself(hall: Hall) -> None:
    assert hall.device.audio is not None
    hall.device.audio.ringtone_devices.test()
    hall.run()
    assert len(hall.speaker.bells) == 1

    hall.speaker.mixer.render(4 * 48_000)

    assert hall.speaker.bells == []


def test_a_trial_ends_with_the_device(hall: Hall) -> None:
    assert hall.device.audio is not None
    hall.device.audio.ringtone_devices.test()

    hall.device.destroy()
    hall.run()

    assert hall.speaker.bells == []
