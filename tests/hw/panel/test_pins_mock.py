from __future__ import annotations

import pytest

from hw.panel.pins import open_factory
from hw.panel.pins_mock import KEPT_LEVELS


@pytest.mark.parametrize("dimmed", [False, True], ids=["plain", "dimmed"])
def test_a_light_that_blinks_for_years_costs_no_memory(dimmed: bool) -> None:
    with open_factory("mock") as pins:
        light = pins.output(17, dimmed=dimmed)
        for beat in range(3 * KEPT_LEVELS):
            light.set(beat % 2)

        states = pins.raw(17).states
        assert len(states) == KEPT_LEVELS
        assert [state.state for state in states[-2:]] == [0, 1]


def test_a_contact_that_is_pressed_for_years_costs_no_memory() -> None:
    with open_factory("mock") as pins:
        button = pins.input(18)
        for beat in range(3 * KEPT_LEVELS):
            button.simulate(beat % 2 == 0)

        assert len(pins.raw(18).states) == KEPT_LEVELS
