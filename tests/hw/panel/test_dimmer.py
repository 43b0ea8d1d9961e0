"""Dimming: what is switched when, exactly; and that the thread writes only what it may."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from hw.panel.dimmer import PERIOD_S, Dimmer, plan_period


class Lamp:
    """An output that tells what it is given."""

    def __init__(self) -> None:
        self.written: queue.Queue[bool] = queue.Queue()
        self.on_s = 0.0
        self._on_since = 0.0
        self._level = False

    def write(self, level: bool) -> None:
        now = time.monotonic()
        if self._level:
            self.on_s += now - self._on_since
        self._level, self._on_since = level, now
        self.written.put(level)

    def flicker(self, times: int) -> None:
        for _ in range(times):
            while not self.written.get(timeout=5):
                pass


class GoneLamp(Lamp):
    def write(self, level: bool) -> None:
        super().write(level)
        raise OSError("No such device")


@pytest.fixture
def dimmer() -> Iterator[Dimmer]:
    made = Dimmer()
    yield made
    made.close()


def test_a_period_turns_all_on_and_each_off_in_its_time() -> None:
    assert plan_period({"a": 0.75, "b": 0.25, "c": 0.25, "on": 1.0, "off": 0.0}) == [
        (0.0, True, ["b", "c", "a"]),
        (0.25 * PERIOD_S, False, ["b", "c"]),
        (0.75 * PERIOD_S, False, ["a"]),
    ]


def test_without_anything_between_on_and_off_there_is_nothing_to_do() -> None:
    assert plan_period({}) == plan_period({"on": 1, "off": 0}) == []


def test_a_dimmed_lamp_is_on_for_its_share_of_the_time(dimmer: Dimmer) -> None:
    dark, bright = Lamp(), Lamp()
    dimmer.set(dark, 0.1)
    dimmer.set(bright, 0.9)
    dark.flicker(50)
    bright.flicker(50)
    assert 0 < dark.on_s < bright.on_s


def test_a_lamp_that_is_wholly_on_or_off_is_written_once(dimmer: Dimmer) -> None:
    steady, other = Lamp(), Lamp()
    dimmer.set(steady, 0.5)
    dimmer.set(other, 0.5)
    steady.flicker(3)
    dimmer.set(steady, 1.0)
    while not steady.written.empty():
        last = steady.written.get()
    other.flicker(3)
    assert last is True
    assert steady.written.empty()


def test_a_forgotten_lamp_is_not_written_again(dimmer: Dimmer) -> None:
    lamp, other = Lamp(), Lamp()
    dimmer.set(lamp, 0.5)
    dimmer.set(other, 0.5)
    lamp.flicker(3)
    dimmer.forget(lamp)
    count = lamp.written.qsize()
    other.flicker(3)
    assert lamp.written.qsize() == count


def test_a_lamp_that_is_gone_leaves_the_others_alone(dimmer: Dimmer, caplog: pytest.LogCaptureFixture) -> None:
    lamp, gone = Lamp(), GoneLamp()
    dimmer.set(lamp, 0.5)
    dimmer.set(gone, 0.5)
    gone.flicker(1)
    lamp.flicker(3)
    assert gone.written.empty()
    assert "No such device" in caplog.text


def test_the_thread_ends_with_the_dimmer() -> None:
    dimmer = Dimmer()
    dimmer.set(Lamp(), 0.5)
    dimmer.close()
    dimmer.close()
    assert "pin-dimmer" not in [thread.name for thread in threading.enumerate()]
