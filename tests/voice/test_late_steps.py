"""Steps that were planned in a call look again before they act: the call may be over by then."""

from __future__ import annotations

import time
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent import Connection, Device
from agent.errors import CaptureDeniedError, CaptureError
from agent.hub_clock import HubClock
from agent.voice.input_feed import feed
from agent.voice.preflight import PreflightTest

from .conftest import World
from .fakes import FakeClock, FakeStream, held, settle
from .test_sounds import Noted, asked


def test_a_wait_that_begins_after_a_busy_moment_is_not_shortened_by_it() -> None:
    rang: gevent.event.AsyncResult[float] = gevent.event.AsyncResult()
    clock = HubClock()
    gevent.sleep(0)
    time.sleep(0.3)  # the hub is busy, and its loop's own clock stands still

    began = clock.now()
    clock.call_later(0.25, lambda: rang.set(clock.now()))

    assert rang.get(timeout=10) - began >= 0.24


@pytest.mark.parametrize("error", [CaptureDeniedError("no"), CaptureError("no"), ZeroDivisionError()])
def test_a_microphone_that_fails_after_the_call_leaves_no_session_open(world: World, error: Exception) -> None:
    gate = held(world, error)
    call = world.device.connect({"To": "bob"})
    world.run()
    call.disconnect()
    gate.set()
    world.run()

    assert (call.status(), world.session.closed) == ("closed", True)


@pytest.mark.parametrize(
    "end",
    [Connection.disconnect, lambda call: call.inbox.on_hangup(None), lambda call: call.inbox.on_cancel()],
)
def test_digits_of_a_call_that_is_over_are_neither_sent_nor_heard(make_world: Any, end: Any) -> None:
    world: World = make_world(sound_factory=Noted)
    call = world.talks()
    call.send_digits("1w2w3")

    end(call)
    world.run(5)

    assert world.session.inserted == ["1"]
    assert [name for name in asked(world) if "dtmf" in name] == ["play dtmf1"]


def test_keys_pressed_after_the_call_are_not_heard(make_world: Any) -> None:
    world: World = make_world(sound_factory=Noted)
    call = world.talks()
    call.disconnect()

    call.send_digits("12")  # the service is told, as by the SDK
    world.run(5)

    assert not any("dtmf" in name for name in asked(world))
    assert (world.session.inserted, world.stream.sent("dtmf")) == ([], ["dtmf"])


def test_a_listener_that_ends_the_call_ends_its_recovery(make_world: Any) -> None:
    world: World = make_world(enable_ice_restart=True)
    call = world.talks()
    call.on("warning", lambda *_args: call.disconnect())
    world.session.path("disconnected")
    world.told.clear()

    world.session.path("failed")
    world.run(60)

    assert call.status() == "closed"
    assert "reinvite" not in world.stream.sent()
    assert "call reconnecting" not in world.events


def test_a_source_that_was_waited_for_says_nothing_after_the_call() -> None:
    asked, arrives, written = Event(), Event(), []
    over = False

    class Source:
        def read(self, timeout_s: float | None = None) -> bytes | None:
            asked.set()
            arrives.wait()
            return b"frame"

    class Stream:
        def write(self, frame: bytes) -> None:
            written.append(frame)

    feed(Source(), Stream(), lambda: over)
    asked.wait(5)
    over = True
    arrives.set()
    settle()

    assert written == []


class Cards:
    """A sound device, and a list of cards that takes its time."""

    def __init__(self) -> None:
        self.gates: list[Event] = []
        self.answers: list[list[dict[str, str]]] = []
        self.configured = 0

    def configure(self, constraints: Any) -> None:
        self.configured += 1

    def listed(self) -> list[dict[str, str]]:
        answer = self.answers[len(self.gates)]
        self.gates.append(Event())
        self.gates[-1].wait()
        return answer


def card(name: str) -> list[dict[str, str]]:
    return [{"deviceId": name, "kind": "audioinput", "label": name}]


def test_a_list_of_cards_that_comes_after_the_end_changes_nothing(make_world: Any) -> None:
    cards = Cards()
    cards.answers = [card("usb"), []]
    world: World = make_world(sound=cards, enumerate_devices=cards.listed)
    settle()
    cards.gates[0].set()
    settle()
    audio = world.device.audio
    assert audio is not None
    audio.set_input_device("usb")
    audio.refresh()
    settle()
    before = cards.configured

    world.device.destroy()
    cards.gates[1].set()
    settle()

    assert (cards.configured, audio.input_device and audio.input_device["deviceId"]) == (before, "usb")


def test_an_older_list_of_cards_does_not_replace_a_newer_one(make_world: Any) -> None:
    cards = Cards()
    cards.answers = [card("old"), card("new")]
    world: World = make_world(sound=cards, enumerate_devices=cards.listed)
    assert world.device.audio is not None
    settle()
    world.device.audio.refresh()
    settle()

    cards.gates[1].set()
    settle()
    cards.gates[0].set()
    settle()

    assert list(world.device.audio.available_input_devices) == ["default", "new"]


class Refusing(FakeStream):
    """An address that cannot even be tried."""

    def open(self) -> None:
        self.emit("error", {"error": {"code": 31000, "message": "no such address"}})


def test_a_test_call_to_an_address_that_cannot_be_tried_fails_once() -> None:
    clock, told = FakeClock(), []

    class Told(PreflightTest):
        def emit(self, event: str, *args: Any) -> bool:
            told.append(event)
            return super().emit(event, *args)

    test = Told(Device, "a-token", {"clock": clock, "stream_factory": Refusing, "network_watch": False,
                                    "publish_events": False})  # fmt: skip
    clock.advance(30)

    assert (test.status, told.count("failed")) == ("failed", 1)
    assert clock.next_due() is None
