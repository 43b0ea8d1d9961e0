from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.queue import Queue

from hw.errors import ActionError, PinError, SettingError
from hw.panel.actions import ButtonAction
from hw.panel.buttons import Buttons
from hw.panel.pins import InputPin, Pins
from hw.panel.settings import ButtonSettings

Panel = Callable[..., Buttons]


@pytest.fixture
def gestures() -> Any:
    return Queue()


@pytest.fixture
def panel(pins: Pins, post: Callable[..., None], gestures: Any) -> Iterator[Panel]:
    made: list[Buttons] = []

    def make(**settings: ButtonSettings) -> Buttons:
        buttons = Buttons(settings, pins, post, lambda name, gesture: gestures.put(f"{name} {gesture}"))
        made.append(buttons)
        buttons.start()
        return buttons

    yield make
    for buttons in made:
        buttons.close()


def told(gestures: Any, count: int) -> list[str]:
    return [gestures.get(timeout=10) for _ in range(count)]


def test_a_press_and_its_release_become_one_short_gesture(panel: Panel, pins: Pins, gestures: Any) -> None:
    panel(green=ButtonSettings(pin=17, debounce_ms=1, short="accept"))
    pins.raw(17).drive_low()
    assert told(gestures, 1) == ["green press"]
    pins.raw(17).drive_high()
    assert told(gestures, 2) == ["green short", "green release"]


def test_a_bouncing_contact_is_one_press(panel: Panel, pins: Pins, gestures: Any) -> None:
    panel(green=ButtonSettings(pin=17, debounce_ms=100, short="accept"))
    for _ in range(20):
        pins.raw(17).drive_low()
        pins.raw(17).drive_high()
    pins.raw(17).drive_low()
    assert told(gestures, 1) == ["green press"]
    assert gestures.empty()


def test_a_release_without_its_edge_is_noticed(panel: Panel, pins: Pins, gestures: Any) -> None:
    panel(green=ButtonSettings(pin=17, debounce_ms=1, short="accept"))
    pins.raw(17).drive_low()
    assert told(gestures, 1) == ["green press"]
    pins.raw(17)._change_state(True)  # as the kernel sometimes does: the level moves and nobody is told
    assert told(gestures, 2) == ["green short", "green release"]


@pytest.mark.parametrize("late_s", [0.3, 1.5, 30.0])
def test_a_press_that_is_heard_of_late_is_a_press_of_its_true_length(
    late_s: float, panel: Panel, pins: Pins, gestures: Any
) -> None:
    """As when the machine was too busy to look: both edges come together, with the times the kernel gave them."""
    panel(green=ButtonSettings(pin=17, short="accept", long="reject"))
    pressed_at = time.monotonic() - late_s
    pins._open[17]._changed(pressed_at, False)
    pins._open[17]._changed(pressed_at + 0.2, True)
    assert told(gestures, 3) == ["green press", "green short", "green release"]


def test_a_press_is_not_lost_where_its_release_is_read_before_the_edge_is_told(
    panel: Panel, pins: Pins, gestures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the pins' own thread is late: whoever reads a level is told the edges that led to it."""
    panel(green=ButtonSettings(pin=17, short="accept", long="reject"))
    pin, pressed_at, late = pins._open[17], time.monotonic() - 0.2, [True]
    read = InputPin.active.fget
    assert read is not None

    def active(self: InputPin) -> bool:
        while late:
            pin._changed(pressed_at + 0.15, late.pop())
        return bool(read(self))

    monkeypatch.setattr(InputPin, "active", property(active))
    pin._changed(pressed_at, False)
    assert told(gestures, 3) == ["green press", "green short", "green release"]


def test_two_buttons_do_not_disturb_each_other(panel: Panel, pins: Pins, gestures: Any) -> None:
    panel(green=ButtonSettings(pin=17, debounce_ms=1), red=ButtonSettings(pin=18, debounce_ms=1))
    pins.raw(17).drive_low()
    assert told(gestures, 1) == ["green press"]
    pins.raw(18).drive_low()
    assert told(gestures, 1) == ["red press"]
    pins.raw(17).drive_high()
    assert told(gestures, 2) == ["green short", "green release"]


def test_a_button_that_is_down_at_the_start_is_not_acted_on_until_it_was_let_go(
    pins: Pins, post: Callable[..., None], gestures: Any
) -> None:
    settings = {"green": ButtonSettings(pin=17, debounce_ms=1), "red": ButtonSettings(pin=18, debounce_ms=20)}
    buttons = Buttons(settings, pins, post, lambda name, gesture: gestures.put(f"{name} {gesture}"))
    pins.raw(17).drive_low()
    buttons.start()
    pins.raw(17).drive_high()
    buttons.press("red", 0.03)
    assert told(gestures, 3) == ["red press", "red short", "red release"]
    pins.raw(17).drive_low()
    assert told(gestures, 1) == ["green press"]
    buttons.close()


def test_a_virtual_press_takes_the_same_way(panel: Panel, pins: Pins, gestures: Any) -> None:
    panel(green=ButtonSettings(pin=17, debounce_ms=1, short="accept")).press("green", 0.01)
    assert pins.raw(17).state == 0
    assert told(gestures, 3) == ["green press", "green short", "green release"]


def test_a_virtual_press_can_be_prolonged_and_ended(panel: Panel, pins: Pins, gestures: Any) -> None:
    buttons = panel(green=ButtonSettings(pin=17, debounce_ms=1, short="accept"))
    buttons.press("green", 30)
    assert told(gestures, 1) == ["green press"]
    buttons.press("green", 60)
    buttons.press("green", 0)
    assert told(gestures, 2) == ["green short", "green release"]


def test_a_watch_that_was_restarted_goes_on(panel: Panel, gestures: Any) -> None:
    buttons = panel(green=ButtonSettings(pin=17, debounce_ms=1))
    buttons.restart()
    buttons.press("green", 0.01)
    assert told(gestures, 3) == ["green press", "green short", "green release"]


def test_pressing_a_button_that_does_not_exist_says_so(panel: Panel) -> None:
    with pytest.raises(KeyError):
        panel(green=ButtonSettings(pin=17)).press("gren")


def test_an_action_that_fails_leaves_the_panel_alive(pins: Pins, post: Callable[..., None]) -> None:
    seen: Any = Queue()

    def act(name: str, gesture: str) -> None:
        seen.put(gesture)
        raise RuntimeError("the call is gone")

    buttons = Buttons({"green": ButtonSettings(pin=17, debounce_ms=1)}, pins, post, act)
    buttons.start()
    buttons.press("green", 0.01)
    assert told(seen, 3) == ["press", "short", "release"]
    buttons.close()


def test_a_pin_that_cannot_be_read_counts_as_released_and_is_reported_once(
    panel: Panel, pins: Pins, gestures: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    panel(green=ButtonSettings(pin=17, debounce_ms=1, short="accept"))
    pins.raw(17).drive_low()
    assert told(gestures, 1) == ["green press"]

    def gone(_: object) -> None:
        raise OSError(19, "No such device")

    with caplog.at_level(logging.WARNING):
        monkeypatch.setattr(type(pins.raw(17)), "_get_state", gone)
        assert told(gestures, 2) == ["green short", "green release"]
    assert len([record for record in caplog.records if "cannot be read" in record.message]) == 1


def test_a_pin_used_twice_names_the_button(panel: Panel) -> None:
    with pytest.raises(PinError, match="button red: GPIO17 is used twice"):
        panel(green=ButtonSettings(pin=17), red=ButtonSettings(pin=17))


def test_push_to_talk_ends_with_the_release_and_when_stuck() -> None:
    end = ButtonAction("end_push_to_talk")
    assert ButtonSettings(pin=17, press="push_to_talk").bindings() == {
        "press": ButtonAction("push_to_talk"),
        "release": end,
        "stuck": end,
    }


def test_push_to_talk_on_a_release_is_refused() -> None:
    with pytest.raises(ActionError, match="bind it to press"):
        ButtonSettings(pin=17, short="push_to_talk")
    with pytest.raises(ActionError, match="ends push_to_talk"):
        ButtonSettings(pin=17, press="push_to_talk", release="door")


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SettingError, match="held_ms"):
        ButtonSettings(pin=17, long_ms=3000, held_ms=1000)


def test_a_misspelt_action_is_refused_with_the_nearest() -> None:
    with pytest.raises(ActionError, match="long = 'rejct' is no action; did you mean 'reject'"):
        ButtonSettings(pin=17, long="rejct")
