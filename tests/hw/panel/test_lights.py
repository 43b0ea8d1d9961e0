from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest

from hw.errors import PatternError, PinError, SettingError
from hw.panel.lights import Lights
from hw.panel.pins import Pins
from hw.panel.settings import LightSettings

Panel = Callable[..., Lights]


@pytest.fixture
def panel(pins: Pins) -> Iterator[Panel]:
    made: list[Lights] = []

    def make(**settings: LightSettings) -> Lights:
        made.append(Lights(settings, pins))
        return made[-1]

    yield make
    for lights in made:
        lights.close()


def settle() -> None:
    gevent.idle()


def test_a_state_lights_its_light(panel: Panel, pins: Pins) -> None:
    lights = panel(call=LightSettings(pin=27, in_call="steady"))
    lights.show({"in_call"})
    settle()
    assert pins.raw(27).state == 1
    lights.show({"ready"})
    settle()
    assert pins.raw(27).state == 0


def test_one_light_shows_the_most_important_of_its_states(panel: Panel) -> None:
    lights = panel(status=LightSettings(pin=27, ready="steady", ringing="blink", muted="flash 2"))
    lights.show({"ready", "ringing"})
    assert lights.describe()["status"]["state"] == "ringing"
    lights.show({"ready", "in_call", "muted"})
    assert lights.describe()["status"]["state"] == "muted"
    lights.show({"ready", "in_call"})
    assert lights.describe()["status"]["state"] == "ready"


def test_a_light_that_blinks_does_so_on_its_pin(panel: Panel, pins: Pins) -> None:
    lights = panel(bell=LightSettings(pin=27, ringing="blink 20/20"))
    lights.show({"ringing"})
    raw = pins.raw(27)
    with gevent.Timeout(10):
        while len(raw.states) < 6:
            gevent.sleep(0.01)
    assert [change.state for change in raw.states[1:6]] == [1, 0, 1, 0, 1]


def test_a_pulse_dims_the_pin(panel: Panel, pins: Pins) -> None:
    lights = panel(bell=LightSettings(pin=27, ready="pulse 500"))
    lights.show({"ready"})
    raw = pins.raw(27)
    with gevent.Timeout(10):
        while not any(0 < change.state < 1 for change in raw.states):
            gevent.sleep(0.01)


def test_an_rgb_light_shows_a_colour(panel: Panel, pins: Pins) -> None:
    lights = panel(ring=LightSettings(red=5, green=6, blue=13, error="red", muted="orange"))
    lights.show({"error"})
    settle()
    assert [pins.raw(pin).state for pin in (5, 6, 13)] == [1, 0, 0]
    lights.show({"muted"})
    settle()
    assert [pins.raw(pin).state for pin in (5, 6, 13)] == [1, 0.35, 0]
    assert lights.describe()["ring"]["colour"] == "#ff5900"


def test_the_same_states_again_keep_the_rhythm(panel: Panel) -> None:
    changes: list[dict[str, float]] = []
    lights = panel(bell=LightSettings(pin=27, ringing="blink", ready="steady"))
    lights.on_change = lambda: changes.append(lights.snapshot())
    lights.show({"ringing"})
    lights.show({"ringing", "no_sound"})
    assert changes == [{"bell": 1.0}]


def test_closing_turns_all_off(panel: Panel, pins: Pins) -> None:
    lights = panel(a=LightSettings(pin=27, ready="steady"), b=LightSettings(pin=22, active_low=True, ready="steady"))
    lights.show({"ready"})
    settle()
    plain, inverted = pins.raw(27), pins.raw(22)
    assert (plain.state, inverted.state) == (1, 0)
    lights.close()
    assert (plain.state, inverted.state) == (0, 1)
    assert lights.snapshot() == {"a": 0.0, "b": 0.0}


def test_a_light_needs_one_pin_or_three() -> None:
    for wrong in ({}, {"red": 5, "green": 6}, {"pin": 4, "red": 5, "green": 6, "blue": 13}):
        with pytest.raises(SettingError, match="either pin, or all of red, green and blue"):
            LightSettings(**wrong)


def test_a_pattern_that_does_not_parse_is_refused() -> None:
    with pytest.raises(PatternError, match=r"ringing = 'blinks' is no pattern.*did you mean 'blink'"):
        LightSettings(pin=27, ringing="blinks")


def test_a_pin_used_twice_names_the_light(panel: Panel) -> None:
    with pytest.raises(PinError, match="light b: GPIO27 is used twice"):
        panel(a=LightSettings(pin=27), b=LightSettings(pin=27))
