from __future__ import annotations

import queue
import threading

import pytest

from hw.errors import PinError
from hw.panel import door_relay as relay_module
from hw.panel.door_relay import DoorRelay
from hw.panel.pins import Pins
from hw.panel.settings import RelaySettings


def test_a_pulse_closes_the_relay_and_releases_it(pins: Pins) -> None:
    changes: queue.Queue[bool] = queue.Queue()
    relay = DoorRelay(RelaySettings(pin=22, open_ms=100), pins, changes.put)
    relay.pulse()
    assert relay.on
    assert pins.raw(22).state == 1
    assert changes.get(timeout=10) is True
    assert changes.get(timeout=10) is False
    assert not relay.on
    assert pins.raw(22).state == 0
    relay.close()


def test_the_release_does_not_need_the_hub(pins: Pins) -> None:
    released = threading.Event()
    relay = DoorRelay(RelaySettings(pin=22, open_ms=100), pins, lambda on: None if on else released.set())
    relay.pulse()
    assert released.wait(10)  # nothing runs on the hub meanwhile
    assert pins.raw(22).state == 0
    relay.close()


def test_pulses_cannot_keep_it_closed_beyond_the_cap(pins: Pins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "MAX_ON_MS", 150)
    changes: queue.Queue[bool] = queue.Queue()
    relay = DoorRelay(RelaySettings(pin=22, open_ms=100), pins, changes.put)
    relay.pulse()
    while changes.empty() or changes.get() is True:
        if relay.on:
            relay.pulse()
    states = [change.state for change in pins.raw(22).states]
    assert states[:3] == [0, 1, 0]
    relay.close()


def test_an_active_low_relay_rests_high(pins: Pins) -> None:
    relay = DoorRelay(RelaySettings(pin=22, active_low=True), pins)
    assert pins.raw(22).state == 1
    relay.pulse()
    assert pins.raw(22).state == 0
    relay.close()


def test_closing_releases_at_once(pins: Pins) -> None:
    relay = DoorRelay(RelaySettings(pin=22, open_ms=30_000), pins)
    relay.pulse()
    raw = pins.raw(22)
    relay.close()
    assert raw.state == 0
    relay.close()


def test_a_relay_without_a_pin_says_so(pins: Pins) -> None:
    with pytest.raises(PinError, match=r"\[door\] has no pin"):
        DoorRelay(RelaySettings(), pins)


def test_a_relay_that_was_let_go_is_never_closed_again(pins: Pins) -> None:
    changes: list[bool] = []
    relay = DoorRelay(RelaySettings(pin=22), pins, changes.append)
    relay.close()

    with pytest.raises(PinError, match="let go"):
        relay.pulse()

    assert not relay.on
    assert changes == []


def test_a_pulse_that_the_pin_refuses_never_began(pins: Pins, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[bool] = []
    relay = DoorRelay(RelaySettings(pin=22), pins, changes.append)

    def refuse(_value: float) -> None:
        raise PinError("the chip is gone")

    with monkeypatch.context() as patch:
        patch.setattr(relay._pin, "set", refuse)
        with pytest.raises(PinError, match="gone"):
            relay.pulse()

    assert not relay.on
    assert changes == []
    relay.close()
